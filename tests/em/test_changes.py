"""What moved, the alarm behind a flat curve, parameter traces and predicted collapse."""

import numpy as np
import pytest

from em_explorer.em.changes import (
    FLAT,
    StillMoving,
    at_hand,
    changes,
    flat_but_moving,
    predict_collapse,
    traces_of,
)
from em_explorer.em.steps import RunOptions
from em_explorer.models.gaussian_mixture import GaussianMixtureParams
from tests.em.tiny import LineAnatomy, overlapping, short_run, traced


def line_params(weights, means, variances):
    return GaussianMixtureParams(
        np.array(weights), np.array(means)[:, None], np.array(variances)[:, None, None]
    )


def test_changes_are_in_units_and_scales_and_the_largest_comes_first():
    _, data, _ = overlapping(3.0, n=50)
    before = line_params([0.31, 0.69], [0.0, 1.0], [4.0, 1.0])
    after = line_params([0.36, 0.64], [1.6, 1.0], [4.0, 0.81])
    found = changes(LineAnatomy(data), before, after)
    assert [c.parameter.key for c in found][:2] == ["means[0]", "spreads[1]"]
    first = found[0]
    assert first.before == pytest.approx(data.center[0])
    assert first.after == pytest.approx(data.center[0] + 1.6)
    assert first.moved == pytest.approx(0.8)  # standard deviations of the component before
    assert found[1].moved == pytest.approx(-0.1)
    weights = {c.parameter.key: c for c in found if c.parameter.group == "weights"}
    assert weights["weights[0]"].moved == pytest.approx(0.05)
    assert [c.moved for c in found[4:]] == [0.0, 0.0]


def test_a_scale_of_zero_moves_nothing():
    class NoScale(LineAnatomy):
        def scales(self, params):
            return np.zeros(len(self.values(params)))

    _, data, params = overlapping(3.0, n=50)
    moved = line_params([0.4, 0.6], [0.0, 1.0], [1.0, 1.0])
    assert {c.moved for c in changes(NoScale(data), params, moved)} == {0.0}


def test_flat_is_not_converged():
    """The curve gains next to nothing for hundreds of steps, and the weights drift all the way."""
    run = RunOptions(3000, 1e-10)
    trace = traced(*overlapping(2.0), run)
    anatomy = LineAnatomy(trace.data)
    gains = np.diff(trace.bounds) / 2000
    early = 1 + int(np.argmax(gains < FLAT / 5))
    alarm = flat_but_moving(trace, anatomy, 2 * early + 1, run)
    assert isinstance(alarm, StillMoving)
    assert alarm.parameter.group in ("weights", "means")
    assert abs(alarm.moved) < abs(alarm.to_go)
    i = [p.key for p in anatomy.parameters(trace.final.params)].index(alarm.parameter.key)
    end = anatomy.values(trace.final.params)[i]
    assert anatomy.values(trace[2 * early + 1].params)[i] == alarm.after
    assert anatomy.values(trace[2 * early - 1].params)[i] == alarm.before
    assert np.sign(alarm.destination - alarm.after) == np.sign(end - alarm.after)
    # The M-step after it belongs to the same E-step.
    assert flat_but_moving(trace, anatomy, 2 * early + 2, run) == alarm


