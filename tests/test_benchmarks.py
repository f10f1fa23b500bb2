"""The benchmarks measure what they say: equal work, minima, slopes, peaks."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield import_module
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == FOLDER:
            del sys.modules[name]


def test_times_are_differences_of_minima(module):
    timing = module("timing")
    clock = iter([0.0, 5.0, 5.0, 12.0, 12.0, 14.0, 14.0, 22.0])
    asked = []
    timing.time = type("Clock", (), {"perf_counter": staticmethod(lambda: next(clock))})
    # Short fits took 5 and 2 seconds, long ones 7 and 8: the least of each count.
    found = timing.per_iteration({"ours": timing.Run(asked.append, 6, 1)}, repeats=2)
    assert found == {"ours": pytest.approx((7 - 2) / 5)}
    assert asked == [1, 6, 1, 6]


def test_a_whole_fit_is_divided_by_its_iterations(module):
    timing = module("timing")
    clock = iter([0.0, 5.0])
    timing.time = type("Clock", (), {"perf_counter": staticmethod(lambda: next(clock))})
    assert timing.per_iteration({"ours": timing.Run(lambda n: n, 10)}, repeats=1) == {"ours": 0.5}


def test_exponents_are_slopes(module):
    exponent = module("timing").exponent
    assert exponent([10, 100, 1000], [3, 30, 300]) == pytest.approx(1.0)
    assert exponent([10, 100, 1000], [1, 1000, 1e6]) == pytest.approx(3.0)


def test_both_take_the_same_steps(module):
    # Imported here: the peers are an extra.
    pytest.importorskip("hmmlearn")
    pytest.importorskip("gensim")
    workloads = module("workloads")
    cases = [
        (workloads.mixture(400, 2, 3, 1, (7, 2), (7, 2)), "lower_bound_", 1 / 400, 1e-3),
        (workloads.categorical(300, 3, 4, 1, (7, 2), (7, 2)), "monitor_", 1.0, 1e-6),
        (workloads.gaussian_chain(300, 3, 2, 1), "monitor_", 1.0, 2e-2),
    ]
    for workload, name, scale, tolerance in cases:
        ours = workload.ours.fit(7)
        (peer,) = (run.fit(7) for run in workload.peers.values())
        found = getattr(peer, name)
        theirs = found.history[-1] if name == "monitor_" else found
        assert ours.n_iter_ == 7
        assert len(ours.log_likelihood_history_) == 8
        history = ours.log_likelihood_history_ * scale
        # A peer's last value belongs to the parameters before its last M-step.
        assert theirs == pytest.approx(history[6], rel=tolerance)


def test_topics_and_holes_take_their_turns(module):
    pytest.importorskip("hmmlearn")
    pytest.importorskip("gensim")
    workloads = module("workloads")
    workload = workloads.topics(30, 40, 3, 5, 1)
    assert workload.ours.fit(3).n_iter_ == 3
    assert workload.peers["scikit-learn"].fit(3).n_iter_ == 3
    assert workload.peers["gensim"].fit(1).num_updates == 30
    holes = workloads.missing(100, 3, 1)
    assert holes.ours.fit(3).n_iter_ == 3
    (imputer,) = holes.peers.values()
    assert imputer.fit(1).n_iter_ == 1
    path = workloads.most_probable_path(200, 2, 3, 1)
    assert len(path.ours.fit(1)[0]) == 200


def test_a_line_of_the_table(module, monkeypatch):
    bench = module("bench")
    rates = module("machine").Machine(1e10, 1e-9, 1e-9, 5e10, 1e-9)
    run = module("timing").Run(lambda n: n, 1)
    peers = {"slow": run, "fast": run}
    work = module("workloads").Workload("A task", 2.0, run, peers, lambda _: 1e-6, 3)
    times = {"ours": 2e-6, "slow": 1e-5, "fast": 6e-6}
    monkeypatch.setattr(bench, "per_iteration", lambda runs, repeats: dict(times))
    line, met = bench.row(work, rates)
    expected = "| A task | 0.002 | slow 0.01, fast 0.006 | **3.0×** | 2× | yes | 0.001 | 2.0× |"
    assert line == expected
    assert met == pytest.approx(1.5)
    for name, arguments in (
        ("mixture", (1000, 2, 3)),
        ("chain", (1000, 3)),
        ("path", (1000, 3)),
        ("topics", (1000, 10, 3, 5)),
        ("missing", (10, 3)),
    ):
        assert 0 < getattr(rates, name)(*arguments) < 1


def test_growth_is_a_slope_and_memory_counts_the_data(module):
    growth, timing = module("growth"), module("timing")
    data = np.zeros(200_000)
    assert growth.peak_multiple(data, lambda: data + 1.0) == pytest.approx(2.0, abs=0.02)
    clock = iter([0.0, 1.0, 1.0, 3.0, 3.0, 4.0, 4.0, 25.0])
    timing.time = type("Clock", (), {"perf_counter": staticmethod(lambda: next(clock))})
    found = growth.grow("Sums", lambda n: timing.Run(lambda m: m, 2, 1), [10, 100], 1)
    assert found.times == [1.0, 20.0]
    assert found.exponent == pytest.approx(np.log10(20))
    assert growth._mixture(200).fit(1).n_iter_ == growth._chain(200).fit(1).n_iter_ == 1
    assert growth._patterns(50).fit(1).n_features_in_ == 14
