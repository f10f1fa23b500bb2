"""From the two passes through a chain to posterior probabilities and transitions, along time.

Forward gives α, backward ``v_t = b_t ∘ β_t``, both up to a factor for each step. So
``γ_t ∝ α_t ∘ (A v_{t+1})``, and with α_t divided by what makes γ_t sum to one the expected
transitions are ``A ∘ Σ_t α_t ⊗ v_{t+1}``.
"""

from __future__ import annotations

from typing import Any

from em_explorer.em.arrays import Floats
from em_explorer.models.kernels.jit import kernel
from em_explorer.models.kernels.recursion import X2, X3, X4, X5, X6, X7, X8, XX2, XX3, XX4, replaced
from em_explorer.models.probabilities import SMALLEST_COUNT

LEAST_OVERLAP = 1e-180
"""Where α · β is smaller, forward and backward favor states that the other has forgotten."""


@kernel(reorder=True)
def _weigh_few(
    transition: Floats, n: int, alpha: Floats, v: Floats, products: Floats, row: Any
) -> None:
    """Write ``α_t ∘ (A v_{t+1})`` with a row of A at a time in the tuple ``row`` (K)."""
    size = len(row)
    for i in range(size):
        for j in range(size):
            row = replaced(row, j, transition[i, j])
        filtered, product = alpha[i], products[i]
        for t in range(n):
            value = 0.0
            for j in range(size):
                value += row[j] * v[j, t + 1]
            product[t] = value * filtered[t]


@kernel(reorder=True)
def _weigh_many(transition: Floats, n: int, alpha: Floats, v: Floats, products: Floats) -> None:
    """Do the same for any number of states."""
    for i in range(len(alpha)):
        filtered, product = alpha[i], products[i]
        product[:n] = 0.0
        for j in range(len(alpha)):
            entry, ahead = transition[i, j], v[j]
            for t in range(n):
                product[t] += entry * ahead[t + 1]
        for t in range(n):
            product[t] *= filtered[t]


@kernel()
def _weigh(transition: Floats, n: int, alpha: Floats, v: Floats, products: Floats) -> None:
    size = len(alpha)
    if size == 5:
        _weigh_few(transition, n, alpha, v, products, X5)
    elif size == 6:
        _weigh_few(transition, n, alpha, v, products, X6)
    elif size == 7:
        _weigh_few(transition, n, alpha, v, products, X7)
    elif size == 8:
        _weigh_few(transition, n, alpha, v, products, X8)
    else:
        _weigh_many(transition, n, alpha, v, products)


@kernel(reorder=True)
def _smooth_many(
    transition: Floats,
    n: int,
    alpha: Floats,
    v: Floats,
    scaled: Floats,
    gamma: Floats,
    inverse: Floats,
) -> bool:
    """Do :func:`smooth` for any number of states, row by row; ``inverse`` is scratch (BLOCK)."""
    size = len(alpha)
    _weigh(transition, n, alpha, v, gamma)
    for t in range(n):
        inverse[t] = gamma[0, t]
    for i in range(1, size):
        product = gamma[i]
        for t in range(n):
            inverse[t] += product[t]
    lost = 0
    for t in range(n):
        lost += not inverse[t] > LEAST_OVERLAP
        inverse[t] = 1.0 / inverse[t]
    for i in range(size):
        product, source, target = gamma[i], alpha[i], scaled[i]
        for t in range(n):
            product[t] *= inverse[t]
            target[t] = source[t] * inverse[t]
    return lost == 0


@kernel(reorder=True)
def _smooth_few(
    transition: Floats, n: int, alpha: Floats, v: Floats, scaled: Floats, gamma: Floats, x: Any,
    rows: Any,
) -> bool:  # fmt: skip
    """Do :func:`smooth` at one go, with A in the tuple ``rows`` (K of K)."""
    size = len(x)
    for i in range(size):
        row = x
        for j in range(size):
            row = replaced(row, j, transition[i, j])
        rows = replaced(rows, i, row)
    lost = 0
    for t in range(n):
        filtered, ahead, products = x, x, x
        for i in range(size):
            filtered = replaced(filtered, i, alpha[i, t])
            ahead = replaced(ahead, i, v[i, t + 1])
        total = 0.0
        for i in range(size):
            value = 0.0
            for j in range(size):
                value += rows[i][j] * ahead[j]
            value *= filtered[i]
            products = replaced(products, i, value)
            total += value
        lost += not total > LEAST_OVERLAP
        inverse = 1.0 / total
        for i in range(size):
            gamma[i, t] = products[i] * inverse
            scaled[i, t] = filtered[i] * inverse
    return lost == 0


@kernel()
def smooth(
    transition: Floats,
    n: int,
    alpha: Floats,
    v: Floats,
    scaled: Floats,
    gamma: Floats,
    inverse: Floats,
) -> bool:
    """Fill a block's ``γ_t ∝ α_t ∘ (A v_{t+1})`` and α divided by what makes γ sum to one.

    Returns
    -------
    bool
        False where the two hardly overlap.
    """
    size = len(alpha)
    if size == 2:
        return _smooth_few(transition, n, alpha, v, scaled, gamma, X2, XX2)
    if size == 3:
        return _smooth_few(transition, n, alpha, v, scaled, gamma, X3, XX3)
    if size == 4:
        return _smooth_few(transition, n, alpha, v, scaled, gamma, X4, XX4)
    return _smooth_many(transition, n, alpha, v, scaled, gamma, inverse)


@kernel()
def smooth_end(alpha: Floats, at: int, scaled: Floats, gamma: Floats) -> None:
    """Do the same at the last step, where nothing lies ahead."""
    total = 0.0
    for i in range(len(alpha)):
        total += alpha[i, at]
    for i in range(len(alpha)):
        gamma[i, at] = scaled[i, at] = alpha[i, at] / total


@kernel(reorder=True)
def count_transitions(scaled: Floats, v: Floats, n: int, transitions: Floats) -> None:
    """Add ``Σ_t α_t ⊗ v_{t+1}`` over a block."""
    for i in range(len(scaled)):
        source = scaled[i]
        for j in range(len(scaled)):
            ahead = v[j]
            total = 0.0
            for t in range(n):
                total += source[t] * ahead[t + 1]
            transitions[i, j] += total


@kernel()
def write_posterior(
    begin: int,
    n: int,
    last: bool,
    transition: Floats,
    scaled: Floats,
    v: Floats,
    gamma: Floats,
    posterior: Any,
) -> None:
    """Write a block's γ, α and β, scaled so that α sums to one and ``gamma = alpha · beta``.

    Only γ where α and β are empty.
    """
    gammas, alphas, betas = posterior
    size = len(scaled)
    if len(alphas) == 0:
        for t in range(n):
            for i in range(size):
                gammas[begin + t, i] = gamma[i, t]
        return
    for t in range(n):
        total = scaled[:, t].sum()
        for i in range(size):
            gammas[begin + t, i] = gamma[i, t]
            alphas[begin + t, i] = scaled[i, t] / total
            ahead = 0.0
            for j in range(size):
                ahead += transition[i, j] * v[j, t + 1]
            betas[begin + t, i] = ahead * total
    if last:
        betas[begin + n - 1] = 1.0


@kernel()
def without_trace(count: float) -> float:
    """Return an expected count, or zero if it is below :data:`SMALLEST_COUNT`."""
    return 0.0 if count < SMALLEST_COUNT else count
