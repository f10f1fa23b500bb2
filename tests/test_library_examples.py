"""The examples that people copy run as they are written."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import em_explorer

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def run(name):
    """Run the one block that imports a class; return the names it leaves behind."""
    (code,) = [block for block in BLOCKS if f"from em_explorer import {name}" in block]
    names: dict = {}
    exec(compile(code, f"README: {name}", "exec"), names)
    return names


def test_every_class_has_its_block():
    for name in em_explorer.ESTIMATORS:
        assert sum(f"from em_explorer import {name}\n" in block for block in BLOCKS) == 1


def test_every_block_compiles():
    for block in BLOCKS:
        compile(block, "README", "exec")


def test_groups_of_points(capsys):
    names = run("GaussianMixtureModel")
    labels = names["labels"]
    assert len(set(labels[:3])) == len(set(labels[3:])) == 1
    assert labels[0] != labels[3]
    assert names["points"].shape == (5, 2)
    assert "converged after" in capsys.readouterr().out


def test_hidden_states():
    names = run("HiddenMarkovModel")
    model = names["model"]
    assert model.converged_
    assert model.predict_states(names["storms"][0]).tolist() == [0] * 4 + [1] * 4 + [0] * 3
    assert names["observations"].shape == names["states"].shape == (20,)


def test_topics_of_documents():
    names = run("LatentDirichletAllocation")
    found = names["topics"].get_topics(names["vectorizer"].vocabulary_, top_words=2)
    assert sorted(map(sorted, found)) == [["cats", "sleep"], ["taxes", "votes"]]
    strongest = names["topics"].doc_topic_.argmax(axis=1)
    assert strongest[0] == strongest[2]
    assert strongest[1] == strongest[3]
    assert strongest[0] != strongest[1]


def test_a_table_with_holes():
    names = run("EMImputation")
    filled = names["imputation"].transform(names["heights"])
    assert 57 < filled[2, 1] < 68
    assert filled[3, 0] > 180
    assert np.std([world[2, 1] for world in names["worlds"]]) > 0
    assert names["imputation"].converged_


def test_data_larger_than_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    years = [rng.normal(size=(80, 2)) + 5 * rng.integers(0, 2, (80, 1)) for _ in range(3)]
    for year, table in zip((2021, 2022, 2023), years, strict=True):
        np.save(f"measurements-{year}.npy", table)
    np.save("all-measurements.npy", np.concatenate(years))
    (code,) = [block for block in BLOCKS if "mmap_mode" in block]
    names: dict = {}
    exec(compile(code, "README: chunks", "exec"), names)
    np.testing.assert_allclose(names["by_year"].means_, names["at_once"].means_, rtol=1e-9)
    assert names["by_year"].converged_


@pytest.mark.parametrize("module", ["mixture", "hidden_markov", "topics", "imputation"])
def test_docstrings(module):
    found = doctest.testmod(import_module(f"em_explorer.estimators.{module}"))
    assert found.attempted > 0
    assert found.failed == 0
