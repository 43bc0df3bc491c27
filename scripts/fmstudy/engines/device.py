"""TensorFlow's settings in a job: device, threads, compiled functions, data layout, optimizers.

`python -m fmstudy.engines.device` says why there is no GPU to train on, or nothing if there is one.
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fmstudy import runtime
from fmstudy.data.dataset import release_pages
from fmstudy.engines.optimizers import Adam

# Loops over tensors use tf.while_loop, so AutoGraph is not needed; its first use in a job would
# take half a second.
compiled = functools.partial(tf.function, autograph=False)

OPTIMIZERS = {"adam": Adam, "sgd": keras.optimizers.SGD}


def prepare_device(threads: int, device: str = "cpu") -> None:
    """Give TensorFlow a device, `threads` threads, and deterministic kernels.

    Call it before any operation.  "cpu" hides all GPUs, so results are the same with and without
    one.  "gpu" uses the first one, whose memory other jobs share, and float32 at full precision:
    by default, TensorFlow would round the factors of products to TF32, which has 10 bits of
    mantissa instead of 23.  Raises StudyError if there is no GPU.
    """
    gpus = []
    if device == "gpu":
        if problem := why_no_gpu():
            raise runtime.StudyError(f"device: gpu: {problem}")
        gpus = tf.config.list_physical_devices("GPU")[:1]
        tf.config.experimental.set_memory_growth(gpus[0], True)
        tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.config.set_visible_devices(gpus, "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()


def why_no_gpu() -> str:
    """Say why TensorFlow has no GPU, and what to do; "" if it has one."""
    if tf.config.list_physical_devices("GPU"):
        return ""
    if tf.test.is_built_with_cuda():
        build, remedy = "GPUs", "Check the driver, whose command nvidia-smi lists the GPUs"
    else:
        build, remedy = "CPUs", "Run make gpu, on Linux with an NVIDIA GPU"
    return f"TensorFlow (its build for {build}) finds no GPU here. {remedy}, or set device: cpu."


def machine() -> dict[str, Any]:
    """Describe the machine like `runtime.machine`, with the GPU, if any, as a second processor."""
    described = runtime.machine()
    for gpu in tf.config.get_visible_devices("GPU"):
        name = tf.config.experimental.get_device_details(gpu).get("device_name", "unknown GPU")
        described["processor"] += f" + {name}"
    return described


def samples_major(x: np.ndarray) -> tf.Tensor:
    """Transpose x (features, n), which may be mapped from a file, to a tensor (n, features)."""
    transposed = np.ascontiguousarray(x.T)
    release_pages(x)  # before the next copy
    return tf.constant(transposed)


if __name__ == "__main__":
    print(why_no_gpu())
