"""What the pages of the Lab share: an invitation, one button, progress and Cancel, a result."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from em_explorer.em.progress import Job
from em_explorer.session.jobs import JobRunner
from em_explorer.ui.panels.explain import wrapped
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.transport import restyle


class LabPage(QWidget):
    """Base of the pages.

    Parameters
    ----------
    name : str
        Goes into the names of its widgets: "starts".
    invitation : str
        One sentence: what can be seen here.
    button : str
        What the one clear button says.
    tab : ModelTab
        Whose runs are compared.
    jobs : JobRunner
        Shared by the pages: what one begins, ends what another had under way.

    Signals
    -------
    worked(result)
        A job has ended; its result is on the page.
    """

    worked = Signal(object)

    def __init__(self, name: str, invitation: str, button: str, tab: Any, jobs: JobRunner) -> None:
        super().__init__()
        self.setObjectName(f"lab_{name}")
        self.tab = tab
        self.jobs = jobs
        self._job = -1
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 8, 0, 0)
        self.column.setSpacing(8)
        self.invitation = wrapped(invitation, "secondary", f"{name}_invitation")
        self.column.addWidget(self.invitation)
        self.controls = QVBoxLayout()
        self.controls.setSpacing(4)
        self.column.addLayout(self.controls)
        self.button = QPushButton(button)
        self.button.setObjectName(f"{name}_button")
        self.button.setAccessibleName(button)
        self.button.setProperty("role", "primary")
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(8)
        # A click leaves the focus where it was; else it would go astray when the button is off.
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.buttons.addWidget(self.button, 1)
        self.column.addLayout(self.buttons)
        self.column.addWidget(self._make_progress(name))
        self.message = wrapped("", "", f"{name}_message")
        self.column.addWidget(self.message)
        self.message.hide()
        self.button.clicked.connect(self.begin)
        jobs.advanced.connect(self._on_advanced)
        jobs.finished.connect(self._on_finished)
        jobs.cancelled.connect(self._on_cancelled)
        jobs.failed.connect(self._on_failed)
        theme_manager().changed.connect(self._on_theme)

    def _make_progress(self, name: str) -> QWidget:
        self.progress_row = QWidget()
        column = QVBoxLayout(self.progress_row)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        self.progress_words = wrapped("", "secondary", f"{name}_progress_words")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setObjectName(f"{name}_cancel")
        self.cancel_button.setAccessibleName("Cancel what is being computed")
        self.cancel_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.cancel_button.clicked.connect(self.cancel)
        row.addWidget(self.progress_words, 1)
        row.addWidget(self.cancel_button)
        self.progress = QProgressBar()
        self.progress.setObjectName(f"{name}_progress")
        self.progress.setAccessibleName("Progress")
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        column.addLayout(row)
        column.addWidget(self.progress)
        self.progress_row.hide()
        return self.progress_row

    # -- what a page says --------------------------------------------------------------------

    @Slot()
    def begin(self) -> None:
        """Do what the button says."""
        raise NotImplementedError

    def show_partials(self, partials: tuple[Any, ...]) -> None:
        """Show parts of the result that have come."""

    def show_result(self, result: Any) -> None:
        """Show the result."""

    def opened(self) -> None:
        """Take note that the page came to the front, or that another run is on the screen."""

    def retheme(self) -> None:
        """Take the theme's colors."""

    # -- work --------------------------------------------------------------------------------

    @property
    def working(self) -> bool:
        """Whether a job of this page is under way."""
        return self._job >= 0 and self.jobs.busy and self.jobs.job_id == self._job

    def work(self, job: Job[Any], words: str) -> None:
        """Begin a job in the background; its parts and its result come to this page."""
        self.say("")
        self._job = self.jobs.start(job)
        self.progress.setValue(0)
        self.progress_words.setText(words)
        self.progress_row.show()
        if self.button.hasFocus():
            self.cancel_button.setFocus()
        self.button.setEnabled(False)

    @Slot()
    def cancel(self) -> None:
        """End the job; what has come of it stays."""
        if self.working:
            self.jobs.cancel()

    def say(self, sentence: str, tone: str = "") -> None:
        """Show a sentence under the button; an empty one takes it away."""
        self.message.setText(sentence)
        restyle(self.message, state=tone)
        self.message.setVisible(bool(sentence))

    def _rest(self) -> None:
        self.button.setEnabled(True)
        if self.cancel_button.hasFocus():
            self.button.setFocus()
        self.progress_row.hide()

    @Slot(int, float, str, object)
    def _on_advanced(self, job: int, share: float, words: str, partials: tuple[Any, ...]) -> None:
        if job == self._job:
            self.progress.setValue(round(1000 * share))
            self.progress_words.setText(words)
            if partials:
                self.show_partials(partials)

    @Slot(int, object)
    def _on_finished(self, job: int, result: Any) -> None:
        if job == self._job:
            self._rest()
            self.show_result(result)
            self.worked.emit(result)

    @Slot(int)
    def _on_cancelled(self, job: int) -> None:
        if job == self._job:
            self._rest()
            self.say("Cancelled; what had come is shown.")

    @Slot(int, str, str)
    def _on_failed(self, job: int, sentence: str, report: str) -> None:
        if job != self._job:
            return
        self._rest()
        self.say(sentence, "failure")
        if report:
            from em_explorer.ui import crash

            crash.tell(sentence, report)

    def _on_theme(self, *_: object) -> None:
        self.retheme()
