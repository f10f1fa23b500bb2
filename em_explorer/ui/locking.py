"""Locks in every tab: what is held, the menu that holds and lets go, and the run that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, ClassVar

from PySide6.QtCore import QPoint, QSize, Qt, Slot
from PySide6.QtWidgets import QMenu, QWidget

from em_explorer.data.dataset import Dataset
from em_explorer.em.anatomy import Lock
from em_explorer.em.errors import DataError
from em_explorer.em.steps import Phase
from em_explorer.session.runs import RunRecord
from em_explorer.ui.icons import icon
from em_explorer.ui.lock_words import TITLES, listing, lock_words
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.run_keeping import RunKeeping
from em_explorer.ui.theme import theme_manager

MOST_LISTED = 600
"""A group with more cells is not in the menu; its cells are locked where they are drawn."""

Locks = frozenset[Lock]


class Locking(RunKeeping):
    """Hold parts of the parameters while EM goes on with the rest."""

    KEPT: ClassVar[tuple[str, ...]] = (*RunKeeping.KEPT, "locks")

    def __init__(self, parent: QWidget | None = None) -> None:
        self.locks: Locks = frozenset()
        self._changing_locks = False
        super().__init__(parent)
        button = self.setup.locks_button
        self.lock_menu = QMenu(button)
        self.lock_menu.aboutToShow.connect(self._fill_lock_menu)
        button.clicked.connect(self.open_locks)
        self._show_lock_count()
        theme_manager().changed.connect(self._show_lock_count)

    # -- what a model's tab says -------------------------------------------------------------

    def lock_names(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of parts (components, states, topics, columns), and of symbols.

        In the order in which the model, not the screen, numbers them.
        """
        raise NotImplementedError

    def words_for(self, lock: Lock) -> str:
        """Say what a lock holds."""
        return lock_words(lock, *self.lock_names())

    # -- runs --------------------------------------------------------------------------------

    def make_model(self, options: Any) -> Any:
        """Return the model with what is locked."""
        model = super().make_model(options)
        return replace(model, locks=self.locks) if self.locks else model

    def _start(self, dataset: Dataset, given: Any) -> bool:
        before = self.locks
        self.locks = self._fitting(given)
        if super()._start(dataset, given):
            return True
        self.locks = before
        return False

    def _fitting(self, given: Any) -> Locks:
        """Return the locks a start can have: those of a drawn or another start are others."""
        if given is None or self._in_story or not self.locks:
            return frozenset()
        try:
            self.make_model(self.options).hold(given, given)
        except (DataError, ValueError):
            return frozenset()
        return self.locks

    def _branching(self, given: Any) -> tuple[tuple[RunRecord, int] | None, str]:
        """Return where the run comes from; locks at the start leave the start what it was."""
        now = self.runs.current
        if self._changing_locks and self.controller.cursor == 0 and now is not None:
            return None, now.how.split(" · ")[0]
        return super()._branching(given)

    def _how(self) -> str:
        """Say what the run began with, and how much of it is held."""
        how = super()._how()
        return f"{how} · {len(self.locks)} locked" if self.locks else how

    def begin_from(
        self, setting: dict[str, Any], start: Any, how: str, words: str, *, to_end: bool = True
    ) -> bool:
        """Begin a run from a start that was found elsewhere, with the locks it was found for."""
        before, self.locks = self.locks, setting.get("locks", frozenset())
        if super().begin_from(setting, start, how, words, to_end=to_end):
            return True
        self.locks = before
        return False

    def set_locks(self, locks: Locks) -> bool:
        """Hold exactly these parts from the half-step under the cursor on."""
        if self.model is None or self.controller.trace is None or locks == self.locks:
            return False
        before, playing = self.locks, self.controller.playing
        held, freed = locks - before, before - locks
        said = held or freed
        words = listing([self.words_for(lock) for lock in sorted(said)])
        self.controller.pause()
        self.locks, self._changing_locks = locks, True
        try:
            begun = self.start_from(self.snapshot(self.controller.cursor).params)
        finally:
            self._changing_locks = False
        if not begun:
            self.locks = before
            return False
        if held:
            self.open_with(f"Locked: {words}. EM goes on from here and leaves that as it is.")
        else:
            self.open_with(f"Unlocked: {words}. EM goes on from here and may move it again.")
        if playing:
            self.controller.play()
        return True

    @Slot(object)
    def toggle_lock(self, lock: Lock) -> None:
        """Hold a part of the parameters, or let it go."""
        self.set_locks(self.locks ^ {lock})

    def explained(self, index: int) -> Explanation:
        """Return the explanation, and after an M-step what it had to leave as it was."""
        said = super().explained(index)
        if not self.locks or self.snapshot(index).phase is not Phase.M:
            return said
        names = listing([self.words_for(lock) for lock in sorted(self.locks)])
        return replace(said, numbers=(*said.numbers, f"Held as locked: {names}."))

    # -- menus -------------------------------------------------------------------------------

    @Slot()
    def open_locks(self, *_: object) -> None:
        """Open the list of all that can be locked, below its button."""
        button = self.setup.locks_button
        there = button.mapToGlobal(QPoint(0, button.height()))
        if not button.isVisible():
            there = self.mapToGlobal(self.rect().center())
        self.lock_menu.popup(there)

    def ask_locks(self, locks: Sequence[Lock], place: QPoint) -> QMenu:
        """Open a small menu for some locks at a place on the screen, and return it."""
        menu = QMenu(self)
        menu.setObjectName("lock_here")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for lock in locks:
            self._add_lock(menu, lock, f"Lock {self.words_for(lock)}")
        menu.addSeparator()
        menu.addAction("All locks…\tK").triggered.connect(self.open_locks)
        menu.popup(place)
        return menu

    def lockable(self) -> tuple[Lock, ...]:
        """Return every lock there is for the parameters shown."""
        if self.model is None or self.controller.trace is None:
            return ()
        model: Any = self.model
        found: tuple[Lock, ...] = model.lockable(self.snapshot(self.controller.cursor).params)
        return found

    @Slot()
    def _fill_lock_menu(self) -> None:
        menu = self.lock_menu
        menu.clear()
        if self.locks:
            menu.addAction("&Unlock all").triggered.connect(self._unlock_all)
            menu.addSeparator()
        groups = [(g, list(locks)) for g, locks in groupby(self.lockable(), lambda x: x.group)]
        for group, locks in groups:
            if len(locks) > MOST_LISTED:
                menu.addAction(f"{TITLES[group]}: right-click where they are drawn").setEnabled(
                    False
                )
                continue
            several = len(groups) > 1 and len(locks) > 1
            place = menu.addMenu(f"&{TITLES[group]}") if several else menu
            self._add_group(place, locks)

    def _add_group(self, menu: QMenu, locks: list[Lock]) -> None:
        """Add a group's locks; the cells of a table in a menu for each row."""
        if len(locks[0].index) < 2:
            for lock in locks:
                words = self.words_for(lock)
                self._add_lock(menu, lock, words[:1].upper() + words[1:])
            return
        parts, _ = self.lock_names()
        for row, cells in groupby(locks, lambda x: x.index[0]):
            inner = menu.addMenu(parts[row])
            for lock in cells:
                words = self.words_for(lock)
                self._add_lock(inner, lock, words[:1].upper() + words[1:])

    def _add_lock(self, menu: QMenu, lock: Lock, words: str) -> None:
        action = menu.addAction(words.replace("&", "&&"))
        action.setObjectName("lock_" + "_".join([lock.group, *map(str, lock.index)]))
        action.setCheckable(True)
        action.setChecked(lock in self.locks)
        action.setData(lock)
        action.triggered.connect(self._on_lock_chosen)

    @Slot()
    def _on_lock_chosen(self, *_: object) -> None:
        sender: Any = self.sender()
        self.toggle_lock(sender.data())

    @Slot()
    def _unlock_all(self, *_: object) -> None:
        self.set_locks(frozenset())

    @Slot()
    def _show_lock_count(self, *_: object) -> None:
        """Let the button say how much is held."""
        button, theme, n = self.setup.locks_button, theme_manager().current, len(self.locks)
        button.setIcon(icon("lock", theme.text) if n else icon("unlock", theme.secondary))
        button.setText(str(n) if n else "")
        tip = "Lock parameters: EM leaves them as they are and finds the best of the rest (K)"
        if n:
            names = listing([self.words_for(lock) for lock in sorted(self.locks)])
            tip = f"Locked: {names}. Click to lock more or to unlock (K)"
        button.setToolTip(tip)
        px = theme_manager().px
        button.setIconSize(QSize(px(13), px(13)))
        button.setFixedSize(px(24 if n else 16), px(14))  # the line must not be higher for it
