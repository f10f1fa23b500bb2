"""The models for those who write scripts: four classes that follow scikit-learn's conventions.

Each is thin: it checks its input, hands it to a model, and lets the one loop of
:mod:`em_explorer.em.steps` run.
"""

from em_explorer.estimators.hidden_markov import HiddenMarkovModel
from em_explorer.estimators.imputation import EMImputation
from em_explorer.estimators.mixture import GaussianMixtureModel
from em_explorer.estimators.topics import LatentDirichletAllocation

__all__ = [
    "EMImputation",
    "GaussianMixtureModel",
    "HiddenMarkovModel",
    "LatentDirichletAllocation",
]
