"""The ground of every tab: its parts and their layout, its run, and what a model must say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from em_explorer import registry
from em_explorer.data.dataset import Dataset
from em_explorer.em.steps import Model, Phase, RunOptions, Snapshot
from em_explorer.session.controller import Controller
from em_explorer.session.document import Story
from em_explorer.session.loading import BackgroundLoad
from em_explorer.session.lockstep import Leader
from em_explorer.session.watching import Look
from em_explorer.ui.bottom import Bottom
from em_explorer.ui.data_choices import DataChoice
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup
from em_explorer.ui.setup_panel import SetupPanel
from em_explorer.ui.stage import Stage
from em_explorer.ui.tab_frame import Heading, SidePanel, hairline
from em_explorer.ui.theme import theme_manager

SETUP_WIDTH, SIDE_WIDTH = 224, 280
"""Of the panels, px."""


class TabBase(QWidget):
    """One model, one run: what is on the tab, and what its model has to say.

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
        self._panels = QTimer(self)
        self._panels.setSingleShot(True)
        self.model: Model | None = None
        self.data: Any = None
        self._wanted_panels = True, True
        self.least_room = 0  # px; panels that would take some of it are folded
        self.taken = 0  # px; by what stands beside the play area besides the panels

        self.controller = self.make_controller()
        # Each finds its place before it is filled: a full one passes the style down once more.
        self.setup = SetupPanel(type(self.options), self)
        self.heading = Heading(self)
        self.play_area = self.build_play_area()
        self.play_area.setParent(self)
        self.side = SidePanel(self)
        self.bottom = Bottom(self.controller, self)
        self.stage = Stage(self.picture, self.paint, self, self.plan)
        self.loading = BackgroundLoad(self)
        self._lay_out()

    @property
    def noun(self) -> str:
        """What one observation is called: the data set's own word, or the model's."""
        own = self.dataset.noun if self.dataset is not None else ""
        return own or self.observation_name

    # -- what a model's tab says -------------------------------------------------------------

    def build_play_area(self) -> QWidget:
        """Make the widget in the middle."""
        raise NotImplementedError

    def make_controller(self) -> Controller:
        """Return what moves the run."""
        return Leader(self)

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

    def keep_posterior(self) -> Look | None:
        """Return what keeps the part of a posterior that pictures need, if it costs much to find.

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

    def shared_views(self) -> list[Any]:
        """Return the view boxes that two runs side by side keep at one range."""
        return []

    def choices(self) -> dict[str, Any]:
        """Return what a person has chosen in the picture itself: a document, names, an order."""
        return {}

    def take_choices(self, choices: dict[str, Any]) -> None:
        """Show what has been chosen in the picture beside this one."""

    def share_scale(self, other: Any) -> None:
        """Draw heights at one scale with the tab in the other half, which is of this kind."""

    def call_run(self, algorithm: str) -> None:
        """Say in the picture which algorithm it shows, where it would speak of EM."""

    def show_compact(self, on: bool) -> None:
        """Leave out of the play area what has no room when there are two."""

    def export_tables(self, index: int) -> dict[str, tuple[list[str], list[Any]]]:
        """Return tables a person may want to keep: name to (column names, rows)."""
        return {}

    # -- layout ------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        manager = theme_manager()
        self.setup.setFixedWidth(manager.px(SETUP_WIDTH))
        self.side.setFixedWidth(manager.px(SIDE_WIDTH))
        centre = QVBoxLayout()
        centre.setContentsMargins(16, 12, 16, 8)
        centre.setSpacing(8)
        centre.addWidget(self.heading)
        self.stand = QGridLayout()
        self.stand.setContentsMargins(0, 0, 0, 0)
        self.stand.setHorizontalSpacing(16)
        self.stand.setVerticalSpacing(4)
        self.stand.setRowStretch(1, 1)
        self.stand.addWidget(self.play_area, 1, 0)
        centre.addLayout(self.stand, 1)
        self._upper = upper = QHBoxLayout()
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

    def add_drawer(self, line: QWidget, drawer: QWidget) -> None:
        """Put a drawer and the line before it between the play area and the side panel."""
        place = self._upper.indexOf(self._side_line)
        self._upper.insertWidget(place, line)
        self._upper.insertWidget(place + 1, drawer)

    def show_panels(self, *, setup: bool, side: bool) -> None:
        """Show or fold the left and right panels; the play area takes their room."""
        self._wanted_panels = setup, side
        self.arrange_panels()

    def arrange_panels(self) -> None:
        """Show the panels that are wanted, as far as the play area leaves them room."""
        setup, side = self._wanted_panels
        if self.least_room:
            px = theme_manager().px
            room = self.width() - px(self.least_room + self.taken)
            setup = setup and room >= px(SETUP_WIDTH)
            side = side and room >= px(SIDE_WIDTH) + (px(SETUP_WIDTH) if setup else 0)
        self.setup.setVisible(setup)
        self._setup_line.setVisible(setup)
        self.side.setVisible(side)
        self._side_line.setVisible(side)

    def _on_theme(self, *_: object) -> None:
        manager = theme_manager()
        self.setup.setFixedWidth(manager.px(SETUP_WIDTH))
        self.side.setFixedWidth(manager.px(SIDE_WIDTH))
        self.retheme()
        self.stage.redraw()

    def retheme(self) -> None:
        """Give the play area the theme's colors."""

    # -- the run -----------------------------------------------------------------------------

    def snapshot(self, index: int) -> Snapshot:
        """Return a snapshot of the run's trace."""
        assert self.controller.trace is not None
        return self.controller.trace[index]

    def shown_params(self, index: int) -> Any:
        """Return a snapshot's parameters in the data's units."""
        assert self.model is not None
        return self.model.to_units(self.snapshot(index).params, self.data)

    def params_before(self, index: int) -> Any:
        """Return the parameters that an M-step moved, in the data's units; None elsewhere."""
        moved = self.snapshot(index).phase is Phase.M
        return self.shown_params(index - 1) if moved else None

    def latent(self, index: int) -> Any:
        """Return the posterior in force at a snapshot, or None at the start."""
        assert self.controller.trace is not None
        found = self.controller.trace.posterior(index)
        return None if found is None else found.latent

    def notify(self, sentence: str, tone: str = "failure") -> None:
        """Show a sentence in place; what is on the screen stays."""
        self.heading.notice.show_message(sentence, tone)
