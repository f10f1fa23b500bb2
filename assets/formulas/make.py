"""Render formulas.toml into one SVG each: ``python assets/formulas/make.py``.

The window shows them in its own text color, so they are drawn in ``currentColor``; a name is
``<model>_<quantity>``. ziamath is needed here only, never by the program.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import ziamath

FOLDER = Path(__file__).resolve().parent
SIZE = 15
"""Height of the type, px: that of the text around the formulas."""


def names() -> dict[str, str]:
    """Return the LaTeX of every formula by its name."""
    with (FOLDER / "formulas.toml").open("rb") as file:
        models = tomllib.load(file)
    return {
        f"{model}_{quantity}": latex
        for model, formulas in models.items()
        for quantity, latex in formulas.items()
    }


def render(latex: str) -> str:
    """Return a formula as SVG 1.1, which QtSvg reads, with its strokes in ``currentColor``."""
    ziamath.config.svg2 = False
    drawn = ziamath.Latex(latex, size=SIZE, color="currentColor").svg()
    # Ten digits of a pixel are ten times the file and no more to see.
    return re.sub(r"(\d+\.\d{2})\d+", r"\1", drawn) + "\n"


if __name__ == "__main__":
    for name, latex in names().items():
        (FOLDER / f"{name}.svg").write_text(render(latex), encoding="utf-8")
