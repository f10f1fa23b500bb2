"""The matrix of features and tabs: every cell names tests that exist, or a reason."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from em_explorer import registry

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEYS = [row.key for row in registry.MODELS]
MATRIX: list[dict[str, Any]] = tomllib.loads((HERE / "features.toml").read_text("utf-8"))["feature"]
CELLS = [(row["number"], key) for row in MATRIX for key in KEYS]


@cache
def functions(path: Path) -> dict[str, ast.FunctionDef]:
    """Return the test functions of a file by name."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_thirteen_features_in_every_tab():
    assert [row["number"] for row in MATRIX] == list(range(1, 14))
    for row in MATRIX:
        assert set(row) == {"number", "title", *KEYS}, row["title"]


@pytest.mark.parametrize(("number", "key"), CELLS)
def test_a_cell_is_driven_or_explained(number, key):
    cell = MATRIX[number - 1][key]
    if isinstance(cell, str):  # a reason is a sentence of its own
        assert cell == "not yet" or (len(cell) > 30 and cell.endswith("."))
        return
    assert cell, "a cell without tests needs a reason"
    for test in cell:
        path, _, name = test.partition("::")
        name, _, parameter = name.partition("[")
        assert (ROOT / path).is_file(), test
        found = functions(ROOT / path)
        assert name in found, f"{test} does not exist"
        if parameter:
            assert parameter.rstrip("]") == key, f"{test} is not about {key}"
            assert "parametrize" in ast.unparse(found[name].decorator_list[0]), test
