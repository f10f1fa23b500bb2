"""Hidden Markov models against hmmlearn, R's HiddenMarkov and published figures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from em_explorer.em.steps import Phase, RunOptions, StopReason, em_steps, fit
from em_explorer.models.hidden_markov import (
    CategoricalEmission,
    GaussianEmission,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovParams,
    PoissonEmission,
    viterbi,
)

DATA = Path(__file__).parents[1] / "data"
RAIN = {"0": 0, "1-5": 1, "6+": 2}
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def load(name):
    return json.loads((DATA / name).read_text())


def column(name, field):
    with (DATA / name).open(newline="") as file:
        return [row[field] for row in csv.DictReader(file)]


def observations(run):
    if run.startswith("earthquakes"):
        return np.array(column("earthquakes.csv", "count"), dtype=int)
    if run.startswith("nile"):
        return np.array(column("nile.csv", "flow_1e8m3"), dtype=float)
    return np.array([RAIN[value] for value in column("alofi_rain.csv", "rain")])


def emission(entry):
    """Read an entry of either program's trace."""
    if "emissionprob" in entry:
        return "categorical", CategoricalEmission(entry["emissionprob"])
    if "means" in entry:
        return "gaussian", GaussianEmission(entry["means"], entry["covars"])
    if "lambdas" in entry:
        return "poisson", PoissonEmission(entry["lambdas"])
    inner = entry["params"]
    if "lambda" in inner:
        return "poisson", PoissonEmission(inner["lambda"])
    means = np.array(inner["mean"])[:, None]
    return "gaussian", GaussianEmission(means, np.array(inner["sd"])[:, None, None] ** 2)


def params_of(entry):
    return HiddenMarkovParams(entry["startprob"], entry["transmat"], emission(entry)[1])


def problem(run, first):
    params = params_of(first)
    model = HiddenMarkov(HiddenMarkovOptions(n_states=2, emission=emission(first)[0]))
    data = model.prepare(observations(run))
    return model, data, model.from_units(params, data)


def assert_same(found, expected, **close):
    np.testing.assert_allclose(found.initial_probs, expected.initial_probs, **close)
    np.testing.assert_allclose(found.transition_matrix, expected.transition_matrix, **close)
    for name in vars(expected.emission):
        np.testing.assert_allclose(
            getattr(found.emission, name), getattr(expected.emission, name), **close
        )


def e_snapshots(model, data, params, max_iter):
    run = RunOptions(max_iter=max_iter, tolerance=0)
    return [s for s in em_steps(model, data, params, run) if s.phase is Phase.E]


def test_categorical_thousand_steps_hmmlearn():
    reference = load("hmm_1000_k3_m4.json")
    init, after = reference["init"], reference["params_after_10"]
    model = HiddenMarkov(HiddenMarkovOptions(n_states=3))
    data = model.prepare(reference["obs"])
    assert data.n_symbols == 4
    params = params_of(init)
    steps = e_snapshots(model, data, params, 10)
    for source in ("scaling", "log"):
        for iteration, value in reference["loglik_after_m_steps"][source].items():
            snapshot = steps[int(iteration)]
            assert snapshot.log_likelihood == pytest.approx(value, rel=1e-9)
            assert snapshot.bound == pytest.approx(value, rel=1e-9)
    assert_same(steps[10].params, params_of(after), **CLOSE)
    path, log_probability = viterbi(model, data, params)
    np.testing.assert_array_equal(path, reference["viterbi_at_init"]["path"])
    assert log_probability == pytest.approx(reference["viterbi_at_init"]["logprob"], rel=1e-9)


FILES = {
    "hmm_hiddenmarkov.json": ("earthquakes_2", "nile_2"),
    "hmm_hmmlearn.json": ("alofi_2", "nile_2", "earthquakes_2"),
}


@pytest.mark.parametrize(("file", "run"), [(f, r) for f, runs in FILES.items() for r in runs])
def test_every_entry_of_the_trace(file, run):
    content = load(file)["runs"]
    assert set(content) == set(FILES[file])
    reference = content[run]
    model, data, params = problem(run, reference["trace"][0])
    steps = e_snapshots(model, data, params, 30)
    for entry in reference["trace"]:
        snapshot = steps[entry["iteration"]]
        assert snapshot.log_likelihood == pytest.approx(entry["loglik"], rel=1e-9)
        assert_same(model.to_units(snapshot.params, data), params_of(entry), **CLOSE)
    for iteration, value in enumerate(reference.get("loglik_history_0_to_30", [])):
        assert steps[iteration].log_likelihood == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(("file", "run"), [(f, r) for f, runs in FILES.items() for r in runs])
def test_the_converged_model(file, run):
    end = load(file)["runs"][run]["converged"]
    model, data, params = problem(run, end)
    found = model.e_step(data, params, latent=True)
    assert found.log_likelihood == pytest.approx(end["loglik"], rel=1e-9)
    np.testing.assert_allclose(found.latent.gamma[:5], end["posterior_first5"], **CLOSE)
    if "viterbi" in end:
        path, _ = viterbi(model, data, params)
        np.testing.assert_array_equal(path + 1, end["viterbi"])


def test_earthquakes_published():
    # Zucchini & MacDonald (2009), table 4.2, but with a free initial distribution.
    model = HiddenMarkov(HiddenMarkovOptions(n_states=2, emission="poisson"))
    data = model.prepare(observations("earthquakes"))
    start = HiddenMarkovParams([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], PoissonEmission([10.0, 30.0]))
    found = fit(model, data, start, RunOptions(500, 1e-12))
    assert found.stop.reason is StopReason.CONVERGED
    np.testing.assert_allclose(
        found.history[:3], [-413.27542, -343.76023, -343.13618], rtol=0, atol=6e-6
    )
    assert found.history[-1] == pytest.approx(-341.87870, abs=6e-6)
    np.testing.assert_allclose(found.params.emission.rates, [15.421, 26.018], atol=6e-4)


def test_probabilities_that_die_out_do_not_break_the_bound():
    # The way back from the later state falls below the smallest number that floating point knows.
    model = HiddenMarkov(HiddenMarkovOptions(2, "gaussian"))
    data = model.prepare(observations("nile"))
    start = HiddenMarkovParams(
        [0.5, 0.5],
        [[0.9, 0.1], [1e-200, 1.0 - 1e-200]],
        GaussianEmission([[1100.0], [850.0]], np.full((2, 1, 1), 150.0**2)),
    )
    found = fit(model, data, model.from_units(start, data), RunOptions(150, 0.0))
    assert found.stop.reason is StopReason.ITERATION_LIMIT
    assert np.diff(found.history).min() > -1e-12 * 630
    assert found.history[-1] == pytest.approx(-629.804456390623, rel=1e-12)
    assert found.params.transition_matrix[1, 0] == 0.0
    assert found.params.initial_probs[1] == 0.0
