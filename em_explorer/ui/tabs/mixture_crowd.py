"""Many points in the mixture's tab: drawn as an image, spoken of by those that were looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer, Slot

from em_explorer.em.arrays import Floats, Ints
from em_explorer.session.making import Maker
from em_explorer.ui.tabs.mixture_hand import MixtureHand
from em_explorer.ui.tabs.mixture_picture import (
    FINISH,
    MARKS_UP_TO,
    SKETCH,
    Binned,
    MixturePicture,
    Witnesses,
    bin_histogram,
    bin_scatter,
    choose_witnesses,
    some_points,
)
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.raster import bin_edges
from em_explorer.ui.views.shapes import component_colors, rgb

REST_MS = 150
"""After so long without another picture the one on the screen is finished with more points."""

ANSWERS_KEPT = 16


class MixtureCrowd(MixtureHand):
    """What changes when there are too many points for marks and for looking at each."""

    def prepare_crowd(self) -> None:
        """Make what sorts points into cells; called before anything else is made."""
        self._binned: tuple[Binned, ...] = ()
        self._witnesses: Witnesses | None = None
        self._answers: OrderedDict[int, Floats] = OrderedDict()
        self._finishing = False
        self._binning = Maker("bins", self)
        self._binning.made.connect(self._on_binned)
        self._binning.failed.connect(self._on_picture_failed)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._finish)

    def connect_crowd(self) -> None:
        """Sort the points anew when another part of them comes into view."""
        self.scatter.box.sigRangeChanged.connect(self._on_view)
        self.scatter.box.sigResized.connect(self._on_view)

    @property
    def crowded(self) -> bool:
        """Whether there are too many points for marks."""
        return len(self.data.points) > MARKS_UP_TO

    @property
    def heavy(self) -> bool:
        """Whether pictures of these data are made in another thread."""
        return self.crowded

    def close_run(self) -> None:
        """End the threads; called before the window goes."""
        self._rest.stop()
        self._binning.shutdown()
        super().close_run()

    # -- pictures ----------------------------------------------------------------------------

    def outlines(self, index: int) -> MixturePicture:
        """Return a picture of the components alone."""
        raise NotImplementedError

    def plan(self, index: int, final: bool) -> Callable[[], MixturePicture] | None:
        """Return what makes the picture of many points behind the window's back."""
        if not self.crowded:
            return None
        outlines = self.outlines(index)
        model, data, params = self.model, self.data, self.snapshot(index).posterior_params
        colors = component_colors(len(outlines.weights))
        neutral = rgb(theme_manager().current.color("secondary"))
        most = FINISH if final or self._finishing else SKETCH
        self._finishing = False
        self._rest.stop()
        binned, sort = self._binned, self._sorting()
        if not self._fits(binned, exactly=final):
            binned = ()

        def make() -> MixturePicture:
            found = binned or sort()
            clouds = tuple(b.color(model, params, colors, neutral, most) for b in found)
            return replace(outlines, clouds=clouds)

        assert data is not None
        return make

    def _sorting(self) -> Callable[[], tuple[Binned, ...]]:
        """Return what sorts the points into the cells of the present view."""
        points = self.data
        if self.one_column:
            x = self.values[:, 0]
            return lambda: bin_histogram(x, points, bin_edges(x))
        xy, frame = self.scatter.places, self.scatter.frame()
        return lambda: (bin_scatter(xy, points, frame),)

    def _fits(self, binned: tuple[Binned, ...], *, exactly: bool) -> bool:
        """Whether cells belong to the data and axes shown, and perhaps to the very view."""
        if self.one_column:
            return len(binned) == 2 and binned[0].points is self.data
        if len(binned) != 1 or binned[0].source is not self.scatter.places:
            return False
        return not exactly or binned[0].frame == self.scatter.frame()

    def forget_cells(self) -> None:
        """Drop cells and answers: the data are others."""
        self._binning.cancel()
        self._binned = ()
        self._witnesses = None
        self._answers.clear()

    def forget_answers(self) -> None:
        """Drop what belonged to the run before."""
        self._answers.clear()

    def take_cells(self, picture: MixturePicture) -> bool:
        """Keep the cells that a picture was made with; False if they are of the past."""
        binned = tuple(cloud.binned for cloud in picture.clouds)
        if not self._fits(binned, exactly=False):
            return False
        if not self._fits(self._binned, exactly=False):
            self._binned = binned
        if not all(cloud.finished for cloud in picture.clouds):
            self._rest.start()
        return True

    @Slot()
    def _on_view(self, *_: object) -> None:
        """Sort the points into the cells of another view; the old image is stretched meanwhile."""
        if self.dataset is None or self.data is None or not self.crowded or self.one_column:
            return
        if self._binned and not self._fits(self._binned, exactly=True):
            self._binning.start(self._sorting())

    @Slot(object)
    def _on_binned(self, binned: tuple[Binned, ...]) -> None:
        if self._fits(binned, exactly=False):
            self._binned = binned
            self.stage.redraw()

    @Slot()
    def _finish(self) -> None:
        if not self.controller.playing:
            self._finishing = True
            self.stage.redraw()

    # -- answers for the words ---------------------------------------------------------------

    @property
    def witnesses(self) -> Witnesses:
        """The points that are looked at to say something about all."""
        if self._witnesses is None:
            self._witnesses = choose_witnesses(self.data)
        return self._witnesses

    def shares(self, index: int) -> Floats | None:
        """Return the witnesses' responsibilities in force at a snapshot; None at the start."""
        if not self.crowded:
            latent = self.latent(index)
            return None if latent is None else latent.responsibilities
        params = self.snapshot(index).posterior_params
        if params is None:
            return None
        iteration = (index - 1) // 2
        if iteration not in self._answers:
            self._answers[iteration] = self._shares_of(self.witnesses.points, params)
            if len(self._answers) > ANSWERS_KEPT:
                self._answers.popitem(last=False)
        return self._answers[iteration]

    def shares_at(self, index: int, point: int) -> Floats | None:
        """Return one point's responsibilities; None at the start."""
        params = self.snapshot(index).posterior_params
        if not self.crowded or params is None:
            return super().shares_at(index, point)
        return self._shares_of(some_points(self.data, np.array([point])), params)[0]

    def _shares_of(self, points: Any, params: Any) -> Floats:
        assert self.model is not None
        found: Floats = self.model.e_step(points, params, latent=True).latent.responsibilities
        return found

    def typical_rows(self) -> Ints:
        """Return the points among which the most typical are sought."""
        return self.witnesses.rows
