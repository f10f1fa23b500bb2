"""The compiled E-step of latent Dirichlet allocation.

Documents are run in fixed chunks, each with word counts of its own that are added up in order, so
that threads never change a result.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import gammaln

from em_explorer.em.arrays import Floats
from em_explorer.em.model import Expectation
from em_explorer.models import dirichlet
from em_explorer.models.backend import map_chunks
from em_explorer.models.corpus import Corpus
from em_explorer.models.document_topics import LOWEST_LOG
from em_explorer.models.kernels.documents import run_documents
from em_explorer.models.kernels.jit import constant
from em_explorer.models.latent_dirichlet_params import (
    InnerStart,
    LatentDirichletOptions,
    LatentDirichletParams,
    LatentDirichletPosterior,
    LatentDirichletStatistics,
)

SMALLEST_GAMMA = 0.01
"""exp ψ of less than this comes near to underflow."""

CHUNK_CELLS = 2**15
"""Distinct words, over all documents of a chunk, at least."""

MOST_CHUNKS, MOST_NUMBERS = 32, 2**25
"""Each chunk counts words by itself: so many chunks, and so many numbers in all, at most."""


def e_step(
    model: Any, data: Corpus, params: LatentDirichletParams, latent: bool, carry: Floats | None
) -> Expectation[LatentDirichletStatistics] | None:
    """Do what ``LatentDirichlet.e_step`` does; None where only logarithms can."""
    options: LatentDirichletOptions = model.options
    log_topic_word = dirichlet.expected_log(params.topic_word_posterior)
    peaks = log_topic_word.max(axis=0)
    scaled = (log_topic_word - peaks).T
    smallest = options.alpha if carry is None else min(options.alpha, float(carry.min()))
    if smallest < SMALLEST_GAMMA or float(scaled.min()) <= LOWEST_LOG:
        return None
    factors: Floats = np.exp(scaled, order="C")
    use = InnerStart.FRESH if carry is None else options.inner_start
    n_topics = len(log_topic_word)
    gamma = np.ones((data.n_documents, n_topics))
    if use is InnerStart.CARRIED:
        gamma[:] = carry
    carried = constant(gamma[:0] if carry is None else carry)
    n_inner = np.empty(data.n_documents, dtype=np.int64)
    paused = np.empty(data.n_documents, dtype=bool)
    bounds = np.empty(data.n_documents)

    def run(part: slice) -> Floats:
        expected = np.zeros_like(factors)
        run_documents(
            data.starts[part.start : part.stop + 1],
            data.words,
            data.counts,
            factors,
            peaks,
            options.alpha,
            options.inner_tolerance,
            options.inner_max_iter,
            carried[part],
            use is InnerStart.BEST,
            gamma[part],
            n_inner[part],
            paused[part],
            bounds[part],
            expected,
        )
        return expected

    expected = np.zeros_like(factors)
    for counted in map_chunks(run, list(_chunks(data, n_topics))):
        expected += counted
    bounds += gammaln(n_topics * options.alpha) - n_topics * gammaln(options.alpha)
    counts = np.ascontiguousarray(expected.T)
    total = float(bounds.sum())
    gamma.flags.writeable = False
    return Expectation(
        LatentDirichletStatistics(counts),
        entropy=total - float((counts * log_topic_word).sum()),
        log_likelihood=total,
        latent=LatentDirichletPosterior(gamma, dirichlet.mean(gamma), n_inner, paused)
        if latent
        else None,
        carry=gamma,
        settled=not paused.any(),
    )


def _chunks(data: Corpus, n_topics: int) -> list[slice]:
    """Cut the documents into runs of about equally many distinct words."""
    n_cells = len(data.words)
    room = max(1, MOST_NUMBERS // (n_topics * data.n_words))
    n_chunks = max(1, min(n_cells // CHUNK_CELLS, MOST_CHUNKS, room, data.n_documents))
    edges = np.searchsorted(data.starts, np.arange(1, n_chunks) * n_cells // n_chunks)
    cuts = [0, *np.unique(edges).tolist(), data.n_documents]
    return [slice(a, b) for a, b in pairwise(cuts) if a < b]


def _try_documents() -> None:
    from em_explorer.models.latent_dirichlet import LatentDirichlet

    model = LatentDirichlet(LatentDirichletOptions(2))
    data = model.prepare(np.array([[1, 2], [3, 1]]))
    params = LatentDirichletParams(np.array([[1.0, 2.0], [3.0, 1.0]]))
    first = e_step(model, data, params, latent=False, carry=None)
    assert first is not None
    e_step(model, data, params, latent=False, carry=first.carry)


KERNELS = (("latent Dirichlet allocation", _try_documents),)
"""Every kernel by name, with something that runs it on tiny data."""
