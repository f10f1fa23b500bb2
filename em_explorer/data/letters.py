"""Text as a sequence of letters: 27 symbols, the space and a to z."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np

from em_explorer.em.arrays import Ints

LETTERS = ("␣", *"abcdefghijklmnopqrstuvwxyz")
"""Names of the symbols; the space is shown as ␣, because a blank label can't be seen."""

PROSE_LENGTH = 25_000
"""Letters and spaces: about a minute's reading per thousand, plenty for 2 × 27 probabilities."""


def only_letters(text: str) -> str:
    """Return text in lower case with a single space for all that is not a to z.

    Accents are dropped first, so that "é" counts as "e".
    """
    plain = unicodedata.normalize("NFKD", text).lower()
    without_accents = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub("[^a-z]+", " ", without_accents).strip()


def letter_codes(text: str) -> Ints:
    """Return the letters of a text as numbers: 0 for a space, 1 to 26 for a to z.

    Returns
    -------
    (T,) int
    """
    letters = np.frombuffer(only_letters(text).encode("ascii"), dtype=np.uint8).astype(np.int64)
    return np.where(letters == ord(" "), 0, letters - ord("a") + 1)


def english_prose(length: int = PROSE_LENGTH) -> str:
    """Return ``length`` characters of English prose, lower case letters and spaces only.

    The text is the guide that Python carries, less its code: the same Python gives the same text.
    """
    from pydoc_data.topics import topics

    text = ""
    for name in sorted(topics):
        text = only_letters(" ".join([text, *_prose(topics[name])]))
        if len(text) >= length:
            break
    return text[:length]


def _prose(topic: str) -> Iterator[str]:
    """Yield the paragraphs of a topic that are sentences, without the code quoted in them."""
    for paragraph in re.split(r"\n\s*\n", topic):
        sentences = re.sub(r'"[^"]*"|`[^`]*`|https?:\S+', " ", paragraph).strip()
        lower_case = sum(c.islower() or c.isspace() for c in sentences)
        # Grammar rules and programs are full of signs; sentences are not, and they end.
        if lower_case > 0.9 * len(sentences) and sentences.endswith((".", ":")):
            yield sentences
