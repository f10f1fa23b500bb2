"""The history within its budget: thinned, replayed bit for bit, and quick to grow."""

from __future__ import annotations

import gc
import pickle
import time
import tracemalloc
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from em_explorer.em.arrays import Floats, freeze
from em_explorer.em.memory import Column, Recent, size_of
from em_explorer.em.model import Expectation
from em_explorer.em.steps import Phase, RunOptions, Snapshot, continue_steps, em_steps
from em_explorer.em.trace import KEPT_SHARE, MEGABYTE, Trace
from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
from em_explorer.models.hidden_markov import EmissionType, HiddenMarkov, HiddenMarkovOptions
from em_explorer.models.latent_dirichlet import LatentDirichlet, LatentDirichletOptions
from em_explorer.models.missing_data import MissingData, MissingDataOptions


def mixture(n: int = 40) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(3)
    model = GaussianMixture(GaussianMixtureOptions(n_components=2))
    data = model.prepare(np.vstack([rng.normal(size=(n, 2)), rng.normal(size=(n, 2)) + 1.5]))
    return model, data, model.initialize(data, rng)


def markov() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(4)
    model = HiddenMarkov(HiddenMarkovOptions(n_states=2, emission=EmissionType.GAUSSIAN))
    data = model.prepare(rng.normal(size=60) + np.repeat([0.0, 2.0], 30))
    return model, data, model.initialize(data, rng)


def topics(n_documents: int = 12, n_words: int = 30, n_topics: int = 3) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(5)
    model = LatentDirichlet(LatentDirichletOptions(n_topics=n_topics))
    data = model.prepare(rng.poisson(0.6, size=(n_documents, n_words)) + np.eye(1, n_words, 0))
    return model, data, model.initialize(data, rng)


def holes() -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(6)
    table = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3))
    table[rng.random(table.shape) < 0.2] = np.nan
    model = MissingData(MissingDataOptions())
    data = model.prepare(table)
    return model, data, model.initialize(data, rng)


