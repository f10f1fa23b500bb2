"""The names people give to topics, kept from one day to the next as a small TOML file."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any

MOST_KEPT = 500
"""Fits whose topics have names; the oldest are forgotten."""


def names_file() -> Path:
    """Return where the names are kept."""
    from platformdirs import user_data_path

    return user_data_path("em_explorer", appauthor=False) / "topic_names.toml"


def load_names(fit: str) -> dict[int, str]:
    """Return the names given to the topics of a fit, by the topics' index; none if unreadable.

    Parameters
    ----------
    fit : str
        What the names belong to: data set, number of topics, start and seed.
    """
    kept = _read().get(fit, {})
    if not isinstance(kept, dict):
        return {}
    return {
        int(number) - 1: name
        for number, name in kept.items()
        if number.isdigit() and int(number) > 0 and isinstance(name, str) and name
    }


def save_names(fit: str, names: dict[int, str]) -> None:
    """Keep the names of a fit; a read-only home is no reason to trouble anybody."""
    import tomli_w

    content = _read()
    content.pop(fit, None)
    if names:
        content[fit] = {str(topic + 1): name for topic, name in sorted(names.items())}
    for oldest in list(content)[:-MOST_KEPT]:
        del content[oldest]
    with contextlib.suppress(OSError):
        path = names_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(tomli_w.dumps(content), encoding="utf-8")


def _read() -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(names_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logging.getLogger(__name__).warning("The topics' names can't be read: %s", error)
        return {}
