"""The Diagnose page: one run taken apart, in headings that say the gist and open with a click."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from em_explorer.em.diagnostics import falls
from em_explorer.em.steps import StopReason
from em_explorer.em.trace import phase_of
from em_explorer.session.diagnosis import Diagnosis
from em_explorer.ui import diagnose_words as words
from em_explorer.ui.color_keeper import ColorKeeper, Reference
from em_explorer.ui.editors import ElidedComboBox
from em_explorer.ui.panels.explain import wrapped
from em_explorer.ui.panels.numbers import NumberRow
from em_explorer.ui.panels.sections import RowsGrid, Section
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.transport import restyle
from em_explorer.ui.views.bound_parts import BoundStairs, stairs
from em_explorer.ui.views.bound_picture import BoundPicture, BoundView
from em_explorer.ui.views.gauges import GaugeRows

OPEN_FIRST = ("changed", "bound")
"""Sections open at the beginning."""

GONE = "This half-step is being computed again."


@dataclass(frozen=True)
class DiagnosisView:
    """What the page is asked to show.

    Attributes
    ----------
    diagnosis : Diagnosis
    index : int
    curve_name : str
    moved : (str, tuple of NumberRow)
        What an E-step changed, where the model's tab has its own words for it.
    rushing : bool
        True while half-steps come too fast for pictures that take passes over the data.
    start_flaw : str
        Why EM can't leave the start, or not in all directions; mostly empty.
    colors : ColorKeeper or None
    """

    diagnosis: Diagnosis
    index: int
    curve_name: str
    moved: tuple[str, tuple[NumberRow, ...]]
    rushing: bool
    start_flaw: str = ""
    colors: ColorKeeper | None = None


class DiagnosePanel(QScrollArea):
    """What changed, the bound, the convergence, the gauges.

    Signals
    -------
    enlarge_wanted()
        The picture of the bound was clicked.
    more_wanted()
        A section was opened, which may need more than was asked for.
    reference_chosen(reference)
        Colors are to be kept by something else.
    """

    enlarge_wanted = Signal()
    more_wanted = Signal()
    reference_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("diagnose")
        self.setAccessibleName("Diagnosis of this run")
        self.setProperty("role", "panel")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.sections: dict[str, Section] = {}
        self._order: list[Section] = []
        self._view: DiagnosisView | None = None
        page = QWidget()
        page.setProperty("role", "panel")
        self._column = QVBoxLayout(page)
        self._add_changed()
        self._add_bound()
        self._add_convergence()
        self._add_gauges()
        self._add_colors()
        self._column.addStretch(1)
        self.setWidget(page)
        self._fit_later = QTimer(self)
        self._fit_later.setSingleShot(True)
        self._fit_later.timeout.connect(self._make_room)
        theme_manager().changed.connect(self._retheme)
        self._retheme()
        for name in OPEN_FIRST:
            self.sections[name].head.setChecked(True)
            self._order.append(self.sections[name])

    # -- sections ------------------------------------------------------------------------------

    def add_section(self, name: str, title: str, tip: str) -> Section:
        """Add a section at the end."""
        section = Section(name, title, tip)
        section.opened.connect(self._on_opened)
        section.toggled.connect(self._on_toggled)
        place = self._column.count() - (1 if self.widget() is not None else 0)
        self._column.insertWidget(place, section)
        self.sections[name] = section
        return section

    def _add_changed(self) -> None:
        section = self.add_section(
            "changed", "What changed", "What the last half-step moved, most first"
        )
        self.changed_words = wrapped(name="changed_words")
        self.changed = RowsGrid("changed")
        section.column.addWidget(self.changed_words)
        section.column.addWidget(self.changed)

    def _add_bound(self) -> None:
        section = self.add_section(
            "bound", "The bound", "What F(q, θ) is made of, and how it touches the likelihood"
        )
        self.stairs = BoundStairs()
        self.picture = BoundPicture("bound_picture")
        self.picture.setToolTip(
            "The likelihood and the bound along the way from these parameters to the next. E lets "
            "them touch, M goes to the bound’s top. Click to enlarge (P)"
        )
        self.picture.clicked.connect(self.enlarge_wanted)
        self.bound_words = wrapped(role="secondary", name="bound_words")
        for widget in (self.stairs, self.bound_words, self.picture):
            section.column.addWidget(widget)

    def _add_convergence(self) -> None:
        section = self.add_section(
            "convergence", "Convergence", "How fast EM converges, and how far it still has to go"
        )
        self.alarm = wrapped(name="alarm")
        restyle(self.alarm, state="warning")
        self.convergence = RowsGrid("convergence")
        section.column.addWidget(self.alarm)
        section.column.addWidget(self.convergence)

    def _add_gauges(self) -> None:
        section = self.add_section("gauges", "Gauges", "What may run out before EM is done")
        self.gauge_words = wrapped(name="gauge_words")
        restyle(self.gauge_words, state="failure")
        self.gauges = GaugeRows()
        section.column.addWidget(self.gauges)
        section.column.addWidget(self.gauge_words)

    def _add_colors(self) -> None:
        section = self.add_section(
            "colors", "Colors", "Which part is called 1 is chance: what numbers and colors follow"
        )
        self.references: tuple[Reference, ...] = ()
        label = QLabel("Numbers and colors stay with")
        label.setProperty("role", "secondary")
        self.reference_box = ElidedComboBox()
        self.reference_box.setObjectName("reference")
        self.reference_box.setAccessibleName("What numbers and colors stay with")
        self.reference_box.setToolTip(
            "The start numbers the parts by chance. Take the truth or another run, and the parts "
            "that match theirs wear the same colors, in this run and in those that follow"
        )
        self.reference_box.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.reference_box.activated.connect(self._on_reference)
        self.color_words = wrapped(name="color_words")
        for widget in (label, self.reference_box, self.color_words):
            section.column.addWidget(widget)

    @Slot(int)
    def _on_reference(self, position: int) -> None:
        self.reference_chosen.emit(self.references[position])

    # -- filling -------------------------------------------------------------------------------

    def show_view(self, view: DiagnosisView) -> None:
        """Show what is known about a half-step."""
        self._view = view
        self._fill()

    @property
    def wants_line(self) -> bool:
        """Whether the picture of the bound can be seen."""
        return self.sections["bound"].is_open

    @Slot()
    def refill(self) -> None:
        """Show what has been worked out meanwhile."""
        if self._view is not None and self.isVisible():
            self._fill()

    def _fill(self) -> None:
        assert self._view is not None
        self._fill_changed(self._view)
        self._fill_bound(self._view)
        self._fill_convergence(self._view)
        self._fill_gauges(self._view)
        self._fill_colors(self._view)
        self._fit_later.start(0)

    def _fill_changed(self, view: DiagnosisView) -> None:
        phase, section = phase_of(view.index).value, self.sections["changed"]
        rows: tuple[NumberRow, ...] = ()
        if view.index == 0:
            text = f"Nothing yet: this is the start. {view.start_flaw}".rstrip()
        elif phase == "E":
            text, rows = view.moved
        else:
            found = view.diagnosis.changes(view.index)
            text = GONE if found is None else words.change_sentence(found)
            rows = () if found is None else words.change_rows(found)
        self.changed_words.setText(text)
        self.changed.show_rows(rows)
        section.show_gist("" if section.is_open else words.changed_gist(rows))

    def _fill_bound(self, view: DiagnosisView) -> None:
        section, diagnosis = self.sections["bound"], view.diagnosis
        parts = diagnosis.parts(view.index)
        gist = words.bound_gist(parts, diagnosis.exact)
        section.show_gist("" if section.is_open and parts is not None else gist)
        if not section.is_open:
            return
        phase = phase_of(view.index).value
        self.stairs.show_rows(() if parts is None else stairs(parts, phase))
        self.stairs.setVisible(parts is not None)
        self.picture.show_view(bound_view(view))
        self.bound_words.setVisible(not diagnosis.exact)
        self.bound_words.setText(
            "log p(X) itself is out of reach here: q is the best of a family, not the true "
            "posterior. EM climbs this bound instead."
        )

    def _fill_convergence(self, view: DiagnosisView) -> None:
        section, diagnosis = self.sections["convergence"], view.diagnosis
        state = diagnosis.convergence(view.index)
        moving = diagnosis.alarm(view.index)
        tone = "" if moving is None else "warning"
        section.show_gist(words.convergence_gist(state), tone)
        if not section.is_open:
            return
        self.alarm.setVisible(moving is not None)
        self.alarm.setText("" if moving is None else words.alarm_sentence(moving))
        trace = diagnosis.trace
        n_falls = 0 if trace is None else int((falls(trace) <= view.index).sum())
        self.convergence.show_rows(words.convergence_rows(state, n_falls, view.curve_name))

    def _fill_gauges(self, view: DiagnosisView) -> None:
        section, diagnosis = self.sections["gauges"], view.diagnosis
        gauges, stop = diagnosis.gauges(view.index), words.stop_at(diagnosis, view.index)
        collapse = None if stop is not None else diagnosis.collapse(view.index)
        section.show_gist(*words.gauge_gist(gauges, collapse, stop))
        if not section.is_open:
            return
        self.gauges.show_gauges(gauges)
        sentence = "" if collapse is None else words.collapse_sentence(collapse)
        if stop is not None and stop.reason is StopReason.SINGULAR:
            sentence = words.stop_sentence(stop)
        self.gauge_words.setVisible(bool(sentence))
        self.gauge_words.setText(sentence)

    def _fill_colors(self, view: DiagnosisView) -> None:
        section, keeper = self.sections["colors"], view.colors
        section.setVisible(keeper is not None and keeper.n_parts > 1)
        if keeper is None or keeper.n_parts < 2:
            return
        section.show_gist(f"stay with {keeper.reference.name}")
        if not section.is_open or not view.diagnosis.knows(view.index):
            return
        self.references = keeper.choices()
        names = [reference.name for reference in self.references]
        if [self.reference_box.itemText(i) for i in range(self.reference_box.count())] != names:
            self.reference_box.clear()
            self.reference_box.addItems(names)
        chosen = keeper.reference.name
        self.reference_box.setCurrentIndex(names.index(chosen) if chosen in names else -1)
        self.color_words.setText(words.switch_sentence(keeper.switched(view.index)))

    # -- room ----------------------------------------------------------------------------------

    @Slot(object)
    def _on_opened(self, section: Section) -> None:
        if section in self._order:
            self._order.remove(section)
        self._order.append(section)
        if self._view is not None:
            self._fill()
        self.more_wanted.emit()

    @Slot(bool)
    def _on_toggled(self, _open: bool) -> None:
        if self._view is not None:
            self._fill()

    @Slot()
    def _make_room(self) -> None:
        """Fold what was opened longest ago, until nothing must be scrolled."""
        self._order = [section for section in self._order if section.is_open]
        if len(self._order) < 2 or not self.isVisible():
            return
        needed = self._column.totalHeightForWidth(self.viewport().width())
        if needed < 0:  # no text in it breaks its lines
            needed = self._column.totalSizeHint().height()
        if needed > self.viewport().height():
            self._order.pop(0).head.setChecked(False)
            self._fit_later.start(0)  # once the layout knows of it, look again

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the room there is."""
        super().resizeEvent(event)
        self._fit_later.start(0)

    def showEvent(self, event: QShowEvent) -> None:
        """Fill in what came while nobody looked."""
        super().showEvent(event)
        self._fit_later.start(0)

    def _retheme(self, *_: object) -> None:
        px = theme_manager().px
        self._column.setContentsMargins(px(16), px(8), px(16), px(8))
        self._column.setSpacing(px(4))
        if self._view is not None:
            self._fill()


def bound_view(view: DiagnosisView) -> BoundView:
    """Return the picture of the step that a half-step belongs to, or why there is none."""
    phase = phase_of(view.index).value if view.index else ""
    line = view.diagnosis.line(view.index) if view.index else None
    if view.index == 0:
        message = "The first E-step gives the first bound."
    elif view.rushing:
        message = "Drawn when EM rests."
    elif view.diagnosis.gave_up(view.index):
        message = "This step can’t be drawn: EM can’t go on from here."
    else:
        message = "being drawn …"
    return BoundView(line, phase, message)
