"""Long sequences in the hidden Markov tab: read and drawn behind the window's back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer, Slot

from em_explorer.em.arrays import Floats, Ints
from em_explorer.models.alignment import align_labels, relabel
from em_explorer.models.hidden_markov import viterbi
from em_explorer.session.making import Maker
from em_explorer.session.watching import Look
from em_explorer.ui.model_tab import ModelTab
from em_explorer.ui.tabs.hidden_markov_picture import ChainPicture, truth_figures
from em_explorer.ui.views.time_images import TimeImages

LONG_FROM = 20_000
"""Time steps; longer sequences are read in another thread."""

REST_MS = 200
"""After so long without another picture the Viterbi path of the one on the screen is found."""

LEAST_READINGS = 3
READING_BYTES = 128 * 1024**2
"""Readings that are kept, so that going back and forth costs no E-step again."""


class Reading:
    """What an E-step found about a long sequence, states numbered as the model has them.

    Parameters
    ----------
    params : HiddenMarkovParams
        Those of the E-step; the very object tells readings apart.
    gamma : (T, K) float
    transitions : (K, K) float
    """

    def __init__(self, params: Any, gamma: Floats, transitions: Floats) -> None:
        self.params = params
        self.gamma = gamma
        self.transitions = transitions
        self.shares: Floats = np.full(len(gamma), 1.0 / len(gamma)) @ gamma
        self.path: Ints | None = None
        self.right: tuple[tuple[str, float], ...] = ()
        self.truth_order: Ints | None = None

    @cached_property
    def labels(self) -> Ints:
        """The most probable state of each step; most pictures pass before anybody asks."""
        return np.asarray(self.gamma.argmax(axis=1))

    def compare(self, truth: Ints, n_states: int) -> None:
        """Find which state goes with which true one, and how many steps are right."""
        known = truth >= 0
        order = align_labels(self.labels, truth, n_states)
        self.truth_order = order
        self.right = (("posterior", _right(self.labels, truth, order, known)),)
        if self.path is not None:
            by_path = align_labels(self.path, truth, n_states)
            self.right += (("Viterbi", _right(self.path, truth, by_path, known)),)


def _right(found: Ints, truth: Ints, order: Ints, known: Any) -> float:
    return float((relabel(found, order)[known] == truth[known]).mean())


def finished(reading: Reading, model: Any, data: Any, truth: Ints | None) -> Reading:
    """Return a reading with its Viterbi path, compared with the truth where that is known."""
    found = Reading(reading.params, reading.gamma, reading.transitions)
    found.path = viterbi(model, data, reading.params)[0]
    if truth is not None:
        found.compare(truth, reading.gamma.shape[1])
    return found


class LongPosterior:
    """A reading as it is drawn, states numbered as shown.

    It is no dataclass, so that no glide mixes a million numbers.
    """

    def __init__(self, reading: Reading | None, order: Ints, images: TimeImages) -> None:
        self.reading = reading
        self.images = images
        self.gamma: Floats | None = None
        self.path: Ints | None = None
        self.shares: Floats | None = None
        self.transitions: Floats | None = None
        if reading is not None:
            self.gamma, self.path = shown_as(reading, order)
            self.shares = reading.shares[order]
            self.transitions = reading.transitions[np.ix_(order, order)]


def shown_as(reading: Reading, order: Ints) -> tuple[Floats, Ints | None]:
    """Return gamma and path with the states renumbered: shown state i is the model's order[i]."""
    if (order == np.arange(order.size)).all():
        return reading.gamma, reading.path
    path = None if reading.path is None else relabel(reading.path, order)
    return reading.gamma[:, order], path


