"""Where the bundled files live: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def assets_folder() -> Path:
    """Return the folder of data sets, stories, icons, formulas and themes.

    Raises
    ------
    FileNotFoundError
        If neither place has it: the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "assets", package.parent / "assets"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"em_explorer's bundled files are missing beside {package}; install the package again."
    )


def asset(*parts: str) -> Path:
    """Return the path of one bundled file, as in ``asset("data", "old_faithful.csv")``."""
    return assets_folder().joinpath(*parts)
