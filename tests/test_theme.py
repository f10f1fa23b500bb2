import subprocess
import sys

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from em_explorer.data.assets import asset
from em_explorer.ui import theme as themes
from em_explorer.ui.theme import DARK, LIGHT, SYMBOLS, Theme, contrast, style_sheet

both = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


@pytest.fixture
def dressed(qapp: QApplication):
    yield qapp
    themes.apply_theme(qapp, LIGHT)
    qapp.setStyleSheet("")


def test_contrast_of_black_and_white_is_21():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.478, abs=0.001)


@both
@pytest.mark.parametrize("surface", ["background", "panel"])
def test_words_can_be_read(theme: Theme, surface: str):
    under = getattr(theme, surface)
    assert contrast(theme.text, under) >= 7
    for token in ("secondary", "e_text", "m_text", "failure", "success"):
        assert contrast(getattr(theme, token), under) >= 4.5, token
    # Marks, not words: ticks, dots, curves.
    for token in ("e", "m", "warning", "truth"):
        assert contrast(getattr(theme, token), under) >= 2.8, token


@both
def test_words_on_buttons_and_selections_can_be_read(theme: Theme):
    assert contrast(theme.on_e, theme.e_fill) >= 4.5
    assert contrast(theme.on_m, theme.m_fill) >= 4.5
    assert contrast(theme.on_accent, theme.accent) >= 7
    assert contrast(theme.text, theme.selection) >= 7
    assert contrast(theme.text, theme.raised) >= 7


@both
def test_ten_components_are_told_apart_by_color_and_by_symbol(theme: Theme):
    assert len(set(theme.components)) == len(set(SYMBOLS)) == 10
    assert theme.component(10) == theme.component(0)
    assert theme.symbol(13) == theme.symbol(3)
    for color in theme.components:
        assert contrast(color, theme.panel) >= (3 if theme.is_dark else 2.1), color


def test_dark_components_keep_the_hue_order():
    for light, dark in zip(LIGHT.components, DARK.components, strict=True):
        hues = [themes.QColor(c).hsvHue() for c in (light, dark)]
        assert abs(hues[0] - hues[1]) <= 20, (light, dark)


@both
def test_style_sheet_names_images_that_exist_and_leaves_no_token(theme: Theme):
    text = style_sheet(theme)
    assert "$" not in text
    images = {line.split('url("')[1].split('"')[0] for line in text.splitlines() if "url(" in line}
    assert len(images) >= 5
    for image in images:
        assert asset("themes", theme.name, image.rsplit("/", 1)[1]).is_file(), image


def test_projector_mode_scales_sizes_but_not_hairlines():
    text = style_sheet(LIGHT, 1.5)
    assert "font-size: 16px" in text  # 11 × 1.5, rounded
    assert "border: 1px solid" in text
    assert "font-size: 11px" not in text


def test_theme_and_scale_reach_widgets_and_listeners(dressed: QApplication):
    heard = []
    manager = themes.theme_manager()
    manager.changed.connect(heard.append)
    themes.apply_theme(dressed, DARK, 1.5)
    label = QLabel("1")
    label.ensurePolished()
    assert heard == [DARK]
    assert manager.px(8) == 12
    assert dressed.font().pixelSize() == 20
    assert label.palette().windowText().color().name().upper() == DARK.text
    manager.toggle()
    assert manager.current is LIGHT
    assert manager.scale == 1.5
    manager.changed.disconnect(heard.append)


def test_plots_lose_their_default_look(dressed: QApplication, qtbot):
    import pyqtgraph as pg

    themes.apply_theme(dressed, DARK)
    plot = pg.PlotWidget()
    qtbot.addWidget(plot)
    plot.setLabel("left", "waiting", units="min")
    plot.addLegend()
    themes.style_plot(plot)
    left = plot.getAxis("left")
    assert plot.backgroundBrush().color().name().upper() == DARK.panel
    assert not left.autoSIPrefix
    assert left.fixedWidth == themes.AXIS_WIDTH
    assert left.grid == round(0.15 * 255)
    assert left.textPen().color().name().upper() == DARK.secondary
    assert "waiting" in left.labelText
    assert left.labelUnits == "min"


def test_the_theme_is_known_without_pyqtgraph():
    code = "import sys, em_explorer.ui.theme; print('pyqtgraph' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_low_screen_is_enlarged_less():
    assert themes.presentation_scale(1080) == 1.5
    assert themes.presentation_scale(800) == 1.15
