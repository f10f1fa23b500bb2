"""EM in longer strides: SQUAREM extrapolates two EM steps, and is never worse than one of them.

EM's steps shrink steadily when much information is missing. From three points in a row,
``c0, c1 = EM(c0), c2 = EM(c1)``, with ``r = c1 − c0`` and ``v = (c2 − c1) − r``, the point
``c0 − 2 a r + a² v`` with ``a = −‖r‖ / ‖v‖`` lies about where the steps are heading. It is taken
when its objective is no lower than that of c1; else c2 is.

Source: Varadhan & Roland (2008), "Simple and globally convergent methods for accelerating the
convergence of any EM algorithm", Scandinavian Journal of Statistics 35, scheme S3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from em_explorer.em.anatomy import Anatomy
from em_explorer.em.arrays import Floats
from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.line import placed
from em_explorer.em.model import Expectation
from em_explorer.em.steps import Model, Phase, Snapshot

INVALID = (SingularError, DataError, np.linalg.LinAlgError)
"""What a model says of parameters that it can't use."""


@dataclass(frozen=True, slots=True)
class CountedExpectation(Expectation[Any]):
    """What an E-step found, and how many there have been.

    Attributes
    ----------
    n_e_steps : int
        Passes over the data since the run began, those for checks and fall-backs included.
    """

    n_e_steps: int = 1


def n_e_steps(snapshot: Snapshot) -> int:
    """Return how many E-steps a run took up to the last one in force at a snapshot."""
    if snapshot.expectation is None:
        return 0
    plain = snapshot.iteration + (snapshot.phase is Phase.E)
    return int(getattr(snapshot.expectation, "n_e_steps", plain))


@dataclass(frozen=True)
class Accelerated:
    """A model whose M-step is a SQUAREM step: M, E, M, extrapolation, check.

    :func:`~em_explorer.em.steps.em_steps` runs it like any other model. Each full step raises the
    objective at least as much as one EM step; the half-steps need not climb, because the
    extrapolated parameters do not maximize the bound at hand.

    Attributes
    ----------
    model : EMModel
    data : object
        From ``model.prepare``; only they can be iterated on.
    anatomy : Anatomy
        Gives the coordinates to extrapolate in, where no proposal is invalid.
    """

    model: Model
    data: Any
    anatomy: Anatomy
    # The E-steps that checked the last steps taken, so that they are not done twice. More than
    # one, because a replay in another thread may go over the same run.
    _checked: deque[tuple[Any, Any, CountedExpectation]] = field(
        default_factory=lambda: deque(maxlen=4), init=False, repr=False, compare=False
    )

    monotone_half_steps = False

    def __getattr__(self, name: str) -> Any:
        # What does not step (prepare, bound, symmetry, …) is the wrapped model's.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.model, name)

    @property
    def options(self) -> Any:
        """The wrapped model's."""
        return self.model.options

    def e_step(
        self, data: Any, params: Any, *, latent: bool = False, carry: Any = None
    ) -> Expectation[Any]:
        """Find the posterior, or hand over what the check of these very params found."""
        if data is self.data and not latent:
            for known, begun_at, found in tuple(self._checked):
                if known is params and begun_at is carry:
                    return found
        return _counted(self.model.e_step(data, params, latent=latent, carry=carry), 1)

    def m_step(self, params: Any, expectation: Expectation[Any]) -> Any:
        """Take the extrapolated step, or the plain one it must not fall behind.

        Raises
        ------
        SingularError
            When the first plain M-step does.
        """
        carry = expectation.carry
        done: int = getattr(expectation, "n_e_steps", 1)
        chosen = self.model.m_step(params, expectation)
        # The trace must be able to repeat the E-step at what is returned here from this carry, so
        # every candidate starts from it. In a model without a carry it makes no difference.
        found = self.model.e_step(self.data, chosen, carry=carry)
        done += 1
        least = self.model.bound(chosen, found)
        for candidate in self._candidates(params, chosen, found):
            checked = self._check(candidate, expectation, least)
            done += 1
            if checked is not None:
                chosen, found = candidate, checked
                break
        self._checked.append((chosen, carry, _counted(found, done)))
        return chosen

    def _candidates(self, params: Any, first: Any, found: Expectation[Any]) -> Iterator[Any]:
        """Yield the extrapolation, where there is one, then the second EM step."""
        try:
            second = self.model.m_step(first, found)
        except SingularError:
            return  # the next step will say so from ``first``
        points = [self.anatomy.coordinates(each) for each in (params, first, second)]
        proposal = extrapolated(*points)
        candidate = None
        if proposal is not None:
            with suppress(*INVALID):
                candidate = placed(self.model, self.anatomy, proposal, params)
        if candidate is not None:
            yield candidate
        yield second

    def _check(
        self, candidate: Any, before: Expectation[Any], least: float
    ) -> Expectation[Any] | None:
        """Return the E-step at a candidate when it reaches ``least`` nats, else None."""
        try:
            found = self.model.e_step(self.data, candidate, carry=before.carry)
            reached = self.model.bound(candidate, found)
            half_step = self.model.bound(candidate, before)
        except INVALID:
            return None
        # Comparisons with NaN are False. A half-step of −∞ could not be drawn.
        return found if reached >= least and np.isfinite(half_step) else None


def extrapolated(start: Floats, first: Floats, second: Floats) -> Floats | None:
    """Return SQUAREM's proposal from three points in a row, or None where it is just the third.

    Parameters
    ----------
    start, first, second : (n,) float
        Coordinates; each is one EM step from the one before.
    """
    step = first - start
    bend = (second - first) - step
    longest = float(np.linalg.norm(bend))
    if longest == 0.0:
        return None
    length = -float(np.linalg.norm(step)) / longest
    # At −1 the formula gives ``second``; a shorter stride would gain less than plain EM.
    if not length < -1.0:
        return None
    return start - 2.0 * length * step + length**2 * bend


def _counted(found: Expectation[Any], n: int) -> CountedExpectation:
    return CountedExpectation(
        found.statistics,
        found.entropy,
        found.log_likelihood,
        found.latent,
        found.carry,
        found.settled,
        n,
    )
