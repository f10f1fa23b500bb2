"""What stands on the axes: true minus signs, and words that explain themselves."""

from __future__ import annotations

from typing import Any

from em_explorer.ui.views.axes import axes


def test_negative_ticks_wear_a_minus(qapp: Any) -> None:
    labels = axes()["left"].tickStrings([-2.5, 0.0, 1e-7], 1.0, 0.5)
    assert labels[:2] == ["−2.5", "0"]
    assert all("-" not in label for label in labels)


def test_the_curve_and_the_scatter_have_such_axes(window: Any) -> None:
    tab = window.tab
    for plot in (tab.bottom.curve, tab.scatter):
        for side in ("left", "bottom"):
            assert plot.getPlotItem().getAxis(side).tickStrings([-1.0], 1.0, 1.0) == ["−1"]


def test_the_strips_of_a_chain_say_what_they_are(window: Any) -> None:
    window.open_demo("casino")
    tips = [plot.getAxis("left").toolTip() for plot in window.tab.area.time.plots[1:]]
    assert tips[1].startswith("Marked where")
    assert all(tips)
