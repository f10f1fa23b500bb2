"""Stories: a demo is a TOML file, and a saved session is the same file.

::

    name = "old-faithful"
    title = "Old Faithful just works"
    model = "gaussian_mixture"
    order = 10

    [words]
    caption = "What is on the screen, in two sentences."
    question = "What to ask a class before pressing play."
    watch = "What to look for while it runs."

    [data]
    bundled = "old-faithful"          # or: generator = "casino"
    [data.options]                    # only with a generator
    n_rolls = 300

    [options]                         # of the model
    n_components = 2

    [run]                             # max_iter, tolerance
    tolerance = 1e-9

    [start]
    seed = 7                          # for a drawn start
    [start.params]                    # or the initial parameters, in the data's units
    weights = [0.5, 0.5]

    [view]                            # anything the tab understands
    speed = 2.0

    [[next]]                          # buttons shown when EM has stopped
    label = "Worse start"
    demo = "old-faithful-worse-start"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from em_explorer import registry
from em_explorer.data.assets import asset
from em_explorer.data.dataset import Dataset
from em_explorer.em.errors import DataError
from em_explorer.em.steps import Model, RunOptions
from em_explorer.session.mapping import options_from_mapping, params_from_mapping


@dataclass(frozen=True)
class NextStory:
    """A button that leads on from a finished run."""

    label: str
    demo: str


@dataclass(frozen=True)
class Story:
    """A demo: data, options, start and words.

    Attributes
    ----------
    name, title, model, order
        Identifier, heading, registry key, place in the menu.
    caption, question, watch : str
        What is on the screen; what to ask; what to look for.
    data, options, run, start, view : dict
        The sections of the file, as read.
    next : tuple of NextStory
    """

    name: str
    title: str
    model: str
    order: int = 1000
    caption: str = ""
    question: str = ""
    watch: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    start: dict[str, Any] = field(default_factory=dict)
    view: dict[str, Any] = field(default_factory=dict)
    next: tuple[NextStory, ...] = ()

    @property
    def seed(self) -> int:
        """Seed of a drawn start."""
        return int(self.start.get("seed", 0))

    def dataset(self) -> Dataset:
        """Load or generate the data."""
        from em_explorer.data.generators import generate
        from em_explorer.data.library import load_bundled

        if "bundled" in self.data:
            return load_bundled(str(self.data["bundled"]))
        if "generator" in self.data:
            return generate(str(self.data["generator"]), **self.data.get("options", {}))
        raise DataError(f"The story {self.name!r} names neither bundled data nor a generator.")

    def build_model(self) -> Model:
        """Return the model with the story's options."""
        row = registry.entry(self.model)
        options = options_from_mapping(registry.load(row.options), self.options)
        model: Model = registry.load(row.model)(options)
        return model

    def run_options(self) -> RunOptions:
        """Return when to stop."""
        run: RunOptions = options_from_mapping(RunOptions, self.run)
        return run

    def initial_params(self) -> Any:
        """Return the given start in the data's units, or None where it is drawn."""
        if "params" not in self.start:
            return None
        kind = registry.load(registry.entry(self.model).params)
        return params_from_mapping(kind, self.start["params"])


def read_story(path: Path) -> Story:
    """Read a story or a saved session.

    Raises
    ------
    DataError
        When the file can't be read or lacks its name, title or model.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} can't be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path.name} is no story: {error}.") from None
    missing = [key for key in ("name", "title", "model") if key not in content]
    if missing:
        raise DataError(f"{path.name} is no story: it has no {', '.join(missing)}.")
    words = content.pop("words", {})
    onward = tuple(NextStory(**button) for button in content.pop("next", []))
    try:
        return Story(**content, **words, next=onward)
    except TypeError as error:
        raise DataError(f"{path.name} is no story: {error}.") from None


def list_stories(model: str | None = None) -> list[Story]:
    """Return the bundled stories in menu order, of one model or of all."""
    stories = [read_story(path) for path in sorted(asset("stories").glob("*.toml"))]
    rank = {row.key: i for i, row in enumerate(registry.MODELS)}
    chosen = [s for s in stories if model is None or s.model == model]
    return sorted(chosen, key=lambda s: (rank.get(s.model, 99), s.order, s.name))


def load_story(name: str) -> Story:
    """Return a bundled story by name.

    Raises
    ------
    DataError
        With the nearest names there are.
    """
    named = [p for p in asset("stories").glob("*.toml") if p.stem == name]
    if named:  # the others need not be read
        return read_story(named[0])
    import difflib

    stories = {story.name for story in list_stories()}
    near = difflib.get_close_matches(name, stories, n=3, cutoff=0.4) or sorted(stories)[:3]
    raise DataError(f"There is no demo {name!r}. Did you mean {' or '.join(near)}?")
