"""The bundled corpus, for topics."""

from __future__ import annotations

import numpy as np

from em_explorer.data.dataset import Dataset
from em_explorer.data.tables import numbers, read_csv


def austen() -> Dataset:
    """Return the 269 chapters of Jane Austen's six novels: counts of 400 words."""
    from scipy.sparse import csr_matrix

    chapters = read_csv("austen_docs.csv")
    documents = tuple(
        f"{book} {chapter}"
        for book, chapter in zip(chapters["book"], chapters["chapter"], strict=True)
    )
    vocabulary = tuple(read_csv("austen_small_vocab.csv")["word"])
    triples = numbers(read_csv("austen_small_counts.csv"), "doc", "word", "count")
    rows, columns = triples[:, 0].astype(np.int64), triples[:, 1].astype(np.int64)
    return Dataset(
        "austen",
        "Jane Austen's novels",
        "latent_dirichlet",
        csr_matrix((triples[:, 2], (rows, columns)), shape=(len(documents), len(vocabulary))),
        vocabulary=vocabulary,
        documents=documents,
        story="The 269 chapters of Jane Austen's six novels, as counts of 400 words. The model "
        "sees no titles; with six topics it finds the six books, mostly by who appears in them.",
        source="Jane Austen (1775–1817), texts in the public domain",
        options={"n_topics": 6},
    )
