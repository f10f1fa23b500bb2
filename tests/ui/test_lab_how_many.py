"""The Lab's sweep over the number of parts (topics; ridges), in every tab."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from em_explorer import registry
from em_explorer.em.steps import RunOptions
from em_explorer.session.how_many import CRITERIA, Question, question_of, ridges, topic_counts

KEYS = [row.key for row in registry.MODELS]


def lab(window: Any, key: str) -> tuple[Any, Any]:
    window.open_model(key)
    if key == "latent_dirichlet":
        window.open_demo("small-topics")
        window.tab.set_run(RunOptions(10, 1e-3))
    page = window.door.open("how_many")
    page.most.setValue(3)
    return window.tab, page


@pytest.mark.parametrize("key", KEYS)
def test_candidates_are_judged_and_a_click_loads_one(qtbot: Any, window: Any, key: str) -> None:
    tab, page = lab(window, key)
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    question = question_of(tab.options)
    n = 7 if question is Question.RIDGE else 3
    assert len(page.found) == len(page.table.texts()) == n
    criterion = CRITERIA[question][0]
    values = [getattr(judged.criteria, criterion.name) for judged in page.found]
    x, y = page.dots.getData()
    np.testing.assert_allclose(y, values)
    np.testing.assert_allclose(x, [judged.candidate.x for judged in page.found])
    best = int(np.argmax(criterion.sign * np.array(values)))
    np.testing.assert_allclose(page.ring.getData()[1], [values[best]])
    assert page.found[best].candidate.label in page.message.text()
    page.table.cellClicked.emit(n - 1, 0)
    trace = tab.controller.trace
    qtbot.waitUntil(lambda: trace.stop is not None, timeout=60_000)
    chosen = page.found[-1]
    assert chosen.candidate.label in tab.runs.current.how
    loaded = tab.options
    for name in ("n_components", "n_states", "n_topics", "ridge"):
        if hasattr(loaded, name):
            assert getattr(loaded, name) == getattr(chosen.candidate.model.options, name)
    if question is Question.PARTS:  # fitted to the same data, so it ends as high
        assert trace.bounds[-1] == pytest.approx(chosen.bound, abs=0.5)


def test_a_start_by_hand_is_no_hindrance(qtbot: Any, window: Any) -> None:
    window.open_demo("murray")  # whose start is given
    page = window.door.open("how_many")
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    assert all(judged.criteria is not None for judged in page.found)
    assert page.plot.isVisible()
    assert "told best with" in page.message.text()


def test_where_nothing_could_be_fitted_no_axes_are_drawn(qtbot: Any, window: Any) -> None:
    _, page = lab(window, "missing_data")
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    page.show_result(tuple(replace(judged, criteria=None, words="No.") for judged in page.found))
    assert page.message.text() == "None of them could be fitted. No."
    assert page.plot.isHidden()


def test_bic_turns_and_the_likelihood_does_not(qtbot: Any, window: Any) -> None:
    tab, page = lab(window, "gaussian_mixture")
    page.most.setValue(4)
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    assert "lowest for 2 components" in page.message.text()
    page.choice.setCurrentIndex(3)
    assert page.choice.currentText() == "log-likelihood"
    _, y = page.dots.getData()
    assert np.all(np.diff(y) > 0)
    assert len(page.ring.getData()[0]) == 0
    assert "can’t tell" in page.message.text()
    assert tab.options.n_components == 2


def test_every_shape_gets_a_line_and_the_best_comes_first(qtbot: Any, window: Any) -> None:
    _, page = lab(window, "gaussian_mixture")
    page.variants.setChecked(True)
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    assert len(page.found) == 12
    texts = page.table.texts()
    assert texts[0][0] == "tied 3"
    assert "tied, 3 components" in page.message.text()
    bics = [float(row[1].replace("−", "-")) for row in texts]
    assert bics == sorted(bics)
    page.table.cellClicked.emit(0, 0)
    assert window.tab.options.covariance_type.value == "tied"


def test_counts_may_come_from_a_table_or_from_rates(qtbot: Any, window: Any) -> None:
    window.open_demo("earthquakes")
    page = window.door.open("how_many")
    page.most.setValue(2)
    assert page.variants.text() == "every emission"
    page.variants.setChecked(True)
    with qtbot.waitSignal(page.worked, timeout=60_000):
        page.button.click()
    assert [judged.candidate.line for judged in page.found] == ["categorical"] * 2 + ["poisson"] * 2
    best = min(page.found, key=lambda judged: judged.criteria.bic)
    assert (best.candidate.line, best.candidate.x) == ("poisson", 2)
    assert best.criteria.log_likelihood == pytest.approx(-341.8787, abs=0.05)
    page.table.cellClicked.emit(2, 0)
    assert window.tab.options.emission.value in ("categorical", "poisson")


def test_densities_are_compared_with_nothing_else(window: Any) -> None:
    window.open_demo("nile")
    assert not window.door.open("how_many").variants.isVisible()


def test_the_invitation_fits_the_model(window: Any) -> None:
    words = {"gaussian_mixture": "components", "hidden_markov": "states"}
    for key in KEYS:
        _, page = lab(window, key)
        assert words.get(key, "") in page.invitation.text()
        assert page.most.isVisible() == (key != "missing_data")
        assert page.variants.isVisible() == (key in words)


def test_topic_counts_and_ridges() -> None:
    assert topic_counts(3) == [1, 2, 3]
    assert topic_counts(15) == [1, 3, 6, 8, 10, 13, 15]
    assert ridges(np.array([4.0, 9.0])) == [0.0, 0.06, 0.6, 6.0, 60.0, 600.0, 6000.0]
    assert ridges(np.array([0.0]))[3] == 1.0
