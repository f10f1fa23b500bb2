"""What every model's anatomy must keep, whatever the model."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np

from em_explorer.em.steps import Phase, RunOptions, em_steps

LINE = np.array([-0.5, -0.1, 0.0, 0.3, 0.5, 0.9, 1.0, 1.3, 1.7, 2.0])


def states(model, data, params, n=4):
    """Return the snapshots of the first E-steps."""
    return [s for s in em_steps(model, data, params, RunOptions(n, 0.0)) if s.phase is Phase.E]


def close(a, b, rtol=1e-12):
    """Assert that two sets of params are the same but for rounding."""
    for field in fields(a):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if is_dataclass(left):
            close(left, right, rtol)
        else:
            np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol * np.abs(left).max())


def check_anatomy(anatomy, model, data, params):
    """Names are unmistakable, values fit, coordinates go there and back, lines stay valid."""
    seen = states(model, data, params)
    keys = [p.key for p in anatomy.parameters(params)]
    labels = [p.label for p in anatomy.parameters(params)]
    assert len(set(keys)) == len(keys) <= 700
    assert len(set(labels)) == len(labels)
    for snapshot in seen:
        assert [p.key for p in anatomy.parameters(snapshot.params)] == keys
        values, scales = anatomy.values(snapshot.params), anatomy.scales(snapshot.params)
        assert values.shape == scales.shape == (len(keys),)
        assert np.all(np.isfinite(values))
        assert np.all(scales > 0)
        there = anatomy.coordinates(snapshot.params)
        back = anatomy.from_coordinates(there, snapshot.params)
        close(snapshot.params, back)
        np.testing.assert_allclose(anatomy.coordinates(back), there, rtol=1e-10, atol=1e-10)
        for gauge in anatomy.gauges(snapshot.params, snapshot.expectation):
            assert gauge.value > gauge.fail > 0 or gauge.value >= gauge.fail == 0
            assert gauge.full > 0
            assert gauge.warn >= gauge.fail or gauge.kind == "pairs"
            assert gauge.label
    before, after = anatomy.coordinates(seen[0].params), anatomy.coordinates(seen[-1].params)
    for s in LINE:
        between = anatomy.from_coordinates((1 - s) * before + s * after, seen[0].params)
        expectation = model.e_step(data, between, carry=seen[0].carry)
        assert np.isfinite(model.bound(between, expectation))
    return seen
