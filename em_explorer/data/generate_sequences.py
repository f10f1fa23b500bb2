"""Sequences whose hidden states are known, from given matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from em_explorer.data.dataset import Dataset, Truth
from em_explorer.data.generate_mixture import (
    MADE,
    NoOptions,
    points_option,
    seed_option,
    separation_option,
)
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.options import check_options, option

HIDDEN_MARKOV = "hidden_markov"


def states_option(default: int = 2) -> int:
    """Declare how many hidden states there are."""
    n_states: int = option(default, "States", low=1, high=12, step=1, group="Data")
    return n_states


def stay_option(default: float, label: str = "Stay", who: str = "A state") -> float:
    """Declare how probable it is to stay in a state."""
    stay: float = option(
        default,
        label,
        help=f"{who} is kept with this probability at each step.",
        low=0.0,
        high=1.0,
        step=0.01,
        group="Data",
    )
    return stay


def n_sequences_option() -> int:
    """Declare how many sequences the time steps are split into."""
    n: int = option(
        1,
        "Sequences",
        help="The steps are split into this many sequences, each with a start of its own.",
        low=1,
        high=10,
        step=1,
        group="Data",
    )
    return n


@dataclass(frozen=True, slots=True)
class CasinoOptions:
    """A casino that swaps a fair die for a loaded one, and back, when nobody looks."""

    n: int = points_option(300, "Rolls")
    stay_fair: float = stay_option(0.95, "Stay fair", "The fair die")
    stay_loaded: float = stay_option(0.90, "Stay loaded", "The loaded die")
    six: float = option(
        0.5,
        "Sixes when loaded",
        help="How often the loaded die shows six; its other faces share the rest.",
        low=0.0,
        high=1.0,
        step=0.05,
        group="Data",
    )
    seed: int = seed_option()

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class SymbolChainOptions:
    """States that each prefer some symbols."""

    n: int = points_option(500, "Steps")
    n_states: int = states_option(2)
    n_symbols: int = option(4, "Symbols", low=2, high=26, step=1, group="Data")
    stay: float = stay_option(0.9)
    n_sequences: int = n_sequences_option()
    seed: int = seed_option()

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class LevelChainOptions:
    """States that are levels of a noisy measurement."""

    n: int = points_option(400, "Steps")
    n_states: int = states_option(3)
    separation: float = separation_option(3.0)
    stay: float = stay_option(0.95)
    n_sequences: int = n_sequences_option()
    seed: int = seed_option()

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class CountChainOptions:
    """States that are mean counts."""

    n: int = points_option(300, "Steps")
    n_states: int = states_option(2)
    lowest_rate: float = option(
        5.0,
        "Lowest mean",
        help="Mean count of the quietest state; each next state has twice the mean.",
        low=0.1,
        high=1000.0,
        step=1.0,
        group="Data",
    )
    stay: float = stay_option(0.95)
    n_sequences: int = n_sequences_option()
    seed: int = seed_option()

    def __post_init__(self) -> None:
        check_options(self)


def sticky(n_states: int, stay: float) -> Floats:
    """Return the (K, K) transition matrix that stays, or moves to any other state alike."""
    if n_states == 1:
        return np.ones((1, 1))
    others = (1.0 - stay) / (n_states - 1)
    return np.full((n_states, n_states), others) + (stay - others) * np.eye(n_states)


def draw_states(
    initial_probs: Floats,
    transition_matrix: Floats,
    lengths: Sequence[int],
    rng: np.random.Generator,
) -> Ints:
    """Draw the hidden states of sequences that lie end to end, (T,) int."""
    # One uniform number a step, looked up in the cumulated row of the state before.
    first, rows = np.cumsum(initial_probs), np.cumsum(transition_matrix, axis=1)
    last = len(first) - 1
    states: list[int] = []
    for length in lengths:
        row = first
        for u in rng.random(length):
            # Rounding may leave the sum a hair below one, and u above it.
            states.append(min(int(np.searchsorted(row, u, side="right")), last))
            row = rows[states[-1]]
    return np.array(states, dtype=np.int64)


def draw_symbols(states: Ints, probs: Floats, rng: np.random.Generator) -> Ints:
    """Draw a symbol for each state from the (K, M) emission probabilities."""
    cumulated = np.cumsum(probs, axis=1)
    u = rng.random(len(states))
    symbols = (u[:, None] >= cumulated[states]).sum(axis=1)
    return np.asarray(np.minimum(symbols, probs.shape[1] - 1), dtype=np.int64)


def _uniform_start(transition_matrix: Floats, emission: Any) -> Any:
    from em_explorer.models.hidden_markov import HiddenMarkovParams

    n_states = len(transition_matrix)
    return HiddenMarkovParams(np.full(n_states, 1.0 / n_states), transition_matrix, emission)


def _sequences(observations: Any, lengths: Sequence[int]) -> Any:
    from em_explorer.models.sequences import Sequences

    return Sequences(observations, tuple(lengths))


def _lengths(n: int, n_sequences: int) -> list[int]:
    return [n // n_sequences + (i < n % n_sequences) for i in range(n_sequences)]


def casino(options: CasinoOptions) -> Dataset:
    """Roll the dishonest casino's dice; state 0 is the fair die, state 1 the loaded one."""
    from em_explorer.models.hidden_markov import CategoricalEmission, HiddenMarkovParams

    rng = np.random.default_rng(options.seed)
    initial_probs = np.array([1.0, 0.0])  # the casino begins honestly
    transition_matrix = np.array(
        [
            [options.stay_fair, 1.0 - options.stay_fair],
            [1.0 - options.stay_loaded, options.stay_loaded],
        ]
    )
    loaded = np.append(np.full(5, (1.0 - options.six) / 5.0), options.six)
    probs = np.vstack([np.full(6, 1.0 / 6.0), loaded])
    states = draw_states(initial_probs, transition_matrix, [options.n], rng)
    params = HiddenMarkovParams(initial_probs, transition_matrix, CategoricalEmission(probs))
    return Dataset(
        "casino",
        "The dishonest casino",
        HIDDEN_MARKOV,
        _sequences(draw_symbols(states, probs, rng), [options.n]),
        columns=("face",),
        symbols=tuple("123456"),
        index=np.arange(1.0, options.n + 1.0),
        index_label="throw",
        truth=Truth(labels=states, params=params),
        story=f"{options.n:,} rolls in a casino that now and then swaps its fair die for one that "
        f"shows six with probability {options.six:g}. Which rolls were loaded? The truth is kept.",
        source="Durbin, R., Eddy, S., Krogh, A. & Mitchison, G. (1998), Biological Sequence "
        "Analysis, section 3.2",
        options={"n_states": 2, "emission": "categorical", "n_symbols": 6},
    )


