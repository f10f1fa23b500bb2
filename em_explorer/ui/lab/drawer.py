"""The drawer of the Lab, and the door to it: a button, a key, and room made for it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QObject, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QTabBar, QToolButton, QVBoxLayout

from em_explorer.session.jobs import JobRunner
from em_explorer.ui.icons import icon
from em_explorer.ui.lab.page import LabPage
from em_explorer.ui.tab_frame import hairline
from em_explorer.ui.theme import theme_manager

WIDTH = 316
"""Of the drawer, px."""

ROOM_FOR_BOTH = 1560
"""A window narrower than this shows the Lab in place of the side panel, px."""

PAGES = (
    ("runs", "Runs", "Every run by name, its curve, branches, other algorithms"),
    ("starts", "Starts", "Where EM ends from many starts"),
    ("how_many", "How many?", "What the data say about the number of parts"),
    ("landscape", "Landscape", "The likelihood as a map over two parameters"),
)


class LabDrawer(QFrame):
    """Pages beside the picture; each is built when it is first shown.

    Signals
    -------
    closed()
        The person has closed it.
    turned()
        Another page is in front.
    """

    closed = Signal()
    turned = Signal()

    def __init__(self, tab: Any) -> None:
        super().__init__()
        self.setObjectName("lab")
        self.setAccessibleName("Lab")
        self.setProperty("role", "panel")
        self.tab = tab
        self.line = hairline(vertical=True)
        self.jobs = JobRunner(self)
        self.pages: dict[str, LabPage] = {}
        self.bar = QTabBar()
        self.bar.setObjectName("lab_pages")
        self.bar.setAccessibleName("Pages of the Lab")
        self.bar.setExpanding(False)
        self.bar.setUsesScrollButtons(False)
        for i, (_, title, tip) in enumerate(PAGES):
            self.bar.addTab(title)
            self.bar.setTabToolTip(i, tip)
        self.close_button = QToolButton()
        self.close_button.setObjectName("lab_close")
        self.close_button.setAccessibleName("Close the Lab")
        self.close_button.setToolTip("Close the Lab (L)")
        self.close_button.clicked.connect(self.closed)
        self.stack = QStackedWidget()
        for _ in PAGES:
            self.stack.addWidget(QFrame())
        self._lay_out()
        self.bar.currentChanged.connect(self._turn)
        theme_manager().changed.connect(self._retheme)
        self._retheme()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.bar, 1)
        head.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 12, 8)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(hairline())
        column.addWidget(self.stack, 1)

    @property
    def page(self) -> LabPage:
        """The page in front."""
        return self.open(PAGES[self.bar.currentIndex()][0])

    def open(self, name: str) -> LabPage:
        """Bring a page to the front; the first time, it is built."""
        index = [page[0] for page in PAGES].index(name)
        if name not in self.pages:
            page = _build(name, self.tab, self.jobs)
            self.pages[name] = page
            before = self.stack.widget(index)
            self.stack.insertWidget(index, page)
            if before is not None:
                self.stack.removeWidget(before)
                before.deleteLater()
        self.stack.setCurrentIndex(index)
        if self.bar.currentIndex() != index:
            self.bar.setCurrentIndex(index)
        self.pages[name].opened()
        self.turned.emit()
        return self.pages[name]

    @Slot(int)
    def _turn(self, index: int) -> None:
        if self.stack.currentIndex() != index or PAGES[index][0] not in self.pages:
            self.open(PAGES[index][0])

    def _retheme(self, *_: object) -> None:
        px = theme_manager().px
        self.setFixedWidth(px(WIDTH))
        self.bar.setStyleSheet(f"QTabBar::tab {{ margin: 0 {px(5)}px; padding: {px(8)}px 0; }}")
        self.close_button.setIcon(icon("close", theme_manager().current.secondary))

    def shutdown(self) -> None:
        """End the background work; called once, before the window goes."""
        self.jobs.shutdown()


def _build(name: str, tab: Any, jobs: JobRunner) -> LabPage:
    if name == "runs":
        from em_explorer.ui.lab.runs_page import RunsPage

        page = RunsPage(tab, jobs)
        page.split_wanted.connect(tab.compare_with)
        return page
    if name == "starts":
        from em_explorer.ui.lab.starts_page import StartsPage

        return StartsPage(tab, jobs)
    if name == "how_many":
        from em_explorer.ui.lab.how_many_page import HowManyPage

        return HowManyPage(tab, jobs)
    from em_explorer.ui.lab.landscape_page import LandscapePage

    return LandscapePage(tab, jobs)


class LabDoor(QObject):
    """Open and close a tab's Lab; nothing of it is built before it is first opened.

    Parameters
    ----------
    tab : ModelTab
    """

    def __init__(self, tab: Any) -> None:
        super().__init__(tab)
        self.tab = tab
        self.drawer: LabDrawer | None = None
        self.is_open = False
        self._allowed = True
        self._side_wanted = True
        self.button = QToolButton()
        self.button.setObjectName("lab_button")
        self.button.setText("Lab")
        self.button.setAccessibleName("Open or close the Lab")
        self.button.setToolTip(
            "The Lab: compare runs, starts and models, and see the likelihood’s landscape (L)"
        )
        self.button.setCheckable(True)
        self.button.clicked.connect(self.toggle)
        tab.heading.add_tool(self.button)
        tab.comparison_changed.connect(self.arrange)
        tab.installEventFilter(self)

    @Slot()
    def toggle(self) -> None:
        """Open the Lab, or close it."""
        if self.is_open and self.drawer is not None and not self.drawer.isHidden():
            self.close()
        else:
            self.open()

    def open(self, page: str | None = None) -> LabPage:
        """Open the Lab, on a page or where it was left."""
        if self.tab.comparing and self.narrow:
            self.tab.end_comparison()
            self.tab.notify(
                "The second run made room for the Lab; both are in its list.", "secondary"
            )
        if self.drawer is None:
            self.drawer = LabDrawer(self.tab)
            self.drawer.closed.connect(self.close)
            self.drawer.turned.connect(self.refresh)
            self.tab.add_drawer(self.drawer.line, self.drawer)
            self.tab.runs.changed.connect(self.refresh)
            self.tab.controller.loaded.connect(self._on_loaded)
        self.is_open = True
        shown = self.drawer.page if page is None else self.drawer.open(page)
        self.arrange()
        self.refresh()
        return shown

    @Slot()
    def close(self) -> None:
        """Close the Lab; what it has found stays."""
        self.is_open = False
        self.arrange()
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the other runs' curves behind the present one while the Lab is open."""
        if self.drawer is None:
            return
        runs: Any = self.drawer.pages.get("runs")
        shown = runs.curves() if self.is_open and runs is not None else ()
        self.tab.bottom.curve.show_others(shown)

    @Slot()
    def _on_loaded(self) -> None:
        self.refresh()
        if self.drawer is not None and self.is_open:
            self.drawer.page.opened()

    # -- room --------------------------------------------------------------------------------

    def show_panels(self, *, setup: bool, side: bool) -> None:
        """Take note of which panels the window wants; the Lab is hidden with all of them."""
        self._allowed, self._side_wanted = setup, side
        self.tab.show_panels(setup=setup, side=side)
        self.arrange()

    @property
    def narrow(self) -> bool:
        """Whether the Lab takes another part's room."""
        return bool(self.tab.width() < theme_manager().px(ROOM_FOR_BOTH))

    @Slot()
    def arrange(self, *_: object) -> None:
        """Show the Lab where it is open; where there is no room, the side panel gives way."""
        shown = self.is_open and self._allowed
        self.button.setChecked(self.is_open)
        narrow = self.narrow
        # Two runs side by side need the room of all; the Lab comes back after them.
        shown = shown and not (narrow and self.tab.comparing)
        self.tab.taken = WIDTH if shown else 0
        if not shown:  # what goes goes first: both at once would widen the window
            self._show_drawer(False)
        self.tab.show_panels(setup=self._allowed, side=self._side_wanted and not (shown and narrow))
        self._show_drawer(shown)

    def _show_drawer(self, on: bool) -> None:
        if self.drawer is not None:
            self.drawer.setVisible(on)
            self.drawer.line.setVisible(on)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Give the side panel its room back in a wide window."""
        if watched is self.tab and event.type() == QEvent.Type.Resize and self.is_open:
            self.arrange()
        return False

    def shutdown(self) -> None:
        """End the background work; called before the window goes."""
        if self.drawer is not None:
            self.drawer.shutdown()
