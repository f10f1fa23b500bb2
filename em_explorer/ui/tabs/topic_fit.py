"""What a topics' run is fitted to, and what its topics are called: both belong to the fit."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from em_explorer.data.dataset import Dataset
from em_explorer.data.hold_out import hold_out
from em_explorer.em.errors import DataError
from em_explorer.models.corpus import Corpus
from em_explorer.session.controller import RunState
from em_explorer.session.document import Story
from em_explorer.session.runs import RunRecord
from em_explorer.session.topic_names import load_names, save_names
from em_explorer.ui.model_tab import ModelTab
from em_explorer.ui.views.topic_area import TopicArea


class TopicFit(ModelTab):
    """Hold documents out from a run where somebody wants that, and keep the topics' names.

    Attributes
    ----------
    whole : Dataset or None
        With all documents; ``dataset`` has only those that are fitted.
    held : Corpus or None
        The others.
    """

    KEPT: ClassVar[tuple[str, ...]] = (
        *ModelTab.KEPT, "whole", "held", "_fit", "_n_named",
    )  # fmt: skip

    area: TopicArea

    def __init__(self, parent: QWidget | None = None) -> None:
        self.whole: Dataset | None = None
        self.held: Corpus | None = None
        self._parts: tuple[Dataset, Dataset, Corpus] | None = None
        self._given_names: dict[str, dict[int, str]] = {}
        self._fit, self._n_named = "", 0
        self._perplexities: dict[int, float] = {}
        super().__init__(parent)

    # -- a run begins ------------------------------------------------------------------------

    def _start(self, dataset: Dataset, given: Any) -> bool:
        whole = self.whole if dataset is self.dataset and self.whole is not None else dataset
        fitted, held, refusal = whole, None, ""
        if self.area.hold_out_box.isChecked():
            try:
                fitted, held = self._part(whole)
            except DataError as error:
                self._set_hold_out(False)
                refusal = str(error)
        self.controller.pause()  # now: the old run knows nothing of the new documents
        before = self.whole, self.held, self._fit
        as_many = self.model is not None and self._n_named == self.options.n_topics
        goes_on = given is not None and whole is self.whole and as_many
        self.whole, self.held = whole, held
        self._fit = self._name_fit(given, goes_on=goes_on)
        if not super()._start(fitted, given):
            self.whole, self.held, self._fit = before
            self._set_hold_out(self.held is not None)
            return False
        self._n_named = self.options.n_topics
        if refusal:  # said last: a run that begins puts older notices away
            self.notify(refusal)
        return True

    def _part(self, whole: Dataset) -> tuple[Dataset, Corpus]:
        """Split a data set into what is fitted and what is held out, the same way each time."""
        if self._parts is None or self._parts[0] is not whole:
            self._parts = whole, *hold_out(whole)
        return self._parts[1], self._parts[2]

    def _set_hold_out(self, on: bool) -> None:
        self.area.hold_out_box.blockSignals(True)
        self.area.hold_out_box.setChecked(on)
        self.area.hold_out_box.blockSignals(False)

    def show_run(self, record: RunRecord, cursor: int | None = None) -> None:
        """Bring a run back, with the documents that were held out from it."""
        super().show_run(record, cursor)
        self._set_hold_out(self.held is not None)

    def load_story(self, story: Story | str) -> bool:
        """Show a demo from its beginning, with all its documents."""
        held = self.area.hold_out_box.isChecked()
        self._set_hold_out(False)
        if super().load_story(story):
            return True
        self._set_hold_out(held)
        return False

    # -- held-out documents ------------------------------------------------------------------

    def _on_hold_out(self, _: bool) -> None:
        if self.dataset is not None:
            self._start(self.dataset, self.given)

    def forget_perplexities(self) -> None:
        """Drop what belonged to the run before."""
        self._perplexities = {}

    def held_out_perplexity(self, index: int) -> float:
        """Return the perplexity of the held-out documents at a snapshot's topics."""
        assert self.held is not None
        snapshot = self.snapshot(index)
        key = snapshot.iteration  # its M-step and its E-step have the same topics
        if key not in self._perplexities:
            model: Any = self.model
            self._perplexities[key] = model.perplexity(snapshot.params, self.held)
        return self._perplexities[key]

    def _on_state(self, state: RunState) -> None:
        super()._on_state(state)
        if state is RunState.READY and self.held is not None:
            self._show_words(self.controller.cursor)

    # -- the topics' names -------------------------------------------------------------------

    @property
    def names(self) -> dict[int, str]:
        """Names given to the topics, kept with the data set and the start they were given for."""
        if self._fit not in self._given_names:
            self._given_names[self._fit] = load_names(self._fit)
        return self._given_names[self._fit]

    def _name_fit(self, given: Any, *, goes_on: bool) -> str:
        """Return what the topics' names belong to; a run that goes on has the topics it had."""
        assert self.whole is not None
        if goes_on and self._fit:
            return self._fit
        start = "given" if given is not None else self.options.start.value
        return f"{self.whole.name}, {self.options.n_topics} topics, {start}, seed {self.seed}"

    @Slot(int, str)
    def rename_topic(self, topic: int, name: str) -> None:
        """Call a topic something; an empty name brings its number back."""
        if name and name != f"Topic {topic + 1}":
            self.names[topic] = name
        else:
            self.names.pop(topic, None)
        save_names(self._fit, self.names)
        self.show_choice()
