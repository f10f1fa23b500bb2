"""What the tests of diagnoses share: runs with known answers, and a small anatomy of their own."""

import numpy as np

from em_explorer.em.anatomy import Gauge, Parameter
from em_explorer.em.steps import RunOptions, em_steps
from em_explorer.em.trace import Trace
from em_explorer.models.gaussian_mixture import (
    GaussianMixture,
    GaussianMixtureOptions,
    GaussianMixtureParams,
)


def traced(model, data, params, run=None, **trace):
    """Run EM to its end and keep the history."""
    found = Trace(model, data, **trace)
    steps = em_steps(model, data, params, run)
    while True:
        try:
            found.append(next(steps))
        except StopIteration as end:
            found.stop = end.value
            return found


def overlapping(separation, n=2000, seed=2, **options):
    """Two unit normals so far apart, started at the truth: the more overlap, the slower."""
    rng = np.random.default_rng(seed)
    half = separation / 2
    points = np.concatenate([rng.normal(-half, 1, n // 2), rng.normal(half, 1, n // 2)])
    model = GaussianMixture(GaussianMixtureOptions(2, **options))
    data = model.prepare(points)
    params = GaussianMixtureParams(
        np.array([0.5, 0.5]), np.array([[-half], [half]]), np.full((2, 1, 1), 1.0)
    )
    return model, data, params


def short_run(n_half_steps, separation=3.0, **options):
    """Return a trace of so many half-steps, as a running view sees it."""
    model, data, params = overlapping(separation, n=200, **options)
    trace = Trace(model, data)
    steps = em_steps(model, data, params, RunOptions(1000, 0.0))
    for _ in range(n_half_steps):
        trace.append(next(steps))
    return trace


class LineAnatomy:
    """The anatomy of a mixture on a line, without the models' help."""

    def __init__(self, data):
        self.data = data

    def parameters(self, params):
        parts = range(len(params.weights))
        return tuple(
            Parameter(group, f"{group}{k + 1}", k, f"{group}[{k}]")
            for group in ("weights", "means", "spreads")
            for k in parts
        )

    def values(self, params):
        means = params.means[:, 0] + self.data.center[0]
        return np.concatenate([params.weights, means, np.sqrt(params.covariances[:, 0, 0])])

    def scales(self, params):
        spreads = np.sqrt(params.covariances[:, 0, 0])
        return np.concatenate([np.ones_like(spreads), spreads, spreads])

    def coordinates(self, params):
        roots = np.sqrt(params.weights)
        return np.concatenate([roots, params.means[:, 0], np.sqrt(params.covariances[:, 0, 0])])

    def from_coordinates(self, coordinates, like):
        roots, means, spreads = np.split(coordinates, 3)
        weights = roots**2
        return GaussianMixtureParams(
            weights / weights.sum(), means[:, None], (spreads**2)[:, None, None]
        )

    def gauges(self, params, expectation):
        found = [
            Gauge(f"variance {k + 1}", k, float(v), 0.1, 1e-9, 4.0, "", "eigenvalue")
            for k, v in enumerate(params.covariances[:, 0, 0])
        ]
        if expectation is not None:
            counts = expectation.statistics.counts
            found += [
                Gauge(f"N{k + 1}", k, float(c), 2.0, 1e-200, 100.0, "points", "count")
                for k, c in enumerate(counts)
            ]
        return tuple(found)
