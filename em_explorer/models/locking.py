"""Parts of the parameters that EM must leave as they are, and how the rest is then maximized.

An M-step maximizes the same function with some of its arguments held, and that has a closed form
in every model here, so the bound still never falls. What is held is the value in the parameters
the M-step is given, bit for bit.

Source: Meng & Rubin (1993), "Maximum likelihood estimation via the ECM algorithm", for EM with
parts held; Anderson (2003), *An Introduction to Multivariate Statistical Analysis*, §4.3, for the
regression of the free means on the held ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from em_explorer.em.anatomy import Lock
from em_explorer.em.arrays import Bools, Floats
from em_explorer.em.errors import DataError
from em_explorer.models.gaussian import GaussianStatistics
from em_explorer.models.gaussian_mixture_params import CovarianceType, maximize_covariances
from em_explorer.models.probabilities import without_traces

Locks = frozenset[Lock]
Shapes = Mapping[str, tuple[int, ...]]
"""What of a model can be locked: groups, and how many there are along each index. A group of
shape () has one lock, with the index ()."""

MANY_CELLS = 10_000
"""A group with more cells than this can be locked, but is not listed cell by cell."""

TOLERANCE = 1e-6
"""By so much the probabilities of a row may miss 1, here as elsewhere."""


def listed(shapes: Shapes) -> tuple[Lock, ...]:
    """Return every lock there is, in reading order."""
    return tuple(
        Lock(group, tuple(index))
        for group, shape in shapes.items()
        if np.prod(shape) <= MANY_CELLS
        for index in np.ndindex(*shape)
    )


def masks(locks: Locks, shapes: Shapes) -> dict[str, Bools]:
    """Return for each group what is locked of it, an array of its shape.

    Raises
    ------
    DataError
        When a lock names something the model does not have.
    """
    found = {group: np.zeros(shape, dtype=bool) for group, shape in shapes.items()}
    for lock in locks:
        if lock.group not in found:
            raise DataError(
                f"There is no {lock.group!r} to lock in this model; lock one of "
                f"{', '.join(shapes)}."
            )
        shape = shapes[lock.group]
        if len(lock.index) != len(shape) or not all(
            0 <= i < n for i, n in zip(lock.index, shape, strict=True)
        ):
            raise DataError(
                f"There is no {lock.group} {list(lock.index)} to lock: the model has the shape "
                f"{list(shape)} there."
            )
        found[lock.group][lock.index] = True
    return found


def tell_apart(locks: Locks, i: int, j: int, cells: Collection[str] = ()) -> bool:
    """Say whether exchanging the parts i and j changes what is locked.

    Then an M-step may treat them differently, however equal they are.

    Parameters
    ----------
    locks : frozenset of Lock
    i, j : int
    cells : collection of str
        Groups all of whose indices number parts; of others only the first does.
    """
    swap = {i: j, j: i}

    def swapped(lock: Lock) -> Lock:
        n = len(lock.index) if lock.group in cells else 1
        return Lock(lock.group, (*(swap.get(x, x) for x in lock.index[:n]), *lock.index[n:]))

    return frozenset(map(swapped, locks)) != locks


def held_shares(raw: Floats, old: Floats, locked: Bools) -> Floats:
    """Return rows of probabilities ``∝ raw`` in the free cells, with the locked ones as they were.

    ``Σ_f n_f log θ_f`` has its maximum at ``θ_f = n_f (1 − Σ_locked θ) / Σ_f n``. A row that has
    nothing in its free cells keeps them.

    Parameters
    ----------
    raw : (..., M) float
        Counts with pseudo-counts, or probabilities that would be right without locks.
    old : (..., M) float
        Probabilities in force; rows sum to one.
    locked : (..., M) bool

    Raises
    ------
    DataError
        When the locked cells of a row sum to more than 1.
    """
    mass = np.where(locked, old, 0.0).sum(axis=-1)
    if mass.max() > 1.0 + TOLERANCE:
        raise DataError(
            f"The locked probabilities of a row sum to {float(mass.max()):.4g}, which leaves "
            "nothing for the others; unlock one or make it smaller."
        )
    wanted = np.where(locked, 0.0, raw)
    totals = wanted.sum(axis=-1, keepdims=True)
    # What the free cells have now is what is left; a difference from 1 would lose digits.
    rest = np.where(locked, 0.0, old).sum(axis=-1, keepdims=True)
    shared = np.divide(wanted, totals, out=np.zeros_like(wanted), where=totals > 0) * rest
    return np.where(locked | (totals <= 0), old, shared)


def held_gaussians(
    kind: CovarianceType,
    statistics: GaussianStatistics,
    old: tuple[Floats, Floats],
    locked: tuple[Bools, Bools],
    ridge: float,
) -> tuple[Floats, Floats]:
    """Return means and covariances of K groups, the locked ones as they were.

    A mean that is held is not the middle of its points, so the covariance measures their scatter
    about it: ``S_k + N_k (m_k − μ_k)(m_k − μ_k)ᵀ``. The best mean is the middle whatever the
    covariance, so one that is held changes nothing there. A group without points keeps what
    nothing determines.

    Parameters
    ----------
    kind : CovarianceType
        When tied, the covariance is held for all or for none.
    statistics : GaussianStatistics
    old : (K, D) and (K, D, D) float
        Means and covariances in force.
    locked : (K,) and (K,) or () bool
        Which means and which covariances are held.
    ridge : float, units squared
        See :func:`~em_explorer.models.gaussian_mixture_params.maximize_covariances`.
    """
    counts = without_traces(statistics.counts)
    keep = locked[0] | (counts == 0)
    means = np.where(keep[:, None], old[0], statistics.means)
    apart = np.where((counts > 0)[:, None], statistics.means - means, 0.0)
    between = counts[:, None, None] * apart[:, :, None] * apart[:, None, :]
    about = GaussianStatistics(counts, means, statistics.scatter + between)
    with np.errstate(invalid="ignore"):  # what is 0/0 stays as it is
        fitted = maximize_covariances(kind, about, ridge)
    stay = locked[1][..., None, None] | np.isnan(fitted)
    return means, np.where(stay, old[1], fitted)


def held_normal(
    statistics: GaussianStatistics,
    old: tuple[Floats, Floats],
    locked: tuple[Bools, Bools],
    ridge: float,
) -> tuple[Floats, Floats]:
    """Return mean and covariance of one normal, some entries of the mean or the whole Σ held.

    With l the held entries of the mean, f the free ones, and A the scatter (with the prior's):
    ``μ_f = m_f − B (m_l − μ_l)``, where ``B = A_fl A_ll⁻¹`` (or ``Σ_fl Σ_ll⁻¹`` with Σ held): the
    free means follow the held ones as their regression says. Then with ``d = m − μ``,
    ``Σ = (A + N d dᵀ) / (N + ν)``; its regression of f on l is B again.

    Parameters
    ----------
    statistics : GaussianStatistics
        Of one group.
    old : (D,) and (D, D) float
        Mean and covariance in force.
    locked : (D,) and () bool
    ridge : float, units squared
        With a prior Ψ = ridge · I and ν = 1, else both 0.

    Raises
    ------
    SingularError
        When the held columns determine one another, so that nothing can be regressed on them.
    """
    count, middle = float(statistics.counts[0]), statistics.means[0]
    scatter = statistics.scatter[0] + ridge * np.eye(len(middle))
    shape = old[1] if locked[1] else scatter
    fixed, free = np.flatnonzero(locked[0]), np.flatnonzero(~locked[0])
    mean = np.where(locked[0], old[0], middle)
    if fixed.size and free.size:
        among = shape[np.ix_(fixed, fixed)]
        from em_explorer.models.conditionals import refuse_singular

        refuse_singular(among, [f"column {i + 1}" for i in fixed])
        mean[free] -= shape[np.ix_(free, fixed)] @ np.linalg.solve(among, (middle - mean)[fixed])
    if locked[1]:
        return mean, old[1]
    apart = middle - mean
    full = (scatter + count * np.outer(apart, apart)) / (count + (1.0 if ridge > 0 else 0.0))
    return mean, 0.5 * (full + full.T)


def put_back(new: Any, old: Any, locked: Bools) -> Floats:
    """Return ``new`` with the locked parts of ``old``; a lock covers all later axes."""
    wide = locked.reshape(locked.shape + (1,) * (np.ndim(new) - locked.ndim))
    return np.asarray(np.where(wide, old, new), dtype=float)
