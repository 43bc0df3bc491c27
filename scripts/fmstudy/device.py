"""How TensorFlow works in a job, what takes the data there, and the engines' optimizers."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from fmstudy.dataset import release_pages
from fmstudy.optimizers import Adam

OPTIMIZERS = {"adam": Adam, "sgd": keras.optimizers.SGD}


def prepare_device(threads: int) -> None:
    """Give TensorFlow `threads` threads and deterministic kernels; call before any operation."""
    tf.config.set_visible_devices([], "GPU")  # the same results with and without one
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def samples_major(x: np.ndarray, part: int = 15_000) -> tf.Tensor:
    """Turn x (features, n), perhaps mapped from a file, to a tensor (n, features).

    Part by part, so that the images are at no time three times in memory; parts of more than 32 MB
    are given back to the system when they are done with.
    """
    turned = []
    for start in range(0, x.shape[1], part):
        turned.append(tf.constant(np.ascontiguousarray(x[:, start : start + part].T)))
        release_pages(x)
    return tf.concat(turned, axis=0)
