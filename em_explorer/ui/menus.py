"""The main window's menus and keys, filled once the window's shell is on the screen."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QMenu, QWidget

from em_explorer import registry
from em_explorer.ui.motion import Motion

MOST_RUNS_OFFERED = 12
"""Of the runs that another can be compared with, the newest."""


def show_beside(window: QWidget, kind: type[QDialog]) -> None:
    """Show a dialog that blocks nothing: one reads it, plays and may close the window.

    One that is open already comes to the front.
    """
    dialog = next((d for d in window.findChildren(kind) if d.isVisible()), None) or kind(window)
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()


class Menus(QObject):
    """Fill the menus of a window with actions, which act on the tab in front.

    Parameters
    ----------
    window : MainWindow
    """

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window = window
        self._fill_file()
        self._fill_run()
        self._fill_compare()
        self._fill_view()
        self._fill_help()
        window.demos_menu.aboutToShow.connect(self._fill_demos)
        for key, by in (("PgDown", 1), ("PgUp", -1)):
            shortcut = QShortcut(QKeySequence(key), window)
            shortcut.activated.connect(lambda by=by: window.next_demo(by))

    def _action(
        self, menu: QMenu, name: str, words: str, slot: Any, key: str | None = None
    ) -> QAction:
        action = QAction(words, self._window)
        action.setObjectName(f"action_{name}")
        if key is not None:
            action.setShortcut(QKeySequence(key))
        action.triggered.connect(lambda *_: slot())
        menu.addAction(action)
        # Keys of a menu alone sleep while projector mode hides the bar.
        self._window.addAction(action)
        return action

    def _switch(
        self, menu: QMenu, name: str, words: str, slot: Any, key: str | None = None, *, on: bool
    ) -> QAction:
        action = self._action(menu, name, words, slot, key)
        action.setCheckable(True)
        action.setChecked(on)
        return action

    # -- the six menus -----------------------------------------------------------------------

    def _fill_file(self) -> None:
        window, menu = self._window, self._window.file_menu
        self._action(menu, "open", "&Open data…", lambda: window.tab.open_dialog(), "Ctrl+O")
        self._action(menu, "save_picture", "Save &picture…", window.save_picture, "Ctrl+Shift+S")
        self._action(menu, "export", "&Export tables…", window.export, "Ctrl+E")
        self._action(menu, "settings", "&Settings…", self.show_settings, "Ctrl+,")
        menu.addSeparator()
        self._action(menu, "quit", "&Quit", window.close, "Ctrl+Q")

    def _fill_run(self) -> None:
        window, menu = self._window, self._window.run_menu
        for name, words, key, slot in (
            ("play", "&Play or pause", "Space", lambda c: c.toggle()),
            ("step", "Next &half-step", "Right", lambda c: c.step()),
            ("back", "&Back one half-step", "Left", lambda c: c.back()),
            ("rewind", "&Rewind to the same start", "R", lambda c: c.rewind()),
            ("end", "Run to the &end", "End", lambda c: c.run_to_end()),
            ("stop", "&Stop here", "Esc", lambda c: c.stop()),
        ):
            self._action(menu, f"run_{name}", words, lambda s=slot: s(window.tab.controller), key)
        self._action(menu, "run_new_start", "&New start", lambda: window.tab.new_start(), "N")
        self._action(menu, "run_branch", "&Branch here", lambda: window.tab.branch(), "B")
        self._action(menu, "run_go_on", "&Go on from here", lambda: window.tab.go_on(), "C")
        self._action(
            menu, "run_stop_when", "Stop &when…", lambda: window.tab.breakpoints.open_form(), "W"
        )
        self._action(menu, "run_locks", "&Lock parameters…", lambda: window.tab.open_locks(), "K")

    def _fill_compare(self) -> None:
        window, menu = self._window, self._window.compare_menu
        self._action(menu, "lab", "Open or close the &Lab", lambda: window.door.toggle(), "L")
        menu.addSeparator()
        for page, words in (
            ("runs", "&Runs and their curves"),
            ("starts", "&Starts: where do they lead?"),
            ("how_many", "&How many?"),
            ("landscape", "Likelihood l&andscape"),
        ):
            self._action(menu, f"lab_{page}", words, lambda p=page: window.door.open(p))
        menu.addSeparator()
        side_by_side = "Side &by side"
        self._action(menu, "side_by_side", side_by_side, lambda: window.tab.lockstep.toggle(), "S")
        self.rivals = menu.addMenu("&Compare with")
        self.rivals.setObjectName("compare_with")
        self.rivals.setToolTipsVisible(True)
        self.rivals.aboutToShow.connect(self._fill_rivals)

    def _fill_view(self) -> None:
        window, menu = self._window, self._window.view_menu
        for name, words, key, open_it in (
            ("diagnose", "Dia&gnose this run", "D", lambda tab: tab.open_diagnose()),
            ("traces", "Parameter &traces", "T", lambda tab: tab.bottom.traces_button.toggle()),
            ("bound", "The &bound along this step", "P", lambda tab: tab.toggle_bound()),
        ):
            self._action(menu, name, words, lambda o=open_it: o(window.tab), key)
        menu.addSeparator()
        self._action(menu, "theme", "&Dark or light theme", window.toggle_theme, "Ctrl+D")
        self.side_panel = self._switch(
            menu, "side_panel", "&Side panel", window.toggle_side, "F9", on=True
        )
        self.projector = self._switch(
            menu, "projector", "&Projector mode", window.toggle_projector, "F11", on=False
        )
        self.motion = self._switch(
            menu, "motion", "&Animate between half-steps", window.toggle_motion, on=Motion.enabled
        )

    def _fill_help(self) -> None:
        menu = self._window.help_menu
        self._action(menu, "keys", "&Keyboard", self.show_keys, "F1")
        self._action(menu, "about", "&About em_explorer", self.show_about)

    # -- dialogs that block nothing ----------------------------------------------------------

    def show_settings(self) -> None:
        """Show the settings."""
        from em_explorer.ui.settings_dialog import SettingsDialog

        show_beside(self._window, SettingsDialog)

    def show_keys(self) -> None:
        """Show which key does what."""
        from em_explorer.ui.help import KeyboardHelp

        show_beside(self._window, KeyboardHelp)

    def show_about(self) -> None:
        """Show name, version and license."""
        from em_explorer.ui.help import About

        show_beside(self._window, About)

    # -- menus that are filled when they are opened ------------------------------------------

    def _fill_rivals(self) -> None:
        """Offer what the run in front can be compared with, each in a split view."""
        menu, tab = self.rivals, self._window.tab
        lockstep = tab.lockstep
        menu.clear()
        for rival in lockstep.rivals():
            action = menu.addAction(rival.name)
            action.setObjectName(f"beside_{rival.key}")
            action.setToolTip(rival.help)
            action.triggered.connect(lambda _=False, r=rival: lockstep.open_rival(r))
        others = [r for r in tab.runs if r is not tab.runs.current]
        if others:
            menu.addSeparator()
        for record in reversed(others[-MOST_RUNS_OFFERED:]):
            action = menu.addAction(record.name)
            action.setObjectName(f"beside_run_{record.number}")
            action.setToolTip(record.how)
            action.triggered.connect(lambda _=False, r=record: tab.compare_with(r))
        if tab.comparing:
            menu.addSeparator()
            menu.addAction("&End the comparison").triggered.connect(lockstep.close)

    def _fill_demos(self) -> None:
        window, demos = self._window, self._window.demos_menu
        if demos.actions():
            return
        group = QActionGroup(demos)
        for row in registry.MODELS:
            # One list of all would be higher than a small screen.
            menu = demos.addMenu(row.title)
            for story in window.stories:
                if story.model == row.key:
                    action = QAction(story.title, demos)
                    action.setObjectName(f"demo_{story.name}")
                    action.triggered.connect(lambda _=False, n=story.name: window.open_demo(n))
                    group.addAction(action)
                    menu.addAction(action)
        demos.addSeparator()
        self._action(demos, "next_demo", "Next demo\tPgDn", window.next_demo)
        self._action(demos, "previous_demo", "Previous demo\tPgUp", lambda: window.next_demo(-1))
