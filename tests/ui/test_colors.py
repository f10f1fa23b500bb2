"""Colors that stay: by the start, the truth, another run; parts that change places are told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from em_explorer.models.alignment import align_labels
from em_explorer.models.matching import match_parts
from em_explorer.ui.color_keeper import START, TRUTH
from em_explorer.ui.diagnose_words import switch_sentence

DEMOS = {"gaussian_mixture": "three-blobs", "hidden_markov": "casino", "latent_dirichlet": "bars"}


@pytest.fixture
def colors(window: Any, qtbot: Any) -> Any:
    """Open a demo with the section on colors unfolded."""

    def open_section(demo: str) -> tuple[Any, Any]:
        window.open_demo(demo)
        panel = window.tab.side.open_diagnose()
        qtbot.waitUntil(panel.isVisible)
        panel.sections["colors"].head.click()
        return window.tab, panel

    return open_section


def choose(panel: Any, name: str) -> None:
    names = [panel.reference_box.itemText(i) for i in range(panel.reference_box.count())]
    panel.reference_box.setCurrentIndex(names.index(name))
    panel.reference_box.activated.emit(names.index(name))


def drawn(tab: Any) -> Any:
    return tab.shown_params(tab.controller.cursor)


@pytest.mark.parametrize("key", DEMOS)
def test_colors_stay_with_the_truth(colors, step, key):
    tab, panel = colors(DEMOS[key])
    step(tab, 2)
    # Whatever the start was: begin from one whose numbers are turned round.
    model, k = tab.model, tab.colors.n_parts
    turned = np.roll(np.arange(k), 1)
    before = tab.controller.trace.half_step_bounds.copy()
    tab.colors.renumber(turned)
    assert tab.controller.cursor == 2
    np.testing.assert_array_equal(tab.controller.trace.half_step_bounds, before)
    choose(panel, TRUTH)
    truth = model.from_units(tab.true_params(), tab.data)
    order = match_parts(tab.controller.trace.final.params, truth)
    assert order.tolist() == list(range(k))
    assert panel.sections["colors"].gist.text() == "stay with the truth"
    step(tab, 2)  # EM goes on
    assert tab.controller.trace.bound(4) >= tab.controller.trace.bound(3) >= before[2]


def test_colors_stay_with_another_run(colors, step, run_to_end):
    tab, panel = colors("old-faithful")
    run_to_end(tab)
    first = tab.runs.current
    means = drawn(tab).means
    tab.set_options(tab.options)
    tab.new_start()
    run_to_end(tab)
    if match_parts(drawn(tab), first.model.to_units(first.trace.final.params, first.data))[0] == 0:
        tab.colors.renumber(np.array([1, 0]))
    assert np.abs(drawn(tab).means - means).max() > 1.0
    choose(panel, first.name)
    np.testing.assert_allclose(drawn(tab).means, means, atol=1e-2)
    assert tab.runs.current.trace is tab.controller.trace


def test_the_next_run_wears_the_same_colors(colors, qtbot, run_to_end):
    tab, panel = colors("three-blobs")
    choose(panel, TRUTH)
    for _ in range(4):
        tab.new_start()
        run_to_end(tab)
        qtbot.waitUntil(lambda: not tab.colors._soon.isActive())
        labels = tab.latent(tab.controller.cursor).responsibilities.argmax(1)
        truth = np.unique(tab.dataset.truth.labels, return_inverse=True)[1]
        order = align_labels(labels, truth, 3)
        if (labels == truth).mean() > 0.9 or (order == np.arange(3)).all():
            continue
        pytest.fail("the colors were shuffled")
    choose(panel, START)
    assert tab.colors.reference.params is None


def test_other_data_have_a_truth_of_their_own(colors, window, qtbot, run_to_end):
    tab, panel = colors("three-blobs")
    choose(panel, TRUTH)
    first = tab.colors.reference
    window.open_demo("overlap-is-slow")  # one column, two components
    qtbot.waitUntil(lambda: not tab.colors._soon.isActive())
    assert tab.colors.reference is first
    assert not tab.colors._fits(first.params)
    window.open_demo("three-blobs")
    tab.new_start()
    run_to_end(tab)
    qtbot.waitUntil(lambda: not tab.colors._soon.isActive())
    truth = tab.model.from_units(tab.true_params(), tab.data)
    assert match_parts(tab.controller.trace.final.params, truth).tolist() == [0, 1, 2]


def test_a_single_normal_has_no_colors_to_keep(window, qtbot):
    window.open_model("missing_data")
    panel = window.tab.side.open_diagnose()
    qtbot.waitUntil(panel.isVisible)
    assert panel.sections["colors"].isHidden()


def test_names_follow_their_states(colors, step):
    tab, _ = colors("casino")
    step(tab, 2)
    tab.rename_state(0, "fair")
    loaded = drawn(tab).emission.probs[1, 5]
    tab.colors.renumber(np.array([1, 0]))
    assert tab.names() == ("State 1", "fair")
    assert drawn(tab).emission.probs[0, 5] == loaded
    tab.align()  # the tab's own button goes on from there
    assert "fair" in tab.names()


def test_names_follow_their_topics(colors, step):
    tab, _ = colors("bars")
    step(tab, 2)
    tab.rename_topic(0, "first row")
    tab.colors.renumber(np.roll(np.arange(10), 1))
    assert tab.names == {1: "first row"}


def test_parts_that_change_places_are_told(colors, step):
    tab, panel = colors("old-faithful-worse-start")
    step(tab, 3)
    order = tab.colors.switched(3)
    assert panel.color_words.text() == switch_sentence(order)
    assert "none have changed" in switch_sentence(np.arange(3))
    assert "2 is where 1 began, 1 is where 2 began" in switch_sentence(np.array([1, 0, 2]))


def test_the_screen_stays_where_it_was(colors, step):
    tab, _ = colors("three-blobs")
    step(tab, 2)
    shares = tab.latent(2).responsibilities
    tab.colors.renumber(np.array([2, 1, 0]))
    np.testing.assert_allclose(tab.latent(2).responsibilities, shares[:, [2, 1, 0]], atol=1e-12)
    assert tab.stage.shown_index == 2
    tab.controller.back()
    tab.settle()
    assert tab.controller.cursor == 1
