"""What the hidden Markov tab says: captions, explanations and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats, Ints
from em_explorer.em.steps import Phase
from em_explorer.models.alignment import align_labels, relabel
from em_explorer.models.emissions import CategoricalEmission, GaussianEmission, PoissonEmission
from em_explorer.ui.panels.explain import Explanation
from em_explorer.ui.panels.numbers import NumberGroup, NumberRow
from em_explorer.ui.theme import theme_manager
from em_explorer.ui.wording import count, nats, plain, probability, signed, unit_of

MOST_SYMBOLS_LISTED = 6
MOST_STATES_IN_TABLE = 5
WORTH_SAYING = 0.01
"""A change of a probability smaller than this is not the news of an M-step."""


def e_caption(now: Ints, before: Ints | None, names: Sequence[str], step: str) -> str:
    """Say how many time steps changed their most probable state."""
    if before is None:
        sizes = np.bincount(now, minlength=len(names))
        shares = ", ".join(f"{name}: {n:,}" for name, n in zip(names, sizes, strict=True))
        if len(names) > 6:
            shares = f"{int((sizes > 0).sum())} states are in use"
        return f"Every {step} now knows which state is most probable ({shares})."
    changed = int((now != before).sum())
    if changed == 0:
        return f"No {step} changed its most probable state; the probabilities still shift a little."
    own = "its" if changed == 1 else "their"
    return f"{count(changed, step)} changed {own} most probable state."


def m_caption(old: Any, new: Any, names: Sequence[str], symbols: Sequence[str], column: str) -> str:
    """Say what moved most: how long a state stays, or what it emits."""
    stay_old, stay_new = np.diag(old.transition_matrix), np.diag(new.transition_matrix)
    k = int(np.argmax(np.abs(stay_new - stay_old)))
    stays = abs(stay_new[k] - stay_old[k])
    emits, sentence = _emission_news(old.emission, new.emission, names, symbols, column)
    if stays >= WORTH_SAYING and stays >= 0.5 * emits:
        now, was = two_probabilities(float(stay_new[k]), float(stay_old[k]))
        sentence = f"{names[k]} now stays with probability {now} (was {was})."
    return sentence[:1].upper() + sentence[1:]


def two_probabilities(now: float, was: float) -> tuple[str, str]:
    """Write two probabilities with enough decimals to tell them apart."""
    texts = probability(now), probability(was)
    for decimals in (3, 4, 5):
        if texts[0] != texts[1]:
            break
        texts = f"{now:.{decimals}f}".lstrip("0"), f"{was:.{decimals}f}".lstrip("0")
    return texts


def _emission_news(
    old: Any, new: Any, names: Sequence[str], symbols: Sequence[str], column: str
) -> tuple[float, str]:
    """Return how far the emissions moved (as a probability or in SDs), and a sentence."""
    if isinstance(new, CategoricalEmission):
        change = np.abs(new.probs - old.probs)
        k, m = (int(i) for i in np.unravel_index(np.argmax(change), change.shape))
        now, was = two_probabilities(float(new.probs[k, m]), float(old.probs[k, m]))
        symbol = symbols[m] if m < len(symbols) else str(m)
        sentence = f"{names[k]} now shows “{symbol}” with probability {now} (was {was})."
        return float(change[k, m]), sentence
    if isinstance(new, PoissonEmission):
        before, after, spread = old.rates, new.rates, np.sqrt(np.maximum(old.rates, 1e-12))
    else:
        before, after = old.means[:, 0], new.means[:, 0]
        spread = np.sqrt(old.covariances[:, 0, 0])
    k = int(np.argmax(np.abs(after - before) / spread))
    digits = 4 if abs(after[k] - before[k]) > 1e-3 * abs(after[k]) else 7
    sentence = mean_sentence(
        names[k], column, plain(float(after[k]), digits), plain(float(before[k]), digits)
    )
    return float(np.abs(after[k] - before[k]) / spread[k]), sentence


def mean_sentence(name: str, column: str, now: str, was: str) -> str:
    """Say where a mean is: "The mean of quiet is now 14.1 earthquakes a year (was 13.7)."."""
    what, unit = unit_of(column)
    if unit:
        times = "× " if unit[0].isdigit() else ""
        return f"The mean {what} of {name} is now {now} {times}{unit} (was {was})."
    if " " in what:
        return f"The mean of {name} is now {now} {what} (was {was})."
    return f"The mean {what} of {name} is now {now} (was {was})."


def reading(
    title: str,
    seen: str,
    gamma: Floats | None,
    path: int | None,
    truth: int | None,
    names: Sequence[str],
) -> str:
    """Say what was seen at one step and what is believed about it.

    Parameters
    ----------
    gamma : (K,) float or None
        The posterior of the step.
    path, truth : int or None
        Its state on the Viterbi path, and its true state.
    """
    parts = [f"<b>{title}</b>: {seen}"]
    if gamma is not None:
        ranked = np.argsort(-gamma, kind="stable")[:3]
        parts += [f"{names[k]} {probability(float(gamma[k]))}" for k in ranked]
    if path is not None:
        other = gamma is not None and int(gamma.argmax()) != path
        parts.append(f"Viterbi: {names[path]}{', differs' if other else ''}")
    if truth is not None:
        parts.append(f"truth: {truth + 1}")
    return " · ".join(parts)


def explanation(phase: Phase, emission: Any, step: str, *, truth: bool) -> Explanation:
    """Explain the half-step."""
    if phase is Phase.START:
        known = " The grey strip is the truth, which EM never sees." if truth else ""
        return Explanation(
            "Start",
            "",
            f"Above is what was seen, {step} by {step}; nobody saw the state behind it. Below is "
            f"a guess at how states change and what each shows.{known} Press the blue button, or "
            "Space to play.",
        )
    if phase is Phase.E:
        return Explanation(
            "E-step",
            "e",
            f"The probabilities below stand still. Each {step} asks what came before it, what "
            "follows it, and what it shows; together they say how probable each state is. The "
            "bands stack these; “differ” marks where the best path as a whole (Viterbi) takes "
            "another state.",
            ("hidden_markov_forward", "hidden_markov_backward", "hidden_markov_gamma"),
        )
    emitted = {
        CategoricalEmission: "hidden_markov_emission_probs",
        GaussianEmission: "hidden_markov_emission_means",
        PoissonEmission: "hidden_markov_emission_rates",
    }[type(emission)]
    return Explanation(
        "M-step",
        "m",
        "The bands stand still. Expected transitions are counted and each row is divided by its "
        "sum; what a state emits is averaged over the time steps, weighted by its band.",
        ("hidden_markov_xi", "hidden_markov_transition_matrix", emitted),
    )


def aligned_accuracy(found: Ints, truth: Ints, n_states: int) -> float:
    """Return the share of steps with the right state, after the best renumbering."""
    known = truth >= 0
    order = align_labels(found, truth, n_states)
    return float((relabel(found, order)[known] == truth[known]).mean())


def right_states(
    truth: Ints, gamma: Floats | None, path: Ints | None
) -> tuple[tuple[str, float], ...]:
    """Return by what the states were found, and the share of steps where they are right."""
    if gamma is None:
        return ()
    found = (("posterior", gamma.argmax(1)), ("Viterbi", path))
    return tuple(
        (words, aligned_accuracy(labels, truth, gamma.shape[1]))
        for words, labels in found
        if labels is not None
    )


def truth_group(
    right: Sequence[tuple[str, float]],
    figures: tuple[float, float] | None,
    log_likelihood: float | None,
) -> NumberGroup:
    """Return how near the states are to the truth.

    Parameters
    ----------
    right : sequence of (str, float)
        From :func:`right_states`.
    figures : (float, float) or None
        The log-likelihood at the true parameters, and their posterior's share of right states.
    log_likelihood : float or None
        Of the parameters shown.
    """
    rows = []
    for words, share in right:
        tip = "Share of time steps with the right state, after the best renumbering"
        rows.append(NumberRow(f"right, by {words}", probability(share), tip=tip))
    if figures is not None:
        value, share_of_truth = figures
        tip = "The share of right states that the true parameters' posterior has"
        rows.append(NumberRow("true parameters get", probability(share_of_truth), tip=tip))
        rows.append(NumberRow("their log-likelihood", nats(value)))
        # After an M-step there is none yet; the line stays, so that the panel does not jump.
        gain = "–" if log_likelihood is None else f"{signed(log_likelihood - value)} nats"
        rows.append(NumberRow("this fit is better by", gain))
    return NumberGroup("The truth", tuple(rows))


def state_groups(
    params: Any, names: Sequence[str], symbols: Sequence[str], columns: Sequence[str]
) -> list[NumberGroup]:
    """Return a group of numbers per state, and the transition matrix."""
    theme = theme_manager().current
    groups = []
    matrix: Floats = params.transition_matrix
    for k, name in enumerate(names):
        stay = float(matrix[k, k])
        visit = f"{plain(1.0 / (1.0 - stay), 3)} steps" if stay < 1.0 else "for ever"
        rows = [
            NumberRow("stays", probability(stay), theme.component(k).name()),
            NumberRow("mean visit", visit, tip="1 / (1 − probability to stay)"),
            NumberRow("begins", probability(float(params.initial_probs[k]))),
        ]
        rows += _emission_rows(params.emission, k, symbols, columns)
        groups.append(NumberGroup(name, tuple(rows)))
    if 2 < len(names) <= MOST_STATES_IN_TABLE:
        lines = tuple(
            NumberRow(
                f"from {name}",
                "\u2002".join(probability(float(p)) for p in row),
                theme.component(k).name(),
            )
            for k, (name, row) in enumerate(zip(names, matrix, strict=True))
        )
        groups.append(NumberGroup("Transitions", lines))
    return groups


def _emission_rows(
    emission: Any, k: int, symbols: Sequence[str], columns: Sequence[str]
) -> list[NumberRow]:
    if isinstance(emission, CategoricalEmission):
        probs = emission.probs[k]
        listed = np.arange(probs.size)
        if probs.size > MOST_SYMBOLS_LISTED:
            listed = np.argsort(-probs, kind="stable")[:MOST_SYMBOLS_LISTED]
        return [
            NumberRow(f"shows {symbols[m]}", probability(float(probs[m])), tip="emission")
            for m in listed
        ]
    if isinstance(emission, PoissonEmission):
        return [NumberRow(f"mean, {columns[0]}", plain(float(emission.rates[k]), 5))]
    rows = []
    for d, column in enumerate(columns):
        spread = float(np.sqrt(emission.covariances[k, d, d]))
        value = f"{plain(float(emission.means[k, d]))} ± {plain(spread, 3)}"
        rows.append(NumberRow(column, value, tip="mean ± standard deviation"))
    return rows
