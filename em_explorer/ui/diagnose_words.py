"""What the Diagnose page says: what moved, how fast EM converges, what lies ahead."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from em_explorer.em.anatomy import Gauge
from em_explorer.em.arrays import Ints
from em_explorer.em.diagnostics import BoundParts, Change, Convergence, StillMoving
from em_explorer.em.steps import Stop, StopReason
from em_explorer.session.diagnosis import Diagnosis
from em_explorer.ui.panels.numbers import NumberRow
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.wording import count, plain, signed

MOST_MOVED = 4
"""Parameters listed that moved most."""

IN_SPREADS = ("means", "spreads", "rates")
"""Groups whose movement is told in standard deviations."""

HARDLY = 1e-7
"""Movements below this, in the parameter's own scale, are called none."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What lies ahead of a run, in one line.

    Attributes
    ----------
    text : str
        Empty when there is nothing to say.
    tone : str
        "", "warning" or "failure".
    details : str
        For the tooltip.
    """

    text: str = ""
    tone: str = ""
    details: str = ""


def told(before: float, after: float, *, probability: bool = False) -> tuple[str, str]:
    """Write two values finely enough to show how they differ: "54.9", "60.2".

    Probabilities lose the zero before the point: ".31", ".36".
    """
    change, size = abs(after - before), max(abs(before), abs(after))
    digits = 2
    if change > 0 and size > 0:
        digits = max(2, math.floor(math.log10(size)) - math.floor(math.log10(change)) + 1)
    decimals = max(0, min(digits, 6) - 1 - math.floor(math.log10(size))) if size > 0 else 0
    if decimals > 9 or size >= 1e9:
        return plain(before, 3), plain(after, 3)
    texts = [f"{value:.{decimals}f}".replace("-", "−") for value in (before, after)]
    if probability:
        texts = [text[1:] if text.startswith("0.") else text for text in texts]
    return texts[0], texts[1]


def moved_text(change: Change) -> str:
    """Return "+0.82 SD" for what has a spread, the difference for the rest."""
    if change.parameter.group in IN_SPREADS:
        return f"{signed(change.moved, 2)} SD"
    return signed(change.after - change.before, 2)


def part_color(part: int | None) -> str:
    """Return the color of a component, state or topic; "" for what belongs to all."""
    return "" if part is None else theme_manager().current.component(part).name()


def is_share(group: str) -> bool:
    """Whether a group's values lie between 0 and 1."""
    return group not in (*IN_SPREADS, "correlations")


def change_rows(changes: Sequence[Change]) -> tuple[NumberRow, ...]:
    """Return the parameters that moved most, with the way they went."""
    rows = []
    for change in changes[:MOST_MOVED]:
        if abs(change.moved) < HARDLY:
            break
        old, new = told(change.before, change.after, probability=is_share(change.parameter.group))
        tip = (
            f"{change.parameter.label} moved by {signed(change.moved, 3)} of its standard deviation"
            if change.parameter.group in IN_SPREADS
            else f"{change.parameter.label} changed by {signed(change.after - change.before, 3)}"
        )
        value = f"{old} → {new}  <b>{moved_text(change)}</b>"
        rows.append(
            NumberRow(change.parameter.label, value, part_color(change.parameter.part), tip)
        )
    return tuple(rows)


def changed_gist(rows: Sequence[NumberRow]) -> str:
    """Say what changed most, and by how much: there is no room for more."""
    if not rows:
        return ""
    change = re.search("<b>(.*?)</b>", rows[0].value)
    return f"{rows[0].name} {change.group(1) if change else rows[0].value}"


def change_sentence(changes: Sequence[Change]) -> str:
    """Say what an M-step moved most."""
    if not changes or abs(changes[0].moved) < HARDLY:
        return "The M-step moved nothing any more: EM has arrived."
    first = changes[0]
    how = (
        f"by {plain(abs(first.moved), 2)} SD"
        if first.parameter.group in IN_SPREADS
        else f"by {plain(abs(first.after - first.before), 2)}"
    )
    return f"{first.parameter.label} moved most, {how}."


def count_rows(counts: Sequence[tuple[Gauge, float | None]]) -> tuple[NumberRow, ...]:
    """Return how the expected counts of an E-step changed, most first."""
    ordered = sorted(counts, key=lambda pair: -abs(pair[0].value - (pair[1] or 0.0)))
    rows = []
    for gauge, before in ordered[:MOST_MOVED]:
        if before is not None and abs(gauge.value - before) < HARDLY * max(gauge.value, 1.0):
            break
        if before is None:
            value = f"{plain(gauge.value, 3)} {gauge.unit}"
        else:
            old, new = told(before, gauge.value)
            value = f"{old} → {new}  <b>{signed(gauge.value - before, 2)}</b>"
        tip = f"Expected {gauge.unit} of the posterior that this E-step found"
        rows.append(NumberRow(gauge.label, value, part_color(gauge.part), tip))
    return tuple(rows)


def convergence_rows(state: Convergence, n_falls: int, name: str) -> tuple[NumberRow, ...]:
    """Return rate, missing information, limit, and how far it still is."""

    def shown(value: float | None, digits: int = 3) -> str:
        return "–" if value is None else plain(value, digits)

    left = iterations_left(state)
    limit = "–" if state.limit is None else plain(state.limit, 8)
    more = "≥ " if state.at_least and state.distance is not None else ""
    return (
        NumberRow(
            "gain per observation",
            shown(state.gain),
            tip="What the last iteration added to the curve, nats per observation. EM stops when "
            "it falls below the tolerance.",
        ),
        NumberRow(
            "rate",
            shown(state.rate),
            tip="The last gain divided by the one before. Near 1, EM crawls.",
        ),
        NumberRow(
            "missing information",
            shown(state.missing_information),
            tip="λ, the square root of the rate: each iteration leaves this share of the way to "
            "go. It estimates the fraction of information that the hidden values take away.",
        ),
        NumberRow(
            "limit L∞",
            limit,
            tip=f"Where the {name} is heading, extrapolated from the last gains (Aitken), nats",
        ),
        NumberRow("still to gain", f"{more}{shown(state.distance)}", tip="L∞ − L, nats"),
        NumberRow(
            "iterations left",
            left,
            tip="Until an iteration gains less than the tolerance, at the present rate",
        ),
        NumberRow(
            "decreases",
            "none" if not n_falls else str(n_falls),
            tip="Half-steps after which the curve stood lower. EM itself can never go down; each "
            "is marked on the curve.",
        ),
    )


