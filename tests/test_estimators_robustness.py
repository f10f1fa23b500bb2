"""Whatever people pass: a fit without a silent NaN, or one sentence. Nothing else comes out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.exceptions import NotFittedError

from em_explorer import (
    EMImputation,
    GaussianMixtureModel,
    HiddenMarkovModel,
    LatentDirichletAllocation,
)

WELCOME = (ValueError, TypeError, NotFittedError)

often = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def outcome(function, *arguments):
    """Return what a call gives, or None after an error that is a sentence; fail after any other."""
    with warnings.catch_warnings():
        # numpy's own complaint about ragged or odd objects comes before anything of ours.
        warnings.filterwarnings("ignore", category=np.exceptions.VisibleDeprecationWarning)
        message = "a sentence"
        found = None
        try:
            found = function(*arguments)
        except WELCOME as error:
            message = str(error)
        assert len(message) > 9, message
        assert " " in message, message
    return found


def no_nan(estimator):
    for name, value in vars(estimator).items():
        if name.endswith("_") and isinstance(value, np.ndarray) and value.dtype.kind == "f":
            assert np.all(np.isfinite(value)), name


# --- what people pass ---------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.integers(-3, 9).map(float),
    st.floats(width=64),
    st.sampled_from([0.0, -0.0, 1e-320, 1e-12, 1e12, 1e160, np.nan, np.inf, -np.inf]),
)
TAME = st.floats(-1e3, 1e3)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9)
TABLES = st.tuples(st.integers(1, 14), st.integers(1, 4))
ARRAYS = st.one_of(
    hnp.arrays(float, TABLES, elements=TAME),
    hnp.arrays(float, TABLES, elements=NUMBERS),
    hnp.arrays(float, TABLES, elements=st.sampled_from([0.0, 1.0, np.nan])),
    hnp.arrays(np.int64, TABLES, elements=st.integers(0, 6)),
    hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 5)),
    hnp.arrays(
        st.sampled_from([np.int8, np.uint8, bool, np.float32, np.float16, complex, "U3", "M8[s]"]),
        SHAPES,
    ),
    hnp.arrays(object, SHAPES, elements=st.one_of(st.none(), st.text(max_size=2), TAME)),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=3), NUMBERS)
LISTS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=6), max_leaves=25)
COUNT_MATRICES = hnp.arrays(np.int64, TABLES, elements=st.integers(0, 4)).map(sparse.csr_array)


def masked(array):
    if array.dtype.kind not in "fi":
        return array
    return np.ma.masked_array(array, array > 1)


def frame(array):
    import pandas

    # Hypothesis shows what it tried, and pandas can't show half a float without a warning.
    shown = np.ndim(array) == 2 and array.dtype in (np.float64, np.int64, object)
    return pandas.DataFrame(array) if shown else array


ANYTHING = st.one_of(
    ARRAYS,
    ARRAYS,
    LISTS,
    ARRAYS.map(masked),
    ARRAYS.map(frame),
    COUNT_MATRICES,
    st.lists(ARRAYS, max_size=3),
    st.lists(ARRAYS, max_size=3).map(iter),
    st.lists(st.lists(ARRAYS, max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.sets(st.integers(), max_size=3),
)


def seldom(usual, other, one_in):
    """Draw from ``other`` about once in so many examples."""
    # A number in the middle: the first and last come up more often than the rest.
    middle = one_in // 2
    return st.integers(0, one_in - 1).flatmap(lambda draw: other if draw == middle else usual)


GOOD = hnp.arrays(
    float, st.tuples(st.integers(5, 14), st.integers(1, 3)), elements=TAME, fill=st.nothing()
)
SYMBOLS = hnp.arrays(np.int64, st.integers(4, 20), elements=st.integers(0, 4), fill=st.nothing())
USUAL = seldom(GOOD, ANYTHING, 4)
DOCUMENTS = st.one_of(
    hnp.arrays(np.int64, st.tuples(st.integers(1, 8), st.just(4)), elements=st.integers(0, 4)),
    st.lists(st.lists(st.integers(0, 4), max_size=6), min_size=1, max_size=6),
    hnp.arrays(float, st.tuples(st.integers(1, 8), st.just(4)), elements=st.floats(0, 1e6)),
    COUNT_MATRICES,
)
HOLED = hnp.arrays(
    float,
    st.tuples(st.integers(2, 14), st.integers(1, 3)),
    elements=st.one_of(TAME, TAME, st.just(np.nan)),
    fill=st.nothing(),
)


def mostly(usual, *others):
    """Let most examples get past this argument."""
    return seldom(st.just(usual), st.sampled_from(others), 20)


ODD = (None, "x", -1, 0.5, np.nan, np.inf, [], True, (1, 2))
RUNS = {
    "max_iter": mostly(4, 0, 1, *ODD),
    "tolerance": mostly(0.0, 1e-3, 1.0, *ODD),
    "random_state": mostly(0, np.random.RandomState(1), 2**40, *ODD),
}


def options(**more):
    return st.fixed_dictionaries({**RUNS, **more})


def initial(*shapes):
    good = [hnp.arrays(float, shape, elements=st.floats(0.0, 5.0)) for shape in shapes]
    return seldom(st.none(), st.one_of(*good, *good, ARRAYS, LISTS), 6)


# --- fits ---------------------------------------------------------------------------------------


@often
@given(
    X=USUAL,
    new=USUAL,
    given_options=options(
        n_components=mostly(2, 1, 3, 50, *ODD),
        covariance_type=mostly("full", "tied", "diagonal", "spherical", *ODD),
        n_init=mostly(1, 2, *ODD),
        init=mostly("k-means++", "random points", "random responsibilities", "given", *ODD),
        ridge=mostly(0.0, 1e-3, 1e6, *ODD),
        weights_init=initial(2),
        means_init=initial((2, 1), (2, 2)),
        covariances_init=initial((2, 1, 1), (2, 2, 2)),
    ),
)
def test_mixtures(X, new, given_options):
    mixture = GaussianMixtureModel(**given_options)
    if outcome(mixture.fit, X) is not None:
        event("fitted")
        no_nan(mixture)
        assert mixture.weights_.sum() == pytest.approx(1.0)
    for method in (mixture.predict_proba, mixture.score_samples, mixture.bic, mixture.sample):
        found = outcome(method, new)
        if isinstance(found, np.ndarray):
            assert np.all(np.isfinite(found))


@often
@given(
    X=seldom(st.one_of(SYMBOLS, GOOD), ANYTHING, 4),
    new=seldom(st.one_of(SYMBOLS, GOOD), ANYTHING, 4),
    lengths=mostly(None, [3, 2], [5, 5], [0, 5], ["a"], *ODD),
    given_options=options(
        n_states=mostly(2, 1, 3, 50, *ODD),
        emission=st.sampled_from(["categorical", "gaussian", "poisson", "other", None]),
        n_observations=mostly(None, 3, 10, *ODD),
        n_init=mostly(1, 2, *ODD),
        init=mostly("from the data", "random", "flat", "given", *ODD),
        ridge=mostly(0.0, 1e-3, 1e6, *ODD),
        pseudo_count=mostly(0.0, 0.5, *ODD),
        startprob_init=initial(2),
        transmat_init=initial((2, 2)),
    ),
)
def test_chains(X, new, lengths, given_options):
    model = HiddenMarkovModel(**given_options)
    if outcome(model.fit, X, lengths) is not None:
        event("fitted")
        no_nan(model)
        np.testing.assert_allclose(model.transmat_.sum(axis=1), 1.0)
    for method in (model.predict_states, model.predict_proba):
        found = outcome(method, new)
        assert found is None or np.all(np.isfinite(found))
    found = outcome(model.score, new)
    assert found is None or not np.isnan(found)


@often
@given(
    emission=st.sampled_from(["categorical", "gaussian", "poisson"]),
    X=st.one_of(
        hnp.arrays(np.int64, st.integers(1, 25), elements=st.integers(0, 4)),
        hnp.arrays(float, st.tuples(st.integers(3, 25), st.just(2)), elements=TAME),
    ),
    first=initial((2, 3), (2, 5), (2, 2), (2,)),
    second=initial((2, 2, 2)),
)
def test_initial_emissions(emission, X, first, second):
    names = {
        "categorical": {"emissionprob_init": first},
        "gaussian": {"means_init": first, "covariances_init": second},
        "poisson": {"rates_init": first},
    }[emission]
    model = HiddenMarkovModel(2, emission, max_iter=3, random_state=0, **names)
    if outcome(model.fit, X) is not None:
        event("fitted")
        no_nan(model)


@often
@given(
    X=seldom(DOCUMENTS, ANYTHING, 4),
    new=seldom(DOCUMENTS, ANYTHING, 4),
    vocab_size=mostly(None, 3, 7, 10**9, *ODD),
    given_options=options(
        n_topics=mostly(2, 1, 20, *ODD),
        alpha=mostly(0.1, 0.001, 100.0, *ODD),
        beta=mostly(0.01, 0.001, 100.0, *ODD),
        n_init=mostly(1, 2, *ODD),
        init=mostly("random", "random documents", "uniform", "given", *ODD),
        inner_start=mostly("best", "fresh", "carried", *ODD),
        inner_max_iter=mostly(20, 1, *ODD),
        inner_tolerance=mostly(1e-4, 0.0, 1.0, *ODD),
        topic_word_init=initial((2, 4)),
    ),
)
def test_topics(X, new, vocab_size, given_options):
    model = LatentDirichletAllocation(**given_options)
    if outcome(lambda: model.fit(X, vocab_size=vocab_size)) is not None:
        event("fitted")
        no_nan(model)
        np.testing.assert_allclose(model.topic_word_.sum(axis=1), 1.0)
        np.testing.assert_allclose(model.doc_topic_.sum(axis=1), 1.0)
    for method in (model.transform, model.score, model.perplexity, model.get_topics):
        found = outcome(method, new)
        if isinstance(found, np.ndarray | float):
            assert not np.any(np.isnan(found))


@often
@given(
    X=seldom(HOLED, ANYTHING, 4),
    new=seldom(HOLED, ANYTHING, 4),
    given_options=options(
        ridge=mostly(0.0, 1e-3, 1e6, *ODD),
        mean_init=initial(2),
        covariance_init=initial((2, 2)),
    ),
)
def test_imputations(X, new, given_options):
    model = EMImputation(**given_options)
    if outcome(model.fit, X) is not None:
        event("fitted")
        no_nan(model)
    for method in (model.transform, model.draw, model.score):
        found = outcome(method, new)
        assert found is None or np.all(np.isfinite(found))


# --- found before -------------------------------------------------------------------------------

SPECK = np.array([[3e-160, 1.0], [0.0, 0.0], [0.0, 2.0]])


@pytest.mark.parametrize(
    ("estimator", "data", "message"),
    [
        (HiddenMarkovModel(2, "gaussian"), [[1.0, 1], [0, 0], [0, 0]], "collapsed"),
        (HiddenMarkovModel(2, "gaussian"), SPECK, "Column 1 varies by so little"),
        (GaussianMixtureModel(2), SPECK, "Column 1 varies by so little"),
        (GaussianMixtureModel(2), [SPECK], "Column 1 varies by so little"),
        (EMImputation(), SPECK, "Column 1 varies by so little"),
        (EMImputation(), [SPECK], "Column 1 varies by so little"),
        (HiddenMarkovModel(2), np.array([0j, 1.0]), "of type complex128"),
        (EMImputation(covariance_init=np.array([[1j]])), [[1.0], [2.0]], "must be numbers"),
        (
            LatentDirichletAllocation(1, topic_word_init=[[1e-309, 1.0]]),
            np.ones((2, 2)),
            "at least 1e-12",
        ),
        (GaussianMixtureModel(1), [[np.inf, -np.inf], [1.0, 2.0]], "infinity"),
    ],
)
def test_once_there_was_a_warning_or_a_foreign_error(estimator, data, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(data)


def test_rows_far_away_are_filled_but_not_scored():
    table = np.array([[1.0, 2.0], [2.0, 3.5], [3.0, 4.2], [0.0, 1.1]])
    model = EMImputation().fit(1e-6 * table)
    far = [[1e140, np.nan], [1e150, 1e150]]
    assert np.all(np.isfinite(model.transform(far)))
    with pytest.raises(ValueError, match="too far from the fitted mean"):
        model.score([[1e150, -1e150]])


def test_half_precision_symbols_are_symbols():
    symbols = np.array([0, 1, 1, 0, 2], dtype=np.float16)
    model = HiddenMarkovModel(2, random_state=0).fit(symbols)
    assert model.emissionprob_.shape == (2, 3)
