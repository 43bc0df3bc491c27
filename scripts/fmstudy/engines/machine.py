"""How fast the machine is at what trainings do most: products of float32 matrices."""

from __future__ import annotations

import statistics
import time

import pandas as pd
import tensorflow as tf

from fmstudy import runtime

SIZE, REPETITIONS = 2048, 5


def product_rate(threads: int, size: int = SIZE, repetitions: int = REPETITIONS) -> pd.DataFrame:
    """A row: the operations a second of TensorFlow's product of two (size, size) matrices.

    The median of some repetitions, the slowest and the fastest, in 10^9 a second, after a smaller
    product that wakes the processor and does not count.  What else the machine does meanwhile
    slows it, as it slows a training.
    """
    random = tf.random.Generator.from_seed(1)
    a, b = (random.uniform((size, size)) for _ in range(2))
    rates = []
    tf.matmul(a[:, : size // 4], b[: size // 4]).numpy()
    for _ in range(repetitions):
        started = time.perf_counter()
        tf.matmul(a, b).numpy()
        rates.append(2.0 * size**3 / (time.perf_counter() - started) / 1e9)
    row = {
        "size": size,
        "repetitions": repetitions,
        "threads": threads,
        "product_rate": statistics.median(rates),
        "slowest": min(rates),
        "fastest": max(rates),
    }
    return pd.DataFrame([row | runtime.machine()])
