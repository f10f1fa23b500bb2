"""What the topics tab says: one sentence per half-step, with today's numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.steps import Phase
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.views.topic_words import topic_name
from em_explorer.ui.wording import count, plain

MOVING = 0.01
"""A document still moves when more than this share of it goes to other topics in a step."""

NOTICED = 0.1
"""A word rises or falls when its probability changes by more than this, relatively …"""

VISIBLE = 0.05
"""… and by more than this share of its topic's likeliest word."""


@dataclass(frozen=True)
class Nouns:
    """What documents and words are called: images are made of pixels and dots."""

    document: str = "document"
    word: str = "word"
    token: str = "word"


TEXT, IMAGES = Nouns(), Nouns("image", "pixel", "dot")


def moved(before: Floats, now: Floats) -> Floats:
    """Return how much of each document went to other topics: ``½ Σ_k |Δθ_dk|``, (D,)."""
    return np.asarray(0.5 * np.abs(now - before).sum(1))


def trends(before: Floats, now: Floats) -> Ints:
    """Return 1 where a probability rose noticeably, −1 where it fell, else 0; (K, V)."""
    change = now - before
    strongest = np.maximum(before, now).max(1, keepdims=True)
    noticed = (np.abs(change) > VISIBLE * strongest) & (np.abs(change) > NOTICED * before)
    return np.asarray(np.sign(change) * noticed, dtype=np.int64)


def likeliest(topic_word: Floats, n: int) -> Ints:
    """Return the ``n`` likeliest words of every topic, the likeliest first, (K, n)."""
    if n >= topic_word.shape[1]:
        return np.asarray(np.argsort(-topic_word, axis=1, kind="stable")[:, :n], dtype=np.int64)
    # Finding the n first is much quicker than sorting all of a large vocabulary.
    found = np.sort(np.argpartition(-topic_word, n - 1, axis=1)[:, :n], axis=1)
    order = np.argsort(-np.take_along_axis(topic_word, found, 1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(found, order, 1), dtype=np.int64)


def settled_line(n: int, n_settled: int | None, n_moving: int | None, nouns: Nouns) -> str:
    """Count the documents that have settled within this E-step, and those that still move.

    Without a count it says that some have not settled.
    """
    if n_settled is None:
        line = f"{count(n, nouns.document)}, not all settled"
    else:
        whole = n_settled == n and n > 1
        line = f"{'All' if whole else f'{n_settled:,} of'} {count(n, nouns.document)} settled"
    if n_moving is None:
        return line
    if n_moving == 0:
        return f"{line}; none moved by 1 %"
    return f"{line}; {n_moving:,} moved"


def first_caption(now: Floats, names: dict[int, str], nouns: Nouns) -> str:
    """Say what the first E-step found."""
    main = np.bincount(now.argmax(1), minlength=now.shape[1])
    k = int(main.argmax())
    return (
        f"Every {nouns.document} asks which topics could have made its {nouns.token}s; "
        f"{topic_name(names, k)} leads in {count(int(main[k]), nouns.document)}, though no "
        "topic means anything yet."
    )


def e_caption(before: Floats, now: Floats, documents: tuple[str, ...], nouns: Nouns) -> str:
    """Say how many documents changed their main topic, and which moved most."""
    changed = int((before.argmax(1) != now.argmax(1)).sum())
    motion = moved(before, now)
    d = int(motion.argmax())
    much = f"{plain(100 * float(motion[d]), 2)} % of it went to other topics"
    if changed == 0:
        return f"No {nouns.document} changed its main topic; {documents[d]} moved most: {much}."
    return (
        f"{count(changed, nouns.document)} changed {'its' if changed == 1 else 'their'} main "
        f"topic; {documents[d]} moved most: {much}."
    )


def m_caption(
    before: Floats, now: Floats, vocabulary: tuple[str, ...], names: dict[int, str], nouns: Nouns
) -> str:
    """Say which topic changed most, and which of its words rose and fell."""
    motion = moved(before, now)
    k = int(motion.argmax())
    change = now[k] - before[k]
    least = 0.02 * float(now[k].max())
    up = [int(v) for v in np.argsort(-change, kind="stable")[:2] if change[v] > least]
    down = [int(v) for v in np.argsort(change, kind="stable")[:1] if change[v] < -least]
    name = topic_name(names, k)
    if not up and not down:
        return f"The topics hardly changed; {name} moved most, by {plain(100 * motion[k], 2)} %."
    if nouns is IMAGES:
        bright = " and ".join(vocabulary[v] for v in up)
        dim = " and ".join(vocabulary[v] for v in down)
        parts = [f"gains at {bright}" if up else "", f"fades at {dim}" if down else ""]
        return f"{name} changed most: it {' and '.join(p for p in parts if p)}."
    rising = " and ".join(f"‘{vocabulary[v]}’" for v in up)
    falling = " and ".join(f"‘{vocabulary[v]}’" for v in down)
    if up and down:
        return f"{name} now leans to {rising} (rising), away from {falling}."
    return f"{name} now leans {f'to {rising} (rising)' if up else f'away from {falling}'}."


def explanation(phase: Phase, nouns: Nouns, numbers: tuple[str, ...]) -> Explanation:
    """Explain a half-step."""
    if phase is Phase.START:
        start = (
            "A topic says where its dots tend to fall; each image is a mixture of a few topics."
            if nouns is IMAGES
            else "A topic is a list of likely words; each document is a mixture of a few topics."
        )
        return Explanation(
            "Start",
            "",
            f"{start} The topics begin as noise. Press the blue button, or Space to play.",
        )
    if phase is Phase.E:
        return Explanation(
            "E-step",
            "e",
            f"The topics stand still. Each {nouns.document} settles its own mixture: its "
            f"{nouns.token}s choose topics (φ), and the mixture (γ) counts what they chose, by "
            "turns until nothing changes.",
            ("latent_dirichlet_phi", "latent_dirichlet_gamma"),
            numbers,
        )
    return Explanation(
        "M-step",
        "m",
        f"The {nouns.document}s stand still. Each topic counts the {nouns.token}s that chose it; "
        "the counts, made to sum to one, are its new probabilities.",
        ("latent_dirichlet_lambda", "latent_dirichlet_topic_word"),
        numbers,
    )
