"""The history of a run: every half-step, ready to be looked at again.

An E-step depends on its parameters (and LDA's carried γ) alone, and an M-step on the E-step
before it. So the posterior is never kept but computed when somebody looks; and when the rest
outgrows its budget of memory, only every so many-th iteration is kept (a keyframe), and the steps
between are done again when looked at, with the same bits. The bound, the log-likelihood and the
stop of every half-step stay.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from em_explorer.em.arrays import Floats
from em_explorer.em.memory import Column, Recent, size_of
from em_explorer.em.model import Expectation
from em_explorer.em.replay import Replay, Replayed
from em_explorer.em.steps import Model, Phase, Snapshot, Stop

MEGABYTE = 1_000_000

BUDGET = 512 * MEGABYTE

KEPT_SHARE, REPLAYED_SHARE, LATENT_SHARE = 0.625, 0.25, 0.125
"""How the budget is divided. Between two keyframes lie about as many steps as fit into the
second part, so that stepping back through them does not replay them again and again."""

SNAPSHOT_BYTES = 200
"""A snapshot without its parts: the object, its numbers, its place in the dictionary."""

NEWEST = 3
"""E-steps that stay whatever the stride: the last, and what a running view compares it with."""

LATENT_CACHE = 8
"""Posteriors remembered: enough for stepping to and fro without recomputing."""


class Trace:
    """Snapshots of one run in order, with its model, data and stop.

    Half-step 0 is the start, ``2k + 1`` the E-step and ``2k`` the M-step of iteration k.

    Parameters
    ----------
    model : EMModel
    data : object
        From ``model.prepare``.
    backend : str
        Which code ran the E-steps; fixed for a run.
    budget : int, bytes
        For params, expectations and remembered posteriors; a few snapshots stay in any case.

    Attributes
    ----------
    seconds_per_step : float
        What a full step takes, for :meth:`cost`; replays measure it, a clock may set it.
    """

    def __init__(
        self, model: Model, data: Any, backend: str = "reference", budget: int = BUDGET
    ) -> None:
        self.model = model
        self.data = data
        self.backend = backend
        self.budget = budget
        self.stop: Stop | None = None
        self.seconds_per_step = 0.0
        self._bounds = Column()
        self._log_likelihoods = Column()
        self._start: Snapshot | None = None
        self._tail: Snapshot | None = None  # an M-step whose E-step has not come
        # E-steps by iteration. Those of iterations below ``_swept`` are a multiple of twice
        # ``_stride``, the others of ``_stride``; besides, the newest are here.
        self._kept: dict[int, Snapshot] = {}
        self._stride = 1
        self._swept = 0
        self._newest = -1
        self._weights = Column()  # of every E-step, bytes without its carry
        self._kept_bytes = 0
        self._replayed: Recent[Snapshot] = Recent(int(REPLAYED_SHARE * budget), least=4)
        self._latent: Recent[Expectation[Any]] = Recent(
            int(LATENT_SHARE * budget), least=2, most=LATENT_CACHE
        )

    # -- the run grows -----------------------------------------------------------------------

    def append(self, snapshot: Snapshot) -> None:
        """Add the next half-step.

        Raises
        ------
        ValueError
            When it does not follow on the one before, as those of ``em_steps`` do.
        """
        index = len(self)
        phase, iteration = snapshot.phase, snapshot.iteration
        if phase is not phase_of(index) or iteration != index // 2:
            raise ValueError(
                f"Half-step {index} is the {phase_of(index).value} of iteration {index // 2}, "
                f"not the {phase.value} of {iteration}."
            )
        bound, log_likelihood = snapshot.bound, snapshot.log_likelihood
        self._bounds.append(math.nan if bound is None else bound)
        self._log_likelihoods.append(math.nan if log_likelihood is None else log_likelihood)
        if phase is Phase.E:
            self._tail = None
            self._keep(iteration, snapshot)
        elif phase is Phase.M:
            self._tail = snapshot
        else:
            self._start = snapshot

    def _keep(self, iteration: int, snapshot: Snapshot) -> None:
        self._kept[iteration] = snapshot
        self._newest = iteration
        seen: set[int] = set()
        weight = size_of(snapshot.params, seen) + size_of(snapshot.expectation, seen)
        self._weights.append(SNAPSHOT_BYTES + weight)
        self._kept_bytes += self._weight(iteration)
        past = iteration - NEWEST
        if past > 0 and past % self._stride:
            self._drop(past)
        limit = KEPT_SHARE * self.budget - self._numbers_bytes
        while self._kept_bytes > limit and len(self._kept) > NEWEST + 1:
            self._sweep()

    def _sweep(self) -> None:
        """Let the oldest keyframe go that a doubled stride does without.

        One at a time and only as needed: nobody waits while half a history is thinned.
        """
        candidate = self._swept + self._stride
        if candidate > self._newest - NEWEST:
            self._stride *= 2
            self._swept = 0
        else:
            self._drop(candidate)
            self._swept = candidate + self._stride

    def _drop(self, iteration: int) -> None:
        self._kept_bytes -= self._weight(iteration)
        del self._kept[iteration]
        after = self._kept.get(iteration + 1)
        if after is not None:  # what the two shared is now its own
            self._kept_bytes += size_of(after.carry)

    def _weight(self, iteration: int) -> int:
        """Return the bytes that only this E-step holds: its carry is the one before's too."""
        shared = iteration - 1 in self._kept
        carry = 0 if shared else size_of(self._kept[iteration].carry)
        return int(self._weights[iteration]) + carry

    def mapped(self, convert: Callable[[Snapshot], Snapshot]) -> Trace:
        """Return the same history with every snapshot converted, as when parts are renumbered.

        Parameters
        ----------
        convert : callable
            Keeps bounds, phases and sizes, and leads to the same run: taking a step and
            converting is converting and taking a step.
        """
        other = Trace(self.model, self.data, self.backend, self.budget)
        other.stop, other.seconds_per_step = self.stop, self.seconds_per_step
        other._start = None if self._start is None else convert(self._start)
        other._tail = None if self._tail is None else convert(self._tail)
        other._kept = {k: convert(snapshot) for k, snapshot in self._kept.items()}
        other._kept_bytes, other._newest = self._kept_bytes, self._newest
        other._stride, other._swept = self._stride, self._swept
        for mine, theirs in (
            (self._bounds, other._bounds),
            (self._log_likelihoods, other._log_likelihoods),
            (self._weights, other._weights),
        ):
            for value in mine.values:
                theirs.append(float(value))
        return other

    # -- numbers of every half-step ----------------------------------------------------------

    def __len__(self) -> int:
        return len(self._bounds)

    @property
    def half_step_bounds(self) -> Floats:
        """The bound after every half-step, in nats, read-only; NaN at the start."""
        return self._bounds.values

    def bound(self, index: int) -> float | None:
        """Return the bound after a half-step, nats; None at the start."""
        return _or_none(self._bounds[index])

    def log_likelihood(self, index: int) -> float | None:
        """Return log p(X | θ) found by a half-step, nats; None but after an E-step."""
        return _or_none(self._log_likelihoods[index])

    def history(self) -> Iterator[tuple[int, Phase, float | None, float | None]]:
        """Go over every half-step's iteration, phase, bound and log-likelihood, without params."""
        pairs = zip(
            self._bounds.values.tolist(), self._log_likelihoods.values.tolist(), strict=True
        )
        for index, (bound, log_likelihood) in enumerate(pairs):
            yield index // 2, phase_of(index), _or_none(bound), _or_none(log_likelihood)

    @property
    def e_indices(self) -> list[int]:
        """Indices of the snapshots that end an E-step: one per iteration, the initial one first."""
        return list(range(1, len(self), 2))

    @property
    def bounds(self) -> list[float]:
        """The bound at each E-step, in nats; n_iter + 1 entries."""
        found: list[float] = self._bounds.values[1::2].tolist()
        return found

    @property
    def n_iter(self) -> int:
        """Full steps whose E-step is done."""
        return max(self._newest, 0)

    # -- snapshots ---------------------------------------------------------------------------

    def __getitem__(self, index: int) -> Snapshot:
        index = self._index(index)
        if index == 0:
            assert self._start is not None
            return self._start
        iteration = index // 2
        if index % 2:
            return self._e_step(iteration)
        if self._tail is not None and index == len(self) - 1:
            return self._tail
        before, after = self._e_step(iteration - 1), self._e_step(iteration)
        return Snapshot(
            iteration,
            Phase.M,
            after.params,
            before.params,
            before.expectation,
            self.bound(index),
            None,
            before.carry,
        )

    def __iter__(self) -> Iterator[Snapshot]:
        for index in range(len(self)):
            yield self[index]

    @property
    def final(self) -> Snapshot:
        """The last E-step, which is the last good state; the start where there is none."""
        return self[2 * self._newest + 1] if self._newest >= 0 else self[0]

    def _index(self, index: int) -> int:
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"The trace has {size} half-steps, so there is no {index}.")
        return index % size

    def _e_step(self, iteration: int) -> Snapshot:
        found = self._find(iteration)
        if found is None:
            replay = self._replay(iteration, iteration)
            self.remember(replay.run())
            found = self._find(iteration)
            assert found is not None
        return found

    def _find(self, iteration: int) -> Snapshot | None:
        return self._kept.get(iteration) or self._replayed.get(iteration)

    def posterior(self, index: int) -> Expectation[Any] | None:
        """Return the E-step in force at a snapshot, with its posterior in ``latent``.

        Returns
        -------
        Expectation or None
            None at the start, before the first E-step.
        """
        index = self._index(index)
        if index == 0:
            return None
        iteration = (index - 1) // 2
        found = self._latent.get(iteration)
        if found is None:
            snapshot = self._e_step(iteration)
            found = self.model.e_step(self.data, snapshot.params, latent=True, carry=snapshot.carry)
            self._latent.put(iteration, found, size_of(found))
        return found

    # -- what is at hand, and what must be replayed ------------------------------------------

    @property
    def stride(self) -> int:
        """Every iteration that is a multiple of this is kept; 1 while nothing was thinned."""
        return 2 * self._stride if self._swept else self._stride

    @property
    def nbytes(self) -> int:
        """Bytes that count against the budget."""
        caches = self._replayed.nbytes + self._latent.nbytes
        return self._kept_bytes + caches + self._numbers_bytes

    @property
    def _numbers_bytes(self) -> int:
        return self._bounds.nbytes + self._log_likelihoods.nbytes + self._weights.nbytes

    def cost(self, index: int, back: int = 0) -> float:
        """Return about how long it takes to have a half-step and the ``back`` ones before it, s.

        0 when they are at hand.
        """
        replay = self.replay(index, back)
        return 0.0 if replay is None else replay.n_steps * self.seconds_per_step

    def replay(self, index: int, back: int = 0) -> Replay | None:
        """Return what must be done to have a half-step and the ``back`` ones before it, or None."""
        index = self._index(index)
        first = max(index - back, 0)
        # An M-step lies between two E-steps.
        first = max((first - 1) // 2, 0)
        last = min(index // 2, self._newest)
        missing = [
            k for k in range(first, last + 1) if k not in self._kept and k not in self._replayed
        ]
        return self._replay(missing[0], missing[-1]) if missing else None

    def _replay(self, first: int, last: int) -> Replay:
        """Plan to have iterations ``first`` to ``last``, neither of which is at hand."""
        keyframe: Snapshot | None = None
        while keyframe is None:  # at iteration 0 there is one
            first -= 1
            keyframe = self._find(first)
        # The E-steps of a run are of one size, as far as it matters here.
        keep = max(4, self._replayed.limit // max(size_of(keyframe), 1))
        return Replay(self.model, self.data, keyframe, last, keep)

    def remember(self, replayed: Replayed) -> None:
        """Take in what a replay found."""
        for snapshot in replayed.snapshots:
            self._replayed.put(snapshot.iteration, snapshot, size_of(snapshot))
        if replayed.snapshots:
            self.seconds_per_step = replayed.seconds_per_step

    def nearest(self, index: int) -> int:
        """Return the half-step nearest to ``index`` that needs no replay, the one before first."""
        index = self._index(index)
        if self.replay(index) is None:
            return index
        below = index // 2
        while below not in self._kept:
            below -= 1
        above = index // 2
        while above not in self._kept:
            above += 1
        return min((2 * below + 1, 2 * above + 1), key=lambda found: abs(found - index))


def phase_of(index: int) -> Phase:
    """Return which half-step an index is: the start, then E, M, E, M and so on."""
    if index == 0:
        return Phase.START
    return Phase.E if index % 2 else Phase.M


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
