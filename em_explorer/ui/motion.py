"""The one switch for everything that glides; apart, so that asking it loads nothing."""

from __future__ import annotations


class Motion:
    """Whether anything glides; one switch for the whole program (and for tests)."""

    enabled = True
