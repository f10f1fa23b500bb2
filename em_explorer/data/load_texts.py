"""Plain text as a corpus for topics, or as letters for the hidden Markov model."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from em_explorer.data.dataset import Dataset
from em_explorer.data.letters import LETTERS, letter_codes
from em_explorer.data.reading import opened, read_text
from em_explorer.data.stop_words import STOP_WORDS
from em_explorer.em.errors import DataError

MOST_WORDS = 1000
"""Vocabulary at most: the most frequent words, so that a heat map stays readable."""

MOST_LETTERS = 100_000


def load_letters(path: str | Path) -> Dataset:
    """Open a plain text as a sequence of letters for the hidden Markov model.

    Ordinary text gives 27 symbols (space and a to z); text of at most six distinct letters, such
    as a genome, gives these letters. Header lines of FASTA files are skipped.
    """
    from em_explorer.models.sequences import Sequences

    path = Path(path)
    text = re.sub(r"(?m)^>.*$", "", read_text(path))
    alphabetic = [c for c in text.lower() if c.isalpha()]
    latin = letter_codes(text)
    if np.count_nonzero(latin) < max(2, 0.5 * len(alphabetic)):
        raise DataError(
            f"“{path.name}” has hardly any letters from a to z; choose a text in Latin script."
        )
    kinds, numbers = np.unique(latin[latin > 0], return_inverse=True)
    if len(kinds) <= 6:
        symbols = tuple(LETTERS[kind].upper() for kind in kinds)
    else:
        symbols, numbers = LETTERS, latin
    cut = f" (the first of {len(numbers):,})" if len(numbers) > MOST_LETTERS else ""
    numbers = np.asarray(numbers[:MOST_LETTERS], dtype=np.int64)
    return opened(
        path,
        "hidden_markov",
        Sequences(numbers, (len(numbers),)),
        f"{len(numbers):,} letters{cut}, as {len(symbols)} symbols.",
        [],
        columns=("letter",),
        symbols=symbols,
        index_label="letter",
        options={"n_states": 2, "emission": "categorical", "n_symbols": len(symbols)},
    )


def is_prose(text: str) -> bool:
    """Tell running text (or a genome) from numbers or symbols in columns."""
    signs = [c for c in text[:20_000] if not c.isspace()]
    letters = sum(c.isalpha() for c in signs)
    lines = [line.split() for line in text[:20_000].splitlines() if line.strip()]
    one_symbol_a_line = len(lines) > 1 and all(len(w) == 1 and len(w[0]) < 20 for w in lines)
    return letters > 0.6 * len(signs) and not one_symbol_a_line


def load_text(path: str | Path) -> Dataset:
    """Open a plain text as a corpus for topics.

    Documents are paragraphs (separated by blank lines), or lines where there is one paragraph.
    Words are taken in lower case from three letters on, less the most common English ones, and
    must occur twice.

    Raises
    ------
    DataError
        When fewer than two documents or two words are left.
    """
    from scipy.sparse import csr_matrix

    path = Path(path)
    text = read_text(path).strip()
    parts = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    if len(parts) < 2:
        parts = [line for line in text.splitlines() if line.strip()]
    documents = [_words(part) for part in parts]
    totals = Counter(word for words in documents for word in words)
    often = [w for w, count in totals.items() if count > 1] or list(totals)
    vocabulary = sorted(sorted(often, key=lambda w: (-totals[w], w))[:MOST_WORDS])
    number = {word: v for v, word in enumerate(vocabulary)}
    kept = [(part, [number[w] for w in words if w in number])
            for part, words in zip(parts, documents, strict=True)]  # fmt: skip
    kept = [(part, words) for part, words in kept if words]
    if len(kept) < 2 or len(vocabulary) < 2:
        raise DataError(
            f"“{path.name}” has too few words in separate documents; write at least two "
            "documents, with blank lines between them."
        )
    starts = np.cumsum([0, *(len(words) for _, words in kept)])
    flat = np.concatenate([words for _, words in kept])
    counts = csr_matrix((np.ones(len(flat)), flat, starts), (len(kept), len(vocabulary)))
    counts.sum_duplicates()
    names = tuple(" ".join(part.split()[:5])[:40] for part, _ in kept)
    return opened_corpus(path, counts, tuple(vocabulary), names, [])


def _words(text: str) -> list[str]:
    found = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text.lower())
    plain = (word.replace("’", "'") for word in found)
    return [word for word in plain if len(word) > 2 and word not in STOP_WORDS]


def opened_corpus(
    path: Path, counts: Any, vocabulary: tuple[str, ...], names: tuple[str, ...], left: list[str]
) -> Dataset:
    """Describe an opened corpus."""
    from scipy.sparse import csr_matrix

    values = csr_matrix(counts, dtype=float)
    return opened(
        path,
        "latent_dirichlet",
        values,
        f"{len(names):,} documents with {int(values.sum()):,} words, {len(vocabulary):,} of them "
        "distinct.",
        left,
        vocabulary=vocabulary,
        documents=names,
    )
