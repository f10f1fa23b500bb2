"""Colors, sizes and type of the whole program: two themes, one style sheet, one place to change.

Components, states and topics take their color and symbol from :data:`SYMBOLS` and
``Theme.components`` by their index, always in the same order; the E-step and the M-step have one
color each, everywhere. pyqtgraph is imported inside functions: the shell is painted without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from string import Template
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from em_explorer.data.assets import asset

PRESENTATION_SCALE = 1.5
"""How much larger everything is in projector mode."""

SMALL_PRESENTATION_SCALE = 1.15
"""How much larger where the screen is too low for that."""

LOW_SCREEN = 960
"""A screen lower than this has no room for all of a tab at :data:`PRESENTATION_SCALE`, px."""

BODY, CAPTION = 13, 11
"""Sizes of type, px."""

GRID, LABEL_GAP = 8, 4
"""Distances, px: between groups twice the grid, between a label and its control the gap."""

AXIS_WIDTH = 64
"""Width of every left axis, px: plots above each other stay aligned."""

SYMBOLS = ("o", "s", "t", "d", "+", "star", "t1", "x", "p", "h")
"""pyqtgraph symbols of components 0 to 9: the second sign beside the color."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Every color of one theme, as ``#RRGGBB``.

    Attributes
    ----------
    name : {"light", "dark"}
        Also the folder of its small images.
    background, panel, raised, text, secondary, disabled, hairline, border : str
        Surfaces, type and lines; ``raised`` is a control under the pointer.
    accent, on_accent : str
        The primary button and selections, and the text on them.
    e, e_text, e_fill, on_e : str
        The E-step: marks, words, the button and the text on it. ``m`` likewise.
    warning, failure, success, truth : str
        States in words and marks; the truth is always a thin dashed neutral line.
    selection : str
        Background of selected text and rows.
    components : tuple of str
        The cycle of ten.
    """

    name: str
    background: str
    panel: str
    raised: str
    text: str
    secondary: str
    disabled: str
    hairline: str
    border: str
    accent: str
    on_accent: str
    e: str
    e_text: str
    e_fill: str
    on_e: str
    m: str
    m_text: str
    m_fill: str
    on_m: str
    warning: str
    failure: str
    success: str
    truth: str
    selection: str
    components: tuple[str, ...]

    @property
    def is_dark(self) -> bool:
        """Whether light is drawn on dark."""
        return self.name == "dark"

    def component(self, index: int) -> QColor:
        """Return the color of a component, state or topic; the cycle starts again after ten."""
        return QColor(self.components[index % len(self.components)])

    def symbol(self, index: int) -> str:
        """Return the pyqtgraph symbol that goes with :meth:`component`."""
        return SYMBOLS[index % len(SYMBOLS)]

    def color(self, token: str, alpha: float = 1.0) -> QColor:
        """Return a token such as ``"hairline"`` as a color, ``alpha`` between 0 and 1."""
        color = QColor(getattr(self, token))
        color.setAlphaF(alpha)
        return color

    def phase_color(self, phase: str) -> QColor:
        """Return the color of half-step ``"E"`` or ``"M"``; neutral for the start."""
        return QColor({"E": self.e, "M": self.m}.get(phase, self.secondary))


LIGHT = Theme(
    name="light",
    background="#FAFAF8",
    panel="#FFFFFF",
    raised="#F1F2F4",
    text="#1F2430",
    secondary="#5B6270",
    disabled="#9BA2AE",
    hairline="#E3E5E8",
    border="#C9CDD4",
    accent="#1F2430",
    on_accent="#FFFFFF",
    e="#4C6FFF",
    e_text="#3552D6",
    e_fill="#4565F2",
    on_e="#FFFFFF",
    m="#E0792B",
    m_text="#A34E0C",
    m_fill="#E0792B",
    on_m="#1A1005",
    warning="#B7791F",
    failure="#C53030",
    success="#1E7B4F",
    truth="#5B6270",
    selection="#DDE4FF",
    components=(
        "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7",
        "#56B4E9", "#8A8D00", "#8C510A", "#6B7A99", "#00A6A6",
    ),
)  # fmt: skip

DARK = Theme(
    name="dark",
    background="#14171C",
    panel="#1B1F26",
    raised="#262C35",
    text="#E8EAED",
    secondary="#9AA3AF",
    disabled="#5C6570",
    hairline="#2B313B",
    border="#414955",
    accent="#E8EAED",
    on_accent="#14171C",
    e="#4C6FFF",
    e_text="#9DB0FF",
    e_fill="#4565F2",
    on_e="#FFFFFF",
    m="#E0792B",
    m_text="#F2A469",
    m_fill="#E0792B",
    on_m="#1A1005",
    warning="#E0A94A",
    failure="#F27A7A",
    success="#5CC592",
    truth="#9AA3AF",
    selection="#2F3E75",
    components=(
        "#3D9BD9", "#F2B33D", "#2FBF94", "#F0803C", "#DE9CC0",
        "#7CC8F2", "#B3B63A", "#BF8040", "#93A2C0", "#35C4C4",
    ),
)  # fmt: skip

THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


class ThemeManager(QObject):
    """The theme in use and the size of everything; widgets that paint themselves listen to it.

    Ask :func:`theme_manager` for the one there is.
    """

    changed = Signal(object)
    """Emitted with the :class:`Theme` after a change of theme or scale."""

    def __init__(self) -> None:
        super().__init__()
        self._theme = LIGHT
        self._scale = 1.0

    @property
    def current(self) -> Theme:
        """The theme in use."""
        return self._theme

    @property
    def scale(self) -> float:
        """1.0, or :func:`presentation_scale` in projector mode."""
        return self._scale

    def px(self, size: float) -> int:
        """Return a size of the design, px, at the present scale."""
        return round(size * self._scale)

    def use(self, theme: Theme | None = None, scale: float | None = None) -> None:
        """Change the theme or the scale (``None`` keeps it), restyle the program, tell."""
        self._theme = theme or self._theme
        self._scale = scale or self._scale
        app = QApplication.instance()
        if isinstance(app, QApplication):
            _restyle(app, self._theme, self._scale)
        self.changed.emit(self._theme)

    def toggle(self) -> None:
        """Go from light to dark or back."""
        self.use(LIGHT if self._theme.is_dark else DARK)


_manager: ThemeManager | None = None


def theme_manager() -> ThemeManager:
    """Return the program's one :class:`ThemeManager`."""
    global _manager
    if _manager is None:
        _manager = ThemeManager()
    return _manager


