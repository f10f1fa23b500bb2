"""The main window: a tab per model, the menus, themes and projector mode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QMainWindow,
    QStackedWidget,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from em_explorer import registry
from em_explorer.ui.collector import GuiCollector
from em_explorer.ui.guards import guard_overrides
from em_explorer.ui.motion import Motion
from em_explorer.ui.theme import presentation_scale, theme_manager

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from em_explorer.session.document import Story
    from em_explorer.ui.menus import Menus

FIRST_SIZE = QSize(1280, 800)


class MainWindow(QMainWindow):
    """All models, one tab each; a tab is built when it is first shown."""

    menus: Menus
    """Made by :meth:`furnish`."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("main_window")
        self.setWindowTitle("em_explorer")
        if theme_manager().scale != 1.0:  # one before was closed in projector mode
            theme_manager().use(scale=1.0)
        self.resize(FIRST_SIZE)
        self._collector = GuiCollector(self)
        self.tabs: dict[str, Any] = {}
        self.doors: dict[str, Any] = {}
        self._stories: list[Story] | None = None
        page = QWidget()
        page.setProperty("role", "page")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.tab_bar = QTabBar()
        self.tab_bar.setObjectName("models")
        self.tab_bar.setAccessibleName("Models")
        self.tab_bar.setExpanding(False)
        self.pages = QStackedWidget()
        for row in registry.MODELS:
            self.tab_bar.addTab(row.title)
            self.pages.addWidget(QWidget())
        column.addWidget(self.tab_bar)
        column.addWidget(self.pages, 1)
        self.setCentralWidget(page)
        self.tab_bar.currentChanged.connect(self.show_model)
        self._projector = False
        self._panels = True
        self._furnished = False
        self._make_bar()
        theme_manager().changed.connect(self._retheme)

    def settled(self) -> None:
        """Take note that the window and its first tab stand."""
        self._collector.keep()

    def furnish(self) -> None:
        """Fill the menus of the shell that is already on the screen; harmless when done."""
        if not self._furnished:
            self._furnished = True
            from em_explorer.ui.menus import Menus

            self.menus = Menus(self)
            self._retheme()

    # -- tabs --------------------------------------------------------------------------------

    @property
    def tab(self) -> Any:
        """The tab in front, built if it was not yet shown."""
        return self.tab_for(registry.MODELS[self.pages.currentIndex()].key)

    @property
    def door(self) -> Any:
        """The Lab of the tab in front."""
        return self.doors[self.tab.key]

    def tab_for(self, key: str, *, open_first_demo: bool = True) -> Any:
        """Return a model's tab; the first call builds it and opens its first demo."""
        if key not in self.tabs:
            self.furnish()
            row = registry.entry(key)
            tab_class = registry.load(row.tab)
            guard_overrides()
            from em_explorer.ui.lab.drawer import LabDoor

            # A tab that finds its place only when it is full passes the style down once more.
            tab = tab_class(self.pages)
            self.tabs[key] = tab
            index = [r.key for r in registry.MODELS].index(key)
            placeholder = self.pages.widget(index)
            self.pages.insertWidget(index, tab)
            if placeholder is not None:
                self.pages.removeWidget(placeholder)
                placeholder.deleteLater()
            tab.story_wanted.connect(self.open_demo)
            self.doors[key] = LabDoor(tab)
            self._arrange(tab)
            if open_first_demo:
                tab.load_story(row.first_demo)
        return self.tabs[key]

    def show_model(self, index: int) -> None:
        """Bring a model's tab to the front; one that runs unseen is paused."""
        before = self.pages.currentIndex()
        if before != index:
            leaving = self.tabs.get(registry.MODELS[before].key)
            if leaving is not None:
                leaving.controller.pause()
        key = registry.MODELS[index].key
        self.tab_for(key)
        self.pages.setCurrentIndex(index)
        if self.tab_bar.currentIndex() != index:
            self.tab_bar.setCurrentIndex(index)

    def open_model(self, key: str) -> None:
        """Bring the tab of a model to the front by its key."""
        self.show_model([row.key for row in registry.MODELS].index(key))

    # -- demos -------------------------------------------------------------------------------

    @property
    def stories(self) -> list[Story]:
        """All bundled demos in menu order."""
        if self._stories is None:
            from em_explorer.session.document import list_stories

            self._stories = list_stories()
        return self._stories

    def open_demo(self, name: str) -> None:
        """Show a demo in its tab."""
        from em_explorer.session.document import load_story

        story = load_story(name)
        tab = self.tab_for(story.model, open_first_demo=False)
        if tab.load_story(story) or tab.dataset is not None:
            self.open_model(story.model)

    def next_demo(self, by: int = 1) -> None:
        """Go on to the next demo, over all tabs, round and round."""
        names = [story.name for story in self.stories]
        here = self.tab.story.name if self.tab.story is not None else None
        position = names.index(here) if here in names else -1 if by > 0 else 0
        self.open_demo(names[(position + by) % len(names)])

    # -- menus -------------------------------------------------------------------------------

    def _make_bar(self) -> None:
        """Make what the shell shows of the menus; shortcuts and icons cost more than all of it."""
        bar = self.menuBar()
        words = ("&File", "&Demos", "&Run", "&Compare", "&View", "&Help")
        menus = [bar.addMenu(each) for each in words]
        self.file_menu, self.demos_menu, self.run_menu = menus[:3]
        self.compare_menu, self.view_menu, self.help_menu = menus[3:]
        self.theme_button = QToolButton()
        self.theme_button.setObjectName("theme_button")
        self.theme_button.setAccessibleName("Switch between the light and the dark theme")
        self.theme_button.setToolTip("Light or dark (Ctrl+D)")
        self.theme_button.clicked.connect(self.toggle_theme)
        bar.setCornerWidget(self.theme_button)

    # -- what the menus do -------------------------------------------------------------------

    def save_picture(self) -> None:
        """Ask for a file and save a picture of the window."""
        from em_explorer.ui.saving import ask_and_save_picture

        ask_and_save_picture(self)

    def export(self) -> None:
        """Ask for a folder and write the tables."""
        from em_explorer.ui.saving import ask_and_export

        ask_and_export(self)

    def toggle_projector(self) -> None:
        """Larger type, and only the play area, the curve and the transport."""
        self._projector = not self._projector
        self.menus.projector.setChecked(self._projector)
        self.menuBar().setVisible(not self._projector)
        self.tab_bar.setVisible(not self._projector)
        scale = presentation_scale(self.screen().size().height())
        theme_manager().use(scale=scale if self._projector else 1.0)
        for tab in self.tabs.values():
            self._arrange(tab)
        self.pages.setFocus()  # else it falls on whatever button comes next
        if self.isVisible():
            if self._projector:
                self.showFullScreen()
            else:
                self.showNormal()

    def toggle_side(self) -> None:
        """Fold the side panel, or show it again."""
        self._panels = not self._panels
        self.menus.side_panel.setChecked(self._panels)
        for tab in self.tabs.values():
            self._arrange(tab)

    def _arrange(self, tab: Any) -> None:
        plain = not self._projector
        self.doors[tab.key].show_panels(setup=plain, side=self._panels and plain)

    def toggle_motion(self) -> None:
        """Animate between half-steps, or no more."""
        Motion.enabled = not Motion.enabled
        self.menus.motion.setChecked(Motion.enabled)
        self._remember()

    def toggle_theme(self) -> None:
        """Change between light and dark."""
        theme_manager().toggle()
        self._remember()

    def _remember(self) -> None:
        from em_explorer.session.settings import load_settings, save_settings

        theme = theme_manager().current.name
        save_settings(replace(load_settings(), theme=theme, animate=Motion.enabled))

    def _retheme(self, *_: object) -> None:
        from em_explorer.ui.icons import icon

        theme = theme_manager().current
        self.theme_button.setIcon(icon("sun" if theme.is_dark else "moon", theme.text))

    def open_file(self, path: Path) -> None:
        """Open a data file in the tab in front."""
        self.tab.open_in_background(path)

    # -- errors and the end ------------------------------------------------------------------

    def pause(self, *_: object) -> None:
        """Pause every run: something went wrong, or the window is about to go."""
        for tab in self.tabs.values():
            tab.controller.pause()

    def describe(self) -> str:
        """Say what is on the screen, for a report of an error."""
        tab = self.tabs.get(registry.MODELS[self.pages.currentIndex()].key)
        if tab is None:
            return "No tab was open."
        story = tab.story.name if tab.story is not None else "none"
        dataset = tab.dataset.name if tab.dataset is not None else "none"
        trace = tab.controller.trace
        return (
            f"Tab {tab.key}, demo {story}, data {dataset}, seed {tab.seed}, half-step "
            f"{tab.controller.cursor} of {len(trace) if trace is not None else 0}\n{tab.options}"
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Enter press the button that has the focus: Space plays, wherever the focus is."""
        from PySide6.QtCore import Qt  # its hundred enumerations would hold up the shell

        focus = QApplication.focusWidget()
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and isinstance(focus, QAbstractButton) and self.isAncestorOf(focus):
            focus.click()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """End every worker and dialog before the window goes; nothing may keep it open."""
        try:
            self.pause()
            for dialog in self.findChildren(QDialog):
                dialog.reject()
            for key, tab in self.tabs.items():
                self.doors[key].shutdown()
                tab.close_run()
            self._collector.finish()
        finally:
            event.accept()
