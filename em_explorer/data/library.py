"""The bundled library: every set by name, ready for its model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from em_explorer.data import library_corpora as corpora
from em_explorer.data import library_sequences as sequences
from em_explorer.data import library_tables as tables
from em_explorer.data.dataset import Dataset
from em_explorer.data.generators import generate
from em_explorer.em.errors import DataError


@dataclass(frozen=True, slots=True)
class Bundled:
    """One bundled set.

    Attributes
    ----------
    name : str
        As stories and the command line write it.
    title : str
        What the screen shows.
    model : str
        Key of the model it is for.
    load : callable
        Returns the :class:`Dataset`.
    """

    name: str
    title: str
    model: str
    load: Callable[[], Dataset]


_G, _H, _L, _M = tables.MIXTURE, sequences.HIDDEN_MARKOV, "latent_dirichlet", tables.MISSING

LIBRARY: tuple[Bundled, ...] = (
    Bundled("old-faithful", "Old Faithful", _G, tables.old_faithful),
    Bundled("old-faithful-waiting", "Old Faithful, waiting times", _G, tables.old_faithful_waiting),
    Bundled("penguins", "Palmer penguins", _G, tables.penguins),
    Bundled("iris", "Fisher's irises", _G, tables.iris),
    Bundled("galaxies", "Galaxy velocities", _G, tables.galaxies),
    Bundled("diabetes", "Diabetes (Reaven & Miller)", _G, tables.diabetes),
    Bundled("three-blobs", "Three blobs", _G, lambda: generate("three-blobs")),
    Bundled("casino", "The dishonest casino", _H, lambda: generate("casino")),
    Bundled("earthquakes", "Great earthquakes", _H, sequences.earthquakes),
    Bundled("nile", "The Nile at Aswan", _H, sequences.nile),
    Bundled("vowels", "Vowels emerge", _H, sequences.vowels),
    Bundled("geyser", "Old Faithful in order", _H, sequences.geyser),
    Bundled("alofi-rain", "Rain at Alofi", _H, sequences.alofi_rain),
    Bundled("discoveries", "Great discoveries", _H, sequences.discoveries),
    Bundled("lambda-phage", "A virus's genome", _H, sequences.lambda_phage),
    Bundled(
        "three-state-chain",
        "Three states, four symbols",
        _H,
        lambda: generate("three-state-chain"),
    ),
    Bundled("bars", "Bars", _L, lambda: generate("bars")),
    Bundled("austen", "Jane Austen's novels", _L, corpora.austen),
    Bundled("small-topics", "Three small topics", _L, lambda: generate("small-topics")),
    Bundled(
        "correlated-normals", "Why values are missing", _M, lambda: generate("correlated-normals")
    ),
    Bundled("airquality", "New York air", _M, tables.airquality),
    Bundled("nhanes", "NHANES, 25 people", _M, tables.nhanes),
    Bundled("tao-buoys", "Pacific buoys", _M, tables.tao_buoys),
    Bundled("mammal-sleep", "Sleep in mammals", _M, tables.mammal_sleep),
    Bundled("murray", "Murray's saddle", _M, tables.murray),
    Bundled("three-normals", "Three columns with holes", _M, lambda: generate("three-normals")),
)


def bundled(model: str | None = None) -> tuple[Bundled, ...]:
    """Return the bundled sets of one model, or all, in the order the window lists them."""
    return tuple(row for row in LIBRARY if model is None or row.model == model)


def load_bundled(name: str) -> Dataset:
    """Return a bundled set by its name.

    Raises
    ------
    DataError
        Listing the names there are.
    """
    for row in LIBRARY:
        if row.name == name:
            return row.load()
    names = ", ".join(row.name for row in LIBRARY)
    raise DataError(f"There is no bundled set {name!r}; there are {names}.")