def iterations_left(state: Convergence) -> str:
    """Return "about 12", "at least 40", "none" or "–"."""
    if not state.iterations_left:
        return "–" if state.iterations_left is None else "none"
    return f"{'at least' if state.at_least else 'about'} {state.iterations_left:,}"


def convergence_gist(state: Convergence) -> str:
    """Say the rate and the way to go in a few words."""
    parts = []
    if state.missing_information is not None:
        parts.append(f"λ {plain(state.missing_information, 3)}")
    if state.iterations_left == 0:
        parts.append("arrived")
    elif state.iterations_left is not None:
        parts.append(f"{'≥' if state.at_least else '≈'} {state.iterations_left:,} left")
    if not parts and state.rate is not None and state.rate >= 1.0:
        return "the gains still grow"
    return " · ".join(parts) or "too early to tell"


def alarm_sentence(moving: StillMoving) -> str:
    """Warn that the curve looks flat although a parameter has not arrived."""
    share = is_share(moving.parameter.group)
    now, end = told(moving.after, moving.destination, probability=share)
    return (
        f"The curve is flat, but {moving.parameter.label} still moves: {now} now, heading for "
        f"{end}. Flat is not converged."
    )


def bound_gist(parts: BoundParts | None, exact: bool) -> str:
    """Say how wide the gap is."""
    if parts is None:
        return "from the first E-step on"
    if not exact:
        return f"F {plain(parts.bound, 6)}"
    if parts.gap is None:
        return "gap …"
    return "gap closed" if parts.gap == 0 else f"gap {plain(parts.gap, 3)} nats"


def gauge_gist(
    gauges: Sequence[Gauge], collapse: tuple[Gauge, int] | None, stop: Stop | None = None
) -> tuple[str, str]:
    """Say which gauge is the first to look at, with its tone; ``stop``: EM stopped here."""
    if stop is not None and stop.reason is StopReason.SINGULAR:
        return "EM stopped here", "failure"
    if collapse is not None:
        return collapse_text(collapse, short=True), "failure"
    low = [gauge for gauge in gauges if gauge.value < gauge.warn]
    if low:
        return f"{low[0].label} is low", "warning"
    return ("all well" if gauges else ""), ""


def switch_sentence(order: Ints) -> str:
    """Say which parts have changed places since the start; ``order[i]`` now is most like i then."""
    moved = [i for i, now in enumerate(order) if int(now) != i]
    if not moved:
        return "Each part still is most like what it was at the start: none have changed places."
    listed = ", ".join(f"{int(order[i]) + 1} is where {i + 1} began" for i in moved[:3])
    more = " …" if len(moved) > 3 else ""
    return f"Parts have changed places on the way: {listed}{more}."


def stop_sentence(stop: Stop) -> str:
    """Say what has failed where EM stopped as singular; what to try is said elsewhere."""
    return stop.message.split(". ")[0].rstrip(".") + "."


def collapse_sentence(collapse: tuple[Gauge, int]) -> str:
    """Warn of what fails, and say what could hold it."""
    gauge, left = collapse
    when = "now" if left == 0 else f"within {count(left, 'iteration')}"
    label = gauge.label[:1].upper() + gauge.label[1:]
    return f"{label} shrinks from step to step: {when} EM can’t go on."


def collapse_text(collapse: tuple[Gauge, int], *, short: bool = False) -> str:
    """Say when what fails: "2: singular within 3 iterations", short "2: singular · ≤ 3 left"."""
    gauge, left = collapse
    when = " now" if left == 0 else f" within {count(left, 'iteration')}"
    if short and left:
        when = f" · ≤ {left:,} left"
    who = "" if gauge.part is None else f"{gauge.part + 1}: "
    return f"{who}{'empty' if gauge.kind == 'count' else 'singular'}{when}"


def stop_at(diagnosis: Diagnosis, index: int) -> Stop | None:
    """Return why EM stopped at this half-step, if it did."""
    trace = diagnosis.trace
    return None if trace is None or index < len(trace) - 1 else trace.stop


def outlook(diagnosis: Diagnosis, index: int) -> Outlook:
    """Say in one line what lies ahead: a collapse, a false calm, or how many iterations."""
    if index == 0 or diagnosis.trace is None:
        return Outlook()
    stopped = stop_at(diagnosis, index) is not None
    collapse = None if stopped else diagnosis.collapse(index)
    if collapse is not None:
        return Outlook(
            f"{collapse_text(collapse)}",
            "failure",
            collapse_sentence(collapse),
        )
    moving = diagnosis.alarm(index)
    if moving is not None:
        return Outlook(
            f"flat, but {moving.parameter.label} moves", "warning", alarm_sentence(moving)
        )
    state = diagnosis.convergence(index)
    noun = "iteration" if state.iterations_left == 1 else "iterations"
    if stopped or not state.iterations_left:
        return Outlook()
    return Outlook(
        f"{iterations_left(state)} {noun} left",
        "",
        "Until an iteration gains less than the tolerance, if the gains go on shrinking as now",
    )
