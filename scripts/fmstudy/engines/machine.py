"""The machine's speed at the main operation of training: products of float32 matrices."""

from __future__ import annotations

import statistics
import time

import pandas as pd
import tensorflow as tf

from fmstudy.engines import device

SIZE, REPETITIONS = 2048, 5


def product_rate(threads: int, size: int = SIZE, repetitions: int = REPETITIONS) -> pd.DataFrame:
    """Measure the rate of TensorFlow's product of two (size, size) matrices, as one row.

    The median, slowest and fastest repetition, in 10^9 operations per second, after a smaller
    warm-up product.  Other load on the machine reduces the rate, as it slows down training.
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
    return pd.DataFrame([row | device.machine()])