def symbol_chain(options: SymbolChainOptions) -> Dataset:
    """Draw symbols: state k prefers symbols k, k + K, k + 2K, … five to one."""
    from em_explorer.models.hidden_markov import CategoricalEmission

    rng = np.random.default_rng(options.seed)
    k, m = options.n_states, options.n_symbols
    probs = np.where(np.arange(m) % k == np.arange(k)[:, None] % m, 5.0, 1.0)
    probs /= probs.sum(axis=1, keepdims=True)
    transition_matrix = sticky(k, options.stay)
    lengths = _lengths(options.n, options.n_sequences)
    states = draw_states(np.full(k, 1.0 / k), transition_matrix, lengths, rng)
    return Dataset(
        "symbol-chain",
        "Symbols from hidden states",
        HIDDEN_MARKOV,
        _sequences(draw_symbols(states, probs, rng), lengths),
        columns=("symbol",),
        symbols=tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:m]),
        index_label="step",
        truth=Truth(
            labels=states, params=_uniform_start(transition_matrix, CategoricalEmission(probs))
        ),
        story=f"{options.n} symbols from {k} hidden states, each with favorite symbols. "
        f"A state is kept with probability {options.stay:g} at each step.",
        source=MADE,
        options={"n_states": k, "emission": "categorical", "n_symbols": m},
    )