class LongChain(ModelTab):
    """What changes when a sequence is too long to be read between two frames."""

    order: Ints
    area: Any

    def prepare_long(self) -> None:
        """Make what reads in the background; called before anything else is made."""
        self._readings: tuple[Reading, ...] = ()
        self._paths_maker = Maker("paths", self)
        self._paths_maker.made.connect(self._on_finished_reading)
        self._paths_maker.failed.connect(self._on_picture_failed)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._finish)

    def _connect(self) -> None:
        super()._connect()
        self.stage.brought.connect(self._on_brought)

    @property
    def long(self) -> bool:
        """Whether there are too many steps to be read between two frames."""
        return len(self.data) > LONG_FROM

    @property
    def heavy(self) -> bool:
        """Whether pictures of these data are made in another thread."""
        return self.long

    @property
    def truth(self) -> Ints | None:
        """The true states, or None."""
        raise NotImplementedError

    def settle(self) -> None:
        """Show now whatever waits, images for another width or stretch of time among it."""
        self.area.time.settle()
        super().settle()

    def close_run(self) -> None:
        """End the threads; called before the window goes."""
        self._rest.stop()
        self._paths_maker.shutdown()
        super().close_run()

    def forget_readings(self) -> None:
        """Drop what belonged to the run before."""
        self._paths_maker.cancel()
        self._readings = ()

    def keep_posterior(self) -> Look | None:
        """Have the worker keep what is drawn of a long sequence."""
        return gamma_and_transitions if self.long else None

    def reading_at(self, index: int) -> Reading | None:
        """Return what is known by now about the posterior in force at a snapshot."""
        params = self.snapshot(index).posterior_params
        return next((r for r in self._readings if r.params is params), None)

    # -- pictures ----------------------------------------------------------------------------

    def parameters_picture(self, index: int) -> ChainPicture:
        """Return a picture without the posterior."""
        raise NotImplementedError

    def plan(self, index: int, final: bool) -> Callable[[], ChainPicture] | None:
        """Return what reads a long sequence behind the window's back."""
        if not self.long:
            return None
        outlines = self.parameters_picture(index)
        model, data = self.model, self.data
        assert model is not None
        params = self.snapshot(index).posterior_params
        known = self.reading_at(index)
        kept = None if params is None else self.controller.found(params)
        order, draw, truth = self.order, self.area.time.image_maker(), self.truth
        self._rest.stop()

        def read() -> Reading:
            return Reading(params, *(kept or gamma_and_transitions(model, data, params)[1]))

        def make() -> ChainPicture:
            reading = None if params is None else known or read()
            if final and reading is not None and reading.path is None:
                reading = finished(reading, model, data, truth)
            gamma = path = None
            if reading is not None:
                gamma, path = shown_as(reading, order)
            return outlines.with_long(LongPosterior(reading, order, draw(gamma, path)))

        return make

    def take_reading(self, picture: ChainPicture) -> bool:
        """Keep what a picture was drawn from; False if it belongs to the past."""
        reading = picture.long.reading
        if reading is None:
            return True
        if len(reading.gamma) != len(self.data):
            return False
        if reading not in self._readings:
            others = tuple(r for r in self._readings if r.params is not reading.params)
            room = max(LEAST_READINGS, READING_BYTES // max(reading.gamma.nbytes, 1))
            self._readings = (*others[-room + 1 :], reading)
        if reading.path is None:
            self._rest.start()
        return True

    @Slot()
    def _finish(self) -> None:
        """Find the path, and compare with the truth, once everything rests."""
        if self.controller.playing or self.controller.trace is None:
            return
        reading = self.reading_at(self.controller.cursor)
        if reading is None or reading.path is not None:
            return
        model, data, truth = self.model, self.data, self.truth
        wants_figures = self._truth_figures is None and truth is not None
        dataset = self.dataset
        assert dataset is not None

        def find() -> Any:
            figures = truth_figures(model, dataset, data) if wants_figures else None
            return finished(reading, model, data, truth), figures

        self._paths_maker.start(find)

    _truth_figures: tuple[float, float] | None

    @Slot(object)
    def _on_finished_reading(self, answer: tuple[Reading, tuple[float, float] | None]) -> None:
        reading, figures = answer
        if figures is not None:
            self._truth_figures = figures
        others = tuple(r for r in self._readings if r.params is not reading.params)
        if len(others) < len(self._readings):
            self._readings = (*others, reading)
            if not self.controller.playing:
                self.stage.redraw()

    @Slot(int)
    def _on_brought(self, _index: int) -> None:
        """Say what has become known with the picture."""
        if self.dataset is not None and self.long and not self.controller.rushing:
            self._show_words(self.controller.cursor)

    @Slot()
    def _on_images_wanted(self) -> None:
        self.stage.redraw()


def gamma_and_transitions(
    model: Any, data: Any, params: Any, _carry: Any = None
) -> tuple[Any, tuple[Floats, Floats]]:
    """Do an E-step; return it, and what is drawn of its posterior."""
    found, gamma = model.e_step_and_gamma(data, params)
    return found, (gamma, found.statistics.transitions)
