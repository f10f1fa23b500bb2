"""How many parts, and how much of a prior: the candidates, and what they are judged by."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import Enum
from functools import partial
from typing import Any

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.em.errors import DataError
from em_explorer.em.progress import Job, Progress
from em_explorer.em.steps import RunOptions
from em_explorer.em.sweep import Candidate, Judged, sweep
from em_explorer.models.corpus import Corpus
from em_explorer.models.criteria import Criteria, criteria_of, held_out_density, punched_cells
from em_explorer.models.emissions import EmissionType
from em_explorer.models.gaussian_mixture_params import CovarianceType
from em_explorer.models.topic_reading import held_out
from em_explorer.session.lab import enough

PARTS = ("n_components", "n_states", "n_topics")

COUNTED = (EmissionType.CATEGORICAL, EmissionType.POISSON)
"""Emissions of whole numbers, which give each of them a probability."""

STARTS = 5
"""Starts of each candidate; the best of them is judged."""

TOPIC_COUNTS = 7
"""So many numbers of topics are tried: each takes its time."""

RIDGES = (0.0, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
"""Tried in units of the columns' variance, by geometric mean."""

HIDDEN = 0.1
"""Share of the seen cells that are hidden to judge a ridge by."""


class Question(Enum):
    """What is asked of a model."""

    PARTS = "parts"
    TOPICS = "topics"
    RIDGE = "ridge"


@dataclass(frozen=True)
class Criterion:
    """One way to judge.

    Attributes
    ----------
    name : str
        The field of :class:`~em_explorer.models.criteria.Criteria`.
    title : str
        On the screen.
    sign : int
        −1: the smallest is best; 1: the largest; 0: it only ever rises.
    help : str
    """

    name: str
    title: str
    sign: int
    help: str


LIKELIHOOD = Criterion(
    "log_likelihood", "log-likelihood", 0, "It rises with every part: it can’t tell how many"
)
CRITERIA: dict[Question, tuple[Criterion, ...]] = {
    Question.PARTS: (
        Criterion("bic", "BIC", -1, "−2 log p + (free numbers) · log n: smaller is better"),
        Criterion(
            "icl", "ICL", -1, "BIC + 2 × the entropy of the assignment: parts that overlap cost"
        ),
        Criterion("aic", "AIC", -1, "−2 log p + 2 · (free numbers): smaller is better"),
        LIKELIHOOD,
    ),
    Question.TOPICS: (
        Criterion(
            "perplexity",
            "held-out perplexity",
            -1,
            "How unsure the topics are about the words of every tenth document, which they were "
            "not fitted to: smaller is better",
        ),
        Criterion(
            "log_likelihood",
            "bound",
            1,
            "The bound pays for each topic, so that it falls when there are too many",
        ),
    ),
    Question.RIDGE: (
        Criterion(
            "held_out",
            "held-out density",
            1,
            "Log density of cells that were hidden, given those beside them: larger is better",
        ),
        Criterion(
            "log_likelihood", "log-likelihood", 0, "It is largest without a ridge: it can’t tell"
        ),
    ),
}


def question_of(options: Any) -> Question:
    """Return what can be asked of a model with these options.

    A normal behind a table with holes has no number of parts; what can be asked is how strong
    the prior on its covariance should be.
    """
    names = {field.name for field in fields(options)}
    if "n_topics" in names:
        return Question.TOPICS
    return Question.PARTS if names & set(PARTS) else Question.RIDGE


def parts_option(options: Any) -> str:
    """Return the name of the option that counts the parts."""
    return next(name for name in PARTS if hasattr(options, name))


def variants_of(options: Any) -> str:
    """Return what else can be tried besides the number of parts, in a word or two, or nothing.

    Probabilities of counts can be compared whatever they come from; densities of numbers are
    something else.
    """
    if hasattr(options, "covariance_type"):
        return "every shape"
    counts = getattr(options, "emission", None) in COUNTED
    return "every emission" if counts else ""


def usual_most(options: Any) -> int:
    """Return up to how many parts to ask, unless told otherwise."""
    if question_of(options) is Question.RIDGE:
        return 1
    now = int(getattr(options, parts_option(options)))
    return max(6, round(1.5 * now))


def how_many(
    model: Any, data: Any, raw: Any, run: RunOptions, most: int, *, variants: bool = False
) -> Job[tuple[Judged, ...]]:
    """Fit and judge the candidates of a model's question.

    Parameters
    ----------
    model : EMModel
        Its options stand where nothing else is tried.
    data, raw : object
        Prepared data, and what they were prepared from.
    run : RunOptions
    most : int
        Parts at most.
    variants : bool
        Try every shape of components, or every emission of whole numbers, too.
    """
    yield Progress(0.0, "getting ready")
    question = question_of(model.options)
    if question is Question.PARTS:
        candidates = _by_parts(model, data, raw, most, variants)
    elif question is Question.TOPICS:
        candidates = _by_topics(model, data, most)
    else:
        candidates = _by_ridge(model, data, raw)
    return (yield from sweep(candidates, enough(model, run)))


