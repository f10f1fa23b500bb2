"""Hold documents out, to judge topics by what they were not fitted to."""

from __future__ import annotations

from dataclasses import replace

from em_explorer.data.dataset import Dataset, Truth
from em_explorer.models.corpus import Corpus, as_corpus
from em_explorer.models.topic_reading import held_out


def hold_out(dataset: Dataset) -> tuple[Dataset, Corpus]:
    """Split a corpus into nine documents in ten to fit to, and every tenth to judge by.

    Raises
    ------
    DataError
        With fewer than ten documents.
    """
    corpus = as_corpus(dataset.values)
    out = held_out(corpus.n_documents)
    names = tuple(n for n, o in zip(dataset.documents, out, strict=False) if not o)
    truth = dataset.truth
    if truth is not None and truth.doc_topic is not None:
        truth = Truth(topic_word=truth.topic_word, doc_topic=truth.doc_topic[~out])
    fitted = replace(dataset, values=corpus.select(~out), documents=names, truth=truth)
    return fitted, corpus.select(out)
