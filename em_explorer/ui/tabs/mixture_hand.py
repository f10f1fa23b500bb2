"""What the hand can do in the mixture's tab: drag, add, remove, undo, and read by pointing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolButton

from em_explorer.data.dataset import Dataset
from em_explorer.em.arrays import Floats, Ints
from em_explorer.session.runs import RunRecord
from em_explorer.ui.data_choices import DataChoice
from em_explorer.ui.icons import icon
from em_explorer.ui.model_tab import ModelTab
from em_explorer.ui.tabs import mixture_edits as edits
from em_explorer.ui.tabs.mixture_looks import MixtureLooks
from em_explorer.ui.tabs.mixture_words import MixtureWords
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.views.histogram import MixtureHistogram
from em_explorer.ui.views.mixture_area import MixtureArea
from em_explorer.ui.views.scatter import MixtureScatter
from em_explorer.ui.wording import unit_of

HINT = "Point at a dot or a mean to read it. Drag a mean, a dot or the end of an axis."
HINT_ON_A_LINE = "Point at a dot to read it. Drag a mean, a dot, or the square at one σ."

SIZES_HINT = " The larger a dot, the less sure it is."

UNDO_STEPS = 100


class MixtureHand(ModelTab):
    """The hand's part of the tab; the drawing is in :class:`GaussianMixtureTab`."""

    KEPT: ClassVar[tuple[str, ...]] = (*ModelTab.KEPT, "_hand_words", "_undo")

    scatter: MixtureScatter
    looks: MixtureLooks
    area: MixtureArea

    def prepare_hand(self) -> None:
        """Make the undo button and the readout; called before anything else is made."""
        self._undo: list[edits.Before] = []
        self._editing = False
        self._hand_words = ""
        self._values: tuple[Any, Floats] | None = None
        self.forget_pointer()
        self.undo_button = QToolButton()
        self.undo_button.setObjectName("undo")
        self.undo_button.setAccessibleName("Take back the last change by hand")
        self.undo_button.setToolTip("Take back the last change by hand (Ctrl+Z)")
        self.undo_button.setEnabled(False)
        self.undo_button.clicked.connect(self.undo)
        self.readout = QLabel(HINT)
        self.readout.setObjectName("readout")
        self.readout.setProperty("role", "caption")
        self.readout.setTextFormat(Qt.TextFormat.RichText)
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self.undo)
        self.dress_hand()

    def forget_pointer(self) -> None:
        """Take it that the pointer is on nothing."""
        self._pointed = {"point": -1, "component": -1}

    def connect_hand(self, view: MixtureScatter | MixtureHistogram) -> None:
        """Listen to a view."""
        view.grabbed.connect(self._on_grabbed)
        view.component_asked.connect(self._on_component_asked)
        view.component_hovered.connect(self._on_component_pointed)
        view.box.point_hovered.connect(self._on_point_pointed)
        view.box.point_dropped.connect(self.move_point)
        view.box.point_removed.connect(self.remove_point)
        view.box.place_doubled.connect(self.add_point)

    def dress_hand(self) -> None:
        """Take the theme's colors."""
        self.undo_button.setIcon(icon("undo", theme_manager().current.text))

    # -- what is shown -----------------------------------------------------------------------

    @property
    def values(self) -> Floats:
        """The data in their own units, (N, D)."""
        if self._values is None or self._values[0] is not self.data:
            self._values = self.data, self.data.points + self.data.center
        return self._values[1]

    @property
    def one_column(self) -> bool:
        """Whether a histogram is shown instead of a scatter."""
        return bool(self.data.points.shape[1] == 1)

    @property
    def shown_view(self) -> MixtureScatter | MixtureHistogram:
        """The view on the screen."""
        raise NotImplementedError

    @property
    def pair(self) -> tuple[int, int]:
        """The two columns drawn."""
        return self.area.pair

    @property
    def shown_columns(self) -> list[int]:
        """The columns that the hand can change."""
        return [0] if self.one_column else list(self.pair)

    @property
    def words(self) -> MixtureWords:
        """The words for these data."""
        assert self.dataset is not None
        n_columns = self.data.points.shape[1]
        names = self.dataset.columns or [f"column {d + 1}" for d in range(n_columns)]
        return MixtureWords(self.noun, tuple(unit_of(name) for name in names))

    # -- changing parameters -----------------------------------------------------------------

    def move_mean(self, component: int, x: float, y: float | None = None) -> None:
        """Start anew with a mean elsewhere."""
        place = [x] if y is None else [x, y]
        now = self.shown_params(self.controller.cursor)
        params = edits.move_mean(now, component, self.shown_columns, place)
        where = self.words.place(params.means[component])
        self._edit(self.dataset, params, f"You put component {component + 1} at {where}.")

    def reshape(self, component: int, shape: Any) -> None:
        """Start anew with another covariance in the columns shown."""
        now = self.shown_params(self.controller.cursor)
        kind = self.options.covariance_type
        params = edits.reshape(now, component, self.shown_columns, np.asarray(shape), kind)
        self._edit(self.dataset, params, f"You gave component {component + 1} another shape.")

    def _on_line_dragged(self, component: int, x: float) -> None:
        self.move_mean(component, x)

    def _on_spread_dragged(self, component: int, spread: float) -> None:
        self.reshape(component, [[spread**2]])

    def _on_grabbed(self) -> None:
        self.controller.pause()

    # -- changing data -----------------------------------------------------------------------

    def move_point(self, index: int, x: float, y: float) -> None:
        """Start anew with a point elsewhere in the columns shown."""
        place = [x] if self.one_column else [x, y]
        dataset = edits.move_point(self._present(), index, self.shown_columns, place)
        self._edit(dataset, self._now(), f"You moved {self.noun} {index + 1}.")

    def add_point(self, x: float, y: float) -> None:
        """Start anew with one point more; refused where it would lack columns."""
        n_columns = self.data.points.shape[1]
        if n_columns > 2:
            self.notify(
                f"A new {self.noun} needs a value in all {n_columns} columns, and a double-click "
                "gives only two. You can drag those there are, or remove them with a right-click.",
                "warning",
            )
            return
        place = [x] if self.one_column else [x, y]
        ordered = [v for _, v in sorted(zip(self.shown_columns, place, strict=True))]
        dataset = edits.add_point(self._present(), ordered)
        where = self.words.place(np.array(ordered))
        self._edit(dataset, self._now(), f"You added {self.noun} {len(dataset.values)} at {where}.")

    def remove_point(self, index: int) -> None:
        """Start anew with one point less."""
        dataset = edits.remove_point(self._present(), index)
        self._edit(dataset, self._now(), f"You removed {self.noun} {index + 1}.")

    def _present(self) -> Dataset:
        assert self.dataset is not None
        return self.dataset

    def _now(self) -> Any:
        return self.shown_params(self.controller.cursor)

    # -- undo --------------------------------------------------------------------------------

    def _edit(self, dataset: Dataset | None, params: Any, words: str) -> None:
        """Begin a run from what the hand has made, and remember what was there before."""
        before = self._before()
        changed_data = dataset is not self.dataset
        self._undo.append(before)
        del self._undo[:-UNDO_STEPS]
        if not self._begin(dataset, params, f"{words} Press → to see who takes what."):
            self._undo.pop()
            self.undo_button.setEnabled(bool(self._undo))
            self.stage.redraw()
            return
        if changed_data and dataset is not None:
            self._leave_story()
            self.own = dataset
            self.choice = DataChoice(dataset.name, dataset.title, "own")
            self.generator_options = None
        self._show_setup()
        self._show_words(self.controller.cursor)

    def undo(self) -> None:
        """Take back the last change by hand."""
        if not self._undo:
            return
        before = self._undo.pop()
        self.controller.pause()
        self.options = before.options
        if not self._begin(before.dataset, before.given, "You took back the last change."):
            return
        self.choice, self.own, self.story = before.choice, before.own, before.story
        self.generator_options = before.generator_options
        if self.story is not None:
            self.side.explain.show_story(self.story.question, self.story.watch)
        self._show_setup()
        self._show_words(self.controller.cursor)

    def _before(self) -> edits.Before:
        # At the start a drawn start stays "drawn"; later, the picture on the screen comes back.
        given = self.given if self.controller.cursor == 0 else self._now()
        return edits.Before(
            self._present(),
            given,
            self.options,
            self.choice,
            self.generator_options,
            self.own,
            self.story,
        )

    def _begin(self, dataset: Dataset | None, params: Any, words: str) -> bool:
        assert dataset is not None
        said, self._hand_words, self._editing = self._hand_words, words, True
        try:
            begun = self._start(dataset, params)
        finally:
            self._editing = False
        if not begun:
            self._hand_words = said
        return begun

    def _start(self, dataset: Dataset, given: Any) -> bool:
        """Load a run; one that the hand did not begin leaves nothing to take back."""
        said, undo = self._hand_words, self._undo
        if not self._editing:
            self._hand_words, self._undo = "", []
        begun = super()._start(dataset, given)
        if not begun:
            self._hand_words, self._undo = said, undo
        self.undo_button.setEnabled(bool(self._undo))
        return begun

    def show_run(self, record: RunRecord, cursor: int | None = None) -> None:
        """Bring a run back, with what the hand did to it."""
        super().show_run(record, cursor)
        self.undo_button.setEnabled(bool(self._undo))

    def _caption(self, index: int) -> str:
        if index == 0 and self._hand_words:
            return self._hand_words
        return super()._caption(index)

    # -- reading by pointing -----------------------------------------------------------------

    def _on_point_pointed(self, index: int) -> None:
        self._point_at("point", index)
        self.shown_view.ring_point(index)

    def lock_names(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the components."""
        n_components = len(self.snapshot(0).params.weights)
        return [f"component {k + 1}" for k in range(n_components)], ()

    def _on_component_asked(self, component: int, place: Any) -> None:
        """Offer to lock a component's mean, shape or weight."""
        mine = [lock for lock in self.lockable() if lock.index in ((component,), ())]
        order = ("means", "covariances", "weights")
        self.ask_locks(sorted(mine, key=lambda lock: order.index(lock.group)), place)

    def held(self, group: str) -> Any:
        """Return which components have this part of their parameters locked, (K,) bool."""
        n_components = len(self.snapshot(0).params.weights)
        mine = [lock.index for lock in self.locks if lock.group == group]
        return np.array([(k,) in mine or () in mine for k in range(n_components)])

    def _on_component_pointed(self, component: int) -> None:
        self._point_at("component", component)
        self.looks.redraw()

    @property
    def looked_at(self) -> int:
        """The component under the pointer or with its handles shown; −1 where there is none."""
        chosen = self._pointed["component"]
        if chosen < 0 and not self.one_column and self.scatter.selected is not None:
            chosen = self.scatter.selected
        return chosen

    def _point_at(self, kind: str, number: int) -> None:
        self._pointed[kind] = number
        if self.controller.trace is not None:
            self.show_readout(self.controller.cursor)

    def show_readout(self, index: int) -> None:
        """Say in the line below the picture what the pointer is on."""
        text = self._reading(index)
        hint = HINT_ON_A_LINE if self.one_column else HINT
        hint += SIZES_HINT if self.looks.shows_uncertainty else ""
        self.readout.setText(text or hint)
        self._say(self.readout.setAccessibleName, text or hint)

    def _reading(self, index: int) -> str:
        if max(self._pointed.values()) < 0:
            return ""
        params, expectation = self.shown_params(index), self.snapshot(index).expectation
        component, point = self._pointed["component"], self._pointed["point"]
        if 0 <= component < len(params.weights):  # the mean lies on top of the points
            counts = None if expectation is None else expectation.statistics.counts
            rows = self.typical_rows()
            pull = self.looks.pulling(index, component)
            pulling = None if pull is None else pull.rows
            return self.words.component(component, rows, self.values[rows], params, counts, pulling)
        if 0 <= point < len(self.data.points):
            shares = self.shares_at(index, point)
            text = self.words.point(point, self.values[point], shares, self._true_name(point))
            believed = self.snapshot(index).posterior_params
            if shares is None or believed is None:
                return text
            assert self.model is not None
            params = self.model.to_units(believed, self.data)
            return text + self.words.formula(self.values[point], params)
        return ""

    def shares_at(self, index: int, point: int) -> Floats | None:
        """Return one point's responsibilities; None at the start."""
        latent = self.latent(index)
        return None if latent is None else latent.responsibilities[point]

    def typical_rows(self) -> Ints:
        """Return the points among which the most typical are sought."""
        return np.arange(len(self.data.points))

    def _true_name(self, index: int) -> str:
        dataset = self._present()
        if dataset.truth is None or dataset.truth.labels is None:
            return ""
        label = int(dataset.truth.labels[index])
        names = dataset.symbols
        return names[label] if 0 <= label < len(names) else f"group {label + 1}"

    @staticmethod
    def _say(say: Callable[[str], None], text: str) -> None:
        say(text.replace("<b>", "").replace("</b>", ""))
