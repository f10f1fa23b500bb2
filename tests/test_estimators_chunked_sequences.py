"""Hidden Markov models of sequences in chunks: the same fit as of all of them in memory."""

from __future__ import annotations

import numpy as np
import pytest

from em_explorer import HiddenMarkovModel
from em_explorer.em.errors import DataError
from em_explorer.estimators import chunked_sequences

RNG = np.random.default_rng(0)
LENGTHS = (30, 1, 50, 19, 70, 20)


def sequences(kind):
    # Two states that stay: a run of the one, then a run of the other.
    found = []
    for length in LENGTHS:
        state = (np.arange(length) // 7) % 2
        if kind == "gaussian":
            found.append(RNG.normal(size=(length, 2)) * [1.0, 1e-3] + 4 * state[:, None] + 1e4)
        elif kind == "poisson":
            found.append(RNG.poisson(1 + 6 * state))
        else:
            found.append(RNG.integers(0, 3, length) + 2 * state)
    return found


DATA = {kind: sequences(kind) for kind in ("categorical", "gaussian", "poisson")}
FITTED = {
    "categorical": ["emissionprob_"],
    "gaussian": ["means_", "covariances_"],
    "poisson": ["rates_"],
}


def chunks(kind):
    whole = DATA[kind]
    return [whole[:2], whole[2:3], whole[3:]]


class Again:
    """An iterable that is no list: each pass begins anew."""

    def __init__(self, parts):
        self.parts = parts

    def __iter__(self):
        return iter(self.parts)


def assert_same(one, other):
    assert (one.n_iter_, one.stop_reason_) == (other.n_iter_, other.stop_reason_)
    for name in [
        "log_likelihood_history_",
        "startprob_",
        "transmat_",
        *FITTED[other.emission],
    ]:
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-10, err_msg=name
        )


@pytest.mark.parametrize("init", ["from the data", "random", "flat"])
@pytest.mark.parametrize("kind", list(DATA))
def test_chunks_of_sequences_are_all_of_them(kind, init):
    model = HiddenMarkovModel(2, kind, max_iter=15, tolerance=0, init=init, random_state=1)
    apart = HiddenMarkovModel(**model.get_params()).fit(Again([[], *chunks(kind), []]))
    assert_same(apart, model.fit(DATA[kind]))
    assert apart.n_features_in_ == model.n_features_in_


@pytest.mark.parametrize("kind", list(DATA))
def test_a_list_of_lists_of_arrays_is_chunks(kind):
    model = HiddenMarkovModel(2, kind, max_iter=5, tolerance=0, random_state=1)
    apart = HiddenMarkovModel(**model.get_params()).fit(chunks(kind))
    assert_same(apart, model.fit(DATA[kind]))


@pytest.mark.parametrize("kind", list(DATA))
def test_a_memory_mapped_array_is_cut_between_sequences(tmp_path, monkeypatch, kind):
    whole = np.concatenate(DATA[kind])
    mapped = np.memmap(tmp_path / "all", dtype=whole.dtype, mode="w+", shape=whole.shape)
    mapped[:] = whole
    model = HiddenMarkovModel(2, kind, max_iter=10, tolerance=0, random_state=1)
    model.fit(whole, LENGTHS)
    monkeypatch.setattr(chunked_sequences, "VALUES_PER_SLICE", 80)
    apart = HiddenMarkovModel(**model.get_params())
    assert_same(apart.fit(mapped, LENGTHS), model)
    whole_sequence = HiddenMarkovModel(2, kind, max_iter=1, random_state=1).fit(mapped)
    assert whole_sequence.n_iter_ == 1
    with pytest.raises(DataError, match="lengths sum to 189"):
        apart.fit(mapped, (*LENGTHS[:-1], 19))


@pytest.mark.parametrize("kind", list(DATA))
def test_a_start_from_the_first_chunk_allows_what_comes_later(monkeypatch, kind):
    monkeypatch.setattr(chunked_sequences, "START_STEPS", 10)
    later = [np.array([9, 9, 4, 9]), np.array([0, 9])]
    if kind == "gaussian":
        later = [np.array([[1e4, 1e4], [2e4, 1e4 + 1]])]
    model = HiddenMarkovModel(2, kind, max_iter=20, random_state=1)
    model.fit([*chunks(kind), later])
    assert np.all(np.diff(model.log_likelihood_history_) > -1e-9)
    assert np.isfinite(model.score(later))


def test_half_given_starts():
    for kind, init in (
        ("gaussian", {"means_init": [[1e4, 1e4], [1e4 + 4, 1e4 + 4]]}),
        ("poisson", {"rates_init": [1.0, 7.0]}),
    ):
        model = HiddenMarkovModel(2, kind, max_iter=5, tolerance=0, random_state=3, **init)
        apart = HiddenMarkovModel(**model.get_params()).fit(chunks(kind))
        assert_same(apart, model.fit(DATA[kind]))


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("poisson", (c for c in [[np.array([1, 2])]]), "can be read once"),
        ("poisson", Again([[np.array([1, 2])], [np.array([1, -2])]]), "Chunk 2: .* -2"),
        ("categorical", Again([[np.array([1, 2])], "word"]), "Chunk 2"),
        ("categorical", Again([]), "no sequences"),
        ("gaussian", Again([[]]), "no sequences"),
        ("gaussian", [[np.ones((3, 2))], [np.ones((3, 1))]], "Chunk 2 has 1 column"),
        ("gaussian", [[np.ones((3, 2))], [np.ones((3, 2))]], "Column 1 has the same value"),
        ("gaussian", [[np.eye(3)], [np.full((3, 3), np.nan)]], "Chunk 2: .* missing"),
    ],
)
def test_refusals_name_the_chunk(kind, data, message):
    with pytest.raises(DataError, match=message):
        HiddenMarkovModel(2, kind).fit(data)
