"""Two controllers at one cursor, without a window: who leads, who waits, who goes on alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from em_explorer.em.steps import RunOptions, StopReason, fit
from em_explorer.models.gaussian_mixture import GaussianMixture, GaussianMixtureOptions
from em_explorer.models.k_means import KMeans
from em_explorer.session.controller import RunState
from em_explorer.session.lockstep import Follower, Leader


def problem(seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    points = np.vstack([rng.normal(size=(60, 2)), rng.normal(size=(40, 2)) + 2.5])
    model = GaussianMixture(GaussianMixtureOptions(n_components=2))
    data = model.prepare(points)
    return model, data, model.initialize(data, rng)


@pytest.fixture
def pair(qapp: Any) -> Iterator[tuple[Leader, Follower]]:
    """EM leads, k-means follows; EM takes longer."""
    leader, follower = Leader(), Follower()
    model, data, params = problem()
    leader.load(model, data, params, RunOptions(tolerance=1e-8))
    rival = KMeans(model.options)
    follower.load(rival, data, rival.start_from(params), RunOptions(tolerance=1e-8))
    leader.lead(follower)
    yield leader, follower
    leader.shutdown()
    follower.shutdown()


def ended(controller: Any) -> bool:
    return controller.trace.stop is not None


def step(qtbot: Any, leader: Leader, follower: Follower) -> None:
    before = leader.position
    leader.step()
    qtbot.waitUntil(
        lambda: leader.position == before + 1 and (follower.ended or not follower.missing)
    )


def test_a_step_is_taken_by_both_and_taken_back_by_both(qtbot, pair):
    leader, follower = pair
    for n in range(1, 5):
        step(qtbot, leader, follower)
        assert (leader.position, leader.cursor, follower.cursor) == (n, n, n)
    leader.back()
    assert (leader.cursor, follower.cursor) == (3, 3)
    leader.rewind()
    assert (leader.cursor, follower.cursor) == (0, 0)
    leader.seek(2)
    assert (leader.cursor, follower.cursor) == (2, 2)
    assert len(leader.trace) == len(follower.trace) == 5, "history is not computed again"


def test_the_run_that_ends_first_stays_at_its_end(qtbot, pair):
    leader, follower = pair
    leader.run_to_end()
    qtbot.waitUntil(lambda: ended(leader) and ended(follower) and not leader.playing)
    assert len(follower.trace) < len(leader.trace)
    assert leader.position == leader.cursor == len(leader.trace) - 1
    assert follower.cursor == len(follower.trace) - 1
    assert leader.state is RunState.FINISHED
    assert not leader.can_advance
    leader.seek(1)
    assert follower.cursor == 1


@pytest.mark.parametrize("speed", [400.0, float("inf")])
def test_the_follower_goes_on_alone_where_it_lasts_longer(qtbot, qapp, speed):
    leader, follower = Leader(), Follower()
    model, data, params = problem()
    rival = KMeans(model.options)
    leader.load(rival, data, rival.start_from(params), RunOptions(tolerance=1e-8))
    follower.load(model, data, params, RunOptions(tolerance=1e-8))
    leader.lead(follower)
    moves: list[int] = []
    leader.moved.connect(moves.append)
    leader.set_speed(speed)
    leader.play()
    qtbot.waitUntil(lambda: ended(follower) and not leader.playing, timeout=20_000)
    own, other = len(leader.trace) - 1, len(follower.trace) - 1
    assert own < other
    assert (leader.cursor, leader.position, follower.cursor) == (own, other, other)
    assert leader.reach == other
    assert leader.next_phase is None
    assert moves[-1] == other
    assert moves == sorted(moves)
    leader.back()
    assert (leader.cursor, leader.position, follower.cursor) == (own, other - 1, other - 1)
    assert leader.can_advance
    leader.step()
    assert leader.position == other
    leader.seek(own - 1)
    assert (leader.cursor, leader.position, follower.cursor) == (own - 1, own - 1, own - 1)
    leader.lead(None)
    assert leader.reach == own
    for each in (leader, follower):
        each.shutdown()


def test_steps_beyond_the_end_are_taken_one_by_one(qtbot, qapp):
    leader, follower = Leader(), Follower()
    model, data, params = problem()
    rival = KMeans(model.options)
    leader.load(rival, data, rival.start_from(params), RunOptions(tolerance=1e-8))
    leader.run_to_end()
    qtbot.waitUntil(lambda: ended(leader) and not leader.playing)
    follower.load(model, data, params, RunOptions(tolerance=1e-8))
    leader.lead(follower)
    end = leader.cursor
    qtbot.waitUntil(lambda: follower.cursor == end)
    for n in (1, 2, 3):
        leader.step()
        qtbot.waitUntil(lambda n=n: follower.cursor == end + n)
        assert leader.position == end + n
        assert leader.cursor == end
    for each in (leader, follower):
        each.shutdown()


def test_both_are_the_librarys_fits(qtbot, pair):
    leader, follower = pair
    leader.run_to_end()
    qtbot.waitUntil(lambda: ended(leader) and ended(follower))
    for each in pair:
        trace = each.trace
        expected = fit(trace.model, trace.data, trace[0].params, RunOptions(tolerance=1e-8))
        np.testing.assert_array_equal(trace.final.params.means, expected.params.means)
        assert trace.n_iter == expected.n_iter


def test_a_stop_ends_both(qtbot, pair):
    leader, follower = pair
    step(qtbot, leader, follower)
    leader.stop()
    for each in pair:
        assert each.trace.stop.reason is StopReason.STOPPED
    assert not leader.can_advance


def test_another_run_of_the_leader_begins_at_its_start(qtbot, pair):
    leader, follower = pair
    for _ in range(3):
        step(qtbot, leader, follower)
    model, data, params = problem()
    leader.load(model, data, params)
    assert (leader.position, follower.cursor) == (0, 0)


def test_a_follower_called_back_while_it_computes_comes_back(qtbot, pair):
    _, follower = pair
    follower.go_to(3)
    follower.go_to(0)
    qtbot.waitUntil(lambda: follower._link.under_way == 0)
    assert follower.cursor == 0
    assert follower.missing == 0
