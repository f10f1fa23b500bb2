"""The topics tab's numbers: sizes, perplexities, and what was found of the truth."""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.models.topic_reading import RECOVERED, recovered_topics
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.topic_wording import Nouns
from em_explorer.ui.views.topic_words import topic_name
from em_explorer.ui.wording import plain

PERPLEXITY_TIP = (
    "exp(−bound per word) of documents the topics were not fitted to: as uncertain about the next "
    "word as if it were one of so many equally likely ones. The topics stay fixed; each document "
    "held out finds its own mixture. Lower is better."
)


def size_group(counts: Floats, names: dict[int, str], nouns: Nouns) -> NumberGroup:
    """Return the expected number of words in each topic, from (K,) counts."""
    theme = theme_manager().current
    tip = f"Expected number of {nouns.token}s, and its share of all"
    rows = [
        NumberRow(
            topic_name(names, k),
            f"{n:,.0f} ({100 * n / counts.sum():.0f} %)",
            theme.component(k).name(),
            tip,
        )
        for k, n in enumerate(counts)
    ]
    return NumberGroup(f"Topic sizes, {nouns.token}s", tuple(rows))


def truth_group(found: Floats, truth: Floats) -> NumberGroup:
    """Return how many true topics were recovered, and how well on average."""
    _, cosine = recovered_topics(found, truth)
    n = int((cosine >= RECOVERED).sum())
    rows = (
        NumberRow(
            "topics recovered",
            f"{n} of {len(truth)}",
            tip="True topics whose partner among the topics has a cosine of at least .9 with them",
        ),
        NumberRow(
            "mean match",
            f"{cosine.mean():.3f}",
            tip="Mean cosine between each true topic and its partner; 1 is perfect",
        ),
    )
    return NumberGroup("Beside the truth", rows)


def perplexity_group(
    fitted: float, n_held: int, held_value: float | None, nouns: Nouns
) -> NumberGroup:
    """Return the perplexity of the documents fitted, and of those held out.

    Parameters
    ----------
    fitted : float
        ``exp(−bound per word)`` of the documents fitted, at the last E-step.
    n_held : int
        How many are held out; 0 leaves their line out.
    held_value : float or None
        None while EM plays: the documents held out are read only when it pauses.
    nouns : Nouns
    """
    tip = "exp(−bound per word) of the documents the topics are fitted to, at the last E-step"
    rows = [NumberRow(f"{nouns.document}s fitted", plain(fitted), tip=tip)]
    if n_held:
        value = "pause to see" if held_value is None else plain(held_value)
        rows.append(NumberRow(f"{n_held} held out", value, tip=PERPLEXITY_TIP))
    return NumberGroup("Perplexity", tuple(rows))


def objective_group(group: NumberGroup, nouns: Nouns) -> NumberGroup:
    """Say of the objective what the difference to the whole bound is."""
    tip = "The bound without what the topics cost: −KL(q(β) ‖ p(β)) for leaving their prior"
    rows = [
        NumberRow(f"{nouns.document}s alone", row.value, tip=tip)
        if row.name == "without the prior"
        else row
        for row in group.rows
    ]
    return NumberGroup(group.title, tuple(rows))


def perplexity(log_likelihood: float, n_tokens: int) -> float:
    """Return ``exp(−bound / tokens)``."""
    return float(np.exp(-log_likelihood / n_tokens))
