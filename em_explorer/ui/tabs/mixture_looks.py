"""Two more looks at a mixture: how unsure each point is, and which points move a mean most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMenu, QToolButton

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.mixture_reading import pulls, strongest, uncertainty

PULLING = 8
"""So many points are shown pulling at one mean; with all means at once, half as many."""

DOUBTFUL, MOST_DOUBTS = 0.1, 1500
"""Of many points, drawn as an image, those less sure than this get a mark, at most so many."""

SIZE_TIP = "The less sure a point is of its component, the larger its mark: 1 − max r"
TOO_MANY = "So many points are drawn as a line; none has a mark of its own."


@dataclass(frozen=True)
class Pull:
    """The points that move one mean most.

    Attributes
    ----------
    component : int
    rows : (n,) int
        The strongest first.
    lengths : (n,) float
        How far each moves the mean, in its standard deviations.
    """

    component: int
    rows: Ints
    lengths: Floats


class MixtureLooks(QObject):
    """The button that offers the looks, and what they draw.

    Parameters
    ----------
    tab : GaussianMixtureTab
        Whose run is looked at.
    """

    def __init__(self, tab: Any) -> None:
        super().__init__(tab)
        self._tab = tab
        self._found: dict[int, Pull] = {}
        self._found_for: tuple[Any, ...] = ()
        self.button = QToolButton()
        self.button.setObjectName("more_looks")
        self.button.setText("&More ▾")
        self.button.setAccessibleName("More ways to look at the mixture")
        self.button.setToolTip("More ways to look: uncertainty as size, pull lines (Alt+M)")
        self.button.setProperty("role", "quiet")
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.button)
        menu.setToolTipsVisible(True)
        self.uncertainty = menu.addAction("&Uncertainty as size")
        self.uncertainty.setObjectName("show_uncertainty")
        self.pulls = menu.addAction("&Pull lines")
        self.pulls.setObjectName("show_pulls")
        self.pulls.setToolTip(
            "Lines from the points that move each mean most: r (x − μ) / N. Point at a mean to see "
            "only its own"
        )
        for action in (self.uncertainty, self.pulls):
            action.setCheckable(True)
            action.toggled.connect(self._on_toggled)
        self.button.setMenu(menu)
        self.say_size(possible=True)

    def say_size(self, *, possible: bool) -> None:
        """Offer sizes only where points can have marks."""
        self.uncertainty.setEnabled(possible)
        self.uncertainty.setToolTip(SIZE_TIP if possible else TOO_MANY)

    def mark_doubts(self) -> None:
        """Over an image of many points mark the least sure of those that are looked at."""
        tab = self._tab
        index = tab.stage.shown_index
        shares = tab.shares(index) if self.shows_uncertainty and index is not None else None
        if shares is None:
            tab.scatter.mark_doubts(np.empty((0, 2)), np.empty((0, 1)))
            return
        doubt = uncertainty(shares)
        rows = np.argsort(-doubt, kind="stable")[:MOST_DOUBTS]
        rows = rows[doubt[rows] > DOUBTFUL][::-1]
        tab.scatter.mark_doubts(tab.scatter.places[tab.witnesses.rows[rows]], shares[rows])

    def apply_view(self, view: dict[str, Any]) -> None:
        """Take what a story asks for."""
        self.uncertainty.setChecked(bool(view.get("uncertainty", False)))
        self.pulls.setChecked(bool(view.get("pulls", False)))

    @property
    def shows_uncertainty(self) -> bool:
        """Whether marks are as large as their points are unsure."""
        return self.uncertainty.isChecked() and self.uncertainty.isEnabled()

    @Slot(bool)
    def _on_toggled(self, _: bool) -> None:
        tab = self._tab
        tab.scatter.use_sizes = self.shows_uncertainty
        if tab.dataset is not None:
            tab.show_readout(tab.controller.cursor)
            if tab.one_column:
                tab.histogram.use_sizes = self.shows_uncertainty
        tab.stage.redraw()

    # -- pull lines --------------------------------------------------------------------------

    def forget(self) -> None:
        """Drop what belonged to another run."""
        self._found, self._found_for = {}, ()

    def pulling(self, index: int, component: int) -> Pull | None:
        """Return the points that pull hardest at a component's mean at a snapshot.

        None at the start, when nobody knows yet who belongs where. Of very many points those
        that are looked at take part.
        """
        tab = self._tab
        snapshot = tab.snapshot(index)
        if snapshot.expectation is None:
            return None
        here = (snapshot, tab.data)
        if not all(a is b for a, b in zip(here, self._found_for or (None, None), strict=True)):
            self._found, self._found_for = {}, here
        if component not in self._found:
            shares, rows = tab.shares(index), tab.witnesses.rows
            if shares is None or component >= shares.shape[1]:
                return None
            params = tab.shown_params(index)
            arrows = pulls(
                tab.values[rows],
                shares[:, component],
                params.means[component],
                np.sqrt(np.maximum(np.diagonal(params.covariances[component]), 0.0)),
                float(snapshot.expectation.statistics.counts[component]),
            )
            best = strongest(arrows, PULLING)
            lengths = np.linalg.norm(arrows[best], axis=1)
            self._found[component] = Pull(component, rows[best], lengths)
        return self._found[component]

    def shown(self, index: int) -> list[Pull]:
        """Return what is to be drawn: at the mean in hand, or at every mean where wished."""
        n_components = len(self._tab.snapshot(index).params.weights)
        chosen = self._tab.looked_at
        if chosen < 0 and not self.pulls.isChecked():
            return []
        wanted = [chosen] if chosen >= 0 else list(range(n_components))
        most = PULLING if chosen >= 0 else PULLING // 2
        found = [self.pulling(index, k) for k in wanted if k < n_components]
        return [Pull(p.component, p.rows[:most], p.lengths[:most]) for p in found if p is not None]

    def lines(self, means: Floats, columns: list[int]) -> dict[int, Floats]:
        """Return the ends of each component's lines, (2 n, d): from a point to the mean, and so on.

        Parameters
        ----------
        means : (K, D) float
            Where the means are drawn, which may be on their way.
        columns : list of int
            Those drawn, d of them.
        """
        index = self._tab.stage.shown_index
        if index is None:
            return {}
        ends = {}
        for pull in self.shown(index):
            points = self._tab.values[pull.rows][:, columns]
            to = np.broadcast_to(means[pull.component, columns], points.shape)
            ends[pull.component] = np.stack([points, to], axis=1).reshape(-1, len(columns))
        return ends

    @Slot()
    def redraw(self) -> None:
        """Draw the lines again: another mean is in hand."""
        picture = self._tab.stage.shown
        if picture is not None and self._tab.dataset is not None:
            self._tab.draw_pulls(picture.means)
