"""Small problems for each model, to hold every diagnosis to all four."""

from dataclasses import replace

import numpy as np

from em_explorer import registry
from em_explorer.models.gaussian_mixture import (
    CovarianceType,
    GaussianMixture,
    GaussianMixtureOptions,
)
from em_explorer.models.hidden_markov import (
    CategoricalEmission,
    EmissionType,
    HiddenMarkov,
    HiddenMarkovOptions,
    HiddenMarkovParams,
)
from em_explorer.models.latent_dirichlet import LatentDirichlet, LatentDirichletOptions
from em_explorer.models.missing_data import MissingData, MissingDataOptions


def mixture(seed=0, kind=CovarianceType.FULL, **options):
    """Return three groups of points in a plane, overlapping."""
    rng = np.random.default_rng(seed)
    centers = 1.5 * rng.standard_normal((3, 2))
    points = centers[rng.integers(3, size=200)] + rng.standard_normal((200, 2))
    model = GaussianMixture(GaussianMixtureOptions(3, kind, **options))
    data = model.prepare(points * np.array([1.0, 20.0]) + 70.0)
    return model, data, model.initialize(data, rng)


def die(seed=0, **options):
    """Return rolls of two dice that take turns."""
    rng = np.random.default_rng(seed)
    model = HiddenMarkov(HiddenMarkovOptions(2, n_symbols=4, **options))
    faces = CategoricalEmission(np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]]))
    truth = HiddenMarkovParams(np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]]), faces)
    rolls, _ = model.sample(truth, 300, rng)
    data = model.prepare(rolls)
    return model, data, model.initialize(data, rng)


def counts(seed=0):
    """Return counts whose rate changes now and then."""
    rng = np.random.default_rng(seed)
    model = HiddenMarkov(HiddenMarkovOptions(2, emission=EmissionType.POISSON, pseudo_count=0.5))
    data = model.prepare(rng.poisson(np.repeat([3.0, 7.0, 3.0, 6.0], 20)))
    return model, data, model.initialize(data, rng)


def walk(seed=0):
    """Return pairs of numbers whose mean changes now and then."""
    rng = np.random.default_rng(seed)
    model = HiddenMarkov(HiddenMarkovOptions(2, emission=EmissionType.GAUSSIAN, ridge=0.1))
    steps = np.repeat([0.0, 2.0, -1.0, 2.0], 25)[:, None]
    data = model.prepare(steps + rng.standard_normal((100, 2)))
    return model, data, model.initialize(data, rng)


def holes(seed=0, **options):
    """Return a table with two cells of five missing, and a row in which nothing is seen."""
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((90, 3)) @ np.array([[1, 0.5, 0.2], [0, 1, 0.4], [0, 0, 1]])
    table[rng.random(table.shape) < 0.4] = np.nan
    table[7] = np.nan
    model = MissingData(MissingDataOptions(**options))
    data = model.prepare(table)
    return model, data, model.initialize(data, rng)


def topics(seed=0):
    """Return thirty short documents about three topics."""
    rng = np.random.default_rng(seed)
    model = LatentDirichlet(LatentDirichletOptions(3, alpha=0.5, beta=0.1))
    topic_word = rng.dirichlet(np.full(10, 0.3), 3)
    doc_topic = rng.dirichlet(np.full(3, 0.5), 30)
    data = model.prepare(np.array([rng.multinomial(30, row @ topic_word) for row in doc_topic]))
    return model, data, model.initialize(data, rng)


EXACT = {
    "mixture": mixture,
    "mixture, tied": lambda seed=0: mixture(seed, CovarianceType.TIED),
    "mixture, priors": lambda seed=0: mixture(seed, ridge=0.2, weight_pseudo_count=1.0),
    "die": die,
    "counts": counts,
    "walk": walk,
    "holes": holes,
    "holes, ridge": lambda seed=0: holes(seed, ridge=0.1),
}

ALL = {**EXACT, "topics": topics}


def anatomy_of(model, data):
    """Return the anatomy the registry names for a model."""
    for row in registry.MODELS:
        if registry.load(row.model) is type(model):
            return registry.load(row.anatomy)(model, data)
    raise AssertionError(f"no anatomy for {model}")


def locked(name, seed=0):
    """Return a problem with about a third of its parameters locked."""
    model, data, params = ALL[name](seed)
    rng = np.random.default_rng(seed + 100)
    all_of_them = model.lockable(params)
    chosen = rng.permutation(len(all_of_them))[: max(1, len(all_of_them) // 3)]
    return replace(model, locks=frozenset(all_of_them[i] for i in chosen)), data, params


LOCKABLE = [name for name, make in ALL.items() if hasattr(type(make()[0]), "lockable")]
