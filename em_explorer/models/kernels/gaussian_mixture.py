"""The mixture's E-step, compiled: one walk over the points, a few hundred at a time.

For each block of points, every formula runs over all of them before the next is taken: that is
what vector registers want, and the block stays in the fastest cache. Densities come from each
component's Cholesky factor with the points measured from its mean, which stays exact when it
collapses; statistics are summed about the current means, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np

from em_explorer.em.arrays import Bools, Floats
from em_explorer.em.errors import ImpossibleDataError
from em_explorer.em.model import Expectation
from em_explorer.models.backend import map_chunks, one_blas_thread
from em_explorer.models.gaussian import (
    SMALLEST_EIGENVALUE,
    SMALLEST_SPREAD,
    GaussianStatistics,
    choleskys,
    expected_log_density,
    inverse_factors,
)
from em_explorer.models.gaussian_mixture_params import GaussianMixtureParams, MixturePosterior
from em_explorer.models.kernels import covariances as compiled
from em_explorer.models.kernels.covariances import factorize, finish
from em_explorer.models.kernels.gaussian_blocks import (
    BLOCK,
    WIDE,
    accumulate,
    log_densities,
)
from em_explorer.models.kernels.jit import constant, kernel
from em_explorer.models.kernels.vector import LOWEST, exp
from em_explorer.models.points import Points, read_points

CHUNK = 16_384
"""Points a thread takes at once. Fixed, so that sums don't depend on the number of threads."""


class Sums(NamedTuple):
    """What one chunk adds.

    ``sums`` and ``products`` are of the points' distances to the centers, of the latter only the
    lower triangle counts; ``bad`` is the first point without a density, or -1.
    """

    counts: Floats
    sums: Floats
    products: Floats
    log_likelihood: float
    entropy: float
    bad: int

    def plus(self, other: Sums) -> Sums:
        """Add another chunk about the same centers."""
        return Sums(
            self.counts + other.counts,
            self.sums + other.sums,
            self.products + other.products,
            self.log_likelihood + other.log_likelihood,
            self.entropy + other.entropy,
            -1,
        )


def e_step(
    data: Points, params: GaussianMixtureParams, *, latent: bool = False
) -> Expectation[GaussianStatistics]:
    """Do what :meth:`GaussianMixture.e_step` does; see there."""
    columns = constant(data.points.T)
    n_dims, n_points = columns.shape
    means = constant(params.means)
    factors, offsets, good = factorize(constant(params.covariances), constant(params.weights))
    if not good:
        choleskys(params.covariances)  # says which one is to blame
    whiten = constant(inverse_factors(params.covariances) if n_dims >= WIDE else factors)
    shape = (len(offsets), n_points) if latent else (0, 0)
    responsibilities, log_density = np.empty(shape), np.empty(shape[1])

    def walk(centers: Floats) -> Sums:
        def part(first: int) -> Sums:
            last = min(first + CHUNK, n_points)
            model = (means, whiten, offsets, centers)
            return Sums(*_chunk(columns, first, last, *model, responsibilities, log_density))

        with one_blas_thread() if n_dims >= WIDE else nullcontext():
            return _total(map_chunks(part, range(0, n_points, CHUNK)))

    total = walk(means)
    statistics, far = _statistics(total, means)
    if far.any():
        centers = constant(np.where(far[:, None], statistics.means, means))
        statistics, _ = _statistics(walk(centers), centers)
    posterior = None
    if latent:
        # A view is copied when it is frozen, unless it can't be written anyway.
        responsibilities.flags.writeable = False
        posterior = MixturePosterior(responsibilities.T, log_density)
    return Expectation(statistics, total.entropy, total.log_likelihood, posterior)


def expected_log_joint(statistics: GaussianStatistics, params: GaussianMixtureParams) -> float:
    """Return ``Σ_nk r_nk log w_k N(x_n; μ_k, Σ_k)``, nats, from the statistics."""
    counts, means, scatter = statistics.counts, statistics.means, statistics.scatter
    if means.shape[1] < WIDE:
        parts = (counts, means, scatter, params.weights, params.means, params.covariances)
        total, good = compiled.expected_log_joint(*map(constant, parts))
        if good:
            return float(total)
    present = counts > 0
    weighing = float(counts[present] @ np.log(params.weights[present]))
    return weighing + expected_log_density(statistics, params.means, params.covariances)


def surely_regular(statistics: GaussianStatistics, covariances: Floats) -> bool:
    """Return True if ``check_covariances`` has nothing to say; False means that it may have."""
    if covariances.shape[1] >= WIDE:
        return False
    return compiled.surely_regular(
        constant(statistics.counts),
        constant(statistics.means),
        constant(statistics.scatter),
        constant(covariances),
        SMALLEST_EIGENVALUE,
        SMALLEST_SPREAD**2,
    )


def _total(parts: Iterable[Sums]) -> Sums:
    """Add the chunks up, in their order."""
    total: Sums | None = None
    for part in parts:
        if part.bad >= 0:
            raise ImpossibleDataError(
                f"The point in row {part.bad + 1} is too far from every component to have a "
                "density; choose another start."
            )
        total = part if total is None else total.plus(part)
    assert total is not None
    return total


