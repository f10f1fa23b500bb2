"""The lines of the data box: bundled sets, generators with their options, the user's own file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from em_explorer.data.dataset import Dataset
from em_explorer.data.generators import GENERATORS, generators
from em_explorer.data.library import bundled, load_bundled
from em_explorer.session.document import Story
from em_explorer.session.mapping import options_from_mapping


@dataclass(frozen=True, slots=True)
class DataChoice:
    """One line of the data box.

    Attributes
    ----------
    name, title : str
        Identifier and words.
    kind : {"bundled", "generator", "own"}
        Where it comes from; "own" is what the user opened.
    """

    name: str
    title: str
    kind: str


def choices_for(model: str, own: Dataset | None) -> list[DataChoice]:
    """Return every line for a model: the user's own first, then bundled, then generated."""
    lines = [DataChoice(own.name, own.title, "own")] if own is not None else []
    made = generators(model)
    lines += [
        DataChoice(row.name, row.title, "bundled") for row in bundled(model) if row.name not in made
    ]
    lines += [DataChoice(name, row.title, "generator") for name, row in made.items()]
    return lines


def load_choice(
    choice: DataChoice, own: Dataset | None, options: Any | None
) -> tuple[Dataset, Any]:
    """Load what a line stands for.

    Returns
    -------
    Dataset, object or None
        The data, and the generator's options where it has any.

    Raises
    ------
    DataError
        When the data can't be made or read.
    """
    if choice.kind == "own" and own is not None:
        return own, None
    if choice.kind == "generator":
        row = GENERATORS[choice.name]
        options = options if options is not None else row.options()
        return row.function(options), options
    return load_bundled(choice.name), None


def story_choice(story: Story) -> tuple[DataChoice, Any]:
    """Return the line a story's data are, and its generator's options."""
    name = str(story.data.get("generator", story.data.get("bundled", "")))
    for choice in choices_for(story.model, None):
        if choice.name == name:
            if choice.kind == "generator":
                made = GENERATORS[name].options
                return choice, options_from_mapping(made, story.data.get("options", {}))
            return choice, None
    return DataChoice(name, story.title, "bundled"), None
