"""TensorFlow's settings in a job: threads, compiled functions, data layout, optimizers."""

from __future__ import annotations

import functools

import keras
import numpy as np
import tensorflow as tf

from fmstudy.data.dataset import release_pages
from fmstudy.engines.optimizers import Adam

# Loops over tensors use tf.while_loop, so AutoGraph is not needed; its first use in a job would
# take half a second.
compiled = functools.partial(tf.function, autograph=False)

OPTIMIZERS = {"adam": Adam, "sgd": keras.optimizers.SGD}


def prepare_device(threads: int) -> None:
    """Give TensorFlow `threads` threads and deterministic kernels; call before any operation."""
    tf.config.set_visible_devices([], "GPU")  # the same results with and without one
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def samples_major(x: np.ndarray) -> tf.Tensor:
    """Transpose x (features, n), which may be mapped from a file, to a tensor (n, features)."""
    transposed = np.ascontiguousarray(x.T)
    release_pages(x)  # before the next copy
    return tf.constant(transposed)
