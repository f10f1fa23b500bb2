"""The Gaussian mixture's tab: points recolor in E, ellipses travel in M."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer.em.arrays import Floats
from em_explorer.em.steps import Phase
from em_explorer.models.gaussian import weighted_statistics
from em_explorer.models.gaussian_mixture import GaussianMixtureParams
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.tabs.mixture_crowd import MixtureCrowd
from em_explorer.ui.tabs.mixture_looks import MixtureLooks
from em_explorer.ui.tabs.mixture_picture import MixturePicture, Trail, bin_histogram
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.histogram import MixtureHistogram, bin_edges
from em_explorer.ui.views.margins import ScatterWithMargins
from em_explorer.ui.views.scatter import MixtureScatter
from em_explorer.ui.wording import count, plain

LONGEST_TRAIL = 400
"""A longer way of the means is thinned out evenly."""

NARROW_BOX = 140
"""Width of a choice of columns in a split view, px."""

MEAN_RADIUS = 9.0
"""Arrows end before the mark of a mean, px."""

SILHOUETTE_UP_TO = 5000
"""Points; beyond, the distances between all of them take too long."""


class GaussianMixtureTab(MixtureCrowd):
    """Scatter with ellipses, or a histogram with densities for one column."""

    key: ClassVar[str] = "gaussian_mixture"
    e_label: ClassVar[str] = "E-step: assign responsibilities"
    m_label: ClassVar[str] = "M-step: move the ellipses"
    observation_name: ClassVar[str] = "point"

    # -- layout ------------------------------------------------------------------------------

    def build_play_area(self) -> QWidget:
        """Make the scatter, the histogram, the row of toggles above and the readout below."""
        self.prepare_hand()
        self.prepare_crowd()
        self.looks = MixtureLooks(self)
        self._pair = (0, 1)
        self._compact = False
        self._silhouettes: dict[int, float | None] = {}
        self._way: tuple[tuple[int, int], list[Floats]] = ((-1, 0), [])
        area = QWidget()
        column = QVBoxLayout(area)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._build_row())
        stack = QWidget()
        self._stack = QStackedLayout(stack)
        self.margins = ScatterWithMargins()
        self.scatter = self.margins.scatter
        self._histogram: MixtureHistogram | None = None
        self._stack.addWidget(self.margins)
        column.addWidget(stack, 1)
        column.addWidget(self.readout)
        self.scatter.mean_dragged.connect(self.move_mean)
        self.scatter.shape_dragged.connect(self.reshape)
        self.connect_hand(self.scatter)
        self.connect_crowd()
        self.scatter.box.sigRangeChangedManually.connect(self._on_zoomed)
        self.scatter.selected_changed.connect(self.looks.redraw)
        return area

    @property
    def shown_view(self) -> MixtureScatter | MixtureHistogram:
        """The view on the screen."""
        return self.histogram if self.one_column else self.scatter

    @property
    def histogram(self) -> MixtureHistogram:
        """The view of one column, made when it is first asked for: most data have two."""
        if self._histogram is None:
            made = self._histogram = MixtureHistogram()
            self._stack.addWidget(made)
            made.mean_dragged.connect(self._on_line_dragged)
            made.spread_dragged.connect(self._on_spread_dragged)
            self.connect_hand(made)
            made.box.sigRangeChangedManually.connect(self._on_zoomed)
        return self._histogram

    def _build_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.columns = QWidget()
        choosers = QHBoxLayout(self.columns)
        choosers.setContentsMargins(0, 0, 0, 0)
        choosers.setSpacing(4)
        self.x_box, self.y_box = QComboBox(), QComboBox()
        for box, name, words in (
            (self.x_box, "x_column", "Across"),
            (self.y_box, "y_column", "Up"),
        ):
            box.setObjectName(name)
            box.setAccessibleName(f"Column drawn {words.lower()}")
            box.activated.connect(self._on_columns)
            label = QLabel(words)
            label.setProperty("role", "secondary")
            choosers.addWidget(label)
            choosers.addWidget(box)
        row.addWidget(self.columns)
        row.addStretch(1)
        self.density_button = self._toggle("Density", "Shade the density of the whole mixture")
        self.margins_button = self._toggle("Margins", "Show each column's histogram at the edges")
        self.symbols_button = self._toggle(
            "Symbols", "Give each component a symbol, not color alone"
        )
        self.truth_button = self._toggle("Truth", "Show the true groups as thin dashed lines")
        self.fit_button = self._button("fit", "Fit", "Show all the data again")
        self.fit_button.hide()
        self.fit_button.clicked.connect(self._on_fit)
        for button in (
            self.density_button,
            self.margins_button,
            self.symbols_button,
            self.truth_button,
            self.looks.button,
            self.fit_button,
            self.undo_button,
        ):
            row.addWidget(button)
        return row

    def _button(self, name: str, text: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setProperty("role", "quiet")
        return button

    def _toggle(self, text: str, tip: str) -> QToolButton:
        button = self._button(f"show_{text.lower()}", text, tip)
        button.setCheckable(True)
        button.toggled.connect(self._on_toggled)
        return button

    # -- data --------------------------------------------------------------------------------

    def dataset_changed(self) -> None:
        """Set the axes for other data."""
        names = [name for name, _ in self.words.columns]
        if not self._editing:
            self._pair = (0, min(1, len(names) - 1))
            self._fill_boxes(names)
        self.columns.setVisible(len(names) > 2)
        self._stack.setCurrentWidget(self.histogram if self.one_column else self.margins)
        self._show_buttons()
        self.symbols_button.setEnabled(not self.crowded)
        self.looks.say_size(possible=not (self.crowded and self.one_column))
        truth = self.dataset.truth if self.dataset is not None else None
        known = truth is not None and (truth.params is not None or truth.labels is not None)
        self.truth_button.setVisible(known)
        outline = "curves" if self.one_column else "ellipses"
        self.bottom.transport.set_labels(self.e_label, f"M-step: move the {outline}")
        self._show_axes(fit=not self._editing)

    def _fill_boxes(self, names: list[str]) -> None:
        for box, chosen in ((self.x_box, self._pair[0]), (self.y_box, self._pair[1])):
            box.clear()
            box.addItems(names)
            box.setCurrentIndex(chosen)

    def _show_axes(self, *, fit: bool = True) -> None:
        names = self.words.columns
        self.forget_pointer()
        self.forget_cells()
        if fit:
            self.fit_button.hide()
        if self.one_column:
            self._show_line(names[0], fit)
        else:
            x, y = self.pair
            points = self.values[:, [x, y]]
            marks = not self.crowded
            self.scatter.show_data(points, names[x], names[y], fit=fit, marks=marks)
            self.margins.show_data(points)
        self._show_truth()

    def _show_line(self, name: tuple[str, str], fit: bool) -> None:
        x, rasters = self.values[:, 0], None
        if self.crowded:
            self._binned = bin_histogram(x, self.data, bin_edges(x))
            rasters = self._binned[0].raster, self._binned[1].raster
        self.histogram.show_data(x, name, fit=fit, rasters=rasters)

    def _on_columns(self) -> None:
        chosen = self.x_box.currentIndex(), self.y_box.currentIndex()
        if chosen[0] == chosen[1]:  # the one that was there goes to the other axis
            old = self._pair
            chosen = (old[1], chosen[1]) if chosen[0] == old[0] else (chosen[0], old[0])
            self.x_box.setCurrentIndex(chosen[0])
            self.y_box.setCurrentIndex(chosen[1])
        self._pair = chosen
        self._show_axes()
        self.stage.redraw()

    def apply_view(self, view: dict[str, Any]) -> None:
        """Take over the columns and toggles that a story asks for."""
        names = [name for name, _ in self.words.columns]
        wanted = [str(view.get(axis, names[i])) for axis, i in zip("xy", self._pair, strict=True)]
        if set(wanted) <= set(names) and len(set(wanted)) == 2:
            self._pair = (names.index(wanted[0]), names.index(wanted[1]))
            self._fill_boxes(names)
            self._show_axes()
        for button in (
            self.density_button,
            self.margins_button,
            self.symbols_button,
            self.truth_button,
        ):
            button.setChecked(bool(view.get(button.objectName().removeprefix("show_"), False)))
        self.looks.apply_view(view)
        if not self.one_column:
            self._make_room()
        self.stage.redraw()

    def shared_views(self) -> list[Any]:
        """Return what is zoomed: the scatter, or the histogram of one column."""
        return [self.shown_view.box]

    def show_compact(self, on: bool) -> None:
        """Leave less room to the choice of columns."""
        self._compact = on
        most = theme_manager().px(NARROW_BOX) if on else 16_777_215
        for box in (self.x_box, self.y_box):
            box.setMaximumWidth(most)
        for label in self.columns.findChildren(QLabel):
            label.setHidden(on)
        if self.dataset is not None:
            self._show_buttons()

    def _show_buttons(self) -> None:
        self.density_button.setHidden(self.one_column)
        for button in (self.margins_button, self.symbols_button):
            button.setHidden(self.one_column or self._compact)

    def _make_room(self) -> None:
        """Let the axes hold the ellipses a story begins with."""
        params, pair = self.shown_params(0), np.array(self.pair)
        means = params.means[:, pair]
        reach = 2.1 * np.sqrt(params.covariances[:, pair, pair])
        self.scatter.make_room(np.vstack([means - reach, means + reach]))

    def size_text(self) -> str:
        """Say rows × columns."""
        n, d = self.data.points.shape
        return f"{self.words.many(n)} × {count(d, 'column')}"

    def run_loaded(self) -> None:
        """Make the items of the components."""
        self._silhouettes = {}
        self.forget_answers()
        self.looks.forget()
        n = len(self.shown_params(0).weights)
        self.scatter.set_components(n)
        if self.one_column:
            self.histogram.set_components(n)

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.margins.retheme()
        if self._histogram is not None:
            self._histogram.retheme()
        self.dress_hand()
        self._show_truth()

    # -- pictures ----------------------------------------------------------------------------

    def picture(self, index: int) -> MixturePicture:
        """Return a snapshot's responsibilities and components."""
        outlines = self.outlines(index)
        latent = self.latent(index)
        if latent is not None:
            return replace(outlines, responsibilities=latent.responsibilities)
        n, k = len(self.data.points), len(outlines.weights)
        return replace(outlines, responsibilities=np.full((n, k), 1.0 / k))

    def outlines(self, index: int) -> MixturePicture:
        """Return a snapshot's components, without what belongs to the points."""
        params = self.shown_params(index)
        snapshot = self.snapshot(index)
        before = self.shown_params(index - 1) if snapshot.phase is Phase.M else None
        self.show_readout(index)
        return MixturePicture(
            np.empty((0, len(params.weights))),
            np.array([0.0 if snapshot.phase is Phase.START else 1.0]),
            params.weights,
            params.means,
            params.covariances,
            None if before is None else before.weights,
            None if before is None else before.means,
            None if before is None else before.covariances,
            Trail(self._past_means(index)),
        )

    def _past_means(self, index: int) -> Floats:
        """Return where the means were at the start and after each M-step before the last."""
        assert self.controller.trace is not None
        n_past, stride = index // 2, self.controller.trace.stride
        # Only iterations that a long run's history has kept: a trail is not worth a replay.
        step = -(-max(1, n_past // LONGEST_TRAIL) // stride) * stride
        if self._way[0] != (self.controller.run_id, step):
            self._way = (self.controller.run_id, step), []
        known, n = self._way[1], -(-n_past // step)
        for k in range(len(known) * step, n_past, step):
            known.append(self.snapshot(2 * k + 1).params.means + self.data.center)
        means = self.snapshot(index).params.means
        return np.array(known[:n]) if n else np.empty((0, *means.shape))

    def paint(self, picture: MixturePicture) -> None:
        """Draw points, ellipses, ghosts and trails."""
        clouds = [(cloud.binned.raster, cloud.colors) for cloud in picture.clouds]
        if clouds and not self.take_cells(picture):
            self.stage.redraw()  # made for other axes than those shown by now
            return
        if self.one_column:
            if clouds:
                self.histogram.draw_clouds(clouds[0], clouds[1])
            self.histogram.draw(picture)
            self.draw_pulls(picture.means)
            self.histogram.place_locks(*map(self.held, ("weights", "means", "covariances")))
            return
        pair = np.array(self.pair)
        square = (slice(None), pair[:, None], pair)
        means, shapes = picture.means[:, pair], picture.covariances[square]
        if clouds:
            self.scatter.draw_cloud(*clouds[0])
            self.looks.mark_doubts()
        else:
            self.scatter.color_points(picture.responsibilities, float(picture.tint[0]))
        self.scatter.place_components(picture.weights, means, shapes)
        hurried, ghosts, left = self.note_hurry(), picture.ghost_covariances, picture.ghost_means
        if hurried or left is None or ghosts is None:
            self.scatter.place_ghosts(None, None)
            self.scatter.arrows.clear()
        else:
            self.scatter.place_ghosts(left[:, pair], ghosts[square])
            theme = theme_manager().current
            colors = [theme.component(k) for k in range(len(means))]
            self.scatter.arrows.draw(left[:, pair], means, colors, stop_short=MEAN_RADIUS)
        self.scatter.place_trails(picture.trail.past[:, :, pair], marked=not hurried)
        if self.density_button.isChecked():
            self.scatter.shade(picture.weights, means, shapes)
        self.margins.draw(picture.weights, means, shapes)
        self.draw_pulls(picture.means)
        self.scatter.place_locks(*map(self.held, ("weights", "means", "covariances")))

    def draw_pulls(self, means: Floats) -> None:
        """Draw lines from the points that move a mean most, where somebody wants to see them."""
        ends = self.looks.lines(means, self.shown_columns)
        if self.one_column:
            self.histogram.draw_pulls(ends)
        else:
            self.scatter.pulls.draw(ends)

    def _truth(self) -> GaussianMixtureParams | None:
        """Return the true components, or those that the true labels make; None if unknown."""
        assert self.dataset is not None
        truth = self.dataset.truth
        if truth is None:
            return None
        if truth.params is not None:
            found: GaussianMixtureParams = truth.params
            return found
        if truth.labels is None:
            return None
        _, own = np.unique(truth.labels, return_inverse=True)
        groups = weighted_statistics(self.data.points, np.eye(int(own.max()) + 1)[own])
        counts = groups.counts
        covariances = groups.scatter / counts[:, None, None]
        return GaussianMixtureParams(
            counts / counts.sum(), groups.means + self.data.center, covariances
        )

    def true_params(self) -> GaussianMixtureParams | None:
        """Return the true components, or those that the true labels make."""
        return self._truth()

    def _show_truth(self) -> None:
        wanted = self.dataset is not None and self.truth_button.isChecked()
        truth = self._truth() if wanted else None
        none = np.empty(0)
        if truth is None:
            self.scatter.place_truth(None, None)
            if self._histogram is not None:
                self._histogram.place_truth(None, none, none)
        elif self.one_column:
            variances = truth.covariances[:, 0, 0]
            self.histogram.place_truth(truth.weights, truth.means[:, 0], variances)
        else:
            pair = np.array(self.pair)
            shapes = truth.covariances[:, pair[:, None], pair]
            self.scatter.place_truth(truth.means[:, pair], shapes)

    def _on_toggled(self, _: bool) -> None:
        self.scatter.density.setVisible(self.density_button.isChecked())
        self.margins.show_margins(self.margins_button.isChecked())
        self.scatter.show_symbols(self.symbols_button.isChecked())
        if self.dataset is not None:
            self._show_truth()
        self.stage.redraw()

    def _on_fit(self) -> None:
        self.shown_view.fit()
        self.fit_button.hide()
        self.stage.redraw()

    def _on_zoomed(self, *_: object) -> None:
        self.fit_button.show()
        self.stage.redraw()

    # -- words -------------------------------------------------------------------------------

    def caption(self, index: int) -> str:
        """Say how many points changed sides, or which component moved furthest."""
        if self.snapshot(index).phase is Phase.M:
            return self.words.m(self.shown_params(index - 1), self.shown_params(index))
        now, total = self.shares(index), self.witnesses.total
        assert now is not None
        before = self.shares(index - 2) if index > 2 else None
        if before is None:
            return self.words.first_e(now, total)
        return self.words.next_e(before, now, total)

    def explain(self, index: int) -> Explanation:
        """Explain the half-step with today's numbers."""
        phase = self.snapshot(index).phase
        if phase is Phase.START:
            return self.words.explain_start()
        params = self.shown_params(index)
        if phase is Phase.E:
            shares, rows = self.shares(index), self.witnesses.rows
            assert shares is not None
            return self.words.explain_e(rows, self.values[rows], params, shares)
        kind = self.options.covariance_type.value
        before, expectation = self.shown_params(index - 1), self.snapshot(index).expectation
        assert expectation is not None
        return self.words.explain_m(before, params, expectation.statistics.counts, kind)

    def numbers(self, index: int) -> tuple[NumberGroup, ...]:
        """Return weights, means, spreads, and how well the groups agree with the truth."""
        return (*self._scores(index), *self.words.components(self.shown_params(index)))

    def _scores(self, index: int) -> tuple[NumberGroup, ...]:
        shares = self.shares(index)
        if shares is None or self.dataset is None:
            return ()
        labels = shares.argmax(axis=1)
        rows = []
        truth = self.dataset.truth
        if truth is not None and truth.labels is not None:
            from em_explorer.models.clustering_scores import adjusted_rand_index

            agreement = adjusted_rand_index(labels, truth.labels[self.witnesses.rows])
            tip = "Adjusted Rand index: 1 is the true grouping, 0 is chance"
            if not self.witnesses.are_all:
                tip += f". From {len(labels):,} {self.words.nouns} chosen at random"
            rows.append(NumberRow("agrees with truth (ARI)", f"{agreement:.3f}", tip=tip))
        if len(labels) <= SILHOUETTE_UP_TO:
            if index not in self._silhouettes:
                from em_explorer.models.clustering_scores import silhouette

                self._silhouettes[index] = silhouette(self.data.points, labels)
            score = self._silhouettes[index]
            tip = "How much nearer points are to their own group than to the next: 1 is best"
            rows.append(NumberRow("silhouette", "–" if score is None else plain(score, 3), tip=tip))
        return (NumberGroup("Groups", tuple(rows)),) if rows else ()
