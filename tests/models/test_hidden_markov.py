"""Hidden Markov models: brute force, finite differences, monotone bounds, priors, numbers."""

from __future__ import annotations

import itertools
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from em_explorer.em.errors import SingularError
from em_explorer.em.steps import Phase, RunOptions, StopReason, em_steps, fit
from em_explorer.models.alignment import align_labels, relabel
from em_explorer.models.hidden_markov import (
    CategoricalEmission,
    EmissionType,
    GaussianEmission,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovParams,
    PoissonEmission,
    Sequences,
    viterbi,
)

EMISSIONS = list(EmissionType)
COMBINATIONS = list(itertools.product(EmissionType, (False, True)))
NAMES = [f"{emission.value}-{'prior' if prior else 'plain'}" for emission, prior in COMBINATIONS]


def random_emission(kind, n_states, rng, n_symbols=3, n_dims=2):
    if kind is EmissionType.CATEGORICAL:
        return CategoricalEmission(rng.dirichlet(np.ones(n_symbols), n_states))
    if kind is EmissionType.POISSON:
        return PoissonEmission(rng.gamma(2.0, 3.0, n_states))
    factors = rng.standard_normal((n_states, n_dims, n_dims + 2))
    covariances = factors @ factors.transpose(0, 2, 1)
    return GaussianEmission(2.0 * rng.standard_normal((n_states, n_dims)), covariances)


def random_params(kind, n_states, rng, **shape):
    return HiddenMarkovParams(
        rng.dirichlet(np.ones(n_states)),
        rng.dirichlet(np.ones(n_states), n_states),
        random_emission(kind, n_states, rng, **shape),
    )


def random_problem(kind, rng, *, prior=False, n_states=None, lengths=None, n_dims=2):
    """Return a model, data drawn from one set of parameters, and another set to start from."""
    n_states = n_states or int(rng.integers(1, 4))
    options = HiddenMarkovOptions(
        n_states=n_states,
        emission=kind,
        n_symbols=3,
        ridge=0.5 if prior else 0.0,
        pseudo_count=0.7 if prior else 0.0,
    )
    model = HiddenMarkov(options)
    truth = random_params(kind, n_states, rng, n_dims=n_dims)
    lengths = lengths or (20,)
    raw, _ = model.sample(truth, sum(lengths), rng)
    data = model.prepare(Sequences(raw.observations, lengths))
    return model, data, random_params(kind, n_states, rng, n_dims=n_dims)


def assert_same(found, expected, **close):
    """Compare two dataclasses of arrays, however deep."""
    for field in fields(expected):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if is_dataclass(other):
            assert_same(one, other, **close)
        else:
            np.testing.assert_allclose(one, other, err_msg=field.name, **close)


def part_of(data, where):
    length = where.stop - where.start
    return replace(data, observations=data.observations[where], lengths=(length,))


# --- The E-step against the sum over all paths ----------------------------------------------------


