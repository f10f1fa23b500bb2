"""The small heading of each half of a split view."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from em_explorer.session.controller import Controller
from em_explorer.session.runs import RunRecord
from em_explorer.ui.transport import STOP_WORDS
from em_explorer.ui.wording import nats

ALIKE = ("EM", "SQUAREM")
"""Runs whose own bound is in the currency of EM."""


class HalfHead(QWidget):
    """The small heading of a half: which run, which iteration, what it has reached, why it ended.

    Parameters
    ----------
    name : str
        For tests and readers of the screen.
    """

    def __init__(self, name: str, words: str) -> None:
        super().__init__()
        self.label = QLabel()
        self.label.setObjectName(name)
        self.label.setAccessibleName(words)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(8)
        self.row.addWidget(self.label, 1)

    def say(self, name: str, words: str, tip: str, color: str) -> None:
        """Show the name in bold with its color, and the words after it."""
        text = f'<span style="color:{color}">●</span> <b>{name}</b> · {words}'
        if text != self.label.text():
            self.label.setText(text)
            self.label.setToolTip(tip)


@dataclass(frozen=True)
class Where:
    """Where a run stands beside the other one.

    Attributes
    ----------
    record : RunRecord
    controller : Controller
        Its own.
    position : int
        The shared cursor.
    """

    record: RunRecord
    controller: Controller
    position: int

    @property
    def value(self) -> float | None:
        """What the run has reached, nats.

        Of EM the bound. SQUAREM strides beyond the bound's top, which lowers it until the next
        E-step: of it the bound at the last E-step, as on its curve. Hard assignments have an
        objective of their own, so of them it is log p(X | θ) there.
        """
        trace, cursor = self.controller.trace, self.controller.cursor
        if trace is None or cursor == 0:
            return None
        last_e = cursor - (cursor + 1) % 2
        if self.record.kind in ALIKE:
            return trace.bound(cursor if self.record.kind == "EM" else last_e)
        return trace.log_likelihood(last_e)

    @property
    def words(self) -> str:
        """Return "iteration 7 (ended at 5: converged) · −1130.26"."""
        trace, cursor = self.controller.trace, self.controller.cursor
        if trace is None:
            return ""
        ended = trace.stop is not None and cursor == len(trace) - 1
        here = self.position if ended else cursor  # one that is late says where it is
        text = f"iteration {here // 2}" if here else "at the start"
        if ended and trace.stop is not None:
            reason = STOP_WORDS[trace.stop.reason]
            beyond = self.position > cursor
            text += f" (ended at {cursor // 2}: {reason})" if beyond else f" ({reason})"
        value = self.value
        return text if value is None else f"{text} · {nats(value)}"

    @property
    def tip(self) -> str:
        """What the value means, and why the run stopped."""
        what = "The objective, nats."
        if self.record.kind not in ALIKE:
            what = (
                "log p(X | θ) of the data seen, nats: what its parameters are worth to EM. Its own "
                "objective is another."
            )
        trace = self.controller.trace
        stop = None if trace is None else trace.stop
        return f"{self.record.how}\n{what}" + ("" if stop is None else f"\n{stop.message}")
