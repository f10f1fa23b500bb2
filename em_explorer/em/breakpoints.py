"""Where a person wants EM to pause: at a phase, at an iteration, or when a number passes a line.

What passes a line does so once: EM pauses in the half-step in which it does, and going on from
there it does not pause again at every step beyond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from em_explorer.em.anatomy import Anatomy, Gauge
from em_explorer.em.changes import at_hand
from em_explorer.em.convergence import rates
from em_explorer.em.numerals import plain
from em_explorer.em.options import check_options, option
from em_explorer.em.steps import Phase, Snapshot
from em_explorer.em.trace import Trace, phase_of


class PauseAfter(Enum):
    """The half-step to pause after, every time."""

    NEVER = "never"
    E = "every E-step"
    M = "every M-step"


@dataclass(frozen=True, slots=True)
class Breakpoints:
    """When to pause a run. Everything is off by default.

    Attributes
    ----------
    bound_falls : bool
        Pause after a half-step that lowered the bound by more than rounding explains.
    counts_below : float
        Pause when a component, state or topic holds less than this; 0 is off.
    eigenvalue_below : float, share of the data's variance
        Pause when a covariance gets narrower than this; 0 is off.
    rate_above : float
        Pause when an iteration gains more than this fraction of what the one before gained;
        0 is off.
    at_iteration : int
        Pause at the end of this iteration; 0 is off.
    at_phase : PauseAfter
    """

    bound_falls: bool = option(
        False,
        "The bound falls",
        help="EM never lowers it. Where it does, the model or the numbers are at fault.",
    )
    counts_below: float = option(
        0.0,
        "Count below",
        help="Pause when a component, state or topic is left with fewer points, time steps or "
        "words than this. 0 is off.",
        low=0.0,
    )
    eigenvalue_below: float = option(
        0.0,
        "Eigenvalue below",
        help="Pause when a covariance gets so narrow in some direction, as a share of the data's "
        "variance. 0 is off.",
        low=0.0,
    )
    rate_above: float = option(
        0.0,
        "Rate above",
        help="Pause when an iteration gains more than this share of what the one before gained. "
        "Near 1, EM crawls. 0 is off.",
        low=0.0,
        high=1.0,
        step=0.01,
    )
    at_iteration: int = option(
        0,
        "At iteration",
        help="Pause when this iteration is done. 0 is off.",
        low=0,
        high=1_000_000,
        step=10,
    )
    at_phase: PauseAfter = option(
        PauseAfter.NEVER,
        "After",
        help="Pause after every E-step or after every M-step.",
    )

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def any(self) -> bool:
        """Whether there is anything to pause for."""
        return self != Breakpoints()


def reached(
    breakpoints: Breakpoints, trace: Trace, index: int, anatomy: Anatomy | None
) -> str | None:
    """Say which breakpoint a half-step reached, in a sentence, or None.

    Asked for every half-step in turn, as it arrives. Nothing is replayed: half-steps that are not
    at hand reach only what needs no parameters.

    Parameters
    ----------
    breakpoints : Breakpoints
    trace : Trace
    index : int
        The half-step, not negative.
    anatomy : Anatomy or None
        Without one there are no gauges to watch.
    """
    if index == 0 or not breakpoints.any:
        return None
    found = _fallen(breakpoints, trace, index)
    found = found or _gauge_passed(breakpoints, trace, index, anatomy)
    found = found or _rate_passed(breakpoints, trace, index)
    iteration, phase = index // 2, phase_of(index)
    if found is None and phase is Phase.E and 0 < breakpoints.at_iteration == iteration:
        found = f"Iteration {iteration} is done."
    if found is None and breakpoints.at_phase is _PAUSES[phase]:
        found = f"The {_where(index)} is done."
    return found


_PAUSES = {Phase.E: PauseAfter.E, Phase.M: PauseAfter.M}


def _where(index: int) -> str:
    phase, iteration = phase_of(index).value, index // 2
    return f"{phase}-step of iteration {iteration}" if iteration else "first E-step"


def _fallen(breakpoints: Breakpoints, trace: Trace, index: int) -> str | None:
    if not breakpoints.bound_falls:
        return None
    # Half-steps of an accelerated run may fall; what must climb are its full steps.
    back = 1 if getattr(trace.model, "monotone_half_steps", True) else 2
    if back == 2 and phase_of(index) is not Phase.E:
        return None
    now = trace.bound(index)
    before = trace.bound(index - back) if index >= back else None
    if now is None or before is None or now >= before:
        return None
    if at_hand(trace, index):
        scale = trace.model.n_observations(trace.data) + abs(now)
        if before - now <= trace.model.rounding(trace[index].params) * scale:
            return None
    return f"The bound fell by {plain(before - now, 3)} nats in the {_where(index)}."


def _rate_passed(breakpoints: Breakpoints, trace: Trace, index: int) -> str | None:
    limit = breakpoints.rate_above
    if limit == 0 or phase_of(index) is not Phase.E:
        return None
    iteration = index // 2
    first = max(iteration - 3, 0)
    bounds = trace.half_step_bounds[2 * first + 1 : 2 * iteration + 2 : 2]
    found = rates(bounds)
    now = float(found[-1])
    before = float(found[-2]) if len(found) > 1 else math.nan
    if not now > limit or before > limit:
        return None
    return (
        f"The rate passed {plain(limit, 3)}: iteration {iteration} gained {plain(now, 3)} of what "
        f"iteration {iteration - 1} gained."
    )


def _gauge_passed(
    breakpoints: Breakpoints, trace: Trace, index: int, anatomy: Anatomy | None
) -> str | None:
    limits = {"count": breakpoints.counts_below, "eigenvalue": breakpoints.eigenvalue_below}
    # An E-step counts anew, an M-step makes new covariances; the start's are seen at the first E.
    moved = {Phase.E: ["count"], Phase.M: ["eigenvalue"]}[phase_of(index)] if index > 1 else limits
    limits = {kind: limits[kind] for kind in moved if limits[kind] > 0}
    if anatomy is None or not limits or not at_hand(trace, index, 1):
        return None
    low = _low(anatomy, trace[index], limits)
    if low and index > 1:
        earlier = {gauge.label for gauge in _low(anatomy, trace[index - 1], limits)}
        low = [gauge for gauge in low if gauge.label not in earlier]
    if not low:
        return None
    gauge = low[0]
    unit = f" {gauge.unit}" if gauge.unit else ""
    label = gauge.label[:1].upper() + gauge.label[1:]
    limit, value = plain(limits[gauge.kind], 3), plain(gauge.value, 3)
    return f"{label} fell below {limit} in the {_where(index)}: {value}{unit}."


def _low(anatomy: Anatomy, snapshot: Snapshot, limits: dict[str, float]) -> list[Gauge]:
    gauges = anatomy.gauges(snapshot.params, snapshot.expectation)
    return [gauge for gauge in gauges if gauge.value < limits.get(gauge.kind, 0.0)]
