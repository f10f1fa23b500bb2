"""Options that draw their own form: a dataclass field with a label, a range and a help text.

A model's options are one frozen dataclass. The window makes its forms from the metadata that
:func:`option` stores, the estimators read the defaults, and :func:`check_options` refuses what
is out of range with the same words everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

from em_explorer.em.errors import DataError

METADATA_KEY = "control"


@dataclass(frozen=True, slots=True)
class Control:
    """How one option is shown and what it admits.

    Attributes
    ----------
    label : str
        A few words beside the control.
    help : str
        One or two sentences for the tooltip.
    low, high : float or None
        Smallest and largest admitted number (both included).
    step : float or None
        How far one press of the arrow goes; ``None`` for a factor of ten on small numbers.
    group : {"Model", "Start", "Run"}
        The group of the left panel it stands in.
    suffix : str
        A unit shown after the number.
    advanced : bool
        True hides it behind "More options".
    """

    label: str
    help: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    group: str = "Model"
    suffix: str = ""
    advanced: bool = False


def option(default: Any, label: str, **control: Any) -> Any:
    """Declare a dataclass field that knows its form control (see :class:`Control`)."""
    return field(default=default, metadata={METADATA_KEY: Control(label, **control)})


def controls(options: Any) -> dict[str, Control]:
    """Return the control of every declared option, in order; ``options`` is a class or a value."""
    return {f.name: f.metadata[METADATA_KEY] for f in fields(options) if METADATA_KEY in f.metadata}


def check_options(options: Any) -> None:
    """Refuse values outside the declared ranges.

    Raises
    ------
    DataError
        Names the option, the value and the range. Numbers must be finite, whole numbers whole,
        and enums a member (or the value of one: strings are turned into members).
    """
    for f in fields(options):
        if METADATA_KEY not in f.metadata:
            continue
        value = getattr(options, f.name)
        if isinstance(f.default, Enum):
            object.__setattr__(options, f.name, _member(f.name, type(f.default), value))
        elif isinstance(f.default, bool):
            if not isinstance(value, bool):
                raise DataError(f"{f.name} must be True or False; it is {value!r}.")
        elif isinstance(f.default, int | float):
            whole = isinstance(f.default, int)
            _check_number(f.name, f.metadata[METADATA_KEY], value, whole=whole)
            if whole:
                # 3.0 is a whole number, and yet nothing can be counted with it.
                object.__setattr__(options, f.name, int(value))


def _member(name: str, kind: type[Enum], value: Any) -> Enum:
    try:
        return kind(value)
    except ValueError:
        names = ", ".join(repr(member.value) for member in kind)
        raise DataError(f"{name} must be one of {names}; it is {value!r}.") from None


def _check_number(name: str, control: Control, value: Any, *, whole: bool) -> None:
    # numpy's scalars count as numbers; bool, a subclass of int, does not.
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    bad = isinstance(value, bool | str) or not math.isfinite(number)
    if bad or (whole and number != int(number)):
        kind = "a whole number" if whole else "a number"
        raise DataError(f"{name} must be {kind}; it is {value!r}.")
    if control.low is not None and number < control.low:
        raise DataError(f"{name} must be at least {control.low:g}; it is {value!r}.")
    if control.high is not None and number > control.high:
        raise DataError(f"{name} must be at most {control.high:g}; it is {value!r}.")
