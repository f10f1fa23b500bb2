"""What can go wrong in EM, each with a sentence a person can act on."""

from __future__ import annotations


class DataError(ValueError):
    """The data or an option can't be used; the message says why and what to do."""


class ImpossibleDataError(DataError):
    """The parameters give the data probability zero, so there is no posterior."""


class SingularError(ArithmeticError):
    """A covariance (or another part) has collapsed beyond what floating point can follow.

    Attributes
    ----------
    part : int or None
        Index of the component, state or row that collapsed, where there is one.
    """

    def __init__(self, message: str, part: int | None = None) -> None:
        super().__init__(message)
        self.part = part