def joint_of_paths(params, log_emission):
    n_steps, n_states = log_emission.shape
    paths = np.array(list(itertools.product(range(n_states), repeat=n_steps)))
    logs = np.log(params.initial_probs)[paths[:, 0]]
    logs = logs + log_emission[np.arange(n_steps), paths].sum(axis=1)
    logs = logs + np.log(params.transition_matrix)[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    return paths, logs


def log_density(emission, x, k):
    """Return log p(x | k), written a second time and one value at a time."""
    from scipy import stats

    if isinstance(emission, CategoricalEmission):
        return np.log(emission.probs[k, x])
    if isinstance(emission, PoissonEmission):
        return stats.poisson.logpmf(x, emission.rates[k])
    return stats.multivariate_normal.logpdf(x, emission.means[k], emission.covariances[k])


@pytest.mark.parametrize("kind", EMISSIONS)
def test_all_paths_of_tiny_models(kind):
    rng = np.random.default_rng(1)
    for _ in range(15):
        model, data, params = random_problem(kind, rng, lengths=(5, 1, 4))
        n_states = params.n_states
        log_likelihood = entropy = best = 0.0
        gammas, best_path = [], []
        xi, initial = np.zeros((n_states, n_states)), np.zeros(n_states)
        for where in data.slices():
            log_emission = np.array(
                [
                    [log_density(params.emission, x, k) for k in range(n_states)]
                    for x in data.observations[where]
                ]
            )
            paths, logs = joint_of_paths(params, log_emission)
            evidence = np.logaddexp.reduce(logs)
            q = np.exp(logs - evidence)
            states = np.eye(n_states)[paths]
            log_likelihood += evidence
            entropy -= q @ (logs - evidence)
            gammas.append(np.einsum("p,ptk->tk", q, states))
            initial += gammas[-1][0]
            xi += np.einsum("p,pti,ptj->ij", q, states[:, :-1], states[:, 1:])
            best += logs.max()
            best_path.extend(paths[np.argmax(logs)])

        found = model.e_step(data, params, latent=True)

        assert found.log_likelihood == pytest.approx(log_likelihood, rel=1e-11)
        assert found.entropy == pytest.approx(entropy, abs=1e-10)
        np.testing.assert_allclose(found.latent.gamma, np.concatenate(gammas), atol=1e-12)
        np.testing.assert_allclose(found.latent.xi, xi, atol=1e-12)
        np.testing.assert_allclose(found.statistics.transitions, xi, atol=1e-12)
        np.testing.assert_allclose(found.statistics.initial, initial, atol=1e-12)
        path, log_probability = viterbi(model, data, params)
        np.testing.assert_array_equal(path, best_path)
        assert log_probability == pytest.approx(best, rel=1e-11)


@pytest.mark.parametrize("kind", EMISSIONS)
def test_the_latent_posterior_hangs_together(kind):
    rng = np.random.default_rng(2)
    model, data, params = random_problem(kind, rng, n_states=3, lengths=(12, 8))
    found = model.e_step(data, params, latent=True)
    latent = found.latent
    np.testing.assert_allclose(latent.alpha * latent.beta, latent.gamma, atol=1e-13)
    assert latent.xi.sum() == pytest.approx(18.0)
    assert latent.log_scale.sum() == pytest.approx(found.log_likelihood, rel=1e-12)
    np.testing.assert_array_equal(
        latent.log_emission, params.emission.log_emission(data.observations)
    )
    assert not any(getattr(latent, field.name).flags.writeable for field in fields(latent))
    plain = model.e_step(data, params)
    assert plain.latent is None
    assert plain.log_likelihood == found.log_likelihood
    assert plain.entropy == found.entropy


@pytest.mark.parametrize("kind", EMISSIONS)
def test_many_sequences_are_the_sum_of_their_parts(kind):
    rng = np.random.default_rng(3)
    model, data, params = random_problem(kind, rng, n_states=3, lengths=(7, 1, 12))
    whole = model.e_step(data, params)
    parts = [model.e_step(part_of(data, where), params) for where in data.slices()]
    merged = parts[0] + parts[1] + parts[2]
    assert merged.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)
    assert merged.entropy == pytest.approx(whole.entropy, rel=1e-9)
    assert_same(merged.statistics, whole.statistics, rtol=1e-10, atol=1e-12)
    assert_same(model.m_step(params, merged), model.m_step(params, whole), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", EMISSIONS)
def test_an_e_step_depends_on_its_parameters_alone(kind):
    model, data, params = random_problem(kind, np.random.default_rng(4), n_states=3)
    one, other = model.e_step(data, params), model.e_step(data, params)
    assert one.entropy == other.entropy
    assert_same(one.statistics, other.statistics, rtol=0, atol=0)


# --- The M-step -----------------------------------------------------------------------------------


def exchanges(probs, rebuild):
    """Yield moves of probability between the first entry of each row and every other."""
    rows = np.atleast_2d(probs)
    for i, j in np.ndindex(rows.shape[0], rows.shape[1] - 1):

        def move(step, i=i, j=j):
            moved = rows.copy()
            part = step * min(rows[i, 0], rows[i, j + 1])
            moved[i, 0] += part
            moved[i, j + 1] -= part
            return rebuild(moved.reshape(probs.shape))

        yield move


def shifts(values, scales, rebuild):
    """Yield moves of single numbers (covariances: of symmetric pairs) by parts of their scales."""
    for index in np.ndindex(values.shape):

        def move(step, index=index):
            moved = values.copy()
            moved[index] += step * scales[index]
            if values.ndim == 3 and index[1] != index[2]:
                moved[index[0], index[2], index[1]] = moved[index]
            return rebuild(moved)

        yield move


def directions(params):
    """Yield every way to move the parameters a little without leaving the model."""
    initial, transition, emission = (
        params.initial_probs,
        params.transition_matrix,
        params.emission,
    )
    yield from exchanges(initial, lambda v: HiddenMarkovParams(v, transition, emission))
    yield from exchanges(transition, lambda v: HiddenMarkovParams(initial, v, emission))

    def with_emission(new):
        return HiddenMarkovParams(initial, transition, new)

    if isinstance(emission, CategoricalEmission):
        yield from exchanges(emission.probs, lambda v: with_emission(CategoricalEmission(v)))
    elif isinstance(emission, PoissonEmission):
        rates = emission.rates
        yield from shifts(rates, rates, lambda v: with_emission(PoissonEmission(v)))
    else:
        means, covariances = emission.means, emission.covariances
        spread = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        products = spread[:, :, None] * spread[:, None, :]
        yield from shifts(means, spread, lambda v: with_emission(GaussianEmission(v, covariances)))
        yield from shifts(
            covariances, products, lambda v: with_emission(GaussianEmission(means, v))
        )


@pytest.mark.parametrize(("kind", "prior"), COMBINATIONS, ids=NAMES)
def test_the_m_step_is_where_finite_differences_vanish(kind, prior):
    rng = np.random.default_rng(5)
    n_moves = 0
    for _ in range(5):
        model, data, params = random_problem(
            kind, rng, prior=prior, n_states=2, lengths=(15, 10, 5, 8, 9)
        )
        expectation = model.e_step(data, params)
        best = model.m_step(params, expectation)
        top = model.bound(best, expectation)
        for move in directions(best):
            step = 1e-4
            up = model.bound(move(step), expectation)
            down = model.bound(move(-step), expectation)
            curvature = (up - 2 * top + down) / step**2
            assert max(up, down) <= top + 1e-12 * abs(top)
            assert abs((up - down) / (2 * step)) < 1e-6 * max(1.0, abs(curvature))
            n_moves += 1
    assert n_moves > 20


@pytest.mark.parametrize(("kind", "prior"), COMBINATIONS, ids=NAMES)
def test_the_bound_touches_the_objective_with_its_slope(kind, prior):
    # Fisher's identity: at the parameters of the E-step both have the same gradient.
    rng = np.random.default_rng(6)
    model, data, params = random_problem(kind, rng, prior=prior, n_states=2, lengths=(9, 11))
    expectation = model.e_step(data, params)

    def objective(moved):
        return model.e_step(data, moved).log_likelihood + model.log_prior(moved)

    assert model.bound(params, expectation) == pytest.approx(objective(params), rel=1e-12)
    step = 1e-5
    for move in directions(params):
        ahead, behind = move(step), move(-step)
        slope = (model.bound(ahead, expectation) - model.bound(behind, expectation)) / (2 * step)
        expected = (objective(ahead) - objective(behind)) / (2 * step)
        assert slope == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_every_combination_is_covered():
    assert len(COMBINATIONS) == 6


@pytest.mark.parametrize(("kind", "prior"), COMBINATIONS, ids=NAMES)
def test_the_bound_never_falls(kind, prior):
    rng = np.random.default_rng(7)
    n_whole = 0
    for problem in range(200):
        lengths = (20,) if problem % 2 else (9, 4, 7)
        model, data, params = random_problem(
            kind, rng, prior=prior, lengths=lengths, n_dims=1 + problem % 2
        )
        snapshots, before = [], -np.inf
        for snapshot in em_steps(model, data, params, RunOptions(4, 0.0)):
            snapshots.append(snapshot)
            if snapshot.phase is Phase.START:
                continue
            assert snapshot.bound >= before - 1e-9 * abs(snapshot.bound)
            before = snapshot.bound
            if snapshot.phase is Phase.E:
                objective = snapshot.log_likelihood + model.log_prior(snapshot.params)
                assert snapshot.bound == pytest.approx(objective, rel=1e-11)
        n_whole += len(snapshots) == 10
        if len(snapshots) == 10:
            assert snapshots[-1].stop.reason is StopReason.ITERATION_LIMIT
    # Without a prior a Gaussian state may collapse on so few points; few do in four steps.
    assert n_whole >= (150 if kind is EmissionType.GAUSSIAN and not prior else 200)


@pytest.mark.parametrize(("kind", "prior"), COMBINATIONS, ids=NAMES)
def test_relabelling_changes_nothing_but_the_labels(kind, prior):
    rng = np.random.default_rng(8)
    model, data, params = random_problem(kind, rng, prior=prior, n_states=3, lengths=(30, 20, 10))
    order = np.array([2, 0, 1])
    plain = fit(model, data, params, RunOptions(5, 0.0))
    mixed = fit(model, data, model.permuted(params, order), RunOptions(5, 0.0))
    np.testing.assert_allclose(mixed.history, plain.history, rtol=1e-11)
    assert_same(mixed.params, model.permuted(plain.params, order), rtol=1e-8, atol=1e-11)
    path, _ = viterbi(model, data, plain.params)
    mixed_path, _ = viterbi(model, data, mixed.params)
    np.testing.assert_array_equal(mixed_path, relabel(path, order))
    np.testing.assert_array_equal(relabel(mixed_path, align_labels(mixed_path, path, 3)), path)


def test_an_empty_row_keeps_its_old_values():
    # State 2 can be neither begun in nor entered.
    params = HiddenMarkovParams(
        [0.5, 0.5, 0.0],
        [[0.7, 0.3, 0.0], [0.4, 0.6, 0.0], [0.1, 0.2, 0.7]],
        CategoricalEmission([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]),
    )
    model = HiddenMarkov(HiddenMarkovOptions(n_states=3))
    data = model.prepare([0, 1, 1, 0, 0, 1])
    after = model.m_step(params, model.e_step(data, params))
    np.testing.assert_array_equal(after.transition_matrix[2], [0.1, 0.2, 0.7])
    np.testing.assert_array_equal(after.emission.probs[2], [0.3, 0.7])
    np.testing.assert_allclose(after.transition_matrix.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    "emission",
    [
        PoissonEmission([2.0, 3.0]),
        GaussianEmission([[0.0], [1.0]], [[[1.0]], [[2.0]]]),
    ],
)
def test_a_state_nobody_visits_keeps_its_emission(emission):
    params = HiddenMarkovParams([1.0, 0.0], [[1.0, 0.0], [0.5, 0.5]], emission)
    kind = "poisson" if isinstance(emission, PoissonEmission) else "gaussian"
    model = HiddenMarkov(HiddenMarkovOptions(n_states=2, emission=kind))
    after = model.m_step(params, model.e_step(model.prepare([1, 4, 2, 2]), params))
    for name in vars(emission):
        np.testing.assert_array_equal(getattr(after.emission, name)[1], getattr(emission, name)[1])


def test_pseudo_counts_fill_chance_zeros_and_leave_structural_ones():
    params = HiddenMarkovParams(
        [1.0, 0.0],
        [[0.5, 0.5], [0.0, 1.0]],
        CategoricalEmission([[0.4, 0.4, 0.2], [0.5, 0.5, 0.0]]),
    )
    data_model = HiddenMarkov(HiddenMarkovOptions(n_states=2, n_symbols=3, pseudo_count=0.5))
    data = data_model.prepare([0, 1, 0, 0, 1])
    expectation = data_model.e_step(data, params)
    after = data_model.m_step(params, expectation)
    np.testing.assert_array_equal(after.initial_probs, [1.0, 0.0])
    assert after.transition_matrix[1, 0] == 0.0
    assert after.emission.probs[1, 2] == 0.0
    counts = expectation.statistics.emission.counts[0] + 0.5
    np.testing.assert_allclose(after.emission.probs[0], counts / counts.sum())
    assert np.isfinite(data_model.bound(after, expectation))


def test_priors_in_closed_form():
    rng = np.random.default_rng(9)
    model, data, params = random_problem(EmissionType.POISSON, rng, prior=True, n_states=2)
    expectation = model.e_step(data, params)
    statistics = expectation.statistics.emission
    rates = model.m_step(params, expectation).emission.rates
    np.testing.assert_allclose(rates, (statistics.sums + 0.7) / (statistics.counts + 0.7))

    model, data, params = random_problem(EmissionType.GAUSSIAN, rng, prior=True, n_states=2)
    expectation = model.e_step(data, params)
    statistics = expectation.statistics.emission
    covariances = model.m_step(params, expectation).emission.covariances
    expected = (statistics.scatter + 0.5 * np.eye(2)) / (statistics.counts + 1.0)[:, None, None]
    np.testing.assert_allclose(covariances, expected)


def test_a_collapsing_state_stops_as_singular():
    rng = np.random.default_rng(10)
    values = np.concatenate([rng.standard_normal(30), [7.0], rng.standard_normal(30)])
    start = HiddenMarkovParams(
        [0.5, 0.5],
        [[0.9, 0.1], [0.9, 0.1]],
        GaussianEmission([[0.0], [7.0]], [[[1.0]], [[0.09]]]),
    )
    for ridge, reason in ((0.0, StopReason.SINGULAR), (0.1, StopReason.CONVERGED)):
        model = HiddenMarkov(HiddenMarkovOptions(2, EmissionType.GAUSSIAN, ridge=ridge))
        data = model.prepare(values)
        stop = fit(model, data, model.from_units(start, data), RunOptions(500, 1e-8)).stop
        assert stop.reason is reason
        if reason is StopReason.SINGULAR:
            assert stop.message.startswith("State 2 has collapsed")


def test_a_covariance_that_is_none_is_singular():
    params = HiddenMarkovParams(
        [1.0], [[1.0]], GaussianEmission([[0.0, 0.0]], [[[1.0, 2.0], [2.0, 1.0]]])
    )
    model = HiddenMarkov(HiddenMarkovOptions(1, EmissionType.GAUSSIAN))
    data = model.prepare(np.random.default_rng(0).standard_normal((5, 2)))
    with pytest.raises(SingularError, match="not positive definite"):
        model.e_step(data, params)


# --- Numbers far from one -------------------------------------------------------------------------


def test_an_offset_costs_no_digits():
    rng = np.random.default_rng(11)
    plain = HiddenMarkov(HiddenMarkovOptions(2, EmissionType.GAUSSIAN))
    values = np.round(rng.standard_normal(60), 3) + np.repeat([0.0, 4.0], 30)
    start = HiddenMarkovParams(
        [0.5, 0.5], [[0.8, 0.2], [0.3, 0.7]], GaussianEmission([[0.0], [3.0]], np.ones((2, 1, 1)))
    )
    data, far = plain.prepare(values), plain.prepare(values * 2.0**-10 + 2.0**20)
    moved = HiddenMarkovParams(
        start.initial_probs,
        start.transition_matrix,
        GaussianEmission(start.emission.means * 2.0**-10 + 2.0**20, np.full((2, 1, 1), 2.0**-20)),
    )
    near_fit = fit(plain, data, plain.from_units(start, data), RunOptions(8, 0.0))
    far_fit = fit(plain, far, plain.from_units(moved, far), RunOptions(8, 0.0))
    unit = 60 * 10 * np.log(2.0)
    # 2²⁰ beside a spread of 2⁻¹⁰ leaves the data themselves about seven digits.
    np.testing.assert_allclose(np.array(far_fit.history) - unit, near_fit.history, rtol=1e-6)
    np.testing.assert_allclose(
        far_fit.params.transition_matrix, near_fit.params.transition_matrix, rtol=1e-5
    )


@pytest.mark.parametrize("kind", EMISSIONS)
def test_units_and_back(kind):
    model, data, params = random_problem(kind, np.random.default_rng(12), n_states=2)
    there = model.to_units(params, data)
    assert_same(model.from_units(there, data), params, rtol=1e-12, atol=1e-12)
    if kind is EmissionType.GAUSSIAN:
        np.testing.assert_allclose(there.emission.means, params.emission.means + data.center)


@pytest.mark.parametrize("kind", EMISSIONS)
def test_twenty_thousand_steps(kind):
    rng = np.random.default_rng(13)
    model, data, params = random_problem(kind, rng, n_states=2, lengths=(20_000,))
    history = fit(model, data, params, RunOptions(1, 0.0)).history
    assert np.all(np.isfinite(history))
    assert history[1] > history[0]
