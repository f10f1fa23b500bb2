import importlib.util
import warnings
from types import ModuleType

import pytest
from PySide6.QtSvg import QSvgRenderer

from em_explorer.data.assets import asset
from em_explorer.registry import MODELS


def _maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make", asset("formulas", "make.py"))
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        # ziamath finds its font in a way that Python means to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        spec.loader.exec_module(module)
    return module


make = _maker()


def test_every_model_has_formulas_and_every_formula_its_file():
    files = {path.stem for path in asset("formulas").glob("*.svg")}
    assert files == set(make.names())
    for row in MODELS:
        assert sum(name.startswith(row.key) for name in files) >= 4, row.key


@pytest.mark.parametrize("name", sorted(make.names()))
def test_a_formula_is_as_rendered_and_fits_the_panel(qapp, name):
    source = asset("formulas", f"{name}.svg").read_text(encoding="utf-8")
    assert source == make.render(make.names()[name])
    assert "currentColor" in source
    assert "black" not in source
    renderer = QSvgRenderer(source.replace("currentColor", "#FFFFFF").encode())
    assert renderer.isValid()
    assert 10 < renderer.defaultSize().height() < 80
    assert 30 < renderer.defaultSize().width() < 280