def bits(value: Any) -> Any:
    """Everything inside a value, bit for bit, in a form that compares with ``==``."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, [bits(getattr(value, f.name)) for f in fields(value)]
    if isinstance(value, tuple):
        return [bits(each) for each in value]
    return value


def filled(problem: tuple[Any, Any, Any], n_iter: int, budget: int) -> tuple[Trace, list[Snapshot]]:
    model, data, params = problem
    trace = Trace(model, data, budget=budget)
    snapshots = list(em_steps(model, data, params, RunOptions(n_iter, 0.0)))
    for snapshot in snapshots:
        trace.append(snapshot)
    return trace, snapshots


def arrays_in(value: Any, found: dict[int, int]) -> dict[int, int]:
    """Bytes of every array in a value by its id."""
    if isinstance(value, np.ndarray):
        found[id(value)] = value.nbytes
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            arrays_in(getattr(value, field.name), found)
    elif isinstance(value, tuple | list):
        for each in value:
            arrays_in(each, found)
    return found


@pytest.mark.parametrize("problem", [mixture, markov, topics, holes])
def test_every_half_step_comes_back_bit_for_bit(problem):
    trace, snapshots = filled(problem(), 60, 100_000)
    assert trace.stride >= 2
    assert trace.nbytes <= 100_000
    order = np.random.default_rng(0).permutation(len(snapshots))
    for index in order.tolist():
        assert bits(trace[index]) == bits(snapshots[index])
        assert trace.nbytes <= 100_000
    assert bits(trace[-1]) == bits(snapshots[-1])
    for index in (7, 8, 60, 61):
        seen = snapshots[index]
        fresh = trace.model.e_step(trace.data, seen.posterior_params, latent=True, carry=seen.carry)
        assert bits(trace.posterior(index)) == bits(fresh)


def test_first_last_and_stop_are_always_at_hand():
    model, data, params = mixture()
    trace = Trace(model, data, budget=1)
    snapshots = list(em_steps(model, data, params, RunOptions(500, 1e-6)))
    for number, snapshot in enumerate(snapshots):
        trace.append(snapshot)
        assert trace.replay(0) is None
        assert trace.replay(min(1, number)) is None
        assert trace.replay(number, back=3) is None  # what a view of the newest compares it with
        assert trace[number] is snapshot
    assert trace[0] is snapshots[0]
    assert trace.final is snapshots[-1]
    assert trace.final.stop is not None
    assert trace.replay(len(trace) // 2) is not None
    trace.seconds_per_step = 0.5
    assert trace.cost(len(trace) // 2) >= 0.5
    assert trace.cost(len(trace) - 1, back=3) == 0.0


def test_the_numbers_of_every_half_step_stay():
    trace, snapshots = filled(mixture(), 80, 50_000)
    assert trace.stride > 1
    assert [trace.bound(i) for i in range(len(trace))] == [s.bound for s in snapshots]
    assert [trace.log_likelihood(i) for i in range(len(trace))] == [
        s.log_likelihood for s in snapshots
    ]
    assert list(trace.history()) == [
        (s.iteration, s.phase, s.bound, s.log_likelihood) for s in snapshots
    ]
    assert trace.bounds == [s.bound for s in snapshots if s.phase is Phase.E]
    assert trace.e_indices == [i for i, s in enumerate(snapshots) if s.phase is Phase.E]
    curve = trace.half_step_bounds
    assert np.isnan(curve[0])
    assert curve[1:].tolist() == [s.bound for s in snapshots[1:]]
    with pytest.raises(ValueError, match="read-only"):
        curve[1] = 0.0
    assert not trace._replayed.nbytes  # none of this needed a replay


def test_below_the_budget_nothing_is_thinned():
    trace, snapshots = filled(mixture(), 60, MEGABYTE)
    assert trace.stride == 1
    assert all(trace.replay(i) is None for i in range(len(trace)))
    assert all(trace[i] is snapshots[i] for i in trace.e_indices)
    assert list(trace) == snapshots


def test_shared_arrays_count_once():
    trace, snapshots = filled(topics(), 30, MEGABYTE)
    parts = {}
    for snapshot in snapshots:
        arrays_in(snapshot, parts)
    kept = trace.nbytes - trace._numbers_bytes
    overhead = kept - sum(parts.values())
    # Each iteration has an array of params, of statistics and of γ, and a few objects.
    assert 31 * 500 < overhead < 31 * 1500
    thin, _ = filled(topics(), 30, 60_000)
    held: dict[int, int] = {}
    for snapshot in thin._kept.values():
        arrays_in(snapshot, held)
    lonely = thin.nbytes - thin._numbers_bytes - sum(held.values())
    assert len(thin._kept) * 500 < lonely < len(thin._kept) * 1500


def test_counted_bytes_are_the_memory_taken():
    model, data, params = mixture(10)
    gc.collect()
    tracemalloc.start()
    try:
        trace = Trace(model, data)
        for snapshot in em_steps(model, data, params, RunOptions(500, 0.0)):
            trace.append(snapshot)
        del snapshot
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert trace.nbytes == pytest.approx(taken, rel=0.2)


def test_a_replay_goes_on_in_any_thread_and_can_be_cut_short():
    trace, snapshots = filled(mixture(), 200, 60_000)
    target = next(i for i in range(150, 250) if (r := trace.replay(i)) and r.n_steps >= 3)
    replay = trace.replay(target)
    first = replay.run(cancelled=lambda: True)
    assert [s.iteration for s in first.snapshots] == [replay.keyframe.iteration + 1]
    trace.remember(first)
    rest = trace.replay(target)
    assert rest.n_steps == replay.n_steps - 1  # what was done is not done again
    done = rest.run()
    assert len(done.snapshots) <= max(4, rest.keep)
    trace.remember(done)
    assert trace.cost(target) == 0.0
    assert bits(trace[target]) == bits(snapshots[target])
    assert trace.seconds_per_step == done.seconds_per_step > 0


def test_a_replay_brings_what_a_picture_compares_with():
    trace, _ = filled(topics(), 80, 60_000)
    for target in range(len(trace)):
        replay = trace.replay(target, back=3)
        if replay is not None:
            trace.remember(replay.run())
        assert all(trace.replay(i) is None for i in range(max(target - 3, 0), target + 1))


def test_the_nearest_kept_half_step():
    trace, _ = filled(mixture(), 150, 40_000)
    for index in range(len(trace)):
        nearest = trace.nearest(index)
        assert trace.replay(nearest) is None
        away = abs(nearest - index)
        assert all(trace.replay(i) is not None for i in range(index - away + 1, index + away))


def test_posteriors_are_told_apart_after_thinning():
    trace, snapshots = filled(mixture(), 100, 40_000)
    for index in (31, 33, 35, 37, 39, 41, 43, 45, 47, 31, 33):
        fresh = trace.model.e_step(trace.data, snapshots[index].params, latent=True)
        assert bits(trace.posterior(index)) == bits(fresh)


def test_large_posteriors_do_not_outgrow_the_budget():
    trace, _ = filled(mixture(2000), 40, 400_000)  # a posterior takes 64 kB and more
    for index in trace.e_indices:
        trace.posterior(index)
        assert trace.nbytes <= 400_000 + 2 * 100_000


def test_an_m_step_without_its_e_step_is_the_last():
    model, data, params = mixture()
    trace = Trace(model, data, budget=20_000)
    steps = em_steps(model, data, params, RunOptions(100, 0.0))
    snapshots = [next(steps) for _ in range(51)]
    for snapshot in snapshots:
        trace.append(snapshot)
    assert trace[50] is snapshots[50]
    assert trace[50].phase is Phase.M
    assert trace.final is snapshots[49]
    assert bits(trace[30]) == bits(snapshots[30])
    assert trace.replay(50, back=3) is None


def test_half_steps_must_follow_one_another():
    _, snapshots = filled(mixture(), 3, MEGABYTE)
    trace = Trace(*mixture()[:2])
    trace.append(snapshots[0])
    with pytest.raises(ValueError, match="Half-step 1 is the E of iteration 0, not the M of 1"):
        trace.append(snapshots[2])
    with pytest.raises(IndexError, match="has 1 half-steps"):
        trace[1]


def test_going_on_is_what_em_would_have_done():
    model, data, params = mixture()
    run = RunOptions(200, 1e-6)
    snapshots = list(em_steps(model, data, params, run))
    went_on = list(continue_steps(model, data, snapshots[7], run))
    assert [bits(s) for s in went_on] == [bits(s) for s in snapshots[8:]]


# -- long runs -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Normal:
    weights: Floats
    means: Floats
    covariances: Floats

    def __post_init__(self) -> None:
        freeze(self)


class QuickMixture:
    """A mixture's shapes and a step that costs next to nothing, yet depends on the last bit."""

    options = None

    def n_observations(self, data: Any) -> int:
        return 100

    def e_step(self, data, params, *, latent=False, carry=None):
        statistics = Normal(params.weights, params.means + 0.1, params.covariances)
        return Expectation(statistics, 0.0, float(params.means[0, 0]))

    def m_step(self, params, expectation):
        old = expectation.statistics
        return Normal(old.weights.copy(), np.sin(old.means) + old.means, old.covariances.copy())

    def bound(self, params, expectation):
        return float(expectation.statistics.means[0, 0])

    def rounding(self, params):
        return 1e9


