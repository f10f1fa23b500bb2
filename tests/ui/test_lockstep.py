"""Two runs in a split view: the real window, both workers, one cursor."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.ui.transport import STOP_WORDS
from em_explorer.ui.wording import nats
from tests.ui.two_runs import NAMES, arrive, drawn, expected, heads, step, to_the_end

KEYS = [row.key for row in registry.MODELS]


@pytest.mark.parametrize("key", KEYS)
def test_one_cursor_moves_both_pictures(split, qtbot, key):
    tab = split(key)
    companion = tab.lockstep.companion
    both = tab, companion
    assert companion.play_area.isVisible()
    assert companion.data is tab.data
    step(qtbot, tab, 4)
    for half in both:
        assert half.stage.shown_index == 4
        np.testing.assert_allclose(drawn(half), expected(half, 4), rtol=1e-12)
    assert not np.allclose(drawn(tab), drawn(companion)), "two algorithms, two pictures"
    rival = tab.lockstep.record.kind
    assert heads(tab)[0].startswith("EM · iteration 2")
    assert heads(tab)[1].startswith(f"{rival} · iteration 2")
    assert rival == NAMES.get(key, "SQUAREM")
    tab.controller.back()
    arrive(qtbot, tab)
    assert [half.stage.shown_index for half in both] == [3, 3]
    tab.bottom.timeline.setValue(1)  # as a drag does
    arrive(qtbot, tab)
    assert [half.stage.shown_index for half in both] == [1, 1]
    for half in both:
        np.testing.assert_allclose(drawn(half), expected(half, 1), rtol=1e-12)
    tab.controller.rewind()
    arrive(qtbot, tab)
    assert [half.stage.shown_index for half in both] == [0, 0]
    assert "at the start" in heads(tab)[1]


@pytest.mark.parametrize("key", KEYS)
def test_an_ended_run_stays_at_its_end_and_says_why(split, qtbot, key):
    tab = split(key)
    to_the_end(qtbot, tab)
    follower, position = tab.lockstep.follower, tab.controller.position
    lengths = len(tab.controller.trace), len(follower.trace)
    assert lengths[0] != lengths[1]
    assert position == max(lengths) - 1
    assert (tab.controller.cursor, follower.cursor) == (lengths[0] - 1, lengths[1] - 1)
    early = int(lengths[1] < lengths[0])
    said = heads(tab)
    stops = [STOP_WORDS[each.trace.stop.reason] for each in (tab.controller, follower)]
    assert f"(ended at {(min(lengths) - 1) // 2}: {stops[early]})" in said[early]
    assert f"({stops[1 - early]})" in said[1 - early]
    assert f"iteration {position // 2}" in said[early]
    assert tab.bottom.timeline.value() == position
    tab.lockstep._draw_curve()
    curve = tab.bottom.curve
    assert len(curve.beside.bounds) == lengths[1] // 2
    assert tab.lockstep.record.kind in curve.key.text()
    assert curve.key.isVisible()
    tab.controller.seek(1)
    arrive(qtbot, tab)
    assert follower.cursor == 1


def test_what_a_stride_has_reached_is_what_its_curve_says(split, qtbot):
    tab = split("latent_dirichlet")
    record = tab.lockstep.record
    assert record.kind == "SQUAREM"
    step(qtbot, tab, 4)  # an M-step: beyond the bound's top, and lower than before
    assert record.trace.bound(4) < record.trace.bound(3)
    assert nats(float(record.bounds[1])) in heads(tab)[1]
    assert nats(tab.controller.trace.bound(4)) in heads(tab)[0]


def test_the_timeline_grows_with_the_longer_run_while_the_cursor_is_elsewhere(window, qtbot):
    window.open_demo("singularity")
    window.findChild(object, "action_side_by_side").trigger()
    tab = window.tab
    follower, timeline = tab.lockstep.follower, tab.bottom.timeline
    arrive(qtbot, tab)
    step(qtbot, tab, 3)
    tab.controller.step()
    qtbot.waitUntil(lambda: tab.controller.ended)  # singular: there is no fourth
    arrive(qtbot, tab)
    assert timeline.maximum() < 5
    tab.controller.rewind()
    arrive(qtbot, tab)
    follower._link.send(2)  # as when they were under way before the cursor was called back
    qtbot.waitUntil(lambda: len(follower.trace) == 6)
    assert (follower.cursor, timeline.value(), timeline.maximum()) == (0, 0, 5)