def best_of(found: tuple[Judged, ...], criterion: Criterion) -> Judged | None:
    """Return the candidate a criterion prefers; None where it has no preference."""
    known = [j for j in found if value_of(j, criterion) is not None]
    if not criterion.sign or not known:
        return None
    return max(known, key=lambda judged: criterion.sign * (value_of(judged, criterion) or 0.0))


def value_of(judged: Judged, criterion: Criterion) -> float | None:
    """Return what a criterion says of a candidate; None where it could not be fitted."""
    if judged.criteria is None:
        return None
    value: float | None = getattr(judged.criteria, criterion.name)
    return value


def _by_parts(model: Any, data: Any, raw: Any, most: int, variants: bool) -> list[Candidate]:
    option = parts_option(model.options)
    noun = option.removeprefix("n_")
    found = []
    for line, options, own in _lines(model, data, raw) if variants else [("", model.options, data)]:
        for n in range(1, most + 1):
            other = replace(model, options=replace(options, **{option: n}), locks=frozenset())
            words = f"{n} {noun if n > 1 else noun.removesuffix('s')}"
            label = f"{line}, {words}" if line else words
            judge = partial(criteria_of, other, own)
            found.append(Candidate(line, float(n), label, other, own, judge, STARTS))
    return found


def _lines(model: Any, data: Any, raw: Any) -> list[tuple[str, Any, Any]]:
    """Return the name, the options and the data of each variant."""
    options = model.options
    if hasattr(options, "covariance_type"):
        return [(k.value, replace(options, covariance_type=k), data) for k in CovarianceType]
    found = []
    for kind in COUNTED:
        other = replace(options, emission=kind)
        own = data if kind is options.emission else replace(model, options=other).prepare(raw)
        found.append((kind.value, other, own))
    return found


def topic_counts(most: int) -> list[int]:
    """Return the numbers of topics to try: all, or a few between one and the most."""
    return sorted({round(n) for n in np.linspace(1, most, min(most, TOPIC_COUNTS))})


def _by_topics(model: Any, data: Corpus, most: int) -> list[Candidate]:
    out = held_out(data.n_documents)
    fitted, others = data.select(~out), data.select(out)
    found = []
    for n in topic_counts(most):
        other = replace(model, options=replace(model.options, n_topics=n), locks=frozenset())
        label = f"{n} topics" if n > 1 else "1 topic"
        judge = partial(_judge_topics, other, fitted, others)
        found.append(Candidate("", float(n), label, other, fitted, judge, 2))
    return found


def _judge_topics(model: Any, fitted: Corpus, others: Corpus, params: Any) -> Criteria:
    bound = criteria_of(model, fitted, params).log_likelihood
    return Criteria(bound, perplexity=model.perplexity(params, others))


def _by_ridge(model: Any, data: Any, raw: Any) -> list[Candidate]:
    table = np.asarray(raw, dtype=float)
    punched = punched_cells(table, HIDDEN, np.random.default_rng(0))
    n_cells = int(np.isnan(punched).sum() - np.isnan(table).sum())
    if not n_cells:
        raise DataError("Every row has one value only: no cell can be told from those beside it.")
    rest = model.prepare(punched)
    options, found = model.options, []
    if options.start.name == "GIVEN":  # by hand, for the whole table: here it begins as usual
        options = replace(options, start=type(options)().start)
    for i, ridge in enumerate(ridges(data.variances)):
        other = replace(model, options=replace(options, ridge=ridge), locks=frozenset())
        judge = partial(_judge_ridge, other, data, rest, n_cells)
        label = f"ridge {ridge:g}" if ridge else "no ridge"
        found.append(Candidate("", float(i), label, other, rest, judge))
    return found


def ridges(variances: Floats) -> list[float]:
    """Return the ridges to try, in the data's units squared, to one digit."""
    positive = variances[variances > 0]
    unit = float(np.exp(np.log(positive).mean())) if positive.size else 1.0
    return [float(f"{share * unit:.1g}") for share in RIDGES]


def _judge_ridge(model: Any, whole: Any, rest: Any, n_cells: int, params: Any) -> Criteria:
    return replace(
        criteria_of(model, rest, params),
        held_out=held_out_density(model, params, whole, rest, n_cells),
    )
