"""What a run is: everything that defines one training, and the name that follows from it.

A run is identified by its `RunSpec` and a seed.  Two places of the study that need the same
training get the same name, and so share its results.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any

FEATURES, CLASSES = 784, 10
FINISHED, DIVERGED = "finished", "diverged"  # what became of a training: both are results

# The penalties, by their names in the configuration, as readers know them.
PENALTIES = {"l1": "L1", "l1_signed": "signed L1", "l2": "L2"}

# The sections of the report that models belong to, with their titles.
SECTIONS = {"part_a": "Part A", "part_b": "Part B", "batchnorm": "Part C"}


@dataclass(frozen=True)
class RunSpec:
    """One training, but for its seed.

    engine           lowlevel (full batch, features-major TensorFlow) or keras (mini-batches)
    hidden           units of each hidden layer, from the input on; () is softmax regression
    activation       of the hidden layers: relu or sigmoid
    bias             scalar (one for a whole layer, as the source has it) or vector (one a unit)
    weight_std       standard deviation of the normal initial weights; None is Glorot uniform
    penalty, delta   what is added to the cross-entropy: delta * sum |w|, sum w or sum w^2
    dropout          share of each hidden layer's outputs set to 0 while training
    batch_norm       none, or its place: before or after the activation
    bn_momentum      of Keras' moving statistics (the low-level engine evaluates with exact ones)
    bn_epsilon       added to the batch variance
    optimizer, learning_rate
    epochs           passes over the training data
    batch_size       samples of one step; None is the whole training set
    validation_split share held out for validation: the last samples, as Keras takes them
    train_samples, test_samples   how many samples are used, counted from the first
    """

    engine: str
    hidden: tuple[int, ...] = ()
    activation: str = "relu"
    bias: str = "scalar"
    weight_std: float | None = 0.05
    penalty: str = "none"
    delta: float = 0.0
    dropout: float = 0.0
    batch_norm: str = "none"
    bn_momentum: float = 0.99
    bn_epsilon: float = 0.001
    optimizer: str = "adam"
    learning_rate: float = 0.001
    epochs: int = 200
    batch_size: int | None = None
    validation_split: float = 0.0
    train_samples: int = 60_000
    test_samples: int = 10_000

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunSpec:
        """Read a specification back from `as_dict`."""
        return cls(**{**values, "hidden": tuple(values["hidden"])})

    def as_dict(self) -> dict[str, Any]:
        """Give the specification in plain built-in types, for parameters and JSON."""
        return {**asdict(self), "hidden": list(self.hidden)}

    def varied(self, **changes: Any) -> RunSpec:
        """Give the same run with some of its fields changed."""
        return replace(self, **changes)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of every layer from the input to the output: (784, ..., 10)."""
        return (FEATURES, *self.hidden, CLASSES)

    @property
    def fitted_samples(self) -> int:
        """Training samples left for fitting when the validation part is held out.

        Keras cuts at floor(n * (1 - split)), in floating point; so does this.
        """
        return int(self.train_samples * (1.0 - self.validation_split))

    @property
    def parameters(self) -> int:
        """Number of trainable numbers: weights, biases, and gamma and beta of normalized units."""
        sizes = self.layer_sizes
        weights = sum(before * after for before, after in itertools.pairwise(sizes))
        biased = list(sizes[1:])
        if self.batch_norm == "before":  # beta takes the part of the bias
            biased = [CLASSES]
        biases = len(biased) if self.bias == "scalar" else sum(biased)
        normalized = 0 if self.batch_norm == "none" else 2 * sum(self.hidden)
        return weights + biases + normalized

    @property
    def products(self) -> tuple[float, ...]:
        """Floating-point operations of each layer's product W x of one sample: 2 a weight."""
        return tuple(2.0 * before * after for before, after in itertools.pairwise(self.layer_sizes))

    @property
    def forward_arithmetic(self) -> float:
        """Floating-point operations of the matrix products of one sample's way to the logits."""
        return sum(self.products)

    @property
    def step_arithmetic(self) -> float:
        """The same of one sample in a step of training.

        One product forward and two backward (for weights and for inputs), of which the first
        layer's last is not needed.
        """
        return 3.0 * self.forward_arithmetic - self.products[0]

    @property
    def arithmetic(self) -> float:
        """The same of the whole training with its evaluation."""
        return self.arithmetic_of(self.epochs)

    def arithmetic_of(self, epochs: int) -> float:
        """The same of so many epochs, after which a training may have ended early.

        The low-level engine takes one look more than steps and follows the test set; Keras
        evaluates training and validation part after each epoch, and the test set once.
        """
        forward, step = self.forward_arithmetic, self.step_arithmetic
        if self.engine == "lowlevel":
            return (epochs + 1) * (step * self.train_samples + forward * self.test_samples)
        stepped = epochs * step * self.fitted_samples
        looked = (epochs + 1) * forward * self.train_samples
        return stepped + looked + forward * self.test_samples

    @property
    def name(self) -> str:
        """The run's name: layers first, then whatever departs from its engine's reference."""
        net = "-".join(["mlp", *map(str, self.hidden)]) if self.hidden else "softmax"
        reference = REFERENCE[self.engine]
        parts = [net if self.engine == "lowlevel" else f"{self.engine}-{net}"]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _NAMED and value != getattr(reference, field.name):
                parts.append(_NAMED[field.name](self))
        samples = (self.train_samples, self.test_samples)
        if samples != (reference.train_samples, reference.test_samples):
            parts.append(f"n-{self.train_samples}-{self.test_samples}")
        return "_".join(part for part in parts if part)


# Names count from these, not from the configuration: an edited default must not rename old runs.
REFERENCE = {
    "lowlevel": RunSpec("lowlevel"),
    "keras": RunSpec(
        "keras",
        bias="vector",
        weight_std=None,
        epochs=20,
        batch_size=256,
        validation_split=0.2,
    ),
}

_NAMED = {
    "activation": lambda run: run.activation,
    "bias": lambda run: f"{run.bias}-bias",
    "weight_std": lambda run: (
        "glorot" if run.weight_std is None else f"std-{number(run.weight_std)}"
    ),
    "penalty": lambda run: f"{run.penalty.replace('_', '-')}-{number(run.delta)}",
    "dropout": lambda run: f"dropout-{number(run.dropout)}",
    "batch_norm": lambda run: f"bn-{run.batch_norm}",
    "bn_momentum": lambda run: f"momentum-{number(run.bn_momentum)}",
    "bn_epsilon": lambda run: f"epsilon-{number(run.bn_epsilon)}",
    "optimizer": lambda run: run.optimizer,
    "learning_rate": lambda run: f"rate-{number(run.learning_rate)}",
    "epochs": lambda run: f"epochs-{run.epochs}",
    "batch_size": lambda run: f"batch-{run.batch_size}",
    "validation_split": lambda run: f"validation-{number(run.validation_split)}",
}


def number(value: float) -> str:
    """Write a number exactly and shortly, as it stands in run names: 300, 0.3, 1e-4, 2.5e-3."""
    decimal = Decimal(repr(float(value))).normalize()
    if decimal == 0:
        return "0"
    mantissa, exponent = f"{decimal:e}".split("e")
    if -3 < int(exponent) < 6:
        return f"{decimal:f}"
    return f"{mantissa}e{int(exponent)}"
