"""The looks that belong to topics: relevance, names that stay, settled documents, ▲ and ▼."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt

from em_explorer.models.topic_reading import relevance, word_shares_of


@pytest.fixture
def tab(window):
    window.open_demo("austen")
    return window.tab


def test_relevance_ranks_the_words_anew_by_keys(tab, step, qtbot):
    step(tab, 4)
    slider, shown = tab.area.relevance, tab.area.list
    before = [list(words) for words in shown.shown_words]
    qtbot.keyClick(tab, Qt.Key.Key_L, Qt.KeyboardModifier.AltModifier)
    qtbot.waitUntil(slider.hasFocus)
    for _ in range(14):
        qtbot.keyClick(slider, Qt.Key.Key_Down)
    tab.settle()
    assert tab.area.relevance_value.text() == "0.30"
    assert shown.shown_words != before
    expected = relevance(tab.topic_word(4), word_shares_of(tab.data), 0.3)
    for k, words in enumerate(shown.shown_words):
        assert words
        best = np.argsort(-expected[k], kind="stable")[: len(words)]
        np.testing.assert_allclose(expected[k][words], expected[k][best], rtol=1e-12)
    slider.setValue(100)
    tab.settle()
    assert shown.shown_words == before


def test_pictures_have_no_list_to_rank(window):
    window.open_demo("bars")
    assert window.tab.area.relevance.isHidden()
    assert window.tab.area.relevance_weight == 1.0


def test_names_stay_through_runs_rewinds_and_another_session(window, tab, step, run_to_end):
    from em_explorer.ui.main_window import MainWindow

    step(tab, 2)
    tab.rename_topic(3, "Highbury")
    run_to_end(tab)
    tab.controller.rewind()
    step(tab, 2)
    assert tab.area.list.names == {3: "Highbury"}
    assert tab.start_from(tab.snapshot(2).params)  # what goes on has the topics it had
    assert tab.names == {3: "Highbury"}
    tab.set_seed(4)  # other topics under the same numbers
    assert tab.names == {}
    tab.set_seed(3)
    assert tab.names == {3: "Highbury"}
    tab.set_options(replace(tab.options, n_topics=5))
    assert tab.names == {}
    other = MainWindow()
    try:
        other.open_demo("austen")
        assert other.tab.names == {3: "Highbury"}
        other.tab.rename_topic(3, "")
        assert other.tab.names == {}
    finally:
        other.close()
        other.deleteLater()


def test_topics_are_never_renumbered(tab, step):
    step(tab, 1)
    tab.rename_topic(0, "first")
    for _ in range(4):
        step(tab, 2)
        index = tab.controller.cursor
        np.testing.assert_array_equal(
            tab.area.list.topic_word, tab.snapshot(index).params.topic_word
        )
        assert tab.area.list.names[0] == "first"


def test_settled_documents_are_counted(tab, step):
    step(tab, 1)
    n = tab.data.n_documents
    settled = int((~tab.latent(1).paused).sum())
    told = f"{settled} of {n} documents" if settled < n else f"All {n} documents"
    assert tab.area.counter.text().startswith(f"{told} settled")
    step(tab, 2)
    assert "moved" in tab.area.counter.text()


def test_rising_and_falling_words_are_marked(tab, step):
    step(tab, 2)
    old, new = tab.topic_word(1), tab.topic_word(2)
    trend = tab.area.list.trend
    assert (trend > 0).any()
    assert (trend < 0).any()
    assert np.all(new[trend > 0] > old[trend > 0])
    assert np.all(new[trend < 0] < old[trend < 0])
