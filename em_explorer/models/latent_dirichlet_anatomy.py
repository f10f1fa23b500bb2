"""The topic model taken apart: names, values, coordinates and gauges of its parameters."""

from __future__ import annotations

import numpy as np

from em_explorer.em.anatomy import Gauge, Parameter
from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.model import Expectation
from em_explorer.models.anatomy_parts import MANY
from em_explorer.models.corpus import Corpus
from em_explorer.models.latent_dirichlet import LatentDirichlet
from em_explorer.models.latent_dirichlet_params import (
    LatentDirichletParams,
    LatentDirichletStatistics,
)

FOLLOWED = 8
"""Words followed in each topic, where there is room."""

SMALLEST = 1e-100
"""A Dirichlet parameter must be positive, also where a line in √λ passes through zero."""


class LatentDirichletAnatomy:
    """See :class:`~em_explorer.em.anatomy.Anatomy`.

    Of thousands of words a few are followed in each topic, always the same: the commonest of the
    corpus. :meth:`at` and :meth:`between` make anatomies that follow others.

    Parameters
    ----------
    model : LatentDirichlet
    data : Corpus
    names : tuple of str
        The vocabulary.
    words : (K, n) int, optional
        The words to follow in each topic.
    """

    def __init__(
        self,
        model: LatentDirichlet,
        data: Corpus,
        names: tuple[str, ...] = (),
        *,
        words: Ints | None = None,
    ) -> None:
        self.model = model
        self.data = data
        known = len(names) == data.n_words
        self.names = names if known else tuple(f"word {v + 1}" for v in range(data.n_words))
        if words is None:
            seen = np.bincount(data.words, weights=data.counts, minlength=data.n_words)
            commonest = np.argsort(-seen, kind="stable")[: self._room()]
            words = np.tile(commonest, (model.options.n_topics, 1))
        self.words = words

    def at(self, params: LatentDirichletParams) -> LatentDirichletAnatomy:
        """Return an anatomy that follows the likeliest words of each topic at ``params``."""
        return self._following(params.topic_word_posterior)

    def between(
        self, before: LatentDirichletParams, after: LatentDirichletParams
    ) -> LatentDirichletAnatomy:
        """Return an anatomy that follows the words whose probabilities changed most."""
        return self._following(np.abs(after.topic_word - before.topic_word))

    def _following(self, merit: Floats) -> LatentDirichletAnatomy:
        """Follow the words of most merit (K, V) in each topic, the first of equals first."""
        room = self._room()
        some = np.sort(np.argpartition(-merit, room - 1, axis=1)[:, :room], axis=1)
        order = np.argsort(-np.take_along_axis(merit, some, axis=1), axis=1, kind="stable")
        words = np.take_along_axis(some, order, axis=1)
        return LatentDirichletAnatomy(self.model, self.data, self.names, words=words)

    def parameters(self, params: LatentDirichletParams) -> tuple[Parameter, ...]:
        """Return each topic's share of all words, and the words followed in it."""
        found = [
            Parameter("topic sizes", f"share of topic {k + 1}", k, f"topics[{k}]")
            for k in range(len(self.words))
        ]
        found += [
            Parameter("words", f"P({self.names[v]} | {k + 1})", k, f"topic_word[{k}, {v}]")
            for k, row in enumerate(self.words)
            for v in row
        ]
        return tuple(found)

    def values(self, params: LatentDirichletParams) -> Floats:
        """Return their values: shares, and expected word probabilities."""
        posterior = params.topic_word_posterior
        sizes = posterior.sum(axis=1)
        chosen = np.take_along_axis(posterior, self.words, axis=1) / sizes[:, None]
        return np.concatenate([sizes / sizes.sum(), chosen.ravel()])

    def scales(self, params: LatentDirichletParams) -> Floats:
        """Return 1 for each: all are probabilities."""
        return np.ones(len(self.words) + self.words.size)

    def coordinates(self, params: LatentDirichletParams) -> Floats:
        """Return √λ."""
        return np.asarray(np.sqrt(params.topic_word_posterior).ravel(), dtype=float)

    def from_coordinates(
        self, coordinates: Floats, like: LatentDirichletParams
    ) -> LatentDirichletParams:
        """Return the parameters at a vector of coordinates; what is locked is as in ``like``."""
        posterior = np.maximum(np.asarray(coordinates, dtype=float) ** 2, SMALLEST)
        found = LatentDirichletParams(posterior.reshape(like.topic_word_posterior.shape))
        return self.model.hold(found, like)

    def gauges(
        self,
        params: LatentDirichletParams,
        expectation: Expectation[LatentDirichletStatistics] | None,
    ) -> tuple[Gauge, ...]:
        """Return the tokens each topic holds.

        An empty topic is at rest and EM goes on without it. Worth a look is one that holds less
        than a document of mean length, or than a tenth of its fair share.
        """
        if expectation is None:
            return ()
        full = self.data.n_tokens / len(params.topic_word_posterior)
        warn = min(self.data.n_tokens / self.data.n_documents, 0.1 * full)
        held = expectation.statistics.topic_word_counts.sum(axis=1)
        return tuple(
            Gauge(f"words in {k + 1}", k, float(n), warn, 0.0, full, "words", "count")
            for k, n in enumerate(held)
        )

    def _room(self) -> int:
        return max(1, min(FOLLOWED, self.data.n_words, MANY // self.model.options.n_topics))
