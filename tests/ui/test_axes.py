"""Axes: their numbers, and the picture they are copied from."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QBuffer, QSize
from PySide6.QtGui import QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgGenerator

from em_explorer.ui.views.axes import ROOM_FOR_LABEL, axes


@pytest.fixture
def plot(qtbot):
    made = pg.PlotWidget(axisItems=axes())
    made.resize(600, 400)
    made.plot([1.0, -2.0, 3.0])
    made.showGrid(x=True, y=True, alpha=0.3)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def pixels(picture: QPixmap) -> np.ndarray:
    image = picture.toImage().convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(image.constBits(), dtype=np.uint8)
    return rows.reshape(image.height(), -1).copy()


def on_the_screen(plot, qapp) -> np.ndarray:
    plot.viewport().update()
    qapp.processEvents()
    return pixels(qapp.primaryScreen().grabWindow(plot.winId()))


@pytest.mark.parametrize(
    "change",
    [
        lambda plot: None,
        lambda plot: plot.setXRange(0, 10),
        lambda plot: plot.setLabel("left", "another width"),
        lambda plot: plot.resize(500, 300),
        lambda plot: plot.getAxis("bottom").setPen("r"),
        lambda plot: (plot.showGrid(x=False), plot.getAxis("bottom").setHeight(0)),
    ],
)
def test_the_copied_axes_are_those_drawn_anew(plot, qapp, change, capfd):
    on_the_screen(plot, qapp)
    change(plot)
    for _ in range(2):  # drawn, then copied
        shown = on_the_screen(plot, qapp)
    assert (shown == pixels(plot.grab())).all()  # a picture in memory is always drawn anew
    assert "QPainter" not in capfd.readouterr().err


def test_labels_above_each_other_have_room(plot):
    axis = plot.getAxis("left")
    for height in (40, 46, 60, 92, 300):
        for top in (0.9, 7.0, 9.0, 60_000.0):
            spacing = axis.tickSpacing(0.0, top, height)[0][0]
            assert spacing * height / top >= ROOM_FOR_LABEL
            assert f"{spacing:e}"[0] in "125"


def test_large_numbers_are_told_apart(plot):
    labels = plot.getAxis("left").tickStrings([-11078.65, -11078.7, -11078.75], 1.0, 0.05)
    assert labels == ["−11078.65", "−11078.70", "−11078.75"]
    assert plot.getAxis("left").tickStrings([-160000.0, -180000.0], 1.0, 20000.0)[0] == "−160000"


def test_a_file_of_shapes_holds_no_copies(plot, qapp):
    on_the_screen(plot, qapp)
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(QSize(600, 400))
    painter = QPainter(generator)
    plot.render(painter)
    painter.end()
    assert b"<image" not in buffer.data().data()


def test_negative_numbers_wear_a_minus(plot):
    assert plot.getAxis("left").tickStrings([-2.0, 0.0], 1.0, 1.0) == ["−2", "0"]
