"""The driver: what it yields, when it stops and what it says."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from em_explorer.em.errors import DataError, SingularError
from em_explorer.em.model import Expectation
from em_explorer.em.steps import Phase, RunOptions, Stop, StopReason, em_steps, fit
from em_explorer.em.trace import Trace
from em_explorer.models.gaussian_mixture import (
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
)


def two_groups(**options):
    model = GaussianMixture(GaussianMixtureOptions(2, **options))
    rng = np.random.default_rng(5)
    data = model.prepare(np.concatenate([rng.normal(-2, 1, 60), rng.normal(2, 1.5, 60)]))
    params = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[-0.5], [0.5]]), np.full((2, 1, 1), 4.0)
    )
    return model, data, params


def run_to_end(steps):
    snapshots = []
    while True:
        try:
            snapshots.append(next(steps))
        except StopIteration as end:
            return snapshots, end.value


@dataclass(frozen=True)
class PairParams:
    offset: np.ndarray


@dataclass(frozen=True)
class PairStatistics:
    count: float
    square: float
    signed: float

    def __add__(self, other):
        return PairStatistics(
            self.count + other.count, self.square + other.square, self.signed + other.signed
        )


class MirroredPair:
    """Half N(θ, 1), half N(−θ, 1): at θ = 0 EM never moves, wherever the data are."""

    options = None

    def n_observations(self, data):
        return len(data)

    def e_step(self, data, params, *, latent=False, carry=None):
        theta = params.offset[0]
        tilt = np.tanh(theta * data)
        log_p = np.logaddexp(-0.5 * (data - theta) ** 2, -0.5 * (data + theta) ** 2)
        log_p -= 0.5 * math.log(2 * math.pi) + math.log(2)
        up, down = (1 + tilt) / 2, (1 - tilt) / 2
        entropy = -float((up * np.log(up) + down * np.log(down)).sum())
        statistics = PairStatistics(len(data), float(data @ data), float(data @ tilt))
        return Expectation(statistics, entropy, float(log_p.sum()))

    def m_step(self, params, expectation):
        s = expectation.statistics
        return PairParams(np.array([s.signed / s.count]))

    def bound(self, params, expectation):
        s, theta = expectation.statistics, params.offset[0]
        square = s.square - 2 * theta * s.signed + s.count * theta**2
        constant = s.count * (0.5 * math.log(2 * math.pi) + math.log(2))
        return -0.5 * square - constant + expectation.entropy

    def rounding(self, params):
        return 1e-12

    def symmetry(self, params):
        return None

    def nudge(self, params, rng, size):
        return PairParams(params.offset + size * rng.standard_normal(1))


PAIR_DATA = np.random.default_rng(0).normal(0, 0.5, 100) + np.repeat([-2.0, 2.0], 50)


def test_order_of_the_half_steps():
    model, data, params = two_groups()
    snapshots, stop = run_to_end(em_steps(model, data, params, RunOptions(3, 0.0)))
    assert [(s.iteration, s.phase.value) for s in snapshots] == [
        (0, "start"),
        (0, "E"),
        (1, "M"),
        (1, "E"),
        (2, "M"),
        (2, "E"),
        (3, "M"),
        (3, "E"),
    ]
    assert isinstance(stop, Stop)
    start, first, second = snapshots[:3]
    assert start.params is params
    assert start.bound is None
    assert start.posterior_params is None
    assert first.posterior_params is first.params is params
    assert second.posterior_params is params  # q still belongs to the params before the M-step
    assert second.params is not params
    assert second.log_likelihood is None
    for snapshot in snapshots[1:]:
        assert snapshot.bound == model.bound(snapshot.params, snapshot.expectation)
        assert snapshot.expectation.latent is None


def test_history_has_one_entry_more_than_there_are_iterations():
    model, data, params = two_groups()
    end = fit(model, data, params, RunOptions(500, 1e-9))
    assert end.stop.reason is StopReason.CONVERGED
    assert end.stop.iteration == end.n_iter == len(end.history) - 1
    assert end.history[0] == model.bound(params, model.e_step(data, params))
    assert end.history[-1] == model.bound(end.params, model.e_step(data, end.params))
    assert np.all(np.diff(end.history) >= -1e-10)


@pytest.mark.parametrize("max_iter", [0, 1, 7, 300])
def test_tolerance_zero_takes_every_iteration(max_iter):
    model, data, params = two_groups()
    end = fit(model, data, params, RunOptions(max_iter, 0.0))
    assert end.n_iter == max_iter
    assert end.stop.reason is StopReason.ITERATION_LIMIT
    assert str(max_iter) in end.stop.message


def test_converged_means_a_gain_below_the_tolerance_per_observation():
    model, data, params = two_groups()
    tolerance = 1e-5
    end = fit(model, data, params, RunOptions(500, tolerance))
    gains = np.diff(end.history) / 120
    assert end.stop.reason is StopReason.CONVERGED
    assert gains[-1] < tolerance
    assert np.all(gains[:-1] >= tolerance)


def test_iteration_limit():
    model, data, params = two_groups()
    end = fit(model, data, params, RunOptions(2, 1e-9))
    assert end.stop == Stop(StopReason.ITERATION_LIMIT, end.stop.message, 2)


class WrongWay(GaussianMixture):
    """An M-step that goes to the best place and then too far beyond it."""

    def m_step(self, params, expectation):
        best = super().m_step(params, expectation)
        return replace(best, means=best.means + 3.0 * (best.means - params.means) + 0.1)


class WrongPosterior(GaussianMixture):
    """An E-step that forgets the entropy, so that the bound falls in E and not in M."""

    def e_step(self, data, params, *, latent=False, carry=None):
        found = super().e_step(data, params)
        lost = 0.0 if np.ptp(params.means) == 1.0 else 5.0
        return replace(found, entropy=found.entropy - lost)


@pytest.mark.parametrize("broken", [WrongWay, WrongPosterior])
def test_a_decrease_is_never_hidden(broken):
    model, data, params = two_groups()
    snapshots, stop = run_to_end(em_steps(broken(model.options), data, params, RunOptions(50, 0.0)))
    assert stop.reason is StopReason.DECREASED
    assert f"in iteration {stop.iteration}" in stop.message
    assert "The bound fell by" in stop.message
    bounds = [s.bound for s in snapshots[1:]]
    assert min(np.diff(bounds)) < -1e-3
    assert snapshots[-1].phase is Phase.E  # what happened is on the record


def test_a_decrease_counts_even_when_the_full_step_gains():
    """M overshoots and E makes up for it: the half-step fell all the same."""

    class Overshoot(MirroredPair):
        def m_step(self, params, expectation):
            return PairParams(super().m_step(params, expectation).offset * 1.8)

    start = PairParams(np.array([0.4]))
    snapshots, stop = run_to_end(em_steps(Overshoot(), PAIR_DATA, start, RunOptions(1, 0.0)))
    assert snapshots[3].bound > snapshots[1].bound
    assert snapshots[2].bound < snapshots[1].bound
    assert stop.reason is StopReason.DECREASED


def test_singular_keeps_the_last_good_state():
    model = GaussianMixture(GaussianMixtureOptions(2))
    data = model.prepare(np.append(np.linspace(-1, 1, 20), 9.0))
    start = model.from_units(
        GaussianMixtureParams(
            np.array([0.5, 0.5]), np.array([[0.0], [9.0]]), np.full((2, 1, 1), 0.5)
        ),
        data,
    )
    snapshots, stop = run_to_end(em_steps(model, data, start))
    assert stop.reason is StopReason.SINGULAR
    assert "Component 2" in stop.message
    assert snapshots[-1].phase is Phase.E
    assert stop.iteration == snapshots[-1].iteration
    assert np.isfinite(snapshots[-1].bound)
    assert fit(model, data, start).params.covariances.min() > 0


def test_an_unusable_start():
    model, data, params = two_groups()
    flat = replace(params, covariances=np.zeros((2, 1, 1)))
    snapshots, stop = run_to_end(em_steps(model, data, flat))
    assert [s.phase for s in snapshots] == [Phase.START]
    assert (stop.reason, stop.iteration) == (StopReason.SINGULAR, 0)
    with pytest.raises(SingularError, match="Covariance 1 is not positive definite"):
        fit(model, data, flat)


def test_an_objective_that_is_no_number_is_an_error():
    class Broken(MirroredPair):
        def bound(self, params, expectation):
            return math.nan

    with pytest.raises(DataError, match="The objective became nan"):
        fit(Broken(), PAIR_DATA, PairParams(np.array([1.0])))


def test_twins_stall():
    model, data, params = two_groups()
    twins = replace(params, means=np.zeros((2, 1)) + 0.7)
    end = fit(model, data, twins, RunOptions(100, 1e-9))
    assert end.stop.reason is StopReason.STALLED
    assert "Components 1 and 2 are identical" in end.stop.message
    # One step takes both to the mean of all points, which is zero in the centred frame.
    assert end.n_iter == 2
    np.testing.assert_allclose(end.params.means, 0.0, atol=1e-13)


def test_a_saddle_stalls():
    end = fit(MirroredPair(), PAIR_DATA, PairParams(np.zeros(1)))
    assert end.stop.reason is StopReason.STALLED
    assert end.n_iter == 1
    assert "nudge" in end.stop.message
    nudged = MirroredPair().nudge(end.params, np.random.default_rng(0), 1e-2)
    away = fit(MirroredPair(), PAIR_DATA, nudged, RunOptions(500, 1e-10))
    assert away.stop.reason is StopReason.CONVERGED
    assert abs(away.params.offset[0]) == pytest.approx(2.0, abs=0.2)


def test_a_fixed_start_that_is_the_maximum_has_converged():
    narrow = PAIR_DATA / 10  # variance below one: zero is the best offset
    end = fit(MirroredPair(), narrow, PairParams(np.zeros(1)))
    assert end.stop.reason is StopReason.CONVERGED
    model, data, params = two_groups()
    best = fit(model, data, params, RunOptions(5000, 1e-15))
    again = fit(model, data, best.params)
    assert again.stop.reason is StopReason.CONVERGED
    assert again.n_iter == 1


def test_an_unsettled_inner_loop_does_not_count_as_converged():
    class Capped(MirroredPair):
        def e_step(self, data, params, *, latent=False, carry=None):
            return replace(super().e_step(data, params), settled=False)

    end = fit(Capped(), PAIR_DATA, PairParams(np.array([1.0])), RunOptions(60, 1e-6))
    assert end.stop.reason is StopReason.ITERATION_LIMIT


def test_carry_is_handed_from_e_step_to_e_step_and_kept():
    class Carrying(MirroredPair):
        def e_step(self, data, params, *, latent=False, carry=None):
            return replace(super().e_step(data, params), carry=(carry or 0) + 1, latent=latent)

    start = PairParams(np.array([1.0]))
    steps = em_steps(Carrying(), PAIR_DATA, start, RunOptions(3, 0.0), carry=10)
    snapshots, _ = run_to_end(steps)
    # What each E-step started from, and the M-step after it still belongs to that E-step.
    assert [s.carry for s in snapshots] == [None, 10, 10, 11, 11, 12, 12, 13]
    trace = Trace(Carrying(), PAIR_DATA)
    for snapshot in snapshots:
        trace.append(snapshot)
    assert trace.posterior(4).carry == snapshots[4].expectation.carry == 12


def test_stopped_by_closing_leaves_what_was_seen():
    model, data, params = two_groups()
    steps = em_steps(model, data, params, RunOptions(100, 0.0))
    seen = [next(steps) for _ in range(6)]
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)
    assert [s.iteration for s in seen] == [0, 0, 1, 1, 2, 2]
    assert StopReason("stopped") is StopReason.STOPPED
    assert len(StopReason) == 6  # each of the other five has its test above


def test_continuing_repeats_the_same_bits():
    model, data, params = two_groups()
    whole, _ = run_to_end(em_steps(model, data, params, RunOptions(10, 0.0)))
    middle = whole[9]
    assert middle.phase is Phase.E
    rest, _ = run_to_end(em_steps(model, data, middle.params, RunOptions(6, 0.0)))
    assert [s.bound for s in rest[1:]] == [s.bound for s in whole[9:]]
    np.testing.assert_array_equal(rest[-1].params.means, whole[-1].params.means)


def test_trace_is_a_record_to_step_through():
    model, data, params = two_groups()
    trace = Trace(model, data)
    snapshots, trace.stop = run_to_end(em_steps(model, data, params, RunOptions(12, 0.0)))
    for snapshot in snapshots:
        trace.append(snapshot)
    assert len(trace) == 26
    assert trace.n_iter == 12
    assert trace.e_indices[:3] == [1, 3, 5]
    assert trace.bounds == list(fit(model, data, params, RunOptions(12, 0.0)).history)
    assert trace.final is snapshots[-1]
    assert trace.posterior(0) is None
    for index in range(1, len(trace)):
        seen = trace.posterior(index)
        assert seen.entropy == trace[index].expectation.entropy
        assert seen.latent.responsibilities.shape == (120, 2)
    assert trace.posterior(1) is not trace.posterior(3)
    assert trace.posterior(1) is trace.posterior(2)  # the M-step shows the posterior it used


def test_run_options_are_checked():
    with pytest.raises(DataError, match="max_iter must be a whole number"):
        RunOptions(max_iter=2.5)
    with pytest.raises(DataError, match="tolerance must be at least 0"):
        RunOptions(tolerance=-1e-3)
    with pytest.raises(DataError, match="tolerance must be a number"):
        RunOptions(tolerance=math.nan)
