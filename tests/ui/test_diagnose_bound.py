"""The bound on the Diagnose page: what it is made of, and its picture along a step."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer import registry

KEYS = [row.key for row in registry.MODELS]
EXACT = [key for key in KEYS if key != "latent_dirichlet"]


@pytest.mark.parametrize("key", EXACT)
def test_the_gap_opens_in_m_and_closes_in_e(page, step, worked_out, key):
    tab, panel = page(key)
    step(tab, 1)
    worked_out(tab)
    rows = {row.label: row for row in panel.stairs.rows}
    assert rows["+ gap KL"].value == "0"
    step(tab, 1)
    worked_out(tab)
    parts = tab.diagnosis.parts(2)
    rows = {row.label: row for row in panel.stairs.rows}
    assert parts.gap > 0
    assert rows["= log p(X)"].end - rows["= bound F"].end == pytest.approx(parts.gap)
    step(tab, 1)
    trace = tab.controller.trace
    assert trace.bound(3) - trace.bound(2) == pytest.approx(parts.gap, rel=1e-6)


@pytest.mark.parametrize("key", KEYS)
def test_the_bound_touches_from_below(page, step, worked_out, key):
    tab, panel = page(key)
    step(tab, 1)
    worked_out(tab)
    line = panel.picture.view.line
    trace = tab.controller.trace
    at = {float(s): i for i, s in enumerate(line.s)}
    assert line.bound[at[0.0]] == pytest.approx(trace.bound(1))
    assert int(np.nanargmax(line.bound)) == at[1.0]  # where the M-step that comes will go
    if key in EXACT:
        assert line.log_likelihood[at[0.0]] == pytest.approx(trace.bound(1))
        assert (line.log_likelihood >= line.bound - 1e-6)[np.isfinite(line.bound)].all()
        assert panel.bound_words.isHidden()
    else:
        assert line.log_likelihood is None
        assert "out of reach" in panel.bound_words.text()
        assert "+ gap KL" not in [row.label for row in panel.stairs.rows]
    step(tab, 1)
    assert trace.bound(2) == pytest.approx(line.bound[at[1.0]])
    assert panel.picture.view.phase == "M"