def _statistics(total: Sums, centers: Floats) -> tuple[GaussianStatistics, Bools]:
    means, scatter, far = finish(total.counts, total.sums, total.products, centers)
    for own in (total.counts, means, scatter):
        own.flags.writeable = False  # compiled code's arrays would else be copied to freeze them
    return GaussianStatistics(total.counts, means, scatter), far


@kernel()
def _chunk(
    columns: Floats,
    first: int,
    last: int,
    means: Floats,
    whiten: Floats,
    offsets: Floats,
    centers: Floats,
    responsibilities: Floats,
    log_density: Floats,
) -> tuple[Floats, Floats, Floats, float, float, int]:
    """Walk over the points ``first`` to ``last``, with what whitens them."""
    n_components, n_dims = means.shape
    counts, sums = np.zeros(n_components), np.zeros((n_components, n_dims))
    products = np.zeros((n_components, n_dims, n_dims))
    apart, white = np.zeros((n_dims, BLOCK)), np.zeros((n_dims, BLOCK))
    joint, shares = np.empty((n_components, BLOCK)), np.empty((n_components, BLOCK))
    rows = np.empty((4, BLOCK))
    log_likelihood = entropy = 0.0
    for start in range(first, last, BLOCK):
        size = min(BLOCK, last - start)
        log_densities(columns, start, size, means, whiten, offsets, apart, white, joint)
        log_total, expected, bad = _normalize(joint, shares, size, rows)
        if bad >= 0:
            return counts, sums, products, 0.0, 0.0, start + bad
        log_likelihood += log_total
        entropy += expected
        accumulate(columns, start, size, shares, centers, apart, white, counts, sums, products)
        if log_density.size:
            _keep(start, size, shares, rows, responsibilities, log_density)
    return counts, sums, products, log_likelihood, entropy, -1


@kernel(reorder=True)
def _normalize(joint: Floats, shares: Floats, size: int, rows: Floats) -> tuple[float, float, int]:
    """Turn ``joint = log p(x, k)`` into ``shares = p(k | x)``, by log-sum-exp.

    Leaves in ``rows[2]`` and ``rows[3]`` the sum and the largest term, ``log p(x)`` in two parts.
    Returns the block's log-likelihood, its entropy and the first point whose density is zero, or
    -1.
    """
    inverse, expected, total, largest = rows[0], rows[1], rows[2], rows[3]
    for b in range(size):
        largest[b] = joint[0, b]
        total[b] = 0.0
        expected[b] = 0.0
    for k in range(1, len(joint)):
        for b in range(size):
            largest[b] = max(largest[b], joint[k, b])
    for k in range(len(joint)):
        for b in range(size):
            apart = max(joint[k, b] - largest[b], LOWEST)
            share = exp(apart) if apart > LOWEST else 0.0
            shares[k, b] = share
            total[b] += share
            expected[b] += share * apart
    sum_largest = entropy = 0.0
    for b in range(size):
        inverse[b] = 1.0 / total[b]
        sum_largest += largest[b]
        entropy -= expected[b] * inverse[b]
    for k in range(len(shares)):
        for b in range(size):
            shares[k, b] *= inverse[b]
    bad = _first_strange(largest, total, size)
    sum_log = _sum_log(total, expected, size)
    return sum_largest + sum_log, entropy + sum_log, bad


@kernel()
def _first_strange(largest: Floats, total: Floats, size: int) -> int:
    """Return the first index at which one of two rows is not finite, or -1."""
    strange = 0
    for b in range(size):
        value = largest[b] + total[b]
        strange += value - value != 0.0  # infinity minus itself is no number
    if strange:
        for b in range(size):
            if not np.isfinite(largest[b] + total[b]):
                return b
    return -1


@kernel()
def _sum_log(values: Floats, scratch: Floats, size: int) -> float:
    """Return ``Σ log`` of a block of numbers from 1 to K: thirty-two are multiplied first."""
    for b in range(BLOCK):
        scratch[b] = values[b] if b < size else 1.0
    width = BLOCK
    for _ in range(5):
        width //= 2
        for b in range(width):
            scratch[b] *= scratch[b + width]
    total = 0.0
    for b in range(width):
        total += np.log(scratch[b])
    return total


@kernel()
def _keep(
    start: int,
    size: int,
    shares: Floats,
    rows: Floats,
    responsibilities: Floats,
    log_density: Floats,
) -> None:
    """Write a block's posterior out, for those who look at it."""
    for b in range(size):
        log_density[start + b] = rows[3, b] + np.log(rows[2, b])
    for k in range(len(shares)):
        for b in range(size):
            responsibilities[k, start + b] = shares[k, b]


def _run(n_dims: int) -> None:
    """Run everything once on tiny data."""
    rng = np.random.default_rng(0)
    data = read_points(rng.standard_normal((8, n_dims)))
    covariances = np.stack([np.eye(n_dims), 2 * np.eye(n_dims)])
    params = GaussianMixtureParams(
        np.array([0.5, 0.5]), rng.standard_normal((2, n_dims)), covariances
    )
    found = e_step(data, params, latent=True)
    expected_log_joint(found.statistics, params)
    surely_regular(found.statistics, params.covariances)


KERNELS = (("Gaussian mixture", lambda: _run(2)),)
