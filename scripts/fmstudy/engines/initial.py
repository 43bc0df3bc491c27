"""Initial weights and batch orders, the same for every engine.

They come from NumPy generators keyed by (seed, purpose, place), not from one running stream:
what a layer or an epoch gets does not depend on what was drawn before.  So two models with the
same seed share the initial weights of every layer that has the same place and shape, and the
order of their batches, and comparing them is a paired comparison.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from fmstudy.study.spec import RunSpec

_WEIGHTS, _ORDER = 0, 1


def initial_weights(spec: RunSpec, seed: int) -> list[np.ndarray]:
    """Initial coefficients of each layer, (units, inputs) float32.

    Normal with mean 0 and deviation `spec.weight_std`, or Glorot uniform in
    +-sqrt(6 / (inputs + units)) where that is None (Glorot and Bengio 2010, eq. 16).
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
    """The order (samples,) int64 in which epoch `epoch` goes through the training samples."""
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(samples)
