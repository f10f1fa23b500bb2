"""Axes that write a true minus sign."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg


class Axis(pg.AxisItem):
    """An axis whose negative numbers wear a minus, not a hyphen, as all other numbers here do."""

    def tickStrings(self, values: Any, scale: float, spacing: float) -> list[str]:
        """Return the labels of the ticks."""
        return [label.replace("-", "−") for label in super().tickStrings(values, scale, spacing)]


def axes() -> dict[str, Axis]:
    """Return the two axes a plot begins with."""
    return {"left": Axis("left"), "bottom": Axis("bottom")}
