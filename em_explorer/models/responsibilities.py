"""How responsible each component is for each point, from joint log densities."""

from __future__ import annotations

import numpy as np

from em_explorer.em.arrays import Floats
from em_explorer.em.errors import ImpossibleDataError

SMALLEST_LOG_RESPONSIBILITY = -600.0
"""A responsibility below exp(−600) is zero: denormal numbers would slow every sum tenfold."""


def responsibilities_of(log_joint: Floats) -> tuple[Floats, Floats, float]:
    """Return ``log p(x_n)``, the responsibilities and their entropy from ``log p(x_n, k)``.

    The largest term of each row is taken out before exp (log-sum-exp), so that densities too
    small for a number still compare. Overwrites ``log_joint``, to spare the memory.
    """
    largest = log_joint.max(axis=1)
    if not np.all(np.isfinite(largest)):
        n = int(np.argmin(np.isfinite(largest)))
        raise ImpossibleDataError(
            f"The point in row {n + 1} is too far from every component to have a density; "
            "choose another start."
        )
    log_joint -= largest[:, None]
    responsibilities = np.exp(log_joint)
    total = responsibilities.sum(axis=1)
    responsibilities /= total[:, None]
    log_total = np.log(total)
    log_joint -= log_total[:, None]  # now log r
    nothing = log_joint < SMALLEST_LOG_RESPONSIBILITY
    if nothing.any():
        responsibilities[nothing] = 0.0
        log_joint[nothing] = 0.0  # so that 0 log 0 = 0 and not NaN
    entropy = -float(np.vdot(responsibilities.T, log_joint.T))
    return largest + log_total, responsibilities, entropy
