"""What every tab shares: layout, data and options, the run, captions, and the frame clock.

A tab for one model derives from :class:`ModelTab` and says how a snapshot becomes a picture, how
a picture is painted, and what to say about it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from em_explorer import registry
from em_explorer.data.dataset import Dataset
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.steps import Model, RunOptions, Snapshot, StopReason
from em_explorer.em.trace import phase_of
from em_explorer.session.controller import Controller, RunState
from em_explorer.session.document import Story, load_story
from em_explorer.session.kernels import loader
from em_explorer.session.loading import BackgroundLoad
from em_explorer.ui import crash
from em_explorer.ui.data_choices import DataChoice, choices_for, load_choice, story_choice
from em_explorer.ui.motion import Motion
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.setup_panel import SetupPanel, following_seed
from em_explorer.ui.stage import Stage
from em_explorer.ui.tab_frame import Bottom, Heading, SidePanel, hairline
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.wording import nats, signed

GLIDE_UP_TO = 6.0
"""Above so many half-steps a second there is no time for a glide between two."""

PANELS_MS = 100
"""As fast as it goes, words, numbers and the curve follow so often: who could read faster?"""

ANOTHER_START = "Another start on the same data. Press Space: where does EM go from here?"
"""Caption of a start that is not the one a demo speaks of."""

NUDGE = 0.05
"""How far a nudge moves the parameters, in their natural scale: seen, and soon forgotten."""

SHAPE_OPTIONS = ("n_components", "n_states", "n_topics", "emission", "n_symbols")
"""Options that change the number of parameters: a given start no longer fits."""


class ModelTab(QWidget):
    """Base of the tabs; one model, one run.

    Signals
    -------
    story_wanted(name)
        A button that leads on was pressed.
    story_shown(story)
    """

    story_wanted = Signal(str)
    story_shown = Signal(object)

    key: ClassVar[str]
    e_label: ClassVar[str] = "E-step"
    m_label: ClassVar[str] = "M-step"
    curve_name: ClassVar[str] = "log-likelihood"
    observation_name: ClassVar[str] = "point"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"tab_{self.key}")
        self.setProperty("role", "page")
        row = registry.entry(self.key)
        self._model_class = registry.load(row.model)
        self.options: Any = registry.load(row.options)()
        self.run = RunOptions()
        self.seed = 0
        self.story: Story | None = None
        self.dataset: Dataset | None = None
        self.choice: DataChoice | None = None
        self.own: Dataset | None = None
        self.generator_options: Any = None
        self.given: Any = None
        self.opening = ""
        self._nudges = 0
        self._panels = QTimer(self)
        self._panels.setSingleShot(True)
        self._rushed = False
        self._panels.timeout.connect(self._show_panels)
        self.model: Model | None = None
        self.data: Any = None

        self.controller = Controller(self)
        self.setup = SetupPanel(type(self.options))
        self.heading = Heading()
        self.play_area = self.build_play_area()
        self.side = SidePanel()
        self.bottom = Bottom(self.controller)
        self.stage = Stage(self.picture, self.paint, self, self.plan)
        self.loading = BackgroundLoad(self)
        self._lay_out()
        self._connect()

    @property
    def noun(self) -> str:
        """What one observation is called: the data set's own word, or the model's."""
        own = self.dataset.noun if self.dataset is not None else ""
        return own or self.observation_name

    # -- what a model's tab says -------------------------------------------------------------

    def build_play_area(self) -> QWidget:
        """Make the widget in the middle."""
        raise NotImplementedError

    def picture(self, index: int) -> Any:
        """Return what is to be drawn for a snapshot: a frozen dataclass of arrays."""
        raise NotImplementedError

    def plan(self, index: int, final: bool) -> Callable[[], Any] | None:
        """Return what makes the picture of large data in another thread; see :class:`Stage`."""
        return None

    @property
    def heavy(self) -> bool:
        """Whether pictures of these data are made in another thread."""
        return False

    def keep_posterior(self) -> Callable[[Any], Any] | None:
        """Return what takes the part of a posterior that pictures need, if it costs much to find.

        Then the worker keeps it for ``controller.found``, and no E-step is done twice.
        """
        return None

    def paint(self, picture: Any) -> None:
        """Draw a picture."""
        raise NotImplementedError

    def caption(self, index: int) -> str:
        """Say in one sentence what the half-step did, as a teacher would."""
        raise NotImplementedError

    def explain(self, index: int) -> Explanation:
        """Say what the half-step does, with its formula and today's numbers."""
        raise NotImplementedError

    def numbers(self, index: int) -> tuple[NumberGroup, ...]:
        """Return the values of the snapshot, beside the objective's."""
        raise NotImplementedError

    def dataset_changed(self) -> None:
        """Adapt the play area to another data set (axes, labels); the run is not loaded yet."""

    def run_loaded(self) -> None:
        """Adapt the play area to another model or start."""

    def size_text(self) -> str:
        """Say how large the data are."""
        raise NotImplementedError

    def apply_view(self, view: dict[str, Any]) -> None:
        """Take over the view section of a story."""

    def export_tables(self, index: int) -> dict[str, tuple[list[str], list[Any]]]:
        """Return tables a person may want to keep: name to (column names, rows)."""
        return {}

    # -- layout ------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        manager = theme_manager()
        self.setup.setFixedWidth(manager.px(224))
        self.side.setFixedWidth(manager.px(280))
        centre = QVBoxLayout()
        centre.setContentsMargins(16, 12, 16, 8)
        centre.setSpacing(8)
        centre.addWidget(self.heading)
        centre.addWidget(self.play_area, 1)
        upper = QHBoxLayout()
        upper.setContentsMargins(0, 0, 0, 0)
        upper.setSpacing(0)
        self._setup_line, self._side_line = hairline(vertical=True), hairline(vertical=True)
        upper.addWidget(self.setup)
        upper.addWidget(self._setup_line)
        upper.addLayout(centre, 1)
        upper.addWidget(self._side_line)
        upper.addWidget(self.side)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(upper, 1)
        column.addWidget(hairline())
        column.addWidget(self.bottom)
        manager.changed.connect(self._on_theme)

    def show_panels(self, *, setup: bool, side: bool) -> None:
        """Show or fold the left and right panels; the play area takes their room."""
        self.setup.setVisible(setup)
        self._setup_line.setVisible(setup)
        self.side.setVisible(side)
        self._side_line.setVisible(side)

    def _on_theme(self, *_: object) -> None:
        manager = theme_manager()
        self.setup.setFixedWidth(manager.px(224))
        self.side.setFixedWidth(manager.px(280))
        self.retheme()
        self.stage.redraw()

    def retheme(self) -> None:
        """Give the play area the theme's colors."""

    def _connect(self) -> None:
        setup, controller = self.setup, self.controller
        setup.data_chosen.connect(self.choose_data)
        setup.generator_changed.connect(self._on_generator)
        setup.open_wanted.connect(self.open_dialog)
        setup.options_changed.connect(self.set_options)
        setup.seed_changed.connect(self.set_seed)
        setup.run_changed.connect(self.set_run)
        controller.cursor_changed.connect(self._on_cursor)
        controller.grown.connect(self._on_grown)
        controller.state_changed.connect(self._on_state)
        controller.failed.connect(self._on_failed)
        controller.replayed.connect(self._on_replayed)
        self.stage.failed.connect(self._on_picture_failed)
        self.loading.loaded.connect(self._on_file_loaded)
        self.loading.refused.connect(self._refuse)
        self.loading.failed.connect(self._on_failed)
        self.bottom.transport.new_start_wanted.connect(self.new_start)
        self.bottom.transport.set_labels(self.e_label, self.m_label)
        self.heading.next_wanted.connect(self.story_wanted)
        self.heading.nudge_wanted.connect(self.nudge)

    # -- data, options, start ----------------------------------------------------------------

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
            return False
        self._leave_story()
        self._show_words(0)
        return True

    def _start(self, dataset: Dataset, given: Any) -> bool:
        """Load a run; on failure say why and leave everything as it was."""
        options = self.options
        try:
            options = with_start(options, given=given is not None)
            model = self._model_class(options, loader.backend)
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

    def notify(self, sentence: str, tone: str = "failure") -> None:
        """Show a sentence in place; what is on the screen stays."""
        self.heading.notice.show_message(sentence, tone)

    # -- the run -----------------------------------------------------------------------------

    def snapshot(self, index: int) -> Snapshot:
        """Return a snapshot of the run's trace."""
        assert self.controller.trace is not None
        return self.controller.trace[index]

    def shown_params(self, index: int) -> Any:
        """Return a snapshot's parameters in the data's units."""
        assert self.model is not None
        return self.model.to_units(self.snapshot(index).params, self.data)

    def latent(self, index: int) -> Any:
        """Return the posterior in force at a snapshot, or None at the start."""
        assert self.controller.trace is not None
        found = self.controller.trace.posterior(index)
        return None if found is None else found.latent

    @Slot(int)
    def _on_grown(self, length: int) -> None:
        if length == 1:
            assert self.model is not None
            n = self.model.n_observations(self.data)
            self.bottom.follow(self.controller.trace, n, self.curve_name)
            self.run_loaded()
        if not self.controller.rushing:
            self.bottom.grow()
        elif not self._panels.isActive():
            self._panels.start(PANELS_MS)

    @Slot(int)
    def _on_cursor(self, index: int) -> None:
        if not self.controller.at_hand(index):
            self._show_nearest(index)
            return
        shown = self.stage.shown_index
        near = shown is not None and abs(index - shown) == 1
        slow = self.controller.speed <= GLIDE_UP_TO or not self.controller.playing
        scrubbing = self.bottom.timeline.isSliderDown()
        self.stage.show(index, glide=near and slow and not scrubbing and Motion.enabled)
        if self.controller.rushing:
            self._rushed = True
            if not self._panels.isActive():
                self._panels.start(PANELS_MS)
        elif self.heavy:
            self._panels.start(0)  # while the picture is being made
        else:
            self._show_panels()

    def settle(self) -> None:
        """Show now whatever waits for the next frame or for another thread."""
        self.stage.settle()
        if self._panels.isActive():
            self._show_panels()

    @Slot()
    def _show_panels(self) -> None:
        """Bring the curve, the timeline and the words to where the cursor is."""
        self._panels.stop()
        self._rushed = False
        if self.controller.trace is not None:
            self.bottom.grow()
            self.bottom.mark(self.controller.cursor)
            self._show_words(self.controller.cursor)

    def _show_nearest(self, index: int) -> None:
        """Show what is at hand at once; the half-step itself follows when it is computed."""
        assert self.controller.trace is not None
        near = self.controller.trace.nearest(index)
        self.stage.show(near)
        self.bottom.mark(index)
        words = f"Iteration {index // 2} is being computed again; this is iteration {near // 2}."
        self.heading.show_caption(words, phase_of(index))
        self.controller.fetch(index)

    @Slot(int)
    def _on_replayed(self, index: int) -> None:
        if index == self.controller.cursor:
            self.stage.show(index)
            self._show_words(index)

    def _show_words(self, index: int) -> None:
        if self.controller.trace is None or self.controller.fetching:
            return
        title = self.dataset.title if self.dataset is not None else ""
        self.heading.show_title(self.story.title if self.story is not None else title)
        self.heading.show_caption(self._caption(index), self.snapshot(index).phase)
        self.side.show(lambda: self.explain(index), lambda: self._all_numbers(index))
        self._show_onward()

    def _show_onward(self) -> None:
        """Show the buttons that lead on from where EM has stopped."""
        trace, stopped = self.controller.trace, self.controller.state is RunState.FINISHED
        stop = trace.stop if trace is not None and stopped else None
        self.heading.nudge.setVisible(stop is not None and stop.reason is StopReason.STALLED)
        self.heading.show_next(self._next_stories())

    def _caption(self, index: int) -> str:
        trace = self.controller.trace
        assert trace is not None
        if index == 0:
            if self.opening:
                return self.opening
            if self.story is not None:
                return self.story.caption
            return self.dataset.story if self.dataset is not None else ""
        stop = trace.stop
        if stop is not None and index == len(trace) - 1:
            return stop.message
        return self.caption(index)

    def _next_stories(self) -> tuple[Any, ...]:
        finished = self.controller.state is RunState.FINISHED
        return self.story.next if self.story is not None and finished else ()

    def _all_numbers(self, index: int) -> tuple[NumberGroup, ...]:
        return (self._objective(index), *self.numbers(index))

    def _objective(self, index: int) -> NumberGroup:
        snapshot = self.snapshot(index)
        assert self.model is not None
        assert self.controller.trace is not None
        n = self.model.n_observations(self.data)
        rows = [NumberRow("iteration", str(snapshot.iteration))]
        if snapshot.bound is not None:
            before = self.controller.trace.bound(index - 1) if index > 1 else None
            change = snapshot.bound - before if before is not None else None
            rows.append(NumberRow(self.curve_name, nats(snapshot.bound, change)))
            per = f"per {self.noun}"
            rows.append(NumberRow(per, nats(snapshot.bound / n, (change or 0) / n or None)))
            if change is not None:
                rows.append(NumberRow("last half-step", signed(change)))
            prior = self.model.log_prior(snapshot.params)
            if prior and snapshot.log_likelihood is not None:
                rows.append(NumberRow("without the prior", nats(snapshot.log_likelihood)))
        return NumberGroup("Objective", tuple(rows))

    @Slot(object)
    def _on_state(self, state: RunState) -> None:
        trace = self.controller.trace
        if self._rushed and self._panels.isActive() and not self.controller.rushing:
            self._show_panels()
        if state is RunState.FINISHED and trace is not None:
            self._show_words(self.controller.cursor)
        else:
            self._show_onward()

    @Slot(str, str)
    def _on_failed(self, sentence: str, report: str) -> None:
        self.notify(sentence)
        if report:
            crash.tell(sentence, report)

    @Slot(object)
    def _on_picture_failed(self, error: Exception) -> None:
        self.controller.pause()
        self.notify("This half-step could not be drawn, so EM was paused; the others may be.")
        crash.report(error)

    def close_run(self) -> None:
        """End the worker; called before the window goes."""
        self.loading.cancel()
        self._panels.stop()
        self.stage.close()
        self.controller.shutdown()


def with_start(options: Any, *, given: bool) -> Any:
    """Let the start option say what is true: "given", or the model's usual one if it said so."""
    kind = type(options.start)
    if given:
        return replace(options, start=kind["GIVEN"])
    if options.start is not kind["GIVEN"]:
        return options
    default = next(f.default for f in fields(options) if f.name == "start")
    return replace(options, start=default)
