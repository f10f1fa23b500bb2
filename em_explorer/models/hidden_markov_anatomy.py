"""The hidden Markov model taken apart: names, values, coordinates and gauges of its parameters."""

from __future__ import annotations

import numpy as np

from em_explorer.em.anatomy import Gauge, Parameter
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.model import Expectation
from em_explorer.models.anatomy_parts import (
    MANY,
    correlations,
    eigenvalue_gauges,
    named,
    packed_factors,
    pairs,
    shares,
    spreads,
    subscript,
    unpacked_covariances,
)
from em_explorer.models.emissions import (
    CategoricalEmission,
    Emission,
    GaussianEmission,
    PoissonEmission,
)
from em_explorer.models.hidden_markov import HiddenMarkov
from em_explorer.models.hidden_markov_params import HiddenMarkovParams, HiddenMarkovStatistics
from em_explorer.models.sequences import SequenceData

FEW_STEPS = 2.0
"""A state visited less often has hardly anything to learn from."""


class HiddenMarkovAnatomy:
    """See :class:`~em_explorer.em.anatomy.Anatomy`.

    Parameters
    ----------
    model : HiddenMarkov
    data : SequenceData
    names : tuple of str
        Of the symbols, or of the columns.
    """

    def __init__(
        self, model: HiddenMarkov, data: SequenceData, names: tuple[str, ...] = ()
    ) -> None:
        self.model = model
        self.data = data
        self.names = names

    def parameters(self, params: HiddenMarkovParams) -> tuple[Parameter, ...]:
        """Return starts, transitions (of many states only the stays) and emissions."""
        n_states = params.n_states
        found = [
            Parameter("starts", f"π{subscript(k + 1)}", k, f"initial_probs[{k}]")
            for k in range(n_states)
        ]
        found += [
            Parameter("transitions", f"P({i + 1} → {j + 1})", i, f"transition_matrix[{i}, {j}]")
            for i, j in self._transitions(n_states)
        ]
        emission = params.emission
        if isinstance(emission, CategoricalEmission):
            found += self._symbol_parameters(emission)
        elif isinstance(emission, GaussianEmission):
            found += self._normal_parameters(emission)
        else:
            found += [
                Parameter("rates", f"λ{subscript(k + 1)}", k, f"rates[{k}]")
                for k in range(n_states)
            ]
        return tuple(found)

    def values(self, params: HiddenMarkovParams) -> Floats:
        """Return their values in the data's units."""
        shown = self.model.to_units(params, self.data)
        emission = shown.emission
        chain = [shown.initial_probs, self._followed(shown.transition_matrix)]
        if isinstance(emission, CategoricalEmission):
            emitted = [emission.probs[:, self._symbols(emission)].ravel()]
        elif isinstance(emission, GaussianEmission):
            emitted = [emission.means.ravel(), spreads(emission.covariances).ravel()]
            if _shows_correlations(emission):
                emitted.append(correlations(emission.covariances).ravel())
        else:
            assert isinstance(emission, PoissonEmission)
            emitted = [emission.rates]
        return np.concatenate(chain + emitted)

    def scales(self, params: HiddenMarkovParams) -> Floats:
        """Return 1 for probabilities, the state's own SD for means, spreads and rates."""
        emission = params.emission
        n_chain = params.n_states + len(self._transitions(params.n_states))
        if isinstance(emission, CategoricalEmission):
            emitted = [np.ones(params.n_states * len(self._symbols(emission)))]
        elif isinstance(emission, GaussianEmission):
            own = spreads(emission.covariances).ravel()
            emitted = [own, own]
            if _shows_correlations(emission):
                emitted.append(np.ones(correlations(emission.covariances).size))
        else:
            assert isinstance(emission, PoissonEmission)
            # A count's SD is √λ; one event in all of the data is the least a rate can be told by.
            emitted = [np.sqrt(np.maximum(emission.rates, 1.0 / len(self.data)))]
        return np.concatenate([np.ones(n_chain), *emitted])

    def coordinates(self, params: HiddenMarkovParams) -> Floats:
        """Return √probabilities, then √probabilities, means and Cholesky factors, or √rates.

        Raises
        ------
        SingularError
            When a covariance is not positive definite.
        """
        chain = [np.sqrt(params.initial_probs), np.sqrt(params.transition_matrix).ravel()]
        return np.concatenate([*chain, _emission_coordinates(params.emission)])

    def from_coordinates(self, coordinates: Floats, like: HiddenMarkovParams) -> HiddenMarkovParams:
        """Return the parameters at a vector of coordinates.

        Zeros stay zero, and what is locked is as in ``like``.
        """
        n_states = like.n_states
        ends = np.cumsum([n_states, n_states * n_states])
        initial, transition, emitted = np.split(np.asarray(coordinates, dtype=float), ends)
        found = HiddenMarkovParams(
            shares(initial),
            shares(transition.reshape(n_states, n_states)),
            _emission_at(emitted, like.emission),
        )
        return self.model.hold(found, like)

    def gauges(
        self,
        params: HiddenMarkovParams,
        expectation: Expectation[HiddenMarkovStatistics] | None,
    ) -> tuple[Gauge, ...]:
        """Return the expected visits of each state, and smallest eigenvalues where it has them.

        A state that nobody visits keeps its parameters, so visits alone never end EM.
        """
        emission = params.emission
        found: tuple[Gauge, ...] = ()
        if expectation is not None:
            statistics = expectation.statistics.emission
            visits = statistics.counts
            warn = FEW_STEPS
            if isinstance(emission, CategoricalEmission):
                visits = visits.sum(axis=1)
            elif isinstance(emission, GaussianEmission):
                warn = emission.means.shape[1] + 1.0
            full = len(self.data) / params.n_states
            found = tuple(
                Gauge(f"visits to {k + 1}", k, float(n), warn, 0.0, full, "steps", "count")
                for k, n in enumerate(visits)
            )
        if isinstance(emission, GaussianEmission):
            found += eigenvalue_gauges(emission.covariances, self.data.variances)
        return found

    def _transitions(self, n_states: int) -> list[tuple[int, int]]:
        """Return the transitions that are followed."""
        if n_states * n_states > MANY:
            return [(i, i) for i in range(n_states)]
        return [(i, j) for i in range(n_states) for j in range(n_states)]

    def _followed(self, transition_matrix: Floats) -> Floats:
        where = np.array(self._transitions(len(transition_matrix)))
        return np.asarray(transition_matrix[where[:, 0], where[:, 1]], dtype=float)

    def _symbols(self, emission: CategoricalEmission) -> Ints:
        """Return the symbols that are followed: of very many only the commonest."""
        n_states, n_symbols = emission.probs.shape
        room = max(1, MANY // n_states)
        if n_symbols <= room:
            return np.arange(n_symbols)
        seen = np.bincount(self.data.observations, minlength=n_symbols)
        return np.sort(np.argsort(-seen, kind="stable")[:room])

    def _symbol_parameters(self, emission: CategoricalEmission) -> list[Parameter]:
        n_states, n_symbols = emission.probs.shape
        names = self.names if len(self.names) == n_symbols else tuple(map(str, range(n_symbols)))
        return [
            Parameter("emissions", f"b{subscript(k + 1)}({names[m]})", k, f"probs[{k}, {m}]")
            for k in range(n_states)
            for m in self._symbols(emission)
        ]

    def _normal_parameters(self, emission: GaussianEmission) -> list[Parameter]:
        n_states, n_dims = emission.means.shape
        names = named(self.names, n_dims, "column")
        found = [
            Parameter(
                group,
                f"{letter}{subscript(k + 1)}" + (f" {names[d]}" if n_dims > 1 else ""),
                k,
                f"{group}[{k}, {d}]",
            )
            for letter, group in (("μ", "means"), ("σ", "spreads"))
            for k in range(n_states)
            for d in range(n_dims)
        ]
        if _shows_correlations(emission):
            found += [
                Parameter(
                    "correlations",
                    f"ρ{subscript(k + 1)}" + (f" {names[i]}–{names[j]}" if n_dims > 2 else ""),
                    k,
                    f"correlations[{k}, {i}, {j}]",
                )
                for k in range(n_states)
                for i, j in pairs(n_dims)
            ]
        return found


def _shows_correlations(emission: GaussianEmission) -> bool:
    n_states, n_dims = emission.means.shape
    return bool(n_states * len(pairs(n_dims)) <= MANY)


def _emission_coordinates(emission: Emission) -> Floats:
    if isinstance(emission, CategoricalEmission):
        return np.asarray(np.sqrt(emission.probs).ravel(), dtype=float)
    if isinstance(emission, GaussianEmission):
        return np.concatenate([emission.means.ravel(), packed_factors(emission.covariances)])
    assert isinstance(emission, PoissonEmission)
    return np.asarray(np.sqrt(emission.rates), dtype=float)


def _emission_at(coordinates: Floats, like: Emission) -> Emission:
    if isinstance(like, CategoricalEmission):
        return CategoricalEmission(shares(coordinates.reshape(like.probs.shape)))
    if isinstance(like, GaussianEmission):
        n_states, n_dims = like.means.shape
        means, factors = np.split(coordinates, [n_states * n_dims])
        covariances = unpacked_covariances(factors, n_states, n_dims)
        return GaussianEmission(means.reshape(n_states, n_dims), covariances)
    return PoissonEmission(coordinates**2)
