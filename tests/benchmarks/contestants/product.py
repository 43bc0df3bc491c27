"""The yardstick: TensorFlow's own float32 product of two large matrices."""

from __future__ import annotations

import tensorflow as tf

from benchmarks.contestants import Form
from benchmarks.problem import Problem
from fmstudy.engines.device import prepare_device

SIZE = 4096


class Product:
    """Multiplies; a sum of a few elements keeps the product from being left out."""

    def __init__(self) -> None:
        prepare_device(1)
        generator = tf.random.Generator.from_seed(1)
        a, b = generator.normal((SIZE, SIZE)), generator.normal((SIZE, SIZE))
        self.product = tf.function(lambda: tf.reduce_sum(tf.matmul(a, b)[0, :4]))

    def run(self, first: int, count: int) -> list[float]:
        return [float(self.product()) for _ in range(count)]


def forms(problem: Problem) -> dict[str, Form]:
    return {"graph": lambda _: Product()}
