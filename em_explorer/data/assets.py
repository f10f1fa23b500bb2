"""Where the program's own files are: data, stories, icons, formulas, themes."""

from __future__ import annotations

from pathlib import Path

from em_explorer.em.errors import DataError

_PACKAGE = Path(__file__).resolve().parents[1]

# The folder inside the package comes first: it exists only in an installed wheel, whereas a
# folder "assets" beside an installed package would belong to somebody else.
_ROOTS = (_PACKAGE / "assets", _PACKAGE.parent / "assets")


def asset(*parts: str) -> Path:
    """Return the path of a file or folder of the program's assets.

    Parameters
    ----------
    *parts : str
        Names below the assets folder: ``asset("data", "faithful.csv")``.

    Returns
    -------
    Path
        An existing path, in a checkout as in an installed wheel.

    Raises
    ------
    DataError
        When neither has it: the installation is incomplete.
    """
    for root in _ROOTS:
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise DataError(
        f"The program's own file {'/'.join(parts)} is missing; install em-explorer again."
    )
