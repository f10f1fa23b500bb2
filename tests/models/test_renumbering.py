"""A renumbered run is the same run: every number where it belongs, and EM goes on from there."""

from itertools import islice

import numpy as np
import pytest

from em_explorer.em.steps import RunOptions, continue_steps, em_steps
from em_explorer.em.trace import Trace
from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
from em_explorer.models.hidden_markov import HiddenMarkov, HiddenMarkovOptions, Sequences
from em_explorer.models.latent_dirichlet import LatentDirichlet, LatentDirichletOptions
from em_explorer.models.renumbering import renumbered

ORDER = np.array([2, 0, 1])


def problem(name):
    rng = np.random.default_rng(3)
    if name == "mixture":
        model = GaussianMixture(GaussianMixtureOptions(3))
        raw = np.concatenate([rng.normal(m, 1, (40, 2)) for m in (-2, 0, 3)])
    elif name == "topics":
        model = LatentDirichlet(LatentDirichletOptions(3))
        raw = rng.poisson(1.0, (12, 9))
    else:
        kind = {"symbols": "categorical", "counts": "poisson", "normal": "gaussian"}[name]
        model = HiddenMarkov(HiddenMarkovOptions(3, emission=kind))
        values = {
            "symbols": rng.integers(0, 4, 120),
            "counts": rng.poisson(4, 120),
            "normal": rng.normal(size=(120, 2)),
        }[name]
        raw = Sequences(values)
    data = model.prepare(raw)
    return model, data, model.initialize(data, rng)


def history(model, data, params, n=9, budget=2**29):
    trace = Trace(model, data, budget=budget)
    for snapshot in islice(em_steps(model, data, params, RunOptions(50, 0.0)), n):
        trace.append(snapshot)
    return trace


NAMES = ["mixture", "topics", "symbols", "counts", "normal"]


@pytest.mark.parametrize("name", NAMES)
def test_a_renumbered_run_is_the_run_of_a_renumbered_start(name):
    model, data, params = problem(name)
    found = renumbered(history(model, data, params), ORDER)
    again = history(model, data, model.permuted(params, ORDER))
    assert len(found) == len(again)
    np.testing.assert_allclose(
        found.half_step_bounds[1:], again.half_step_bounds[1:], rtol=1e-10, atol=1e-9
    )
    for one, other in zip(found, again, strict=True):
        for a, b in zip(leaves(one.params), leaves(other.params), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
        if one.expectation is not None:
            assert model.bound(one.params, one.expectation) == pytest.approx(one.bound)


def leaves(value):
    if isinstance(value, np.ndarray):
        return [value]
    return [leaf for item in vars(value).values() for leaf in leaves(item)]


@pytest.mark.parametrize("name", NAMES)
def test_em_goes_on_from_there(name):
    model, data, params = problem(name)
    trace = history(model, data, params)
    found = renumbered(trace, ORDER)
    run = RunOptions(50, 0.0)
    ours = next(continue_steps(model, data, found[7], run))
    theirs = next(continue_steps(model, data, trace[7], run))
    assert ours.bound == pytest.approx(theirs.bound, rel=1e-12)
    np.testing.assert_allclose(
        leaves(ours.params)[0], leaves(model.permuted(theirs.params, ORDER))[0], rtol=1e-9
    )


def test_there_and_back_is_where_it_was():
    model, data, params = problem("normal")
    trace = history(model, data, params)
    back = renumbered(renumbered(trace, ORDER), np.argsort(ORDER))
    for one, other in zip(trace, back, strict=True):
        for a, b in zip(leaves(one.params), leaves(other.params), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_thinned_history_stays_thinned():
    model, data, params = problem("mixture")
    trace = history(model, data, params, n=81, budget=20_000)
    found = renumbered(trace, ORDER)
    assert found.stride == trace.stride > 1
    assert found.nbytes <= trace.nbytes + 20_000
    index = next(i for i in range(1, 81, 2) if found.replay(i) is not None)
    np.testing.assert_allclose(found[index].params.means, trace[index].params.means[ORDER])
    assert found.bound(index) == trace.bound(index)
