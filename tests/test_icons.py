import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon

from em_explorer.data.assets import asset
from em_explorer.ui.icons import app_icon, icon
from em_explorer.ui.theme import theme_manager

NAMES = sorted(path.stem for path in asset("icons").glob("*.svg"))


def _strongest(picture: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal) -> QColor:
    image = picture.pixmap(QSize(24, 24), 1.0, mode).toImage()
    points = [(x, y) for x in range(image.width()) for y in range(image.height())]
    return max((image.pixelColor(x, y) for x, y in points), key=lambda color: color.alpha())


def test_the_transport_has_its_icons():
    assert {"play", "pause", "step", "back", "rewind", "end", "new-start"} <= set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "em_explorer"])
def test_every_icon_is_drawn_in_the_color_asked_for(qapp, name):
    ink = _strongest(icon(name, "#D55E00"))
    assert ink.alpha() > 200
    assert ink.name() == "#d55e00"
    faint = _strongest(icon(name, "#D55E00"), QIcon.Mode.Disabled)
    assert 60 < faint.alpha() <= 95


def test_the_program_has_an_icon(qapp):
    assert not app_icon().isNull()
    assert _strongest(app_icon()).alpha() == 255


def test_large_icons_are_drawn_where_they_are_needed(qapp):
    manager = theme_manager()
    assert max(size.width() for size in icon("play", "#123456").availableSizes()) == 24
    manager.use(scale=1.5)
    try:
        picture = icon("play", "#123456")
        assert picture.pixmap(QSize(36, 36), 1.0).width() == 36
        assert max(size.width() for size in picture.availableSizes()) == 48
    finally:
        manager.use(scale=1.0)
