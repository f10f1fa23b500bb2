"""All generators by name, each with the options a form can be made of.

Every generator is seeded and keeps the truth: the same options give the same data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from em_explorer.data.dataset import Dataset

from em_explorer.em.errors import DataError


@dataclass(frozen=True, slots=True)
class Generator:
    """One way to make data; its module is imported when it is used, not when it is listed.

    Attributes
    ----------
    module, function_name, options_name : str
        Where it lives in ``em_explorer.data``.
    model : str
        Key of the model the data are for.
    title : str
        What the screen shows.
    """

    module: str
    function_name: str
    options_name: str
    model: str
    title: str

    @property
    def function(self) -> Callable[[Any], Dataset]:
        """Takes a value of ``options`` and returns the :class:`Dataset`."""
        function: Callable[[Any], Dataset] = self._find(self.module, self.function_name)
        return function

    @property
    def options(self) -> type:
        """Frozen dataclass declared with :func:`~em_explorer.em.options.option`."""
        module, _, name = self.options_name.rpartition(".")
        options: type = self._find(module or self.module, name)
        return options

    def _find(self, module: str, name: str) -> Any:
        return getattr(import_module(f"em_explorer.data.{module}"), name)

    def __call__(self, **options: Any) -> Dataset:
        """Make data with some options changed from their defaults.

        Raises
        ------
        DataError
            When an option does not exist or its value is out of range.
        """
        chosen = self.options()
        try:
            chosen = replace(chosen, **options)
        except TypeError:
            known = ", ".join(getattr(self.options, "__dataclass_fields__", {})) or "none"
            given = ", ".join(options)
            raise DataError(
                f"“{self.title}” was given the options {given}; it has {known}."
            ) from None
        return self.function(chosen)


_G, _H, _L, _M = "gaussian_mixture", "hidden_markov", "latent_dirichlet", "missing_data"
_NONE, _SEED = "generate_mixture.NoOptions", "generate_mixture.SeedOptions"

_ROWS = {
    ("generate_mixture", _G): (
        ("blobs", "blobs", "BlobsOptions", "Blobs"),
        ("stretched", "stretched", "StretchedOptions", "Stretched clusters"),
        ("overlapping", "overlapping", "OverlappingOptions", "Overlapping clusters"),
        ("rings", "rings", "RingsOptions", "Rings"),
        ("two-normals", "two_normals", "TwoNormalsOptions", "Two normals on a line"),
        ("far-and-near", "far_and_near", _SEED, "One far, two near"),
        ("outlier", "outlier", _SEED, "One outlier"),
        ("three-blobs", "three_blobs", _NONE, "Three blobs"),
    ),
    ("generate_sequences", _H): (
        ("casino", "casino", "CasinoOptions", "The dishonest casino"),
        ("symbol-chain", "symbol_chain", "SymbolChainOptions", "Symbols from hidden states"),
        ("level-chain", "level_chain", "LevelChainOptions", "Levels in noise"),
        ("count-chain", "count_chain", "CountChainOptions", "Counts from hidden states"),
        ("three-state-chain", "three_state_chain", _NONE, "Three states, four symbols"),
    ),
    ("generate_corpora", _L): (
        ("bars", "bars", "BarsOptions", "Bars"),
        ("topics", "topics", "TopicsOptions", "Random topics"),
        ("small-topics", "small_topics", _NONE, "Three small topics"),
    ),
    ("generate_missing", _M): (
        (
            "correlated-normals",
            "correlated_normals",
            "CorrelatedNormalsOptions",
            "Why values are missing",
        ),
        ("many-normals", "many_normals", "ManyNormalsOptions", "Many columns with holes"),
        ("three-normals", "three_normals", _NONE, "Three columns with holes"),
    ),
}

GENERATORS: dict[str, Generator] = {
    name: Generator(module, function, options, model, title)
    for (module, model), rows in _ROWS.items()
    for name, function, options, title in rows
}


def generate(name: str, **options: Any) -> Dataset:
    """Make data by the name of their generator.

    Parameters
    ----------
    name : str
        A key of :data:`GENERATORS`.
    **options
        Fields of that generator's options dataclass; defaults elsewhere.

    Raises
    ------
    DataError
        When there is no such generator or option, or a value is out of range.
    """
    if name not in GENERATORS:
        raise DataError(f"There is no generator {name!r}; there are {', '.join(GENERATORS)}.")
    return GENERATORS[name](**options)


def generators(model: str | None = None) -> dict[str, Generator]:
    """Return the generators of one model, or all, by name."""
    return {k: g for k, g in GENERATORS.items() if model is None or g.model == model}
