"""What is measured: our public estimators beside their peers, at equal work.

Every fit begins at given parameters and takes exactly the iterations it is told, without a test of
convergence; topic models take equally many turns within a document. Peers run in their fastest
form for the task and otherwise as they come.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from machine import Machine
from timing import Run

from em_explorer import (
    EMImputation,
    GaussianMixtureModel,
    HiddenMarkovModel,
    LatentDirichletAllocation,
)

SKLEARN, HMMLEARN, GENSIM = "scikit-learn", "hmmlearn", "gensim"


@dataclass(frozen=True)
class Workload:
    """One line of the table.

    Attributes
    ----------
    title : str
    goal : float
        How many times faster than the best peer we want to be, at least.
    ours : Run
    peers : dict of str to Run
    limit : callable
        Seconds that one iteration must take on a machine, at least.
    repeats : int
    """

    title: str
    goal: float
    ours: Run
    peers: dict[str, Run]
    limit: Callable[[Machine], float]
    repeats: int = 5


def quietly(function: Callable[[], object]) -> object:
    """Fit a peer that would warn of not having converged, which it was told not to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("hmmlearn").setLevel(logging.CRITICAL)
        return function()


# --- mixtures -----------------------------------------------------------------------------------


def mixture_points(n: int, d: int, k: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw points from overlapping groups; return them and a start."""
    rng = np.random.default_rng(n + d + k)
    centers = 2.5 * rng.normal(size=(k, d))
    points = rng.normal(size=(n, d))
    points += centers[rng.integers(k, size=n)]
    start = {
        "weights_init": np.full(k, 1.0 / k),
        "means_init": centers + 0.3 * rng.normal(size=(k, d)),
        "covariances_init": np.repeat(1.5 * np.eye(d)[None], k, axis=0),
    }
    return points, start


def mixture(
    n: int, d: int, k: int, goal: float, ours: tuple[int, int], peer: tuple[int, int]
) -> Workload:
    """Compare full covariances; the two pairs are iterations, many and few."""
    from sklearn.mixture import GaussianMixture

    points, start = mixture_points(n, d, k)

    def fit_ours(n_iter: int) -> object:
        return GaussianMixtureModel(k, max_iter=n_iter, tolerance=0, **start).fit(points)

    def fit_peer(n_iter: int) -> object:
        model = GaussianMixture(
            k,
            max_iter=n_iter,
            tol=0.0,
            init_params="random_from_data",
            weights_init=start["weights_init"],
            means_init=start["means_init"],
            precisions_init=np.linalg.inv(start["covariances_init"]),
        )
        return quietly(lambda: model.fit(points))

    whole = "" if ours[1] else " (whole fit)"
    return Workload(
        f"GMM full, n={n:,} d={d} K={k}{whole}",
        goal,
        Run(fit_ours, *ours),
        {SKLEARN: Run(fit_peer, *peer)},
        lambda machine: machine.mixture(n, d, k),
    )


# --- hidden Markov models -----------------------------------------------------------------------


def chain_start(k: int, m: int) -> dict[str, np.ndarray]:
    """Return sticky transitions and uneven symbols."""
    rng = np.random.default_rng(k + m)
    transitions = 0.8 * np.eye(k) + 0.2 * rng.dirichlet(np.ones(k), k)
    return {
        "startprob_init": np.full(k, 1.0 / k),
        "transmat_init": transitions,
        "emissionprob_init": rng.dirichlet(np.ones(m), k),
    }


def symbols(n_steps: int, k: int, m: int) -> np.ndarray:
    """Draw symbols in runs of one state each."""
    rng = np.random.default_rng(n_steps)
    emission = np.cumsum(rng.dirichlet(np.full(m, 0.5), k), axis=1)[:, :-1]
    states = np.repeat(rng.integers(k, size=n_steps // 8 + 1), 8)[:n_steps]
    return (emission[states] <= rng.random(n_steps)[:, None]).sum(axis=1)


def categorical(
    n_steps: int,
    k: int,
    m: int,
    goal: float,
    ours: tuple[int, int],
    peer: tuple[int, int],
    lengths: tuple[int, ...] | None = None,
) -> Workload:
    """Compare categorical emissions with hmmlearn's scaling implementation."""
    from hmmlearn.hmm import CategoricalHMM

    data, start = symbols(n_steps, k, m), chain_start(k, m)
    column = data[:, None]

    def fit_ours(n_iter: int) -> object:
        model = HiddenMarkovModel(k, n_observations=m, max_iter=n_iter, tolerance=0, **start)
        return model.fit(data, lengths)

    def fit_peer(n_iter: int) -> object:
        model = CategoricalHMM(
            k, n_iter=n_iter, tol=-np.inf, init_params="", implementation="scaling", n_features=m
        )
        model.startprob_, model.transmat_ = start["startprob_init"], start["transmat_init"]
        model.emissionprob_ = start["emissionprob_init"]
        return quietly(lambda: model.fit(column, lengths))

    what = f"T={n_steps:,}" if lengths is None else f"{len(lengths)} × {lengths[0]:,}"
    whole = "" if ours[1] else " (whole fit)"
    return Workload(
        f"HMM categorical, {what} K={k} M={m}{whole}",
        goal,
        Run(fit_ours, *ours),
        {HMMLEARN: Run(fit_peer, *peer)},
        lambda machine: machine.chain(n_steps, k, m),
    )


def gaussian_chain(n_steps: int, k: int, d: int, goal: float) -> Workload:
    """Compare Gaussian emissions with full covariances."""
    from hmmlearn.hmm import GaussianHMM

    rng = np.random.default_rng(5)
    means = 2.0 * rng.normal(size=(k, d))
    states = np.repeat(rng.integers(k, size=n_steps // 8 + 1), 8)[:n_steps]
    data = means[states] + rng.normal(size=(n_steps, d))
    start = chain_start(k, 2)
    del start["emissionprob_init"]
    covariances = np.repeat(np.eye(d)[None], k, axis=0)

    def fit_ours(n_iter: int) -> object:
        return HiddenMarkovModel(
            k,
            "gaussian",
            max_iter=n_iter,
            tolerance=0,
            means_init=means,
            covariances_init=covariances,
            **start,
        ).fit(data)

    def fit_peer(n_iter: int) -> object:
        model = GaussianHMM(
            k, "full", n_iter=n_iter, tol=-np.inf, init_params="", implementation="scaling"
        )
        model.startprob_, model.transmat_ = start["startprob_init"], start["transmat_init"]
        model.means_, model.covars_ = means, covariances
        return quietly(lambda: model.fit(data))

    return Workload(
        f"HMM Gaussian, T={n_steps:,} K={k} d={d}",
        goal,
        Run(fit_ours, 12, 2),
        {HMMLEARN: Run(fit_peer, 3, 1)},
        lambda machine: machine.chain(n_steps, k) + machine.mixture(n_steps, d, k),
    )


def most_probable_path(n_steps: int, k: int, m: int, goal: float) -> Workload:
    """Compare Viterbi's algorithm; an "iteration" is a call."""
    from hmmlearn.hmm import CategoricalHMM

    data, start = symbols(n_steps, k, m), chain_start(k, m)
    column = data[:, None]
    model = HiddenMarkovModel(k, n_observations=m, max_iter=0, **start).fit(data)
    peer = CategoricalHMM(k, init_params="", n_features=m)
    peer.startprob_, peer.transmat_ = start["startprob_init"], start["transmat_init"]
    peer.emissionprob_ = start["emissionprob_init"]
    same = np.array_equal(model.predict_states(data), peer.decode(column)[1])
    assert same, "the two paths differ"
    return Workload(
        f"Viterbi, T={n_steps:,} K={k} M={m}",
        goal,
        Run(lambda n: [model.predict_states(data) for _ in range(n)], 4),
        {HMMLEARN: Run(lambda n: [peer.decode(column) for _ in range(n)], 4)},
        lambda machine: machine.path(n_steps, k),
        repeats=9,
    )


# --- topics -------------------------------------------------------------------------------------


def corpus(n_documents: int, n_words: int, n_topics: int, length: int):
    """Write documents with given topics; return their sparse counts."""
    from scipy import sparse

    rng = np.random.default_rng(7)
    topics = rng.dirichlet(np.full(n_words, 0.05), n_topics)
    rows = []
    for _ in range(n_documents):
        share = rng.dirichlet(np.full(n_topics, 0.1))
        split = rng.multinomial(1 + rng.poisson(length - 1), share)
        counts = sum(rng.multinomial(n, topics[k]) for k, n in enumerate(split) if n)
        rows.append(sparse.csr_array(counts[None]))
    return sparse.vstack(rows).tocsr()


def topics(n_documents: int, n_words: int, n_topics: int, turns: int, goal: float) -> Workload:
    """Compare variational Bayes at equally many turns within each document."""
    from gensim.matutils import Sparse2Corpus
    from gensim.models import LdaModel
    from sklearn.decomposition import LatentDirichletAllocation as PeerTopics

    counts = corpus(n_documents, n_words, n_topics, 100)
    documents = list(Sparse2Corpus(counts, documents_columns=False))
    names = {i: str(i) for i in range(n_words)}

    def fit_ours(n_iter: int) -> object:
        return LatentDirichletAllocation(
            n_topics,
            max_iter=n_iter,
            tolerance=0,
            inner_start="fresh",
            inner_max_iter=turns,
            inner_tolerance=0.0,
            random_state=0,
        ).fit(counts)

    def fit_sklearn(n_iter: int) -> object:
        return PeerTopics(
            n_topics,
            doc_topic_prior=0.1,
            topic_word_prior=0.01,
            learning_method="batch",
            max_iter=n_iter,
            max_doc_update_iter=turns,
            mean_change_tol=0.0,
            n_jobs=1,
            random_state=0,
        ).fit(counts)

    def fit_gensim(n_iter: int) -> object:
        return LdaModel(
            documents,
            n_topics,
            id2word=names,
            chunksize=n_documents,
            passes=n_iter,
            update_every=0,
            alpha=[0.1] * n_topics,
            eta=0.01,
            eval_every=None,
            iterations=turns,
            gamma_threshold=0.0,
            random_state=0,
        )

    return Workload(
        f"LDA, {n_documents:,} documents × {n_words:,} words × {n_topics} topics, {turns} turns",
        goal,
        Run(fit_ours, 6, 1),
        {SKLEARN: Run(fit_sklearn, 3, 1), GENSIM: Run(fit_gensim, 2, 1)},
        lambda machine: machine.topics(counts.nnz, n_documents, n_topics, turns),
        repeats=3,
    )


# --- missing data -------------------------------------------------------------------------------


def holed_table(n: int, d: int, share: float = 0.2) -> np.ndarray:
    """Draw correlated normal rows and punch holes at random."""
    rng = np.random.default_rng(n + d)
    table = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    table[rng.random((n, d)) < share] = np.nan
    return table


def missing(n: int, d: int, goal: float) -> Workload:
    """Compare an iteration with a round of another algorithm for the same task."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    table = holed_table(n, d)

    def fit_ours(n_iter: int) -> object:
        return EMImputation(n_iter, 0).fit(table)

    def fit_peer(n_iter: int) -> object:
        return quietly(lambda: IterativeImputer(max_iter=n_iter, tol=0.0).fit(table))

    return Workload(
        f"Missing data, {n:,} × {d}, 20 % holes",
        goal,
        Run(fit_ours, 40, 2),
        {f"{SKLEARN} IterativeImputer": Run(fit_peer, 2, 1)},
        lambda machine: machine.missing(2**d - 1, d),
        repeats=3,
    )


def all_workloads() -> list[Callable[[], Workload]]:
    """Return what makes each workload; its data live only while it is measured."""
    return [
        lambda: mixture(100_000, 2, 5, 20, (42, 2), (5, 2)),
        lambda: mixture(1_000_000, 2, 3, 20, (12, 2), (3, 1)),
        lambda: mixture(100_000, 10, 10, 8, (12, 2), (3, 1)),
        lambda: mixture(20_000, 50, 20, 3, (6, 2), (3, 1)),
        lambda: mixture(1_000, 2, 3, 6, (50, 0), (50, 0)),
        lambda: categorical(100_000, 3, 4, 8, (42, 2), (6, 1)),
        lambda: categorical(1_000_000, 5, 10, 8, (7, 2), (3, 1)),
        lambda: categorical(100_000, 3, 4, 8, (42, 2), (6, 1), (1000,) * 100),
        lambda: categorical(1_000, 3, 4, 5, (50, 0), (50, 0)),
        lambda: gaussian_chain(100_000, 4, 2, 8),
        lambda: most_probable_path(100_000, 3, 4, 3),
        lambda: topics(5_000, 5_000, 20, 20, 8),
        lambda: missing(100_000, 10, 20),
    ]
