"""The one list of models: a new one is a module in ``models/``, a tab in ``ui/tabs/``, a row.

Rows hold dotted paths, not objects, so that reading the list imports nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model: its key, its words on the screen and where its parts live.

    Attributes
    ----------
    key : str
        As stories and the command line write it.
    title : str
        On the tab.
    model, options, params, tab : str
        Dotted paths ``package.module:Name`` of the model class, its options, params and tab.
    first_demo : str
        The story its tab opens on.
    anatomy : str
        Dotted path of its :class:`~em_explorer.em.anatomy.Anatomy`; empty for a model that
        can't be taken apart.
    rival : str
        Dotted path of the EM with hard assignments it is compared with: a model with the same
        options and params, and ``start_from(params)``.
    """

    key: str
    title: str
    model: str
    options: str
    params: str
    tab: str
    first_demo: str
    anatomy: str = ""
    rival: str = ""


MODELS: tuple[ModelEntry, ...] = (
    ModelEntry(
        "gaussian_mixture",
        "Gaussian mixture",
        "em_explorer.models.gaussian_mixture:GaussianMixture",
        "em_explorer.models.gaussian_mixture:GaussianMixtureOptions",
        "em_explorer.models.gaussian_mixture:GaussianMixtureParams",
        "em_explorer.ui.tabs.gaussian_mixture:GaussianMixtureTab",
        "old-faithful",
        "em_explorer.models.gaussian_mixture_anatomy:GaussianMixtureAnatomy",
        "em_explorer.models.k_means:KMeans",
    ),
    ModelEntry(
        "hidden_markov",
        "Hidden Markov",
        "em_explorer.models.hidden_markov:HiddenMarkov",
        "em_explorer.models.hidden_markov:HiddenMarkovOptions",
        "em_explorer.models.hidden_markov:HiddenMarkovParams",
        "em_explorer.ui.tabs.hidden_markov:HiddenMarkovTab",
        "casino",
        "em_explorer.models.hidden_markov_anatomy:HiddenMarkovAnatomy",
        "em_explorer.models.viterbi_training:ViterbiTraining",
    ),
    ModelEntry(
        "latent_dirichlet",
        "Topics (LDA)",
        "em_explorer.models.latent_dirichlet:LatentDirichlet",
        "em_explorer.models.latent_dirichlet:LatentDirichletOptions",
        "em_explorer.models.latent_dirichlet:LatentDirichletParams",
        "em_explorer.ui.tabs.latent_dirichlet:LatentDirichletTab",
        "bars",
        "em_explorer.models.latent_dirichlet_anatomy:LatentDirichletAnatomy",
    ),
    ModelEntry(
        "missing_data",
        "Missing data",
        "em_explorer.models.missing_data:MissingData",
        "em_explorer.models.missing_data:MissingDataOptions",
        "em_explorer.models.missing_data:MissingDataParams",
        "em_explorer.ui.tabs.missing_data:MissingDataTab",
        "missing-at-random",
        "em_explorer.models.missing_data_anatomy:MissingDataAnatomy",
        "em_explorer.models.plug_in_imputation:PlugInImputation",
    ),
)


def entry(key: str) -> ModelEntry:
    """Return the row of a model.

    Raises
    ------
    KeyError
        Listing the keys there are.
    """
    for row in MODELS:
        if row.key == key:
            return row
    raise KeyError(f"no model {key!r}; there are {', '.join(row.key for row in MODELS)}")


def load(path: str) -> Any:
    """Import the object a dotted path ``package.module:Name`` names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
