"""The Gaussian mixture's tab: points recolor in E, ellipses travel in M."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QStackedLayout, QVBoxLayout, QWidget

from em_explorer.em.arrays import Floats
from em_explorer.em.steps import Phase
from em_explorer.ui.model_tab import ModelTab
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.histogram import MixtureHistogram
from em_explorer.ui.views.scatter import MixtureScatter
from em_explorer.ui.wording import count, plain, unit_of


@dataclass(frozen=True)
class MixturePicture:
    """What is drawn of a mixture, in the data's units.

    Attributes
    ----------
    responsibilities : (N, K) float or None
    weights : (K,) float
    means : (K, D) float
    covariances : (K, D, D) float
    ghost_means, ghost_covariances : like the above, or None
        The state before an M-step.
    trail : (steps, K, D) float
        The ways of the means so far.
    """

    responsibilities: Floats | None
    weights: Floats
    means: Floats
    covariances: Floats
    ghost_means: Floats | None
    ghost_covariances: Floats | None
    trail: Any


class GaussianMixtureTab(ModelTab):
    """Scatter with ellipses, or a histogram with densities for one column."""

    key: ClassVar[str] = "gaussian_mixture"
    e_label: ClassVar[str] = "E-step: assign responsibilities"
    m_label: ClassVar[str] = "M-step: move the ellipses"
    observation_name: ClassVar[str] = "point"

    def build_play_area(self) -> QWidget:
        """Make the scatter, the histogram, and the choice of columns."""
        area = QWidget()
        column = QVBoxLayout(area)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.x_box, self.y_box = QComboBox(), QComboBox()
        row = QHBoxLayout()
        row.setSpacing(8)
        for box, name, words in (
            (self.x_box, "x_column", "Across"),
            (self.y_box, "y_column", "Up"),
        ):
            box.setObjectName(name)
            box.setAccessibleName(f"Column drawn {words.lower()}")
            box.activated.connect(self._on_columns)
            label = QLabel(words)
            label.setProperty("role", "secondary")
            row.addWidget(label)
            row.addWidget(box)
        row.addStretch(1)
        self.columns = QWidget()
        self.columns.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.columns)
        stack = QWidget()
        self._stack = QStackedLayout(stack)
        self.scatter = MixtureScatter()
        self.histogram = MixtureHistogram()
        self._stack.addWidget(self.scatter)
        self._stack.addWidget(self.histogram)
        column.addWidget(stack, 1)
        self.scatter.mean_dragged.connect(self._on_mean_dragged)
        self.histogram.mean_dragged.connect(lambda k, x: self._on_mean_dragged(k, x, None))
        return area

    # -- data --------------------------------------------------------------------------------

    @property
    def values(self) -> Floats:
        """The data in their own units, (N, D)."""
        return np.asarray(self.data.points + self.data.center)

    @property
    def pair(self) -> tuple[int, int]:
        """The two columns drawn."""
        return max(self.x_box.currentIndex(), 0), max(self.y_box.currentIndex(), 0)

    def dataset_changed(self) -> None:
        """Set the axes for other data."""
        assert self.dataset is not None
        n_columns = self.values.shape[1]
        names = self.dataset.columns or tuple(f"column {d + 1}" for d in range(n_columns))
        for box, chosen in ((self.x_box, 0), (self.y_box, 1)):
            box.clear()
            box.addItems([unit_of(name)[0] for name in names])
            box.setCurrentIndex(min(chosen, n_columns - 1))
        self.columns.setVisible(n_columns > 2)
        self._stack.setCurrentWidget(self.histogram if n_columns == 1 else self.scatter)
        self._show_axes()

    def _names(self) -> list[tuple[str, str]]:
        assert self.dataset is not None
        n_columns = self.values.shape[1]
        return [
            unit_of(name)
            for name in self.dataset.columns or [f"column {d + 1}" for d in range(n_columns)]
        ]

    def _show_axes(self) -> None:
        names = self._names()
        if len(names) == 1:
            self.histogram.show_data(self.values[:, 0], names[0])
        else:
            x, y = self.pair
            self.scatter.show_data(self.values[:, [x, y]], names[x], names[y])

    def _on_columns(self) -> None:
        self._show_axes()
        self.stage.redraw()

    def size_text(self) -> str:
        """Say rows × columns."""
        n, d = self.values.shape
        return f"{count(n, 'point')} × {count(d, 'column')}"

    def run_loaded(self) -> None:
        """Make the items of the components."""
        n = len(self.shown_params(0).weights)
        self.scatter.set_components(n)
        self.histogram.set_components(n)

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.scatter.retheme()
        self.histogram.retheme()

    # -- pictures ----------------------------------------------------------------------------

    def picture(self, index: int) -> MixturePicture:
        """Return a snapshot's responsibilities and components."""
        params = self.shown_params(index)
        latent = self.latent(index)
        snapshot = self.snapshot(index)
        moved = snapshot.phase is Phase.M
        before = self.shown_params(index - 1) if moved else None
        trace = self.controller.trace
        assert trace is not None
        steps = [0, *range(2, index + 1, 2)][-200:]
        trail = np.array([self.shown_params(i).means for i in steps])
        return MixturePicture(
            None if latent is None else latent.responsibilities,
            params.weights,
            params.means,
            params.covariances,
            None if before is None else before.means,
            None if before is None else before.covariances,
            tuple(map(tuple, [trail])),
        )

    def paint(self, picture: MixturePicture) -> None:
        """Draw points, ellipses, ghosts and trails."""
        if self.values.shape[1] == 1:
            self.histogram.draw(picture)
            return
        pair = np.array(self.pair)
        square = np.ix_(pair, pair)
        shapes = np.array([c[square] for c in picture.covariances])
        self.scatter.color_points(picture.responsibilities)
        self.scatter.place_components(picture.means[:, pair], shapes)
        if picture.ghost_means is not None and picture.ghost_covariances is not None:
            ghosts = np.array([c[square] for c in picture.ghost_covariances])
            self.scatter.place_ghosts(picture.ghost_means[:, pair], ghosts)
        else:
            self.scatter.place_ghosts(None, None)
        self.scatter.place_trails(np.array(picture.trail[0])[:, :, pair])

    # -- words -------------------------------------------------------------------------------

    def caption(self, index: int) -> str:
        """Say how many points changed sides, or which ellipse moved most."""
        assert self.dataset is not None
        snapshot = self.snapshot(index)
        if snapshot.phase is Phase.E:
            now = self.latent(index).responsibilities.argmax(1)
            if index < 3:
                sizes = np.bincount(now, minlength=len(snapshot.params.weights))
                shares = ", ".join(f"{k + 1}: {n:,}" for k, n in enumerate(sizes))
                return f"Every point asks which component explains it best ({shares})."
            before = self.latent(index - 2).responsibilities.argmax(1)
            changed = int((now != before).sum())
            if changed == 0:
                return "No point changed sides; the shares still shift a little."
            return f"{count(changed, 'point')} changed sides."
        old, new = self.shown_params(index - 1), self.shown_params(index)
        spread = np.sqrt(np.maximum(np.diagonal(old.covariances, axis1=1, axis2=2), 1e-300))
        motion = np.linalg.norm((new.means - old.means) / spread, axis=1)
        k = int(np.argmax(motion))
        where = ", ".join(
            f"{plain(float(x), 3)}{' ' + unit if unit else ''}"
            for x, (_, unit) in zip(new.means[k], self._names(), strict=True)
        )
        return (
            f"Component {k + 1} moved {plain(float(motion[k]), 2)} of its own standard "
            f"deviations, to ({where})."
        )

    def explain(self, index: int) -> Explanation:
        """Explain the half-step."""
        phase = self.snapshot(index).phase
        if phase is Phase.START:
            return Explanation(
                "Start",
                "",
                "Each dot is a point; each ellipse is a guess: a normal distribution at one and "
                "two standard deviations. Press the blue button, or Space to play.",
            )
        if phase is Phase.E:
            return Explanation(
                "E-step",
                "e",
                "The ellipses stand still. Each point asks: which of you could have made me? Its "
                "color is the answer, mixed from the shares r.",
                ("gaussian_mixture_responsibilities",),
            )
        return Explanation(
            "M-step",
            "m",
            "The colors stand still. Each ellipse moves to its own points: every mean is the "
            "average of all points, weighted by their shares.",
            (
                "gaussian_mixture_weights",
                "gaussian_mixture_means",
                "gaussian_mixture_covariances_full",
            ),
        )

    def numbers(self, index: int) -> tuple[NumberGroup, ...]:
        """Return weights, means and spreads."""
        params = self.shown_params(index)
        theme = theme_manager().current
        names = self._names()
        groups = []
        for k, weight in enumerate(params.weights):
            color = theme.component(k).name()
            rows = [NumberRow("weight", plain(float(weight), 3), color)]
            for d, (name, _) in enumerate(names):
                spread = float(np.sqrt(max(params.covariances[k, d, d], 0.0)))
                value = f"{plain(float(params.means[k, d]))} ± {plain(spread, 3)}"
                rows.append(NumberRow(name, value, tip="mean ± standard deviation"))
            groups.append(NumberGroup(f"Component {k + 1}", tuple(rows)))
        return tuple(groups)

    # -- the hand ----------------------------------------------------------------------------

    def _on_mean_dragged(self, component: int, x: float, y: float | None) -> None:
        params = self.shown_params(self.controller.cursor)
        means = params.means.copy()
        if y is None:
            means[component, 0] = x
        else:
            means[component, list(self.pair)] = (x, y)
        assert self.dataset is not None
        self._start(self.dataset, replace(params, means=means))
