"""Who takes part, each in a module of its own that imports its framework.

A module has `forms(problem)`, the ways in which its framework does the problem's work, by name,
the fastest of which is measured, and `versions()`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from benchmarks.problem import Problem


class Course(Protocol):
    """A training that has begun."""

    def run(self, first: int, count: int) -> list[float]:
        """Go on for `count` epochs, in the orders of the epochs `first`, `first` + 1, ...

        Gives the mean loss of each epoch's batches, each before its step; NaN where it cannot be
        told, or where the order was another one.
        """
        ...


Form = Callable[[Problem], Course]


class Contestant(NamedTuple):
    """How a contestant is called, where it is found, and what it needs.

    peer         whether its package is in the environment of the optional peers
    environment  variables that must be set before its framework is imported
    """

    title: str
    module: str
    package: str
    peer: bool = False
    environment: Mapping[str, str] = MappingProxyType({})


# One thread; other frameworks are told by their functions, or by what all of them read.
_XLA = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
_INDUCTOR = {"TORCHINDUCTOR_COMPILE_THREADS": "1"}


CONTESTANTS = {
    "product": Contestant("TensorFlow's product, 4096 x 4096 x 4096", "product", "TensorFlow"),
    "study": Contestant("this study", "study", "TensorFlow"),
    "training": Contestant("this study, whole trainings", "training", "TensorFlow"),
    "eager": Contestant("TensorFlow eager, as the source's notebook", "eager", "TensorFlow"),
    "keras": Contestant("Keras fit", "keras_fit", "TensorFlow"),
    "pytorch": Contestant("PyTorch", "pytorch", "PyTorch", True, _INDUCTOR),
    "jax": Contestant("JAX with optax", "jax_optax", "JAX with optax", True, _XLA),
    "sklearn": Contestant("scikit-learn MLPClassifier", "scikit_learn", "scikit-learn"),
    "reference": Contestant("NumPy, double precision", "reference", "NumPy"),
}