def level_chain(options: LevelChainOptions) -> Dataset:
    """Draw a noisy measurement: state k has mean ``k · separation`` and variance 1."""
    from em_explorer.models.hidden_markov import GaussianEmission

    rng = np.random.default_rng(options.seed)
    k = options.n_states
    means = options.separation * np.arange(float(k))[:, None]
    transition_matrix = sticky(k, options.stay)
    lengths = _lengths(options.n, options.n_sequences)
    states = draw_states(np.full(k, 1.0 / k), transition_matrix, lengths, rng)
    values = means[states, 0] + rng.standard_normal(options.n)
    emission = GaussianEmission(means, np.ones((k, 1, 1)))
    return Dataset(
        "level-chain",
        "Levels in noise",
        HIDDEN_MARKOV,
        _sequences(values, lengths),
        columns=("level",),
        index_label="step",
        truth=Truth(labels=states, params=_uniform_start(transition_matrix, emission)),
        story=f"A measurement that jumps between {k} levels, {options.separation:g} standard "
        "deviations apart, under noise. Knowing the time before helps to tell the levels apart.",
        source=MADE,
        options={"n_states": k, "emission": "gaussian"},
    )


def count_chain(options: CountChainOptions) -> Dataset:
    """Draw counts: each state has twice the mean of the one before."""
    from em_explorer.models.hidden_markov import PoissonEmission

    rng = np.random.default_rng(options.seed)
    k = options.n_states
    rates: Floats = options.lowest_rate * np.exp2(np.arange(float(k)))
    transition_matrix = sticky(k, options.stay)
    lengths = _lengths(options.n, options.n_sequences)
    states = draw_states(np.full(k, 1.0 / k), transition_matrix, lengths, rng)
    return Dataset(
        "count-chain",
        "Counts from hidden states",
        HIDDEN_MARKOV,
        _sequences(rng.poisson(rates[states]), lengths),
        columns=("count",),
        index_label="step",
        truth=Truth(
            labels=states, params=_uniform_start(transition_matrix, PoissonEmission(rates))
        ),
        story=f"{options.n} counts from {k} hidden states, each twice as busy as the one before. "
        f"A state is kept with probability {options.stay:g} at each step.",
        source=MADE,
        options={"n_states": k, "emission": "poisson"},
    )


def three_state_chain(options: NoOptions) -> Dataset:
    """Draw 1,000 symbols of four kinds from three states, always the same."""
    from em_explorer.models.hidden_markov import CategoricalEmission, HiddenMarkovParams

    initial_probs = np.array([0.3, 0.3, 0.4])
    transition_matrix = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    probs = np.array([[0.8, 0.1, 0.05, 0.05], [0.05, 0.8, 0.1, 0.05], [0.05, 0.05, 0.1, 0.8]])
    # The figures known for this recipe belong to numpy's legacy stream.
    rng = np.random.RandomState(42)
    states, symbols = np.zeros(1000, dtype=np.int64), np.zeros(1000, dtype=np.int64)
    row = initial_probs
    for t in range(1000):
        states[t] = rng.choice(3, p=row)
        symbols[t] = rng.choice(4, p=probs[states[t]])
        row = transition_matrix[states[t]]
    params = HiddenMarkovParams(initial_probs, transition_matrix, CategoricalEmission(probs))
    return Dataset(
        "three-state-chain",
        "Three states, four symbols",
        HIDDEN_MARKOV,
        _sequences(symbols, [1000]),
        columns=("symbol",),
        symbols=tuple("ABCD"),
        index_label="step",
        truth=Truth(labels=states, params=params),
        story="A thousand symbols from three hidden states: too long for probabilities to be "
        "multiplied without scaling. EM ends above the likelihood of the true parameters.",
        source=MADE,
        options={"n_states": 3, "emission": "categorical", "n_symbols": 4},
    )