def apply_theme(app: QApplication, theme: Theme, scale: float = 1.0) -> None:
    """Dress the application: Fusion, our palette, our type, our style sheet.

    ``setColorScheme`` does nothing on offscreen and bare X screens, so the palette is our own.
    """
    if app.style().name().lower() != "fusion":
        app.setStyle(QStyleFactory.create("Fusion"))
    theme_manager().use(theme, scale)


def _restyle(app: QApplication, theme: Theme, scale: float) -> None:
    app.setFont(ui_font(BODY, scale=scale))
    app.setPalette(palette(theme))
    app.setStyleSheet(style_sheet(theme, scale))


def ui_font(size: int = BODY, *, bold: bool = False, scale: float | None = None) -> QFont:
    """Return the system's UI font, ``size`` px, with figures that stand under each other."""
    pixels = round(size * (theme_manager().scale if scale is None else scale))
    return QFont(_ui_font(QApplication.font().family(), pixels, bold))


@cache
def _ui_font(family: str, pixels: int, bold: bool) -> QFont:
    """Return a font that nobody may change: making one takes as long as writing a word with it."""
    font = QFont(family)
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def palette(theme: Theme) -> QPalette:
    """Return the Qt palette of a theme."""
    role = QPalette.ColorRole
    tokens = {
        role.Window: theme.background,
        role.WindowText: theme.text,
        role.Base: theme.panel,
        role.AlternateBase: theme.raised,
        role.Text: theme.text,
        role.Button: theme.panel,
        role.ButtonText: theme.text,
        role.BrightText: theme.failure,
        role.ToolTipBase: theme.panel,
        role.ToolTipText: theme.text,
        role.PlaceholderText: theme.secondary,
        role.Highlight: theme.selection,
        role.HighlightedText: theme.text,
        role.Link: theme.e_text,
        role.LinkVisited: theme.e_text,
        role.Accent: theme.e,
        role.Light: theme.raised,
        role.Midlight: theme.hairline,
        role.Mid: theme.border,
        role.Dark: theme.border,
        role.Shadow: theme.border,
    }
    colors = QPalette()
    for key, value in tokens.items():
        colors.setColor(key, QColor(value))
    for key in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        colors.setColor(QPalette.ColorGroup.Disabled, key, QColor(theme.disabled))
    return colors


