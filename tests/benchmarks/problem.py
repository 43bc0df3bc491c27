"""What the contestants train: one net, the same samples, weights and order of batches for all.

A unit of work is an epoch; where a batch is the whole training set, that is one step.  Nothing
here needs more than NumPy, because a peer's environment has not more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fmstudy.data import dataset
from fmstudy.engines.initial import batch_order, initial_weights
from fmstudy.study.spec import RunSpec

SEED = 1
# Adam as Keras has it by default.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7


@dataclass(frozen=True)
class Problem:
    """A net to train, on the first samples of the study's data.

    spec       what is trained; `epochs` is how many epochs have an order of batches
    data       the directory that holds x_train.npy and its like
    evaluated  whether a unit includes the evaluation on the test set, as in each epoch of the study
    compact    whether the study's full-batch engine leaves blank pixels out
    """

    spec: RunSpec
    data: str
    evaluated: bool = False
    compact: bool = True

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Problem:
        """Read a problem back from `as_dict`."""
        return cls(**{**values, "spec": RunSpec.from_dict(values["spec"])})

    def as_dict(self) -> dict[str, Any]:
        """Give the problem in plain built-in types, for JSON."""
        return {**asdict(self), "spec": self.spec.as_dict()}

    @property
    def samples(self) -> int:
        """How many training samples an epoch goes through."""
        return self.spec.fitted_samples

    @property
    def arithmetic(self) -> float:
        """Floating-point operations of the matrix products of a unit."""
        looked = self.spec.test_samples if self.evaluated else 0
        spec = self.spec
        return spec.step_arithmetic * self.samples + spec.forward_arithmetic * looked

    @cached_property
    def features_major(self) -> tuple[np.ndarray, np.ndarray]:
        """Images (784, n) and one-hot labels (10, n), float32, as the study's files have them."""
        return dataset.load_tensors(self.data, "train", self.samples)

    @cached_property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """The test set, likewise."""
        return dataset.load_tensors(self.data, "test", self.spec.test_samples)

    def samples_major(self) -> tuple[np.ndarray, np.ndarray]:
        """Images (n, 784) float32 and labels (n,) int64, in memory."""
        x, labels = self.features_major
        return np.ascontiguousarray(x.T), labels.argmax(axis=0)

    def weights(self) -> list[np.ndarray]:
        """Initial coefficients of each layer, (units, inputs) float32; biases start from 0."""
        return initial_weights(self.spec, SEED)

    def batches(self, epoch: int) -> list[np.ndarray]:
        """Which samples each step of an epoch takes; the last batch may be smaller."""
        if self.spec.batch_size is None:
            return [np.arange(self.samples)]
        order = batch_order(self.samples, SEED, epoch)
        return np.split(order, range(self.spec.batch_size, self.samples, self.spec.batch_size))

    def chunks(self, size: int) -> Iterator[slice]:
        """Slices that cut the samples into chunks of a size, the last one perhaps shorter."""
        return (slice(i, min(i + size, self.samples)) for i in range(0, self.samples, size))
