"""scikit-learn's own checks of its conventions, for the three classes that take tables.

The hidden Markov model takes sequences, whose rows depend on one another: of its kind
scikit-learn has none and checks nothing.
"""

from __future__ import annotations

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from em_explorer import (
    EMImputation,
    GaussianMixtureModel,
    HiddenMarkovModel,
    LatentDirichletAllocation,
)

CANNOT_APPLY = {
    "LatentDirichletAllocation": {
        "check_transformer_data_not_an_array": "a Python list is read as word ids, not as a table",
    },
}

SKIPPED = {"check_array_api_input"}
"""scikit-learn skips it itself, unless an environment variable asks for it."""


@pytest.mark.parametrize("kind", [GaussianMixtureModel, LatentDirichletAllocation, EMImputation])
def test_scikit_learn_conventions(kind):
    expected = CANNOT_APPLY.get(kind.__name__, {})
    results = check_estimator(
        kind(), on_fail=None, on_skip=None, expected_failed_checks=dict(expected)
    )
    by_status = {}
    for result in results:
        by_status.setdefault(result["status"], []).append(result)
    failed = [(r["check_name"], r["exception"]) for r in by_status.get("failed", [])]
    assert failed == []
    # An exception that is no longer needed should not stay.
    assert {r["check_name"] for r in by_status.get("xfail", [])} == set(expected)
    assert {r["check_name"] for r in by_status.get("skipped", [])} <= SKIPPED
    assert len(by_status["passed"]) >= 35


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianMixtureModel(2, "tied", means_init=[[0.0], [1.0]], random_state=1),
        HiddenMarkovModel(2, "poisson", rates_init=[1.0, 2.0], random_state=1),
        LatentDirichletAllocation(3, inner_start="fresh", topic_word_init=[[1.0], [2.0], [1.0]]),
        EMImputation(mean_init=[0.0]),
    ],
)
def test_clones_carry_every_argument(estimator):
    copied = clone(estimator)
    assert copied.get_params().keys() == estimator.get_params().keys()
    assert str(copied) == str(estimator)


def test_positional_arguments_stay_in_order():
    mixture = GaussianMixtureModel(2, "tied", 7, 0.1, 4, "random points", [1], [2], [3], 0.5, 9)
    assert list(mixture.get_params().items()) == sorted(
        {
            "n_components": 2,
            "covariance_type": "tied",
            "max_iter": 7,
            "tolerance": 0.1,
            "n_init": 4,
            "init": "random points",
            "weights_init": [1],
            "means_init": [2],
            "covariances_init": [3],
            "ridge": 0.5,
            "random_state": 9,
        }.items()
    )
    chain = HiddenMarkovModel(2, "categorical", 4)
    assert (chain.n_states, chain.emission, chain.n_observations) == (2, "categorical", 4)
    topics = LatentDirichletAllocation(2, 0.3, 0.2)
    assert (topics.n_topics, topics.alpha, topics.beta) == (2, 0.3, 0.2)
