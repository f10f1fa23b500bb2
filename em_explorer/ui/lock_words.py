"""What the parts of a model that can be locked are called, in menus and in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from em_explorer.em.anatomy import Lock

TITLES = {
    "weights": "Weights",
    "means": "Means",
    "covariances": "Shapes",
    "initial_probs": "Beginnings",
    "transition_matrix": "Transitions",
    "emission": "Emissions",
    "rates": "Rates",
    "topics": "Topics",
    "mean": "Means",
    "covariance": "Covariance",
}
"""Groups as the menu has them."""

ONE_OF = {
    "weights": "the weight of {0}",
    "means": "the mean of {0}",
    "covariances": "the shape of {0}",
    "initial_probs": "how often {0} comes first",
    "transition_matrix": "the way from {0} to {1}",
    "emission": "how often {0} shows “{1}”",
    "rates": "the rate of {0}",
    "topics": "{0}",
    "mean": "the mean of {0}",
}
"""One lock in a sentence; {0} and {1} are the names of what its indices number."""

ALL_OF = {"covariances": "the shape of all", "covariance": "the covariance"}
"""The lock of a group that has only one."""


def lock_words(lock: Lock, parts: Sequence[str], others: Sequence[str]) -> str:
    """Say what a lock holds: "the mean of component 1".

    Parameters
    ----------
    lock : Lock
    parts : sequence of str
        Names of what the first index numbers: components, states, topics, columns.
    others : sequence of str
        Names of what the second numbers: states again, or symbols.
    """
    if not lock.index:
        return ALL_OF[lock.group]
    names = [parts[lock.index[0]]]
    if len(lock.index) > 1:
        second = parts if lock.group == "transition_matrix" else others
        names.append(second[lock.index[1]])
    return ONE_OF[lock.group].format(*names)


def listing(words: Sequence[str]) -> str:
    """Join words: "a", "a and b", "a, b and 3 more"."""
    if len(words) <= 3:
        return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return f"{', '.join(words[:2])} and {len(words) - 2} more"
