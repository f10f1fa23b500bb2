"""How a tab's run begins: from a demo, other data, other options, another start, by hand."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from em_explorer.data.dataset import Dataset
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.steps import RunOptions
from em_explorer.session.document import Story, load_story
from em_explorer.session.kernels import loader
from em_explorer.ui.data_choices import DataChoice, choices_for, load_choice, story_choice
from em_explorer.ui.diagnosing import Diagnosing
from em_explorer.ui.setup_panel import following_seed

ANOTHER_START = "Another start on the same data. Press Space: where does EM go from here?"
"""Caption of a start that is not the one a demo speaks of."""

NUDGE = 0.05
"""How far a nudge moves the parameters, in their natural scale: seen, and soon forgotten."""

SHAPE_OPTIONS = ("n_components", "n_states", "n_topics", "emission", "n_symbols")
"""Options that change the number of parameters: a given start no longer fits."""


class RunLoading(Diagnosing):
    """Load a run; what can't be loaded is refused in a sentence, and the screen stays."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nudges = 0

    def load_story(self, story: Story | str) -> bool:
        """Show a demo from its beginning; False if it could not be loaded."""
        try:
            story = load_story(story) if isinstance(story, str) else story
            dataset = story.dataset()
            model = story.build_model()
            run = story.run_options()
            given = story.initial_params()
        except (DataError, SingularError) as error:
            self.notify(str(error))
            return False
        before = self.options, self.run, self.seed
        self.options, self.run, self.seed = model.options, run, story.seed
        if not self._start(dataset, given):
            self.options, self.run, self.seed = before
            self._show_setup()
            return False
        self.story = story
        self.choice, self.generator_options = story_choice(story)
        self._show_setup()
        self.side.explain.show_story(story.question, story.watch)
        self.apply_view(story.view)
        if "speed" in story.view:
            self.bottom.transport.set_speed(float(story.view["speed"]))
        self._show_words(self.controller.cursor)
        self.story_shown.emit(story)
        return True

    @Slot(object)
    def choose_data(self, choice: DataChoice) -> None:
        """Run on another bundled, generated or opened data set."""
        try:
            dataset, generator_options = load_choice(choice, self.own, None)
        except DataError as error:
            self._refuse(str(error))
            return
        if self._start_fresh(dataset):
            self.choice, self.generator_options = choice, generator_options
        self._show_setup()

    def _on_generator(self, options: Any) -> None:
        if self.choice is None:
            return
        try:
            dataset, _ = load_choice(self.choice, self.own, options)
        except DataError as error:
            self._refuse(str(error))
            return
        if self._start(dataset, None):
            self._leave_story()
            self.generator_options = options
            self._show_words(0)

    @Slot()
    def open_dialog(self) -> None:
        """Ask for a file and run on it."""
        path, _ = QFileDialog.getOpenFileName(
            self, "Open data", "", "Tables and texts (*.csv *.tsv *.txt *.dat);;All files (*)"
        )
        if path:
            self.open_in_background(Path(path))

    def open_in_background(self, path: Path) -> None:
        """Read a file of the user's while the window lives on, then run on it."""
        key = self.key

        def read() -> Dataset:
            from em_explorer.data.loaders import load_file

            return load_file(path, key)

        self.notify(f"Reading {path.name} …", "secondary")
        self.loading.start(read)

    def open_file(self, path: Path) -> bool:
        """Run on a file of the user's; what is on the screen stays if it can't be used."""
        from em_explorer.data.loaders import load_file

        try:
            dataset = load_file(path, self.key)
        except DataError as error:
            self._refuse(str(error))
            return False
        return self._on_file_loaded(dataset)

    @Slot(object)
    def _on_file_loaded(self, dataset: Dataset) -> bool:
        if not self._start_fresh(dataset):
            return False
        self.own = dataset
        self.choice = DataChoice(dataset.name, dataset.title, "own")
        self.generator_options = None
        self._show_setup()
        return True

    @Slot(object)
    def set_options(self, options: Any) -> None:
        """Run with other options of the model, from a start that fits them."""
        if self.dataset is None or options == self.options:
            return
        before, self.options = self.options, options
        fits = all(
            getattr(before, name, None) == getattr(options, name, None) for name in SHAPE_OPTIONS
        )
        chose_start = getattr(before, "start", None) != getattr(options, "start", None)
        given = self.given if fits and not chose_start else None
        if not self._start(self.dataset, given):
            self.options = before
        elif given is None:
            self.open_with(ANOTHER_START)
        self._show_setup()

    @Slot(int)
    def set_seed(self, seed: int) -> None:
        """Draw the start of another seed."""
        before, self.seed = self.seed, seed
        if self.dataset is not None:
            if self._start(self.dataset, None):
                self.open_with(ANOTHER_START)
            else:
                self.seed = before
        self._show_setup()

    @Slot()
    def new_start(self) -> None:
        """Draw another start."""
        self.set_seed(following_seed(self.seed))

    @Slot(object)
    def set_run(self, run: RunOptions) -> None:
        """Run again from the same start with another tolerance or limit."""
        self.run = run
        if self.dataset is not None:
            self._start(self.dataset, self.given)

    def start_from(self, params: Any) -> bool:
        """Run from parameters placed by hand, in the centred frame."""
        assert self.model is not None
        assert self.dataset is not None
        return self._start(self.dataset, self.model.to_units(params, self.data))

    @Slot()
    def nudge(self) -> None:
        """Move the parameters under the cursor a little, at random, and start from there."""
        if self.model is None or self.controller.trace is None:
            return
        self._nudges += 1  # pressed again after coming back, it goes another way
        rng = np.random.default_rng([self.seed, self._nudges])
        params = self.snapshot(self.controller.cursor).params
        if self.start_from(self.model.nudge(params, rng, NUDGE)):
            self.open_with(
                "Nudged: the parameters moved a little, at random. Press Space to see where EM "
                "goes."
            )

    def open_with(self, words: str) -> None:
        """Caption the start of the present run in other words than the story's."""
        self.opening = words
        self._show_words(self.controller.cursor)

    def _start_fresh(self, dataset: Dataset) -> bool:
        """Load a data set of another kind with the options that suit it."""
        before = self.options
        self.options = replace(type(before)(), **dataset.options)
        if not self._start(dataset, None):
            self.options = before
            self._show_setup()
            return False
        self._leave_story()
        self._show_words(0)
        return True

    def make_model(self, options: Any) -> Any:
        """Return the model with these options."""
        return self._model_class(options, loader.backend)

    def _start(self, dataset: Dataset, given: Any) -> bool:
        """Load a run; on failure say why and leave everything as it was."""
        options = self.options
        try:
            options = with_start(options, given=given is not None)
            model = self.make_model(options)
            data = model.prepare(dataset.values)
            if given is None:
                params = model.initialize(data, np.random.default_rng(self.seed))
            else:
                params = model.from_units(given, data)
        except (DataError, SingularError) as error:
            self._refuse(str(error))
            return False
        self.loading.cancel()  # who goes on with something else waits for no file
        self.controller.pause()  # now: it would speak of the old run in the words of the new data
        another = dataset is not self.dataset
        self.options, self.given = options, given
        self.dataset, self.model, self.data = dataset, model, data
        self.heading.notice.dismiss()
        self.opening = ""
        self._panels.stop()  # they would speak of the old run in the words of the new data
        self.stage.forget()
        if another:
            self.dataset_changed()
        self.setup.show_size(self.size_text())
        self.setup.show_options(options)
        self.controller.load(model, data, params, self.run, self.keep_posterior())
        self.stage.draw_now()  # a paint before the next frame would mix old picture and new data
        return True

    def _leave_story(self) -> None:
        self.story = None
        self.side.explain.show_story("", "")

    def _show_setup(self) -> None:
        current = self.choice.name if self.choice is not None else ""
        self.setup.set_choices(choices_for(self.key, self.own), current)
        self.setup.show_generator(self.generator_options)
        self.setup.show_options(self.options)
        self.setup.show_run(self.run)
        self.setup.show_seed(self.seed)

    def _refuse(self, sentence: str) -> None:
        self.notify(sentence)
        self._show_setup()


def with_start(options: Any, *, given: bool) -> Any:
    """Let the start option say what is true: "given", or the model's usual one if it said so."""
    kind = type(options.start)
    if given:
        return replace(options, start=kind["GIVEN"])
    if options.start is not kind["GIVEN"]:
        return options
    default = next(f.default for f in fields(options) if f.name == "start")
    return replace(options, start=default)
