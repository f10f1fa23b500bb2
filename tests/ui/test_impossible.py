"""Data and options that leave EM next to nothing: it runs, or a sentence says why it can't."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

MIXTURE, CHAIN, TOPICS, GAPS = (
    "gaussian_mixture",
    "hidden_markov",
    "latent_dirichlet",
    "missing_data",
)
LINE = "x\n1\n2\n3\n7\n8\n9\n"
TEXTS = "cats chase small mice\n\ndogs chase fat cats\n\nmice fear cats\n"

RUNS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "one component": (MIXTURE, "x,y\n1,2\n3,4\n5,1\n2,7\n", {"n_components": 1}, "Converged"),
    "one column": (MIXTURE, LINE, {"n_components": 2}, "Converged"),
    "one component, one column": (MIXTURE, LINE, {"n_components": 1}, "Converged"),
    "as many components as points": (
        MIXTURE,
        "x,y\n1,2\n3,4\n5,1\n2,2\n",
        {"n_components": 4},
        "has collapsed",
    ),
    "fewer points than columns": (
        MIXTURE,
        "x,y,z\n1,5,2\n2,3,4\n",
        {"n_components": 1},
        "has collapsed",
    ),
    "points in a row": (MIXTURE, "x,y\n1,5\n2,5\n3,5\n", {"n_components": 2}, "has collapsed"),
    "a point without values": (
        MIXTURE,
        "x,y\n1,5\n,\n3,5\n4,1\n",
        {"n_components": 1},
        "Converged",
    ),
    "one state": (CHAIN, LINE, {"n_states": 1}, "Converged"),
    "one state, two columns": (CHAIN, "x,y\n1,2\n3,1\n2,4\n5,5\n", {"n_states": 1}, "Converged"),
    "one state, symbols": (CHAIN, "x\na\nb\nb\na\n", {"n_states": 1}, "Converged"),
    "one symbol": (CHAIN, "x\na\na\n", {"n_states": 2}, "Converged"),
    "more states than steps": (CHAIN, "x\na\nb\n", {"n_states": 6}, "Converged"),
    "more states than numbers": (CHAIN, "x\n1.5\n2.5\n", {"n_states": 4}, "has collapsed"),
    "one topic": (TOPICS, TEXTS, {"n_topics": 1}, "Converged"),
    "more topics than documents": (TOPICS, TEXTS, {"n_topics": 9}, "Converged"),
    "a row without values": (GAPS, "x,y\n1,2\n,\n3,4\n5,1\n2,7\n", {}, "Converged"),
    "one column with gaps": (GAPS, "x\n1\n\n3\n4\n", {}, "Converged"),
    "as many rows as columns": (GAPS, "x,y\n1,2\n2,3\n", {}, "singular"),
    "a column that follows from another": (GAPS, "x,y\n1,2\n2,4\n3,6\n4,\n", {}, "singular"),
}

REFUSED = {
    "one point": (MIXTURE, "x,y\n1,2\n", "1 row of data; EM needs at least two"),
    "the same point again and again": (MIXTURE, "x,y\n1,2\n1,2\n1,2\n", "different rows"),
    "one step": (CHAIN, "x\n1\n", "1 row of data; EM needs at least two"),
    "one symbol once": (CHAIN, "x\na\n", "1 row of data; EM needs at least two"),
    "one document": (TOPICS, "the cat sat on the mat\n", "at least two documents"),
    "no word worth counting": (TOPICS, "the of and\n", "too few words"),
    "an empty file": (TOPICS, "\n\n", "is empty"),
    "one row": (GAPS, "x,y\n1,2\n", "1 row of data; EM needs at least two"),
    "rows without values": (GAPS, "x,y\n,\n,\n", "0 rows of data"),
    "a column without values": (GAPS, "x,y\n1,\n2,\n3,\n", "Column “y”"),
}


def written(folder: Path, key: str, text: str) -> Path:
    path = folder / ("data.txt" if key == TOPICS else "data.csv")
    path.write_text(text, encoding="utf-8")
    return path


def warnings(qtlog: Any) -> list[str]:
    return [r.message for r in qtlog.records if "propagateSizeHints" not in r.message]


def in_use(tab: Any) -> tuple[Any, ...]:
    return (tab.dataset, tab.options, tab.controller.trace, tab.setup.model_form.value())


@pytest.mark.parametrize("key", [MIXTURE, CHAIN, TOPICS, GAPS])
def test_it_runs_to_an_end_that_is_told(window, run_to_end, tmp_path, qtlog, key):
    window.open_model(key)
    tab = window.tab
    for name, (_, text, options, stop) in ((n, r) for n, r in RUNS.items() if r[0] == key):
        assert tab.open_file(written(tmp_path, key, text)), name
        wanted = replace(tab.options, **options)
        tab.set_options(wanted)
        assert tab.heading.notice.isHidden(), f"{name}: {tab.heading.notice.text.text()}"
        assert tab.options == wanted, name
        run_to_end(tab)
        assert stop in tab.heading.caption.text(), f"{name}: {tab.heading.caption.text()}"
        newest = len(tab.controller.trace) - 1
        assert tab.stage.shown_index == tab.controller.cursor == newest, name
        for page in range(tab.side.count()):
            tab.side.setCurrentIndex(page)
        for index in {0, 1, 2, newest - 1} & set(range(newest)):
            tab.controller.seek(index)
            tab.settle()
            assert tab.stage.shown_index == index, name
        assert warnings(qtlog) == [], name


@pytest.mark.parametrize("key", [MIXTURE, CHAIN, TOPICS, GAPS])
def test_it_is_refused_in_a_sentence_and_the_screen_stays(window, tmp_path, qtlog, key):
    window.open_model(key)
    tab = window.tab
    before = in_use(tab)
    for name, (_, text, sentence) in ((n, r) for n, r in REFUSED.items() if r[0] == key):
        assert not tab.open_file(written(tmp_path, key, text)), name
        notice = tab.heading.notice
        assert not notice.isHidden(), name
        assert sentence in notice.text.text(), f"{name}: {notice.text.text()}"
        assert notice.text.text().endswith("."), name
        assert in_use(tab) == before, name
        notice.dismiss()
    assert warnings(qtlog) == []


def test_more_components_than_points(window, tmp_path):
    tab = window.tab
    assert tab.open_file(written(tmp_path, MIXTURE, "x,y\n1,2\n3,4\n5,1\n"))
    before = in_use(tab)
    tab.set_options(replace(tab.options, n_components=5))
    assert "5 components for 3 points; choose fewer" in tab.heading.notice.text.text()
    assert in_use(tab) == before


def test_a_data_set_that_its_options_do_not_fit_leaves_the_form_as_it_was(window, tmp_path):
    window.open_model(CHAIN)
    tab = window.tab
    before = in_use(tab)
    assert not tab.open_file(written(tmp_path, CHAIN, "c0,c1,c2\n0.001,0.001,a\na,0.001,\n"))
    assert "the same value at every time step" in tab.heading.notice.text.text()
    assert in_use(tab) == before


def test_more_symbols_than_the_truth_knows(window, step):
    window.open_demo("label-switching")
    tab = window.tab
    tab.set_options(replace(tab.options, n_symbols=48))
    step(tab, 3)
    assert tab.heading.notice.isHidden()
    assert tab.stage.shown_index == 3
