"""The missing-data tab: imputed points slide in E, mean and ellipse move in M."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from em_explorer.data.dataset import Truth
from em_explorer.em.anatomy import Lock
from em_explorer.em.arrays import Bools, Floats
from em_explorer.em.errors import SingularError
from em_explorer.em.steps import Phase
from em_explorer.models.missing_data import draw
from em_explorer.models.treatments import (
    Moments,
    Treatment,
    complete_cases,
    fill_with_means,
    moments,
)
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.missing_data_words import (
    Columns,
    e_caption,
    explanation,
    m_caption,
    moment_groups,
    moved_cells,
    score_groups,
)
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.tabs.missing_data_brush import HolePunching
from em_explorer.ui.tabs.missing_data_looks import FillLooks, regression_words
from em_explorer.ui.tabs.missing_data_picture import OTHERS, MissingPicture
from em_explorer.ui.views.incomplete_area import IncompleteArea
from em_explorer.ui.views.pattern_map import find_patterns
from em_explorer.ui.views.treatment_legend import TRUTH
from em_explorer.ui.wording import count, unit_of


class MissingDataTab(HolePunching):
    """Scatter of two columns with its margins, the missingness map, and the treatments."""

    key: ClassVar[str] = "missing_data"
    e_label: ClassVar[str] = "E-step: fill the holes"
    m_label: ClassVar[str] = "M-step: move the ellipse"
    observation_name: ClassVar[str] = "row"

    def build_play_area(self) -> QWidget:
        """Make the choice of columns, the brush, the scatter, the map and the legend."""
        self.prepare_brush()
        self._marked: Bools | None = None
        self.area = area = IncompleteArea()
        self.looks = FillLooks(self)
        area.add_looks(self.looks.words, self.looks.button)
        self.x_box, self.y_box, self.punch_box = area.x_box, area.y_box, area.punch_box
        self.brush, self.undo_button = area.brush, area.undo_button
        self.connect_brush()
        self.scatter, self.map, self.legend = area.scatter, area.map, area.legend
        self.scatter.describe = self.describe_row
        self.x_box.activated.connect(self._on_columns)
        self.y_box.activated.connect(self._on_columns)
        self.scatter.box.asked.connect(self._on_asked)
        self.scatter.row_hovered.connect(self.looks.point_at)
        self.map.picked.connect(self._on_pattern)
        self.legend.changed.connect(self._on_legend)
        return area

    # -- data --------------------------------------------------------------------------------

    @property
    def truth(self) -> Truth | None:
        """What is known of the truth."""
        return self.dataset.truth if self.dataset is not None else None

    def dataset_changed(self) -> None:
        """Set axes, map and legend for other data; the pair stays while only holes are punched."""
        assert self.dataset is not None
        labels = self.dataset.columns or self.data.columns
        spreads = np.sqrt(self.data.variances)
        self.columns = Columns.of(labels, np.where(spreads > 0, spreads, 1.0))
        self._labels = [unit_of(label) for label in labels]
        if not self._punching:
            for box, chosen in ((self.x_box, 0), (self.y_box, 1)):
                box.clear()
                box.addItems(self.columns.names)
                box.setCurrentIndex(min(chosen, len(labels) - 1))
        self.show_brush()
        table = self.table
        whole = complete_cases(table)
        self._fixed = {
            Treatment.COMPLETE_CASES: whole,
            Treatment.MEAN_FILL: moments(fill_with_means(table)),
        }
        true_params = self.truth.params if self.truth is not None else None
        self.legend.allow(complete_cases=whole is not None, truth=true_params is not None)
        self.patterns = find_patterns(self.data.observed)
        self._marked = None
        self.looks.forget()
        self.map.show_patterns(self.patterns, self.columns.names)
        self._show_axes(keep_range=self._punching)

    def _show_axes(self, *, keep_range: bool = False) -> None:
        x, y = pair = self.pair
        if not keep_range:
            complete = self.truth.complete if self.truth is not None else None
            known = self.table if complete is None else np.fmax(self.table, complete)
            # Room for the ellipse of the available cases too: imputed points may lie beyond.
            middle, reach = self.data.center, 2.2 * np.sqrt(self.data.variances)
            low = np.fmin(np.nanmin(known, axis=0), middle - reach)[list(pair)]
            high = np.fmax(np.nanmax(known, axis=0), middle + reach)[list(pair)]
            self.scatter.show_axes(self._labels[x], self._labels[y], low, high)
            # Equal units, equal lengths: a round ellipse is round.
            spans = self.data.variances[list(pair)]
            alike = self.columns.units[x] == self.columns.units[y]
            self.scatter.setAspectLocked(bool(alike and spans.max() < 4 * spans.min()))
            chosen = self.punch_box.currentIndex()
            self.punch_box.clear()
            self.punch_box.addItems([self.columns.names[y], self.columns.names[x]])
            self.punch_box.setCurrentIndex(max(chosen, 0))
        self._show_rows()
        self.looks.show_axes()

    def _show_rows(self) -> None:
        pair = list(self.pair)
        self.scatter.show_rows(self.table[:, pair], ~self.data.observed[:, pair], self._marked)

    @Slot()
    def _on_columns(self, *_: object) -> None:
        x, y = self.pair
        if x == y and len(self.columns.names) > 1:  # a column against itself shows nothing
            other = self.y_box if self.sender() is self.x_box else self.x_box
            other.setCurrentIndex(0 if x else 1)
        self._show_axes()
        self._redraw()

    @Slot(int)
    def _on_pattern(self, pattern: int) -> None:
        self._marked = self.patterns.which == pattern if pattern >= 0 else None
        self.looks.choose(pattern)
        self._show_rows()
        self._redraw()

    @Slot()
    def _on_legend(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        if self.controller.trace is not None:
            self.stage.redraw()

    def size_text(self) -> str:
        """Say rows × columns and how much is missing."""
        n, d = self.data.shape
        holes = ~self.data.observed
        missing = int(holes.sum())
        share = f"{100 * missing / holes.size:.0f}\u00a0%" if missing else "none"
        rows = count(int(holes.any(axis=1).sum()), "row")
        return f"{n:,} × {d}, {rows} with holes, {count(missing, 'cell')} missing ({share})"

    def apply_view(self, view: dict[str, Any]) -> None:
        """Take the pair of columns and the treatments of a story."""
        for key, box in (("x", self.x_box), ("y", self.y_box)):
            if view.get(key) in self.columns.names:
                box.setCurrentIndex(self.columns.names.index(view[key]))
        self.legend.choose(set(view.get("treatments", [Treatment.EM.value])))
        self._show_axes()
        self._redraw()

    def shared_views(self) -> list[Any]:
        """Return the scatter's."""
        return [self.scatter.getViewBox()]

    def show_compact(self, on: bool) -> None:
        """Leave out the map of who misses what, and the brush."""
        self.area.show_compact(on)

    def call_run(self, algorithm: str) -> None:
        """Call the ellipse what it is."""
        self.legend.call_run(algorithm)

    def retheme(self) -> None:
        """Take the theme's colors."""
        self.area.retheme()

    def close_run(self) -> None:
        """End the threads; called before the window goes."""
        self.looks.close()
        super().close_run()

    # -- pictures ----------------------------------------------------------------------------

    def filled(self, index: int) -> tuple[Floats, Floats]:
        """Return the filled table and the deviations in force; at the start, holes at the mean."""
        latent = self.latent(index)
        if latent is not None:
            return latent.imputed_in_units(self.data), latent.standard_deviations
        table = self.table
        mean = self.shown_params(index).mean
        return np.where(np.isnan(table), mean, table), np.zeros(table.shape)

    def treated(self, index: int, treatment: Treatment) -> Moments | None:
        """Return mean and covariance of another treatment, as of a snapshot."""
        if treatment in self._fixed:
            return self._fixed[treatment]
        if treatment is Treatment.PLUG_IN:
            return moments(self.filled(index)[0])
        snapshot = self.snapshot(index)
        params = snapshot.posterior_params or snapshot.params
        try:
            # One seed for every half-step: the draws change with the parameters, not by chance.
            drawn = draw(self.data, params, np.random.default_rng(self.seed))
        except SingularError:
            return None
        return moments(drawn + self.data.center)

    def picture(self, index: int) -> MissingPicture:
        """Return the filled table, mean, covariance and the treatments wanted."""
        params = self.shown_params(index)
        before = self.params_before(index)
        imputed, deviations = self.filled(index)
        d = len(params.mean)
        means, covariances = np.full((len(OTHERS), d), np.nan), np.full((len(OTHERS), d, d), np.nan)
        for i, treatment in enumerate(OTHERS):
            found = (
                self.treated(index, treatment) if treatment.value in self.legend.chosen else None
            )
            if found is not None:
                means[i], covariances[i] = found.mean, found.covariance
        return MissingPicture(
            imputed,
            deviations,
            params.mean,
            params.covariance,
            None if before is None else before.mean,
            None if before is None else before.covariance,
            means,
            covariances,
        )

    def _left(self) -> Floats | None:
        """Return the filled table before the E-step on the screen; None at other half-steps."""
        index = self.stage.shown_index or 0
        before = max(index - 2, 0)
        self.left_out = bool(index % 2) and self.controller.rushing  # the arrows
        if not index % 2 or self.controller.rushing or not self.controller.at_hand(before, 0):
            return None
        return self.filled(before)[0]

    def paint(self, picture: MissingPicture) -> None:
        """Draw imputed points, ellipses and ghosts of the chosen pair."""
        pair = np.array(self.pair)
        square = np.ix_(pair, pair)
        ghost = None
        if picture.ghost_mean is not None and picture.ghost_covariance is not None:
            ghost = picture.ghost_mean[pair], picture.ghost_covariance[square]
        chosen = self.legend.chosen
        self.scatter.place_imputed(picture.imputed[:, pair], picture.deviations[:, pair])
        left = self._left()
        self.scatter.place_slides(None if left is None else left[:, pair], picture.imputed[:, pair])
        self.scatter.place_em(
            picture.mean[pair],
            picture.covariance[square],
            ghost,
            shown=Treatment.EM.value in chosen,
        )
        for i, treatment in enumerate(OTHERS):
            self.scatter.place_line(
                treatment.value,
                picture.treated_means[i][pair],
                picture.treated_covariances[i][square],
            )
        if TRUTH in chosen and self.truth is not None:
            true = self.truth.params
            self.scatter.place_line(TRUTH, true.mean[pair], true.covariance[square])
        else:
            self.scatter.place_line(TRUTH, None, None)
        self._draw_locks()
        self.looks.draw()
        self.looks.check()

    # -- locks -------------------------------------------------------------------------------

    def lock_names(self) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of the columns."""
        return self.columns.names, ()

    @Slot(object)
    def _on_asked(self, place: Any) -> None:
        """Offer to lock the means of the two columns drawn, or the covariance."""
        means = [Lock("mean", (d,)) for d in dict.fromkeys(self.pair)]
        self.ask_locks([*means, Lock("covariance", ())], place)

    def _draw_locks(self) -> None:
        held = np.array([Lock("mean", (d,)) in self.locks for d in self.pair])
        self.scatter.show_locks(held, Lock("covariance", ()) in self.locks)

    # -- words -------------------------------------------------------------------------------

    def caption(self, index: int) -> str:
        """Say which row slid most, or which number changed most."""
        if self.snapshot(index).phase is Phase.E:
            before, after = self.filled(max(index - 2, 0))[0], self.filled(index)[0]
            return e_caption(
                self.columns, before, after, ~self.data.observed, first=index == 1, noun=self.noun
            )
        old, new = self.shown_params(index - 1), self.shown_params(index)
        return m_caption(self.columns, (old.mean, old.covariance), (new.mean, new.covariance))

    def posterior_moved(self, index: int) -> tuple[str, tuple[NumberRow, ...]]:
        """Say which imputed values an E-step moved most, in standard deviations."""
        before, after = self.filled(max(index - 2, 0))[0], self.filled(index)[0]
        holes = ~self.data.observed
        return moved_cells(self.columns, before, after, holes, self.noun)

    def explain(self, index: int) -> Explanation:
        """Explain the half-step."""
        phase = self.snapshot(index).phase
        return explanation(phase, self._example(index) if phase is Phase.E else ())

    def _example(self, index: int) -> tuple[str, ...]:
        """Return the first hole of the drawn pair with its value."""
        holes = np.argwhere(~self.data.observed[:, list(self.pair)])
        if not len(holes):
            return ()
        row, d = int(holes[0, 0]), self.pair[int(holes[0, 1])]
        line = f"{self.noun.capitalize()} {row + 1}: {self._cell(index, row, d)}"
        given = self.looks.given_for(row, index)
        return (line,) if given is None else (line, regression_words(self.columns, given, d))

    def _cell(self, index: int, row: int, column: int) -> str:
        """Return "ozone −11 ± 24 ppb"."""
        imputed, deviations = self.filled(index)
        value = self.columns.number(column, imputed[row, column])
        if not self.data.observed[row, column]:
            value += f" ± {self.columns.number(column, deviations[row, column])}"
        return self.columns.with_unit(column, f"{self.columns.names[column]} {value}")

    def describe_row(self, row: int) -> str:
        """Say a row's values; imputed ones with their standard deviation."""
        lines = [f"{self.noun.capitalize()} {row + 1}"]
        complete = self.truth.complete if self.truth is not None else None
        for d in range(len(self.columns.names)):
            line = self._cell(self.controller.cursor, row, d)
            if not self.data.observed[row, d]:
                line += "  (imputed)"
                if complete is not None and np.isfinite(complete[row, d]):
                    line += f"  truth {self.columns.number(d, complete[row, d])}"
            lines.append(line)
        given = self.looks.given_for(row)
        if given is not None:
            lines += [regression_words(self.columns, given, int(d)) for d in given.missing_columns]
        return "\n".join(lines)

    def numbers(self, index: int) -> tuple[NumberGroup, ...]:
        """Return errors against the truth, means, spreads and correlations."""
        params = self.shown_params(index)
        groups: tuple[NumberGroup, ...] = ()
        truth = self.truth
        if truth is not None and truth.complete is not None:
            filled = self.filled(index)[0]
            groups = score_groups(self.columns, self.table, filled, truth.complete)
        groups += moment_groups(self.columns, params.mean, params.covariance, self.pair)
        if truth is not None and truth.params is not None:
            true = truth.params
            groups += moment_groups(self.columns, true.mean, true.covariance, self.pair, "True ")
        return groups

    def export_tables(self, index: int) -> dict[str, tuple[list[str], list[Any]]]:
        """Return the filled table, its standard deviations, mean and covariance."""
        names = list(self.columns.names)
        imputed, deviations = self.filled(index)
        params = self.shown_params(index)
        moment_rows = [["mean", *params.mean.tolist()]]
        moment_rows += [
            [name, *line] for name, line in zip(names, params.covariance.tolist(), strict=True)
        ]
        return {
            "imputed": (names, imputed.tolist()),
            "standard deviations": (names, deviations.tolist()),
            "mean and covariance": (["", *names], moment_rows),
        }
