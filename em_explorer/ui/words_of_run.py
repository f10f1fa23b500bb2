"""What a tab says about a half-step: title, caption, explanation, numbers, where to go next."""

from __future__ import annotations

from typing import Any

from em_explorer.em.steps import StopReason
from em_explorer.session.controller import RunState
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.tab_base import TabBase
from em_explorer.ui.wording import nats, signed


class WordsOfRun(TabBase):
    """Say what the half-step under the cursor did; a model's tab finds the words."""

    def _show_words(self, index: int) -> None:
        self._show_sentences(index)

    def _show_sentences(self, index: int) -> None:
        """Say what the half-step is and did, and show its numbers."""
        if self.controller.trace is None or self.controller.fetching:
            return
        title = self.dataset.title if self.dataset is not None else ""
        self.heading.show_title(self.story.title if self.story is not None else title)
        self.heading.show_caption(self._caption(index), self.snapshot(index).phase)
        self.side.show(lambda: self.explained(index), lambda: self._all_numbers(index))
        self._show_onward()

    def explained(self, index: int) -> Explanation:
        """Return what the Explain page says."""
        return self.explain(index)

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
