"""The Gaussian mixture's tab: points recolor in E, ellipses travel in M."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from PySide6.QtWidgets import QWidget

from em_explorer.em.arrays import Floats
from em_explorer.em.steps import Phase
from em_explorer.models.gaussian import weighted_statistics
from em_explorer.models.gaussian_mixture import GaussianMixtureParams
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup
from em_explorer.ui.tabs.mixture_crowd import MixtureCrowd
from em_explorer.ui.tabs.mixture_looks import MixtureLooks
from em_explorer.ui.tabs.mixture_picture import MixturePicture, Trail, bin_histogram
from em_explorer.ui.tabs.mixture_scores import GroupScores
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.histogram import MixtureHistogram
from em_explorer.ui.views.mixture_area import MixtureArea
from em_explorer.ui.views.raster import bin_edges
from em_explorer.ui.views.scatter import MixtureScatter
from em_explorer.ui.wording import count

LONGEST_TRAIL = 400
"""A longer way of the means is thinned out evenly."""

MEAN_RADIUS = 9.0
"""Arrows end before the mark of a mean, px."""


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
        self._scores = GroupScores()
        self._way: tuple[tuple[int, int], list[Floats]] = ((-1, 0), [])
        self.area = area = MixtureArea()
        self.scatter, self.margins = area.scatter, area.margins
        area.add_parts(self.looks.button, self.undo_button, self.readout)
        area.columns_chosen.connect(self._on_columns)
        area.toggled.connect(self._on_toggled)
        area.fit_wanted.connect(self._on_fit)
        area.histogram_made.connect(self._on_histogram)
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
        """The view of one column."""
        return self.area.histogram

    def _on_histogram(self, made: MixtureHistogram) -> None:
        made.mean_dragged.connect(self._on_line_dragged)
        made.spread_dragged.connect(self._on_spread_dragged)
        self.connect_hand(made)
        made.box.sigRangeChangedManually.connect(self._on_zoomed)

    # -- data --------------------------------------------------------------------------------

    def dataset_changed(self) -> None:
        """Set the axes for other data."""
        names = [name for name, _ in self.words.columns]
        if not self._editing:
            self.area.choose_pair(names, (0, min(1, len(names) - 1)))
        self.area.show_columns(len(names))
        self.area.symbols_button.setEnabled(not self.crowded)
        self.looks.say_size(possible=not (self.crowded and self.one_column))
        truth = self.dataset.truth if self.dataset is not None else None
        known = truth is not None and (truth.params is not None or truth.labels is not None)
        self.area.truth_button.setVisible(known)
        outline = "curves" if self.one_column else "ellipses"
        self.bottom.transport.set_labels(self.e_label, f"M-step: move the {outline}")
        self._show_axes(fit=not self._editing)

    def _show_axes(self, *, fit: bool = True) -> None:
        names = self.words.columns
        self.forget_pointer()
        self.forget_cells()
        if fit:
            self.area.fit_button.hide()
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
        self._show_axes()
        self.stage.redraw()

    def apply_view(self, view: dict[str, Any]) -> None:
        """Take over the columns and toggles that a story asks for."""
        names = [name for name, _ in self.words.columns]
        wanted = [str(view.get(axis, names[i])) for axis, i in zip("xy", self.pair, strict=True)]
        if set(wanted) <= set(names) and len(set(wanted)) == 2:
            self.area.choose_pair(names, (names.index(wanted[0]), names.index(wanted[1])))
            self._show_axes()
        self.area.apply_view(view)
        self.looks.apply_view(view)
        if not self.one_column:
            self._make_room()
        self.stage.redraw()

    def shared_views(self) -> list[Any]:
        """Return what is zoomed: the scatter, or the histogram of one column."""
        return [self.shown_view.box]

    def show_compact(self, on: bool) -> None:
        """Leave less room to the choice of columns."""
        self.area.show_compact(on)

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
        self._scores.forget()
        self.forget_answers()
        self.looks.forget()
        n = len(self.shown_params(0).weights)
        self.scatter.set_components(n)
        if self.one_column:
            self.histogram.set_components(n)

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.area.retheme()
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
        before = self.params_before(index)
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
            self.left_out = self.controller.rushing
            self.histogram.draw(picture, hurried=self.left_out)
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
        # Frames go by too fast for ghosts and marks; they are drawn afterwards.
        self.left_out = hurried = self.controller.rushing
        ghosts, left = picture.ghost_covariances, picture.ghost_means
        if hurried or left is None or ghosts is None:
            self.scatter.place_ghosts(None, None)
            self.scatter.arrows.clear()
        else:
            self.scatter.place_ghosts(left[:, pair], ghosts[square])
            theme = theme_manager().current
            colors = [theme.component(k) for k in range(len(means))]
            self.scatter.arrows.draw(left[:, pair], means, colors, stop_short=MEAN_RADIUS)
        self.scatter.place_trails(picture.trail.past[:, :, pair], marked=not hurried)
        if self.area.density_button.isChecked():
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
        wanted = self.dataset is not None and self.area.truth_button.isChecked()
        truth = self._truth() if wanted else None
        none = np.empty(0)
        if truth is None:
            self.scatter.place_truth(None, None)
            if self.area.made_histogram is not None:
                self.area.made_histogram.place_truth(None, none, none)
        elif self.one_column:
            variances = truth.covariances[:, 0, 0]
            self.histogram.place_truth(truth.weights, truth.means[:, 0], variances)
        else:
            pair = np.array(self.pair)
            shapes = truth.covariances[:, pair[:, None], pair]
            self.scatter.place_truth(truth.means[:, pair], shapes)

    def _on_toggled(self) -> None:
        if self.dataset is not None:
            self._show_truth()
        self.stage.redraw()

    def _on_fit(self) -> None:
        self.shown_view.fit()
        self.area.fit_button.hide()
        self.stage.redraw()

    def _on_zoomed(self, *_: object) -> None:
        self.area.fit_button.show()
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
        components = self.words.components(self.shown_params(index))
        shares = self.shares(index)
        if shares is None or self.dataset is None:
            return components
        known = self.dataset.truth
        truth = None if known is None else known.labels
        nouns = self.words.nouns
        scores = self._scores.groups(index, shares, self.data, self.witnesses, nouns, truth)
        return (*scores, *components)
