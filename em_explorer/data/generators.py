"""All generators by name, each with the options a form can be made of.

Every generator is seeded and keeps the truth: the same options give the same data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from em_explorer.data import generate_corpora as corpora
from em_explorer.data import generate_missing as missing
from em_explorer.data import generate_mixture as mixture
from em_explorer.data import generate_sequences as sequences
from em_explorer.data.dataset import Dataset
from em_explorer.em.errors import DataError


@dataclass(frozen=True, slots=True)
class Generator:
    """One way to make data.

    Attributes
    ----------
    function : callable
        Takes a value of ``options`` and returns the :class:`Dataset`.
    options : type
        Frozen dataclass declared with :func:`~em_explorer.em.options.option`.
    model : str
        Key of the model the data are for.
    title : str
        What the screen shows.
    """

    function: Callable[[Any], Dataset]
    options: type
    model: str
    title: str

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


_G, _H, _L, _M = mixture.MIXTURE, sequences.HIDDEN_MARKOV, corpora.TOPICS, missing.MISSING

GENERATORS: dict[str, Generator] = {
    "blobs": Generator(mixture.blobs, mixture.BlobsOptions, _G, "Blobs"),
    "stretched": Generator(mixture.stretched, mixture.StretchedOptions, _G, "Stretched clusters"),
    "overlapping": Generator(
        mixture.overlapping, mixture.OverlappingOptions, _G, "Overlapping clusters"
    ),
    "rings": Generator(mixture.rings, mixture.RingsOptions, _G, "Rings"),
    "two-normals": Generator(
        mixture.two_normals, mixture.TwoNormalsOptions, _G, "Two normals on a line"
    ),
    "far-and-near": Generator(mixture.far_and_near, mixture.SeedOptions, _G, "One far, two near"),
    "outlier": Generator(mixture.outlier, mixture.SeedOptions, _G, "One outlier"),
    "three-blobs": Generator(mixture.three_blobs, mixture.NoOptions, _G, "Three blobs"),
    "casino": Generator(sequences.casino, sequences.CasinoOptions, _H, "The dishonest casino"),
    "symbol-chain": Generator(
        sequences.symbol_chain, sequences.SymbolChainOptions, _H, "Symbols from hidden states"
    ),
    "level-chain": Generator(
        sequences.level_chain, sequences.LevelChainOptions, _H, "Levels in noise"
    ),
    "count-chain": Generator(
        sequences.count_chain, sequences.CountChainOptions, _H, "Counts from hidden states"
    ),
    "three-state-chain": Generator(
        sequences.three_state_chain, mixture.NoOptions, _H, "Three states, four symbols"
    ),
    "bars": Generator(corpora.bars, corpora.BarsOptions, _L, "Bars"),
    "topics": Generator(corpora.topics, corpora.TopicsOptions, _L, "Random topics"),
    "small-topics": Generator(corpora.small_topics, mixture.NoOptions, _L, "Three small topics"),
    "correlated-normals": Generator(
        missing.correlated_normals, missing.CorrelatedNormalsOptions, _M, "Why values are missing"
    ),
    "many-normals": Generator(
        missing.many_normals, missing.ManyNormalsOptions, _M, "Many columns with holes"
    ),
    "three-normals": Generator(
        missing.three_normals, mixture.NoOptions, _M, "Three columns with holes"
    ),
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