def test_the_destination_is_where_it_ends():
    run = RunOptions(3000, 1e-14)
    trace = traced(*overlapping(2.0), run)
    anatomy = LineAnatomy(trace.data)
    alarm = flat_but_moving(trace, anatomy, 2 * (trace.n_iter // 5) + 1, run)
    i = [p.key for p in anatomy.parameters(trace.final.params)].index(alarm.parameter.key)
    end = anatomy.values(trace.final.params)[i]
    assert alarm.destination == pytest.approx(end, abs=0.1 * abs(end - alarm.after))


def test_no_alarm_without_cause():
    run = RunOptions(3000, 1e-13)
    trace = traced(*overlapping(4.0), run)
    anatomy = LineAnatomy(trace.data)
    assert flat_but_moving(trace, anatomy, len(trace) - 1, run) is None  # it has arrived
    for index in range(6):  # too early, or steep
        assert flat_but_moving(trace, anatomy, index, run) is None
    steep = flat_but_moving(short_run(7, separation=6.0), anatomy, 5, run)
    assert steep is None


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_shortest_traces(length):
    trace = short_run(length)
    anatomy = LineAnatomy(trace.data)
    assert flat_but_moving(trace, anatomy, length - 1, RunOptions()) is None
    indices, values = traces_of(trace, anatomy, range(10))
    assert indices.tolist() == list(range(length))
    assert values.shape == (length, 6)


def test_one_component():
    model, data, _ = overlapping(3.0, n=60)
    params = line_params([1.0], [5.0], [1.0])
    run = RunOptions(5, 0.0)
    trace = traced(type(model)(type(model.options)(1)), data, params, run)
    anatomy = LineAnatomy(data)
    assert flat_but_moving(trace, anatomy, 7, run) is None
    found = changes(anatomy, trace[1].params, trace[2].params)
    assert found[0].parameter.key == "means[0]"
    assert found[0].moved == pytest.approx(-5.0)


def test_traces_of_the_whole_run():
    trace = traced(*overlapping(3.0, n=100), RunOptions(6, 0.0))
    anatomy = LineAnatomy(trace.data)
    indices, values = traces_of(trace, anatomy, range(0, len(trace), 2))
    assert indices.tolist() == [0, 2, 4, 6, 8, 10, 12]
    for index, row in zip(indices, values, strict=True):
        np.testing.assert_array_equal(row, anatomy.values(trace[index].params))
    none, empty = traces_of(trace, anatomy, [])
    assert none.shape == (0,)
    assert empty.size == 0


def test_a_thinned_trace_is_never_replayed():
    model, data, params = overlapping(2.0, n=200)
    trace = traced(model, data, params, RunOptions(300, 0.0), budget=60_000)
    assert trace.stride > 1
    missing = next(i for i in range(1, len(trace), 2) if not at_hand(trace, i))

    def refuse(*_):
        raise AssertionError("a diagnosis replayed a step")

    trace.remember = refuse
    anatomy = LineAnatomy(data)
    indices, values = traces_of(trace, anatomy, range(len(trace)))
    assert missing not in indices
    assert {0, 1, len(trace) - 1} <= set(indices.tolist())
    assert len(values) == len(indices) > 10
    assert flat_but_moving(trace, anatomy, missing, RunOptions()) is None
    assert at_hand(trace, len(trace) - 1, 2)


@pytest.mark.parametrize(
    ("values", "fail", "left"),
    [
        ([8.0, 4.0, 2.0], 0.3, 3),  # 1, ½, ¼
        ([8.0, 4.0, 2.0], 2.5, 0),
        ([9, 8, 4, 2], 0.3, 3),
        ([5.0, 4.0, 3.0], 0.5, 3),  # steady: 2, 1, 0
        ([9.0, 8.0, 5.0], 1.0, 2),  # faster and faster: at least 3 a step
        ([3.0, 2.0, 1.5], 0.9, None),  # comes to rest at 1
        ([3.0, 2.0, 1.5], 1.2, 2),  # 1.25, 1.125
        ([2.0, 2.0, 2.0], 1.0, None),
        ([1.0, 2.0, 1.9], 1.0, None),
        ([2.0, 1.5, 1.6], 1.0, None),
        ([2.0, 1.5], 1.0, None),
        ([], 1.0, None),
        ([3.0, 2.0, 0.5], 0.0, None),
        ([2.0, 1.0, np.nan], 0.5, None),
        ([1.0, 1.0 - 1e-6, 1.0 - 2e-6], 0.5, None),  # half a million steps away
    ],
)
def test_predicted_collapse(values, fail, left):
    assert predict_collapse(values, fail) == left


def test_a_collapse_is_foreseen():
    """A component on a lone point dies within steps, and the gauge says so before."""
    model, data, _ = overlapping(3.0, n=60)
    points = np.concatenate([np.random.default_rng(1).standard_normal(50), [5.0]])
    data = model.prepare(points)
    start = line_params([0.9, 0.1], np.array([0.0, 5.0]) - data.center[0], [1.0, 4.0])
    trace = traced(model, data, start, RunOptions(50, 0.0))
    values = [trace[i].params.covariances[1, 0, 0] for i in range(0, len(trace), 2)]
    assert trace.stop.reason.value == "singular"
    warnings = [predict_collapse(values[: n + 1], 1e-9) for n in range(len(values))]
    assert warnings[-4:] == [5, 3, 1, 1]
