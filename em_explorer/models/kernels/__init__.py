"""Fast twins of the E-steps, one module per model, compiled by numba.

Nothing here is needed to understand a model: the E-step to read is the numpy one. Each module has
``e_step(model, data, params, latent, carry)``, which returns what the numpy one returns, and
``KERNELS``, the compiled functions by name with something that runs each on tiny data.
:mod:`em_explorer.models.backend` decides which of the two serves.
"""