def quick_start() -> Normal:
    return Normal(np.full(3, 1 / 3), np.linspace(0, 1, 6).reshape(3, 2), np.ones((3, 2, 2)))


def test_a_hundred_thousand_iterations_stay_in_the_budget():
    model = QuickMixture()
    trace = Trace(model, None, budget=64 * MEGABYTE)
    sample = {}
    appending = 0.0
    for index, snapshot in enumerate(
        em_steps(model, None, quick_start(), RunOptions(100_000, 0.0))
    ):
        begun = time.perf_counter()
        trace.append(snapshot)
        appending += time.perf_counter() - begun
        if index % 997 < 2:
            sample[index] = pickle.dumps(bits(replace(snapshot, stop=None)))
    assert len(trace) == 200_002
    assert trace.stride > 1
    assert trace.nbytes <= 64 * MEGABYTE
    assert trace._kept_bytes > 0.8 * KEPT_SHARE * 64 * MEGABYTE - trace._numbers_bytes
    # Measured at 5 µs; the bound leaves room for a machine that does other things as well.
    assert appending / len(trace) < 50e-6
    begun = time.perf_counter()
    for index in reversed(sample):
        assert pickle.dumps(bits(replace(trace[index], stop=None))) == sample[index]
    assert trace.nbytes <= 64 * MEGABYTE
    assert time.perf_counter() - begun < 5.0
    begun = time.perf_counter()
    assert len(trace.bounds) == 100_001
    assert len(trace.half_step_bounds) == 200_002
    assert time.perf_counter() - begun < 0.5


