"""Watch Expectation-Maximization work.

The library user's classes are imported on first use, so that ``import em_explorer`` stays light:
it brings in neither Qt nor scikit-learn nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

ESTIMATORS = (
    "GaussianMixtureModel",
    "HiddenMarkovModel",
    "LatentDirichletAllocation",
    "EMImputation",
)

__all__ = ["ESTIMATORS", "__version__", *ESTIMATORS]


def __getattr__(name: str) -> Any:
    if name in ESTIMATORS:
        return getattr(import_module("em_explorer.estimators"), name)
    raise AttributeError(f"module 'em_explorer' has no attribute {name!r}")
