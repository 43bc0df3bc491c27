"""What the tests share: a quiet TensorFlow on one thread, and a handful of random samples."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before TensorFlow is imported anywhere

from collections.abc import Callable

import numpy as np
import pytest

Samples = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def one_thread() -> None:
    """TensorFlow as a training job has it: one thread, deterministic kernels."""
    from fmstudy.device import prepare_device

    prepare_device(1)


@pytest.fixture(scope="session")
def samples() -> Callable[..., Samples]:
    """Makes x (784, n) float32 in [0, 1] and one-hot labels (10, n) float32, random by `seed`."""

    def make(n: int, seed: int = 0) -> Samples:
        random = np.random.default_rng([20, seed])
        x = random.uniform(0.0, 1.0, (784, n)) * (random.uniform(size=(784, n)) < 0.5)
        labels = np.eye(10)[:, random.integers(0, 10, n)]
        return x.astype(np.float32), labels.astype(np.float32)

    return make
