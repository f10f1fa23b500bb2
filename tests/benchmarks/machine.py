"""What one core of this machine can do, measured beside the workloads.

A workload's limit is the time its unavoidable operations would take at these rates: each number
read once, each exponential and logarithm once, products as fast as BLAS multiplies matrices, and
recursions in time as fast as one operation can wait for the one before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from timing import seconds

from em_explorer.models.kernels.words import word_length


@dataclass(frozen=True)
class Machine:
    """Rates of one core.

    Attributes
    ----------
    copy : float, bytes a second
    exp, log : float, seconds for one of many
    flops : float, operations a second
        Of matrix products.
    fma : float, seconds
        How long ``a·b + c`` takes when each waits for the one before.
    """

    copy: float
    exp: float
    log: float
    flops: float
    fma: float

    def mixture(self, n: int, d: int, k: int) -> float:
        """Seconds for densities, responsibilities and products of n points in k components."""
        products = 4.0 * n * k * (d * (d + 1) / 2 + d)
        return n * k * self.exp + n * self.log + products / self.flops + 8.0 * n * d / self.copy

    def chain(self, steps: int, states: int, symbols: int | None = None) -> float:
        """Seconds for a forward and a backward recursion, each with a sum over states a step.

        A step takes a whole word of symbols, as long as such a word pays.
        """
        taken = steps
        if symbols is not None:
            taken = math.ceil(steps / max(1, word_length(steps, symbols, states)))
        return 2.0 * taken * (1 + math.ceil(math.log2(states))) * self.fma

    def path(self, steps: int, states: int) -> float:
        """Seconds for the most probable path: a sum and a maximum over states at each step."""
        return steps * (1 + math.ceil(math.log2(states))) * self.fma

    def topics(self, cells: int, documents: int, topics: int, turns: int) -> float:
        """Seconds for turns of coordinate ascent: a product each way, and exp(digamma)."""
        products = 4.0 * cells * topics * turns
        return products / self.flops + documents * topics * turns * self.exp

    def missing(self, patterns: int, d: int) -> float:
        """Seconds for a factorization and two products of each pattern's columns."""
        return patterns * (4.0 * d**3 / 3.0 / self.flops + 8.0 * d**2 / self.copy)


@numba.njit(fastmath={"contract"})
def _fma_chain(n: int, a: float, b: float) -> float:
    x = 0.5
    for _ in range(n):
        x = x * a + b
    return x


def measure(repeats: int = 7) -> Machine:
    """Measure the rates: the best of several times each."""
    rng = np.random.default_rng(0)
    large, target = rng.random(8_000_000), np.empty(8_000_000)
    small, result = -10.0 * rng.random(4096), np.empty(4096)
    positive = -small + 1.0
    square = rng.random((768, 768))
    product = np.empty_like(square)
    n = 200_000

    def best(function, count: float) -> float:
        function()
        return min(seconds(function) for _ in range(repeats)) / count

    def often(function, *arguments):
        return lambda: [function(*arguments) for _ in range(50)]

    return Machine(
        copy=1.0 / best(lambda: np.copyto(target, large), 2 * large.nbytes),
        exp=best(often(np.exp, small, result), 50 * 4096),
        log=best(often(np.log, positive, result), 50 * 4096),
        flops=1.0 / best(lambda: np.matmul(square, square, out=product), 2.0 * 768**3),
        fma=best(lambda: _fma_chain(n, 0.999, 0.001), n),
    )
