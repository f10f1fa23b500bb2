"""The runs of a tab: each one is kept, shown again, gone on with, branched off from."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from em_explorer.data.dataset import Dataset
from em_explorer.em.options import controls
from em_explorer.em.steps import Phase, StopReason
from em_explorer.em.trace import Trace
from em_explorer.session.document import Story
from em_explorer.session.runs import GOES_ON, RunList, RunRecord, asking_for_more
from em_explorer.ui.run_loading import RunLoading


class RunKeeping(RunLoading):
    """Write down each run that begins, and bring one of the past back to the screen."""

    KEPT: ClassVar[tuple[str, ...]] = (
        "options", "run", "seed", "dataset", "given", "story", "choice", "generator_options",
        "own", "opening", "model", "data",
    )  # fmt: skip
    """What must be as it was for a run to be shown again; a model's tab may add to it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = RunList(self)
        self._shown_again: RunRecord | None = None
        self._in_story = False
        self._branches: tuple[RunRecord, int] | None = None
        self._begun_how = ""
        self._how_given = ""
        self.controller.loaded.connect(self._on_loaded)

    # -- a run begins ------------------------------------------------------------------------

    @property
    def in_story(self) -> bool:
        """Whether a demo is being loaded."""
        return self._in_story

    def load_story(self, story: Story | str) -> bool:
        """Show a demo from its beginning; False if it could not be loaded."""
        self._in_story = True
        try:
            return super().load_story(story)
        finally:
            self._in_story = False

    def _start(self, dataset: Dataset, given: Any) -> bool:
        before = self._branches, self._begun_how
        self._branches, how = self._branching(given)
        self._begun_how = how
        begun = super()._start(dataset, given)
        if not begun:
            self._branches, self._begun_how = before
        return begun

    def _branching(self, given: Any) -> tuple[tuple[RunRecord, int] | None, str]:
        """Return which run the one about to begin leaves, at which iteration, and in words."""
        now, cursor = self.runs.current, self.controller.cursor
        if self._how_given:
            return None, self._how_given
        if given is None or self._in_story or now is None:
            return None, "the demo’s start" if given is not None else ""
        if given is self.given:  # the same start again, with something else changed
            parent = now.parent
            at = now.offset - parent.offset if parent is not None else 0
            return (None if parent is None else (parent, at)), now.how.split(" · ")[0]
        if cursor == 0:
            return None, "placed by hand"
        return (now, cursor // 2), f"branch of {now.name} at {cursor // 2}"

    @Slot()
    def _on_loaded(self) -> None:
        trace = self.controller.trace
        assert trace is not None
        if self._shown_again is not None:
            self._shown_again.trace = trace
            self.runs.show(self._shown_again)
            return
        parent, at = self._branches or (None, 0)
        self.runs.begin(
            trace, self.controller.run, self._how(), parent=parent, at=at, setting=self._setting()
        )

    def _how(self) -> str:
        """Say in a few words what the run began with, and what is unusual about its options."""
        start = self._begun_how
        if not start:
            start = f"{self.options.start.value}, seed {self.seed}"
        usual = type(self.options)()
        words = [start]
        for name, control in controls(self.options).items():
            value = getattr(self.options, name)
            if name != "start" and value != getattr(usual, name):
                words.append(f"{control.label.lower()} {getattr(value, 'value', value)}")
        return " · ".join(words)

    def _setting(self) -> dict[str, Any]:
        kept = {name: getattr(self, name) for name in self.KEPT}
        return {name: list(v) if isinstance(v, list) else v for name, v in kept.items()}

    def _show_sentences(self, index: int) -> None:
        super()._show_sentences(index)
        now = self.runs.current
        if now is not None and now.kind != "EM" and now.trace is self.controller.trace:
            self.heading.show_title(f"{self.heading.title.text()}: {now.kind}")
        # The story, the choice and the words of a start are set when its run is loaded already.
        if self.runs.current is not None and self.controller.trace is self.runs.current.trace:
            self.runs.current.setting = self._setting()

    # -- a run of the past -------------------------------------------------------------------

    def show_run(self, record: RunRecord, cursor: int | None = None) -> None:
        """Bring a run back to the screen, with its data and options.

        One whose history had to make room begins again from its start, with the same bits.
        """
        if record is self.runs.current:
            return
        self.loading.cancel()
        self.controller.pause()
        another = record.setting["dataset"] is not self.dataset
        for name, value in record.setting.items():
            setattr(self, name, list(value) if isinstance(value, list) else value)
        self.heading.notice.dismiss()
        self._panels.stop()
        self.stage.forget()
        if another:
            self.dataset_changed()
        self.setup.show_size(self.size_text())
        self._shown_again = record
        keep = self.keep_posterior()
        try:
            if record.trace is None:
                self.controller.load(record.model, record.data, record.start, record.run, keep)
            else:
                self.controller.show(record.trace, record.run, keep, cursor)
        finally:
            self._shown_again = None
        self.stage.draw_now()
        self._show_setup()
        self._show_story()
        self._show_words(self.controller.cursor)

    def show_renumbered(self, trace: Trace, cursor: int) -> None:
        """Put the present run, its parts renumbered, in its own place."""
        record = self.runs.current
        if record is None or self.model is None:
            return
        record.start = trace[0].params
        if self.given is not None:
            self.given = self.model.to_units(record.start, self.data)
        self.controller.pause()
        self._panels.stop()
        self.stage.forget()
        self._shown_again = record
        try:
            self.controller.show(trace, self.controller.run, self.keep_posterior(), cursor)
        finally:
            self._shown_again = None
        self.stage.draw_now()
        self._show_words(cursor)

    def _show_story(self) -> None:
        story = self.story
        self.side.explain.show_story(
            story.question if story is not None else "", story.watch if story is not None else ""
        )

    def begin_from(
        self, setting: dict[str, Any], start: Any, how: str, words: str, *, to_end: bool = True
    ) -> bool:
        """Begin a run from a start that was found elsewhere, with the data it was found for.

        Parameters
        ----------
        setting : dict
            As :attr:`RunRecord.setting` holds it; its options have the start's shape.
        start : object
            Initial parameters in the data's units.
        how : str
            What the list of runs says of the start.
        words : str
            Its caption.
        to_end : bool
            Let EM run at once, as fast as it goes.
        """
        before = self.options, self.run, self.seed
        self.options, self.run, self.seed = setting["options"], setting["run"], setting["seed"]
        self._how_given = how
        try:
            begun = self._start(setting["dataset"], start)
        finally:
            self._how_given = ""
        if not begun:
            self.options, self.run, self.seed = before
            self._show_setup()
            return False
        for name in ("story", "choice", "generator_options", "own"):
            setattr(self, name, setting[name])
        self._show_setup()
        self._show_story()
        self.open_with(words)
        if to_end and self.isVisible():  # what was found while nobody looked waits
            self.controller.run_to_end()
        return True

    @property
    def can_go_on(self) -> bool:
        """Whether the run has stopped in a way that EM can go on from."""
        trace = self.controller.trace
        return trace is not None and trace.stop is not None and trace.stop.reason in GOES_ON

    @Slot()
    def go_on(self) -> None:
        """Let the run that has stopped go on from its last half-step."""
        trace, record = self.controller.trace, self.runs.current
        if not self.can_go_on or trace is None or record is None:
            return
        assert trace.stop is not None
        converged = trace.stop.reason is StopReason.CONVERGED
        self.run = record.run = asking_for_more(self.run, trace.stop)
        self._shown_again = record
        try:
            self.controller.go_on(self.run, self.keep_posterior())
        finally:
            self._shown_again = None
        self.setup.show_run(self.run)
        what = f"a tolerance of {self.run.tolerance:.0e}" if converged else "more iterations"
        self.notify(f"EM goes on from here, with {what}. Press Space.", "secondary")

    @property
    def can_branch(self) -> bool:
        """Whether the cursor is on a half-step that another future can begin from."""
        return self.controller.trace is not None and self.controller.cursor > 0

    @Slot()
    def branch(self) -> None:
        """Begin another run from the half-step under the cursor; this one stays by its name."""
        now = self.runs.current
        if now is None or self.controller.trace is None:
            return
        if not self.can_branch:
            self.notify("Take a step first: a branch leaves a run on its way.", "secondary")
            return
        iteration = self.controller.cursor // 2
        snapshot = self.snapshot(self.controller.cursor)
        after = "E-step" if snapshot.phase is Phase.E else "M-step"
        if self.start_from(snapshot.params):
            self.open_with(
                f"A branch of {now.name}, from its {after} of iteration {iteration}. Change "
                "something by hand, an option or the data, then press Space: both futures stay."
            )
