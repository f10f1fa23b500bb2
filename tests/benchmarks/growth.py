"""How time grows with the data, and how much memory a fit takes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from timing import Run, exponent, per_iteration
from workloads import chain_start, holed_table, mixture_points, symbols

from em_explorer import EMImputation, GaussianMixtureModel, HiddenMarkovModel

LARGEST_EXPONENT = 1.05
LARGEST_MULTIPLE = 3.0

MORE = 8
"""A long fit takes at least so many more iterations than a short one: the time of an iteration is
the difference of the two, and fitting 10,000,000 points at all takes as long as several."""


@dataclass(frozen=True)
class Growth:
    """Seconds per iteration at several sizes, and the slope of their logarithms."""

    title: str
    sizes: list[float]
    times: list[float]

    @property
    def exponent(self) -> float:
        """1 is linear growth."""
        return exponent(self.sizes, self.times)


def _mixture(n: int) -> Run:
    points, start = mixture_points(n, 2, 3)
    few = 2
    return Run(
        lambda n_iter: GaussianMixtureModel(3, max_iter=n_iter, tolerance=0, **start).fit(points),
        few + max(MORE, 1_000_000 // n * 4),
        few,
    )


def _chain(n: int) -> Run:
    data, start = symbols(n, 3, 4), chain_start(3, 4)
    return Run(
        lambda n_iter: HiddenMarkovModel(
            3, n_observations=4, max_iter=n_iter, tolerance=0, **start
        ).fit(data),
        1 + max(MORE, 1_000_000 // n * 4),
        1,
    )


def _patterns(n_patterns: int) -> Run:
    # Each of the first patterns in some order of all twice, so that there are exactly so many.
    rng = np.random.default_rng(3)
    d = 14
    shown = rng.permutation(2**d - 1)[:n_patterns] + 1
    holes = (shown[:, None] >> np.arange(d) & 1) == 0
    table = np.repeat(rng.normal(size=(n_patterns, d)), 2, axis=0)
    table += 0.1 * rng.normal(size=table.shape)
    table[np.repeat(holes, 2, axis=0)] = np.nan
    few = 2
    return Run(
        lambda n_iter: EMImputation(n_iter, 0).fit(table),
        few + max(MORE, 20_000 // n_patterns),
        few,
    )


def grow(title: str, make: Callable[[int], Run], sizes: list[int], repeats: int = 5) -> Growth:
    """Measure one iteration at each size; the data of one size live at a time."""
    times = [per_iteration({"ours": make(size)}, repeats=repeats)["ours"] for size in sizes]
    return Growth(title, [float(size) for size in sizes], times)


def all_growth() -> list[Growth]:
    """Measure how the time of an iteration grows."""
    powers = [10**i for i in range(4, 8)]
    return [
        grow("GMM full, d=2 K=3, points", _mixture, powers),
        grow("HMM categorical, K=3 M=4, time steps", _chain, powers),
        grow("Missing data, d=14, patterns", _patterns, [128, 512, 2048, 8192]),
    ]


def peak_multiple(data: np.ndarray, fit: Callable[[], object]) -> float:
    """Return the peak memory of a fit, the data included, as a multiple of the data's."""
    fit()  # what is compiled or imported belongs to no fit
    tracemalloc.start()
    try:
        fit()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return 1.0 + peak / data.nbytes


def all_memory() -> list[tuple[str, float]]:
    """Measure the memory of fits to a million rows."""
    found = []
    for d, k in ((2, 3), (10, 10)):
        points, start = mixture_points(1_000_000, d, k)
        model = GaussianMixtureModel(k, max_iter=2, tolerance=0, **start)
        title = f"GMM full, n=1,000,000 d={d} K={k}"
        found.append((title, peak_multiple(points, lambda m=model, p=points: m.fit(p))))
    table = holed_table(1_000_000, 10)
    imputation = EMImputation(2, 0)
    title = "Missing data, 1,000,000 × 10, 20 % holes"
    found.append((title, peak_multiple(table, lambda: imputation.fit(table))))
    return found