def style_sheet(theme: Theme, scale: float = 1.0) -> str:
    """Return the style sheet: ``assets/themes/window.qss`` with its tokens and sizes put in."""
    tokens = {f.name: str(getattr(theme, f.name)) for f in fields(theme)}
    tokens["images"] = asset("themes", theme.name).as_posix()
    text = Template(asset("themes", "window.qss").read_text(encoding="utf-8")).substitute(tokens)

    def scaled(match: re.Match[str]) -> str:
        size = float(match[1])
        # A hairline stays a hairline however large the rest is.
        return f"{size if size <= 1 else round(size * scale):g}px"

    return re.sub(r"(?<![\w#.])(\d+(?:\.\d+)?)px", scaled, text)


def contrast(one: str, other: str) -> float:
    """Return the WCAG 2 contrast ratio of two colors, 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    rgb = QColor(color)
    parts = (rgb.redF(), rgb.greenF(), rgb.blueF())
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def presentation_scale(height: int) -> float:
    """Return how much larger everything is in projector mode on a screen so many px high."""
    return PRESENTATION_SCALE if height >= LOW_SCREEN else SMALL_PRESENTATION_SCALE


def style_plot(plot: Any, theme: Theme | None = None) -> None:
    """Make a pyqtgraph ``PlotWidget`` or ``PlotItem`` look like part of the program.

    Own background, quiet axes with the design's type, no "k" or "µ" in tick labels, a faint
    grid, left axes of one width. Call it again when the theme changes.
    """
    import pyqtgraph as pg

    theme = theme or theme_manager().current
    manager = theme_manager()
    pg.setConfigOptions(antialias=True, background=theme.panel, foreground=theme.text)
    if isinstance(plot, pg.GraphicsView):
        plot.setBackground(theme.panel)
        plot.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
    item = plot.getPlotItem() if isinstance(plot, pg.PlotWidget) else plot
    item.hideButtons()
    item.setMenuEnabled(False)
    item.showGrid(x=True, y=True, alpha=0.15)
    font = ui_font(CAPTION)
    for side in ("left", "bottom", "right", "top"):
        axis = item.getAxis(side)
        # Those on the far sides are seldom shown, and each takes a millisecond.
        if side in ("left", "bottom") or axis.isVisible():
            _style_axis(axis, theme, font)
    item.getAxis("left").setWidth(manager.px(AXIS_WIDTH))
    if item.legend is not None:
        item.legend.setBrush(theme.color("panel", 0.9))
        item.legend.setPen(pg.mkPen(theme.hairline))
        item.legend.setLabelTextColor(theme.text)
        item.legend.setLabelTextSize(f"{manager.px(CAPTION)}px")


def _style_axis(axis: Any, theme: Theme, font: QFont) -> None:
    # Without ranges, or switching prefixes off would scale small numbers once more.
    axis.setSIPrefixEnableRanges(())
    axis.enableAutoSIPrefix(False)
    # Lines at the numbers only: pyqtgraph would draw two finer grids under them.
    axis.setStyle(
        tickFont=font, tickLength=4, tickTextOffset=6, hideOverlappingLabels=True, maxTickLevel=0
    )
    axis.setPen(theme.border)
    axis.setTickPen(theme.secondary)
    axis.setTextPen(theme.secondary)
    if axis.labelText:
        shown = axis.label.isVisibleTo(axis)
        style = {"color": theme.secondary, "font-size": f"{font.pixelSize()}px"}
        units = axis.labelUnits or None
        axis.setLabel(axis.labelText, units=units, siPrefixEnableRanges=(), **style)
        axis.showLabel(shown)


def dashed_pen(theme: Theme, width: float = 1.5) -> Any:
    """Return the pen of everything true: thin, dashed, neutral."""
    import pyqtgraph as pg
    from PySide6.QtCore import Qt

    return pg.mkPen(theme.truth, width=width, style=Qt.PenStyle.DashLine)
