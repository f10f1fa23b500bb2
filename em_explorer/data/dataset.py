"""A data set as the window and the stories know it: values, names, and the truth if known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from em_explorer.em.arrays import Floats, Ints, freeze


@dataclass(frozen=True)
class Truth:
    """What the generator knew and the model does not.

    Attributes
    ----------
    labels : (N,) or (T,) int, optional
        The component of each point, the state at each time step.
    params : object, optional
        The model's own params dataclass, in the data's units.
    complete : (N, D) float, optional
        The values before holes were made.
    topic_word : (K, V) float, optional
        The word probabilities of each topic.
    doc_topic : (D, K) float, optional
        The topic proportions of each document.
    """

    labels: Ints | None = None
    params: Any = None
    complete: Floats | None = None
    topic_word: Floats | None = None
    doc_topic: Floats | None = None

    def __post_init__(self) -> None:
        freeze(self)


@dataclass(frozen=True)
class Dataset:
    """Raw data for one model, with what a person wants to know about them.

    Attributes
    ----------
    name : str
        Short identifier, as stories and the command line write it: ``old-faithful``.
    title : str
        What the screen shows: "Old Faithful".
    model : str
        Key of the model in the registry that it is for.
    values : object
        What that model's ``prepare`` takes: an (N, D) array (NaN = hole), a
        :class:`~em_explorer.models.hidden_markov.Sequences`, or an (n_documents, V) sparse
        count matrix.
    columns : tuple of str
        Names of the D columns with their units, e.g. "waiting (min)".
    symbols : tuple of str
        Names of categorical symbols 0, 1, …, or of the true classes of points; else empty.
    vocabulary : tuple of str
        Words 0, 1, … of a corpus.
    documents : tuple of str
        Names of a corpus's documents.
    index : (T,) float, optional
        The time axis of a sequence (years), where it is not 0, 1, ….
    index_label : str
        What that axis counts: "year", "throw".
    truth : Truth, optional
    story : str
        Two sentences: what these data are and why they are interesting.
    source : str
        Citation.
    image_shape : tuple of int, optional
        Rows and columns of a picture when words are pixels (bars).
    options : mapping of str to object
        Options of the model that suit these data, by field name and as plain values, e.g.
        ``{"n_states": 2, "emission": "poisson"}``. Empty where any will do.
    noun : str
        What one observation is, in the singular: "eruption". Empty: the model's own word.
    """

    name: str
    title: str
    model: str
    values: Any
    columns: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    index: Floats | None = None
    index_label: str = ""
    truth: Truth | None = None
    story: str = ""
    source: str = ""
    image_shape: tuple[int, int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    noun: str = ""

    def __post_init__(self) -> None:
        freeze(self)
