"""The hidden Markov tab: bands fade in E, the transition matrix and emissions move in M."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from em_explorer.data.dataset import Dataset
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.steps import Phase
from em_explorer.models.alignment import align_labels, relabel
from em_explorer.models.emissions import EmissionType, GaussianEmission, PoissonEmission
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup
from em_explorer.ui.tabs.hidden_markov_locks import ChainLocks
from em_explorer.ui.tabs.hidden_markov_looks import ChainLooks
from em_explorer.ui.tabs.hidden_markov_picture import (
    ChainPicture,
    true_params,
    truth_figures,
)
from em_explorer.ui.tabs.hidden_markov_words import (
    e_caption,
    explanation,
    m_caption,
    reading,
    right_states,
    state_groups,
    truth_group,
)
from em_explorer.ui.views.chain_area import ChainArea
from em_explorer.ui.views.observations import Observed
from em_explorer.ui.wording import count, plain, probability

MODEL_SECONDS = 0.05
"""As fast as it goes, the matrix, the diagram and the emissions follow so often."""


class HiddenMarkovTab(ChainLocks):
    """A time axis with what was seen and what is believed, over the chain that explains it."""

    key: ClassVar[str] = "hidden_markov"
    e_label: ClassVar[str] = "E-step: find the states"
    m_label: ClassVar[str] = "M-step: learn the chain"
    observation_name: ClassVar[str] = "time step"

    def build_play_area(self) -> QWidget:
        """Make the time axis, the matrix, the diagram and the emissions."""
        self.prepare_long()
        self.prepare_states()
        self.area = ChainArea()
        self._model_due = 0.0
        self._shown_data: Dataset | None = None
        self._shown_kind: tuple[EmissionType, int] | None = None
        self._truth_figures: tuple[float, float] | None = None
        area = self.area
        area.align_wanted.connect(self.align)
        area.sequence_chosen.connect(self._on_sequence)
        area.column_chosen.connect(self._on_column)
        area.time.hovered.connect(self._on_hovered)
        area.time.images_wanted.connect(self._on_images_wanted)
        area.matrix.row_changed.connect(self._on_row_changed)
        area.matrix.refused.connect(self._on_refused)
        area.matrix.renamed.connect(self.rename_state)
        area.diagram.renamed.connect(self.rename_state)
        self.looks = ChainLooks(self)
        self.connect_locks()
        area.add_sweep(self.looks.button, self.looks.row)
        self.controller.state_changed.connect(self._on_played)
        return area

    def _connect(self) -> None:
        super()._connect()
        self.looks.connect_tab()

    # -- data --------------------------------------------------------------------------------

    @property
    def column(self) -> int:
        """The column of the observations that is drawn."""
        return max(self.area.column_box.currentIndex(), 0)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the observations' columns."""
        assert self.dataset is not None
        n = self.data.observations.shape[1] if self.data.observations.ndim == 2 else 1
        given = self.dataset.columns
        return given if len(given) == n else tuple(f"column {d + 1}" for d in range(n))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the symbols; empty unless the emission is categorical."""
        assert self.dataset is not None
        if self.options.emission is not EmissionType.CATEGORICAL:
            return ()
        given = self.dataset.symbols[: self.data.n_symbols]
        return given + tuple(str(m) for m in range(len(given), self.data.n_symbols))

    @property
    def observed(self) -> Observed:
        """The column drawn, in the data's units."""
        values = self.data.observations
        if values.ndim == 2:
            values = (values + self.data.center)[:, self.column]
        return Observed(np.asarray(values, dtype=float), self.symbols, self.columns[self.column])

    @property
    def truth(self) -> Ints | None:
        """The true states, or None."""
        assert self.dataset is not None
        known = self.dataset.truth
        return None if known is None else known.labels

    @property
    def noun(self) -> str:
        """What one time step is called."""
        own = "" if self.dataset is None else self.dataset.noun or self.dataset.index_label
        return own or self.observation_name

    def dataset_changed(self) -> None:
        """Forget names: they belonged to other states."""
        self._names = {}

    def size_text(self) -> str:
        """Say how long the data are."""
        lengths = self.data.lengths
        text = count(len(self.data), self.noun)
        return text if len(lengths) == 1 else f"{text} in {len(lengths)} sequences"

    def run_loaded(self) -> None:
        """Set the axes where data or emission are others, and number the states as they come."""
        assert self.dataset is not None
        n_states = self.options.n_states
        self.number_states(n_states)
        self.forget_readings()
        self.looks.rest()
        self.looks.say_length(long=self.long)
        assert self.model is not None
        self.area.time.patient, self.area.time.n_states = self.long, n_states
        self._truth_figures = None  # of a long sequence they are found once it rests
        if not self.long:
            self._truth_figures = truth_figures(self.model, self.dataset, self.data)
        kind = (self.options.emission, len(self.symbols))
        if self.dataset is not self._shown_data or kind != self._shown_kind:
            self._shown_data, self._shown_kind = self.dataset, kind
            wide = self.data.observations.ndim == 2
            self.area.set_choices(len(self.data.lengths), self.columns if wide else ())
            self._show_column()
        else:
            self.area.emissions.show_data(self.observed, n_states, self.column)
        by_truth = "true states" if self.truth is not None else "descending mean"
        self.area.align.setToolTip(
            f"Renumber the states by {by_truth}: which state is called 1 is chance"
        )

    def _show_column(self) -> None:
        assert self.dataset is not None
        self.area.time.show_sequences(
            self.observed,
            self.data.lengths,
            self.dataset.index,
            self.dataset.index_label,
            self.truth,
        )
        self.area.emissions.show_data(self.observed, self.options.n_states, self.column)
        self.area.readout.setText(self._hint())

    @Slot(int)
    def _on_column(self, _column: int) -> None:
        self._show_column()
        self.stage.redraw()

    @Slot(int)
    def _on_sequence(self, number: int) -> None:
        self.area.time.show_sequence(number if number >= 0 else None)

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.area.retheme()

    def apply_view(self, view: dict[str, Any]) -> None:
        """Zoom to ``steps = [first, last]``; name states by ``names``."""
        if "steps" in view:
            self.area.time.show_steps(int(view["steps"][0]), int(view["steps"][1]))
        for k, name in enumerate(view.get("names", ())):
            self.rename_state(k, str(name))

    def shared_views(self) -> list[Any]:
        """Return the time axis; the rest of it follows."""
        return [self.area.time.observations.getViewBox()]

    def share_scale(self, other: Any) -> None:
        """Draw both halves' probabilities at one scale."""
        views = self.area.emissions, other.area.emissions
        top = max(view.top for view in views)
        for view in views:
            view.raise_top(top)

    # -- pictures ----------------------------------------------------------------------------

    def picture(self, index: int) -> ChainPicture:
        """Return a snapshot's posterior, path and parameters."""
        latent = self.latent(index)
        counts = None if latent is None else latent.xi[np.ix_(self.order, self.order)]
        return replace(
            self.parameters_picture(index),
            gamma=self.gamma(index),
            path=self.path(index),
            transitions=counts,
        )

    def parameters_picture(self, index: int) -> ChainPicture:
        """Return a picture without the posterior."""
        params = self.shown_params(index)
        before = self.params_before(index)
        if before is None:
            return ChainPicture(params, None, None, None, None)
        left = before.transition_matrix
        return ChainPicture(params, None, None, None, before.emission, left=left)

    def paint(self, picture: ChainPicture) -> None:
        """Draw time axis, matrix, diagram and emissions."""
        if picture.long is not None and not self.take_reading(picture):
            return
        params, (gamma, path) = picture.params, picture.posterior
        names = self.names()
        emission = params.emission
        means = None
        if isinstance(emission, PoissonEmission):
            means = emission.rates
        elif isinstance(emission, GaussianEmission):
            means = emission.means[:, self.column]
        images = None if picture.long is None else picture.long.images
        self.area.time.draw(gamma, path, means, images)
        now = time.perf_counter()
        self.left_out = self.controller.rushing and now < self._model_due
        if self.left_out:
            return
        self._model_due = now + MODEL_SECONDS
        self.area.matrix.draw(params.transition_matrix, picture.transitions, names)
        self.area.matrix.show_before(picture.left)
        self.area.diagram.draw(params.transition_matrix, names)
        k = params.n_states
        shares = np.full(k, 1.0 / k)
        if gamma is not None:
            shares = gamma.mean(axis=0) if picture.long is None else picture.long.shares
        self.area.emissions.draw(emission, shares, picture.ghost, self._true_emission(picture))
        self.draw_locks()

    @Slot(object)
    def _on_played(self, _state: object) -> None:
        """Find a long path once the run rests."""
        shown = self.stage.shown
        lacks_path = shown is not None and shown.gamma is not None and shown.path is None
        if self.dataset is not None and self.long and not self.controller.playing:
            self._rest.start()
        if lacks_path and not self.controller.playing:
            self.stage.redraw()

    def anatomy_names(self) -> tuple[str, ...]:
        """Return the symbols, or the columns where there are none."""
        return self.symbols or super().anatomy_names()

    def true_params(self) -> Any:
        """Return the true chain, if it is of the kind that is fitted."""
        assert self.dataset is not None
        return true_params(self.dataset, self.options)

    def _true_emission(self, picture: ChainPicture) -> Any:
        """Return the true emission, each true state in the place of the shown one it matches."""
        assert self.dataset is not None
        known = true_params(self.dataset, self.options)
        if known is None or self.truth is None:
            return None
        if picture.long is not None:
            reading = picture.long.reading
            if reading is None or reading.truth_order is None:
                return None  # it is found once everything rests
            return known.emission.permuted(np.argsort(reading.truth_order)[self.order])
        if picture.gamma is None:
            return None
        order = align_labels(picture.gamma.argmax(1), self.truth, picture.gamma.shape[1])
        return known.emission.permuted(np.argsort(order))

    # -- words -------------------------------------------------------------------------------

    def caption(self, index: int) -> str:
        """Say how many steps changed their state, or which probability moved most."""
        names = self.names()
        if self.snapshot(index).phase is Phase.E:
            now = self._labels(index)
            if now is None:
                return f"All {len(self.data):,} steps are being read."
            before = self._labels(index - 2) if index > 2 else None
            return e_caption(now, before, names, self.noun)
        old, new = self.shown_params(index - 1), self.shown_params(index)
        return m_caption(old, new, names, self.symbols, self.columns[0])

    def _labels(self, index: int) -> Ints | None:
        """Return each step's most probable state, as shown; None where it is not known (yet)."""
        if self.long:
            found = self.reading_at(index)
            return None if found is None else relabel(found.labels, self.order)
        gamma = self.gamma(index)
        return None if gamma is None else np.asarray(gamma.argmax(1))

    def explain(self, index: int) -> Explanation:
        """Explain the half-step."""
        emission = self.snapshot(index).params.emission
        phase = self.snapshot(index).phase
        return explanation(phase, emission, self.noun, truth=self.truth is not None)

    def numbers(self, index: int) -> tuple[NumberGroup, ...]:
        """Return the chain, its emissions, and how near they are to the truth."""
        groups = state_groups(self.shown_params(index), self.names(), self.symbols, self.columns)
        if self.truth is None:
            return tuple(groups)
        found = self.snapshot(index).log_likelihood
        if self.long:
            reading = self.reading_at(index)
            right = () if reading is None else reading.right
        else:
            right = right_states(self.truth, self.gamma(index), self.path(index))
        truth = truth_group(right, self._truth_figures, found)
        return (truth, *groups) if truth.rows else tuple(groups)

    @Slot(int)
    def _on_hovered(self, step: int) -> None:
        self.area.readout.setText(self.reading(step) if step >= 0 else self._hint())

    @Slot(str)
    def _on_refused(self, sentence: str) -> None:
        self.notify(sentence, "warning")

    def _hint(self) -> str:
        label = self.columns[self.column]
        return f"{label} · wheel to zoom, drag to move, point to read"

    def reading(self, step: int) -> str:
        """Say what was seen at a step and what is believed about it."""
        assert self.dataset is not None
        index = self.dataset.index
        where = f"{step + 1:,}" if index is None else f"{index[step]:.9g}"
        value = self.observed.values[step]
        seen = self.symbols[int(value)] if self.symbols else plain(float(value), 5)
        shown = self.stage.shown
        gammas, paths = (None, None) if shown is None else shown.posterior
        gamma = None if gammas is None else gammas[step]
        path = None if paths is None else int(paths[step])
        truth = None if self.truth is None else int(self.truth[step])
        return reading(f"{self.noun} {where}", seen, gamma, path, truth, self.names())

    # -- the hand ----------------------------------------------------------------------------

    @Slot(int, object)
    def _on_row_changed(self, state: int, row: Floats) -> None:
        """Start anew with one row of the transition matrix set by hand."""
        params = self.shown_params(self.controller.cursor)
        matrix = np.array(params.transition_matrix)
        matrix[state] = row
        assert isinstance(self.dataset, Dataset)
        if self._start(self.dataset, replace(params, transition_matrix=matrix)):
            name = self.names()[state]
            self.open_with(
                f"A new start: {name} stays with probability {probability(float(row[state]))}. "
                "Press the blue button and see whether EM agrees."
            )
