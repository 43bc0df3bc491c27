"""How TensorFlow works in a job, and the optimizers that both engines use."""

from __future__ import annotations

import keras
import tensorflow as tf

from fmstudy.optimizers import Adam

OPTIMIZERS = {"adam": Adam, "sgd": keras.optimizers.SGD}


def prepare_device(threads: int) -> None:
    """Give TensorFlow `threads` threads and deterministic kernels; call before any operation."""
    tf.config.set_visible_devices([], "GPU")  # the same results with and without one
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
