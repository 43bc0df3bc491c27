"""Initial weights and batch orders, the same for every engine.

They come from NumPy generators keyed by (seed, purpose, layer or epoch), not from one stream, so
they do not depend on earlier draws.  Models with the same seed share the initial weights of layers
at the same position with the same shape, and their batch orders, so comparisons are paired.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from fmstudy.study.spec import RunSpec

_WEIGHTS, _ORDER = 0, 1


def initial_weights(spec: RunSpec, seed: int) -> list[np.ndarray]:
    """Return the initial coefficients of each layer, (units, inputs) float32.

    Normal with mean 0 and standard deviation `spec.weight_std`, or Glorot uniform in
    +-sqrt(6 / (inputs + units)) if that is None (Glorot and Bengio 2010, eq. 16).
    """
    weights = []
    sizes = spec.layer_sizes
    for layer, (inputs, units) in enumerate(itertools.pairwise(sizes)):
        generator = np.random.default_rng([seed, _WEIGHTS, layer])
        if spec.weight_std is None:
            limit = math.sqrt(6.0 / (inputs + units))
            values = generator.uniform(-limit, limit, (units, inputs))
        else:
            values = generator.normal(0.0, spec.weight_std, (units, inputs))
        weights.append(values.astype(np.float32))
    return weights


def batch_order(samples: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order (samples,) int64 of the training samples in an epoch."""
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(samples)
