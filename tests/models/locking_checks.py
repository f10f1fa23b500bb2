"""What locks must keep, whatever the model: what is locked stays, the rest is a maximum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from em_explorer.em.errors import SingularError
from em_explorer.em.steps import Phase, RunOptions, StopReason, em_steps

STEP = 1e-4


def some_of(locks, seed, share=0.35):
    """Return a random choice of locks, never an empty one."""
    rng = np.random.default_rng(seed)
    chosen = [lock for lock in locks if rng.random() < share]
    return frozenset(chosen or [locks[rng.integers(len(locks))]])


def check_run(model, data, params, held, n=6):
    """Run with locks; assert that no half-step lowers the bound and that ``held`` stays.

    ``held(params)`` returns the values that are locked. Returns the snapshots.
    """
    before = held(params)
    steps, run = em_steps(model, data, params, RunOptions(n, 0.0)), []
    while True:
        try:
            run.append(next(steps))
        except StopIteration as end:
            stop = end.value
            break
    assert stop.reason is not StopReason.DECREASED
    for snapshot in run:
        np.testing.assert_array_equal(held(snapshot.params), before)
    bounds = np.array([s.bound for s in run[1:]])
    if len(bounds) > 1:
        scale = model.n_observations(data) + np.abs(bounds[1:])
        limits = np.array([model.rounding(s.params) for s in run[2:]]) * scale
        assert np.all(np.diff(bounds) >= -limits)
    return run


def check_maximum(model, data, anatomy, snapshot):
    """Assert that an M-step's params maximize F(q, ·) among those with the same locked parts.

    Moved along each coordinate (locked parts do not follow), F has slope zero and bends down.
    """
    assert snapshot.phase is Phase.M
    params, expectation = snapshot.params, snapshot.expectation
    here = anatomy.coordinates(params)
    top = model.bound(params, expectation)
    moved = 0
    for i in range(here.size):
        size = STEP * max(0.01, abs(here[i]))
        forth, back = (
            model.bound(
                anatomy.from_coordinates(here + sign * size * (np.arange(here.size) == i), params),
                expectation,
            )
            for sign in (1.0, -1.0)
        )
        slope = (forth - back) / (2 * size)
        bend = (forth + back - 2 * top) / size**2
        assert max(forth, back) <= top + 1e-9 * (1 + abs(top))
        assert abs(slope) <= 2e-5 * (1.0 + abs(bend))
        moved += forth != top
    return moved


def check_locks(model, data, params, locks, anatomy_class, held):
    """Check a run with these locks, and its first and last M-step."""
    model = replace(model, locks=locks)
    try:
        run = check_run(model, data, params, held)
    except SingularError:
        return 0
    steps = [s for s in run if s.phase is Phase.M]
    anatomy = anatomy_class(model, data)
    for snapshot in steps[:1] + steps[1:][-1:]:
        check_maximum(model, data, anatomy, snapshot)
        nudged = model.nudge(snapshot.params, np.random.default_rng(0), 0.1)
        np.testing.assert_array_equal(held(nudged), held(params))
        back = anatomy.from_coordinates(anatomy.coordinates(nudged), params)
        np.testing.assert_array_equal(held(back), held(params))
    return len(steps)