class QuickTopics(LatentDirichlet):
    """Topics without the bound's cost, which is most of it for so few documents."""

    def bound(self, params, expectation):
        return 0.0


def test_topics_stay_in_the_budget():
    """500 iterations of 5,000 words × 20 topics: 800 kB of params and as much of statistics."""
    rng = np.random.default_rng(1)
    model = QuickTopics(LatentDirichletOptions(n_topics=20, inner_max_iter=3))
    counts = np.zeros((6, 5000))
    counts[np.arange(6).repeat(30), rng.integers(0, 5000, 180)] = 1.0
    data = model.prepare(counts)
    trace = Trace(model, data, budget=64 * MEGABYTE)
    sample = {}
    start = model.initialize(data, rng)
    for index, snapshot in enumerate(em_steps(model, data, start, RunOptions(500, 0.0))):
        trace.append(snapshot)
        if index in (0, 1, 2, 100, 101, 499, 700, 701, 1000, 1001):
            sample[index] = snapshot
    assert len(trace) == 1002
    assert trace.nbytes <= 64 * MEGABYTE
    for index, snapshot in sample.items():
        assert bits(trace[index]) == bits(snapshot)
        assert trace.nbytes <= 64 * MEGABYTE
    assert trace.stride <= 64


# -- what it is made of --------------------------------------------------------------------------


def test_a_view_weighs_what_it_keeps_alive():
    base = np.zeros(1000)
    assert size_of(base[:10]) == pytest.approx(8000, rel=0.05)
    assert size_of((base[:10], base[10:], base)) == pytest.approx(8000, rel=0.1)
    assert size_of((base, base.copy())) == pytest.approx(16_000, rel=0.05)


def test_a_column_grows():
    column = Column()
    for number in range(1000):
        column.append(number)
    early = column.values
    column.append(7.0)
    assert len(early) == 1000
    assert column.values.tolist() == [*range(1000), 7.0]
    assert column[-1] == 7.0
    with pytest.raises(IndexError):
        column[1001]


def test_the_least_recently_used_go_first():
    recent: Recent[str] = Recent(100, least=2)
    for key in range(4):
        recent.put(key, str(key), 30)
    assert recent.get(0) is None  # 4 × 30 is more than 100
    assert recent.get(1) == "1"
    recent.put(4, "4", 30)
    assert 2 not in recent
    assert recent.get(1) == "1"
    recent.put(5, "5", 1000)
    assert len(recent) == 2
    assert recent.nbytes == 1030
    recent.put(5, "5", 10)
    assert recent.nbytes == 40
