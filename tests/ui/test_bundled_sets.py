"""Every bundled set, run to its end in the window, ends where the library ends."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer.data.library import bundled
from em_explorer.em.steps import Phase, RunOptions, StopReason, fit
from em_explorer.ui.data_choices import DataChoice

TOLERANCE = {"lambda-phage": 1e-3, "vowels": 1e-4, "bars": 1e-4}
"""Nats per observation; looser where the readable reference would take minutes."""


@pytest.mark.parametrize("row", bundled(), ids=lambda row: row.name)
def test_it_ends_where_the_library_ends(window, run_to_end, row):
    window.open_model(row.model)
    tab = window.tab
    tab.choose_data(DataChoice(row.name, row.title, "bundled"))
    assert tab.dataset.name == row.name
    run = RunOptions(max_iter=300, tolerance=TOLERANCE.get(row.name, 1e-5))
    tab.set_run(run)
    run_to_end(tab)
    trace = tab.controller.trace
    rng = np.random.default_rng(tab.seed)
    start = tab.model.initialize(tab.data, rng)
    expected = fit(tab.model, tab.data, start, run)
    assert trace.stop.reason is expected.stop.reason
    assert trace.stop.reason in (
        StopReason.CONVERGED,
        StopReason.ITERATION_LIMIT,
        StopReason.STALLED,
        StopReason.SINGULAR,
    )
    assert tuple(trace.bounds) == pytest.approx(expected.history, rel=1e-12)
    last = trace[tab.controller.cursor]
    if last.phase is Phase.E:
        shown = float(tab.bottom.value_label.text().replace("−", "-"))
        assert shown == pytest.approx(expected.history[-1], rel=1e-6, abs=5e-3)
