"""Outlines, colors and brushes that the views of a mixture share."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QBrush, QColor

from em_explorer.em.arrays import Floats
from em_explorer.models.mixture_reading import uncertainty
from em_explorer.ui.theme import theme_manager

CIRCLE = np.linspace(0.0, 2.0 * np.pi, 73)
ROUND = np.array([np.cos(CIRCLE), np.sin(CIRCLE)])


APART = 0.45
"""Share of the text's color in lines that are drawn over a crowd of their own color."""


def apart(number: int) -> QColor:
    """Return a component's color, changed so that it can be seen on a crowd of that color."""
    theme = theme_manager().current
    color, text = theme.component(number), QColor(theme.text)
    pairs = (
        (color.red(), text.red()),
        (color.green(), text.green()),
        (color.blue(), text.blue()),
    )
    return QColor(*(round((1 - APART) * c + APART * t) for c, t in pairs))


def ellipse(mean: Floats, covariance: Floats, sigma: float) -> tuple[Floats, Floats]:
    """Return the outline ``μ + σ L (cos, sin)`` of a 2-D covariance Σ = L Lᵀ, as x and y."""
    outline = mean[:, None] + sigma * unit_outline(covariance)
    return outline[0], outline[1]


def unit_outline(covariance: Floats) -> Floats:
    """Return the outline ``L (cos, sin)`` of a 2-D covariance Σ = L Lᵀ around zero, (2, n)."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)) @ ROUND)


def screen_axes(covariance: Floats, pixels: Floats) -> Floats:
    """Return the half axes of an ellipse as the eye sees it on the screen.

    The axes of data in different units are not square to each other once drawn; these are.

    Parameters
    ----------
    covariance : (2, 2) float
    pixels : (2,) float
        Pixels per unit of each axis.

    Returns
    -------
    (2, 2) float, the data's units
        Row i: from the mean to the end of axis i, the longer axis last.
    """
    drawn = pixels[:, None] * covariance * pixels
    values, vectors = np.linalg.eigh(drawn)
    ends = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    # Ends point up and to the right, so that a handle does not jump to the other side.
    turned = np.where(ends.sum(axis=1, keepdims=True) < 0, -ends, ends)
    return np.asarray(turned / pixels, dtype=float)


def drag_axis(covariance: Floats, pixels: Floats, axis: int, end: Floats) -> Floats:
    """Return the covariance whose ``axis`` ends at ``end``, the other axis as long as before.

    Parameters
    ----------
    covariance : (2, 2) float
    pixels : (2,) float
        Pixels per unit of each axis.
    axis : int
        Row of :func:`screen_axes`.
    end : (2,) float
        From the mean, in the data's units.
    """
    held = end * pixels
    length = max(float(np.hypot(*held)), 1.0)  # an axis shorter than a pixel can't be grasped
    along = held / length if np.hypot(*held) > 0 else np.array([1.0, 0.0])
    other = float(np.hypot(*(screen_axes(covariance, pixels)[1 - axis] * pixels)))
    across = np.array([-along[1], along[0]])
    drawn = length**2 * np.outer(along, along) + other**2 * np.outer(across, across)
    return np.asarray(drawn / pixels[:, None] / pixels, dtype=float)


def normal_density(
    x: Floats, y: Floats, weights: Floats, means: Floats, covariances: Floats
) -> Floats:
    """Return ``Σ_k w_k N((x_i, y_j); μ_k, Σ_k)`` on a grid, (len(x), len(y))."""
    total = np.zeros((x.size, y.size))
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        det = float(np.linalg.det(covariance))
        if det <= 0:
            continue
        (a, b), (_, c) = np.linalg.inv(covariance)
        dx, dy = (x - mean[0])[:, None], (y - mean[1])[None, :]
        square = a * dx * dx + 2.0 * b * dx * dy + c * dy * dy
        total += weight / (2.0 * np.pi * np.sqrt(det)) * np.exp(-0.5 * square)
    return total


def line_density(x: Floats, mean: float, variance: float) -> Floats:
    """Return ``N(x; μ, σ²)``."""
    spread = np.sqrt(max(variance, 1e-300))
    z = (x - mean) / spread
    return np.asarray(np.exp(-0.5 * z * z) / (spread * np.sqrt(2.0 * np.pi)), dtype=float)


def blend(responsibilities: Floats, colors: Floats) -> Floats:
    """Return the color of each point: its components' colors mixed by responsibility.

    Parameters
    ----------
    responsibilities : (N, K) float
    colors : (K, 3) float, 0 to 255

    Returns
    -------
    (N, 3) float
    """
    return np.asarray(responsibilities @ colors, dtype=float)


def rgb(color: QColor) -> Floats:
    """Return red, green and blue, 0 to 255."""
    return np.array([color.red(), color.green(), color.blue()], dtype=float)


def component_colors(n: int) -> Floats:
    """Return the theme's colors of components 0 to n − 1 as (n, 3) RGB."""
    theme = theme_manager().current
    return np.array([rgb(theme.component(k)) for k in range(n)]).reshape(n, 3)


def point_colors(responsibilities: Floats, tint: float) -> Floats:
    """Return the (N, 3) RGB of points: neutral at ``tint`` 0, by responsibility at 1."""
    mixed = blend(responsibilities, component_colors(responsibilities.shape[1]))
    neutral = rgb(theme_manager().current.color("secondary"))
    return np.asarray((1.0 - tint) * neutral + tint * mixed, dtype=float)


def doubt_sizes(responsibilities: Floats, tint: float, sizes: tuple[float, ...]) -> Floats:
    """Return the size of each point's mark, (N,) px: the less sure, the larger.

    Parameters
    ----------
    responsibilities : (N, K) float
    tint : float
        0 before the first E-step, when all marks are small; 1 after it.
    sizes : tuple of float
        From that of a point that is sure to that of one that is undecided.
    """
    steps = np.round((len(sizes) - 1) * tint * uncertainty(responsibilities)).astype(np.int64)
    return np.asarray(sizes, dtype=float)[steps]


class BrushCache:
    """Brushes by quantized color: making one per point is what is slow."""

    def __init__(self) -> None:
        self._brushes: dict[int, QBrush] = {}

    def brushes(self, colors: Floats, alpha: int) -> list[QBrush]:
        """Return a brush per row of (N, 3) RGB, colors rounded to 7 bits a channel."""
        coarse = np.clip(colors, 0, 255).astype(np.int64) >> 1
        codes = (coarse[:, 0] << 22) | (coarse[:, 1] << 15) | (coarse[:, 2] << 8) | alpha
        cache = self._brushes
        for code in np.unique(codes):
            if int(code) not in cache:
                r, g, b = (code >> 22) & 127, (code >> 15) & 127, (code >> 8) & 127
                color = QColor(int(r) << 1, int(g) << 1, int(b) << 1, int(code & 255))
                cache[int(code)] = QBrush(color)
        return [cache[int(code)] for code in codes]
