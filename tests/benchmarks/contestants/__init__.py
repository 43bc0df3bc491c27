"""Who takes part, each in a module of its own that imports its framework.

A module has `forms(problem)`, the ways in which its framework does the problem's work, by name;
the fastest of them is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """A contestant's title, module, and packages.

    peer         whether it runs in the environment of the optional peers
    environment  variables that must be set before its framework is imported
    """

    title: str
    module: str
    packages: Sequence[str]
    peer: bool = False
    environment: Mapping[str, str] = MappingProxyType({})


# One thread; other frameworks are told by their functions, or by what all of them read.
_XLA = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
_INDUCTOR = {"TORCHINDUCTOR_COMPILE_THREADS": "1"}
_KERAS = ("tensorflow", "keras", "numpy")


CONTESTANTS = {
    "product": Contestant("TensorFlow's product, 4096 x 4096 x 4096", "product", ["tensorflow"]),
    "study": Contestant("this study", "study", _KERAS),
    "training": Contestant("this study, whole trainings", "training", _KERAS),
    "eager": Contestant("TensorFlow eager, as the source's notebook", "eager", _KERAS),
    "keras": Contestant("Keras fit", "keras_fit", _KERAS),
    "pytorch": Contestant("PyTorch", "pytorch", ["torch"], True, _INDUCTOR),
    "jax": Contestant("JAX with optax", "jax_optax", ["jax", "jaxlib", "optax"], True, _XLA),
    "sklearn": Contestant("scikit-learn MLPClassifier", "scikit_learn", ["scikit-learn", "numpy"]),
    "reference": Contestant("NumPy, double precision", "reference", ["numpy"]),
}
