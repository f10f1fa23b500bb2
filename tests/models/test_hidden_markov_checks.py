"""What the hidden Markov model refuses, and with which words."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer.em.errors import DataError, ImpossibleDataError
from em_explorer.models.hidden_markov import (
    CategoricalEmission,
    EmissionType,
    GaussianEmission,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovParams,
    HiddenMarkovStart,
    PoissonEmission,
    Sequences,
    viterbi,
)


def test_data_of_probability_zero_are_refused_with_a_sentence():
    model = HiddenMarkov(HiddenMarkovOptions(2, n_symbols=3))
    params = HiddenMarkovParams(
        [0.5, 0.5], [[0.5, 0.5], [0.5, 0.5]], CategoricalEmission([[0.5, 0.5, 0], [0.1, 0.9, 0]])
    )
    for function in (model.e_step, lambda data, params: viterbi(model, data, params)):
        with pytest.raises(ImpossibleDataError, match="time step 3 has probability zero"):
            function(model.prepare([0, 1, 2, 1]), params)
    with pytest.raises(ImpossibleDataError, match=r"In sequence 2: .* time step 1 "):
        model.e_step(model.prepare(Sequences([0, 1, 2, 1], (2, 2))), params)


def test_a_rate_of_zero_allows_only_zeros():
    model = HiddenMarkov(HiddenMarkovOptions(1, EmissionType.POISSON))
    params = HiddenMarkovParams([1.0], [[1.0]], PoissonEmission([0.0]))
    assert model.e_step(model.prepare([0, 0]), params).log_likelihood == 0.0
    with pytest.raises(ImpossibleDataError):
        model.e_step(model.prepare([0, 1]), params)


@pytest.mark.parametrize(
    ("kind", "raw", "words"),
    [
        ("categorical", [], "is empty"),
        ("categorical", 3, "must be an array"),
        ("categorical", ["a", "b"], "are text, not numbers .*'a'"),
        ("categorical", np.array(["0", "1"], dtype=object), "are text, not numbers"),
        ("categorical", [0, -1], "whole numbers from 0 on; time step 2 is -1"),
        ("categorical", [0, 1.5], "time step 2 is 1.5"),
        ("categorical", [0, 1, np.nan], "Time step 3 is missing"),
        ("categorical", [0, None], "Time step 2 is missing"),
        ("categorical", [0, 3], "with 3 symbols they go from 0 to 2"),
        ("categorical", [[0, 1], [1, 0]], "has one column"),
        ("categorical", [0, 10**9], "is too large"),
        ("categorical", Sequences([0, 1, 2], (1, 1)), "sum to 2, but there are 3"),
        ("categorical", Sequences([0, 1, 2], (3, 0)), "above zero"),
        ("categorical", Sequences([0, 1, 2], (1.5, 1.5)), "whole numbers"),
        ("poisson", [1, np.inf], "Time step 2 is missing or infinite"),
        ("poisson", [2, -3], "time step 2 is -3"),
        ("poisson", [0.5], "time step 1 is 0.5"),
        ("gaussian", [1.0, np.nan], "row 2, column 1 is missing"),
        ("gaussian", ["x", "y"], "not a number"),
        ("gaussian", [[1.0, 5.0], [2.0, 5.0]], "Column 2 has the same value"),
    ],
)
def test_bad_data_are_one_clear_sentence(kind, raw, words):
    model = HiddenMarkov(HiddenMarkovOptions(2, kind, n_symbols=3 if kind == "categorical" else 0))
    with pytest.raises(DataError, match=words):
        model.prepare(raw)


def test_ragged_observations_are_refused():
    with pytest.raises(DataError, match="differ in length"):
        Sequences([[1, 2], [3]])


def test_what_prepare_accepts():
    model = HiddenMarkov(HiddenMarkovOptions(2))
    for raw in (
        [0, 1, 2],
        np.array([[0], [1], [2]]),
        np.array([0.0, 1.0, 2.0]),
        Sequences([0, 1, 2]),
    ):
        data = model.prepare(raw)
        np.testing.assert_array_equal(data.observations, [0, 1, 2])
        assert (data.lengths, data.n_symbols, model.n_observations(data)) == ((3,), 3, 3)
    assert HiddenMarkov(HiddenMarkovOptions(2, n_symbols=5)).prepare([0, 1]).n_symbols == 5
    mine = np.array([1.0, 2.0, 4.0])
    gaussian = HiddenMarkov(HiddenMarkovOptions(2, "gaussian")).prepare(Sequences(mine, (1, 2)))
    assert gaussian.observations.shape == (3, 1)
    assert gaussian.lengths == (1, 2)
    assert mine.flags.writeable


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CategoricalEmission([[0.5, 0.6]]), "must sum to 1"),
        (lambda: CategoricalEmission([[1.5, -0.5]]), "no number below zero"),
        (lambda: CategoricalEmission([0.5, 0.5]), "must have 2 dimensions"),
        (lambda: PoissonEmission([-1.0]), "none below zero"),
        (lambda: PoissonEmission([[1.0]]), "one number per state"),
        (lambda: GaussianEmission([0.0], [[[1.0]]]), "means must be"),
        (lambda: GaussianEmission([[np.nan]], [[[1.0]]]), "finite"),
        (
            lambda: HiddenMarkovParams([1.0], np.eye(2), PoissonEmission([1.0, 2.0])),
            "the same number of states",
        ),
        (
            lambda: HiddenMarkovParams([0.5, 0.5], np.ones((2, 2)), PoissonEmission([1.0, 2.0])),
            "transition_matrix: each row must sum to 1",
        ),
        (lambda: HiddenMarkovOptions(0), "n_states must be at least 1"),
        (lambda: HiddenMarkovOptions(2, "normal"), "emission must be one of"),
    ],
)
def test_bad_parameters_are_one_clear_sentence(make, words):
    with pytest.raises(DataError, match=words):
        make()


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        ("poisson", CategoricalEmission([[1.0], [1.0]]), "give a PoissonEmission"),
        ("categorical", CategoricalEmission([[1.0], [1.0]]), "3 symbols and the parameters only 1"),
        ("gaussian", GaussianEmission(np.zeros((2, 2)), [np.eye(2)] * 2), "for 2 columns"),
        ("poisson", PoissonEmission([1.0, 2.0, 3.0]), "n_states is 2"),
    ],
)
def test_parameters_of_another_model_are_refused(kind, params, words):
    model = HiddenMarkov(HiddenMarkovOptions(2, kind))
    n = params.n_states
    given = HiddenMarkovParams(np.full(n, 1 / n), np.full((n, n), 1 / n), params)
    data = model.prepare([0, 1, 2])
    for function in (model.e_step, lambda data, given: model.from_units(given, data)):
        with pytest.raises(DataError, match=words):
            function(data, given)


def test_a_given_start_must_be_given():
    model = HiddenMarkov(HiddenMarkovOptions(2, start=HiddenMarkovStart.GIVEN))
    with pytest.raises(DataError, match="must be given"):
        model.initialize(model.prepare([0, 1]), np.random.default_rng(0))
