"""The Dirichlet distribution: the expectations that variational Bayes is made of.

Every function takes the Dirichlet's parameters along the last axis, so that a matrix is a stack
of distributions, one per row.

Source: Blei, Ng & Jordan (2003), "Latent Dirichlet Allocation", appendix A.1.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, psi

from em_explorer.em.arrays import Floats, latest


@latest
def expected_log(concentration: Floats) -> Floats:
    """Return ``E[log x_i] = ψ(a_i) − ψ(Σ_j a_j)`` under Dirichlet(a).

    Parameters
    ----------
    concentration : (..., K) float, positive

    Returns
    -------
    (..., K) float, nats
    """
    total = psi(concentration.sum(-1, keepdims=True))
    return np.asarray(psi(concentration) - total, dtype=float)


def mean(concentration: Floats) -> Floats:
    """Return ``E[x_i] = a_i / Σ_j a_j``; the rows sum to one."""
    return np.asarray(concentration / concentration.sum(-1, keepdims=True), dtype=float)


@latest
def log_normalizer(concentration: Floats) -> Floats:
    """Return ``Σ log Γ(a_i) − log Γ(Σ a_i)`` per distribution, in nats."""
    total = gammaln(concentration.sum(-1))
    return np.asarray(gammaln(concentration).sum(-1) - total, dtype=float)


def gain_over_symmetric(prior: float, concentration: Floats, log_mean: Floats) -> Floats:
    """Return ``E_q[log p(x)] − E_q[log q(x)] = −KL(q ‖ p)`` per distribution.

    Here q = Dirichlet(a) and p = Dirichlet(prior, …, prior):
    ``log Γ(K·prior) − K log Γ(prior) − log Γ(Σa) + Σ log Γ(a_i) + Σ (prior − a_i) E[log x_i]``.

    Parameters
    ----------
    prior : float, positive
    concentration : (..., K) float
        The a of q.
    log_mean : (..., K) float, nats
        :func:`expected_log` of it, which the caller has at hand.

    Returns
    -------
    (...) float, nats
        Zero or less.
    """
    size = concentration.shape[-1]
    constant = gammaln(size * prior) - size * gammaln(prior)
    normalizer = log_normalizer(concentration)
    return np.asarray(constant + normalizer + ((prior - concentration) * log_mean).sum(-1))
