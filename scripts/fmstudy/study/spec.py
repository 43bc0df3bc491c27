"""The specification of a run: everything that defines a training, and the run's name.

A run is identified by its `RunSpec` and a seed.  Two places of the study that need the same
training have the same run name and share its results.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any

FINISHED, DIVERGED = "finished", "diverged"  # outcomes of a training; both are results

# The names of the penalties in the configuration, and how readers know them.
PENALTIES = {"l1": "L1", "l1_signed": "signed L1", "l2": "L2"}

# Sections of the report, with their titles: of parts of a source, and without one.
SECTIONS = {
    "part_a": ("Part A", "Low-level TensorFlow"),
    "part_b": ("Part B", "Keras"),
    "batchnorm": ("Part C", "Batch normalization"),
}


def section_titles(has_source: bool) -> dict[str, str]:
    """Return the title of each section, which depends on whether the study checks a source."""
    return {section: titles[not has_source] for section, titles in SECTIONS.items()}


@dataclass(frozen=True)
class RunSpec:
    """One training, without its seed.

    engine           lowlevel (full batch, features-major TensorFlow) or keras (mini-batches)
    hidden           units of each hidden layer, starting at the input; () is softmax regression
    activation       of the hidden layers: relu or sigmoid
    bias             scalar (one per layer, as in the source) or vector (one per unit)
    weight_std       standard deviation of the normal initial weights; None is Glorot uniform
    penalty, delta   added to the cross-entropy: delta times sum |w|, sum w, or sum w^2
    dropout          fraction of each hidden layer's outputs set to 0 during training
    batch_norm       none, or its placement: before or after the activation
    bn_momentum      of Keras' moving statistics (the low-level engine uses exact statistics)
    bn_epsilon       added to the batch variance
    optimizer, learning_rate
    epochs           passes over the training data
    batch_size       samples per step; None is the whole training set
    validation_split fraction held out for validation: the last samples, as in Keras
    train_samples, test_samples   numbers of samples used, from the first
    features, classes   pixels of an image, and classes of the data set
    train_metrics_samples   Keras: fitted samples, from the first, that the training metrics of each
                     epoch are computed on; None is all of them.  The final ones are always of all
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
    features: int = 784
    classes: int = 10
    train_metrics_samples: int | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunSpec:
        """Read a specification back from `as_dict`."""
        return cls(**{**values, "hidden": tuple(values["hidden"])})

    def as_dict(self) -> dict[str, Any]:
        """Return the specification in plain built-in types, for parameters and JSON."""
        return {**asdict(self), "hidden": list(self.hidden)}

    def varied(self, **changes: Any) -> RunSpec:
        """Return a copy with some fields changed."""
        return replace(self, **changes)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of every layer from the input to the output: (features, ..., classes)."""
        return (self.features, *self.hidden, self.classes)

    @property
    def fitted_samples(self) -> int:
        """Training samples left for fitting after the validation part is held out.

        Like Keras, this is floor(n * (1 - split)) in floating point.
        """
        return int(self.train_samples * (1.0 - self.validation_split))

    @property
    def followed_samples(self) -> int:
        """Fitted samples that the training metrics of each epoch are computed on."""
        return min(self.train_metrics_samples or self.fitted_samples, self.fitted_samples)

    @property
    def parameters(self) -> int:
        """Number of trainable parameters: weights, biases, gammas and betas."""
        sizes = self.layer_sizes
        weights = sum(before * after for before, after in itertools.pairwise(sizes))
        biased = list(sizes[1:])
        if self.batch_norm == "before":  # beta replaces the bias
            biased = [self.classes]
        biases = len(biased) if self.bias == "scalar" else sum(biased)
        normalized = 0 if self.batch_norm == "none" else 2 * sum(self.hidden)
        return weights + biases + normalized

    @property
    def products(self) -> tuple[float, ...]:
        """Floating-point operations per sample of each layer's product W x: 2 per weight."""
        return tuple(2.0 * before * after for before, after in itertools.pairwise(self.layer_sizes))

    @property
    def forward_arithmetic(self) -> float:
        """Floating-point operations per sample of the matrix products of a forward pass."""
        return sum(self.products)

    @property
    def step_arithmetic(self) -> float:
        """Floating-point operations per sample of a training step.

        One product forward and two backward (for weights and for inputs) per layer; the first
        layer needs no gradient of its inputs.
        """
        return 3.0 * self.forward_arithmetic - self.products[0]

    @property
    def arithmetic(self) -> float:
        """Floating-point operations of the whole training, evaluation included."""
        return self.arithmetic_of(self.epochs)

    def arithmetic_of(self, epochs: int) -> float:
        """Floating-point operations of this many epochs, since a training may end early.

        The low-level engine computes one more gradient than steps and evaluates the test set after
        each epoch.  Keras evaluates the followed training samples and the validation part before
        and after each epoch, and in the end the test set and, unless it followed them all, the
        fitted samples.
        """
        forward, step = self.forward_arithmetic, self.step_arithmetic
        if self.engine == "lowlevel":
            return (epochs + 1) * (step * self.train_samples + forward * self.test_samples)
        stepped = epochs * step * self.fitted_samples
        followed, fitted = self.followed_samples, self.fitted_samples
        evaluated = (epochs + 1) * (followed + self.train_samples - fitted)
        evaluated += self.test_samples + (fitted if followed < fitted else 0)
        return stepped + forward * evaluated

    @property
    def name(self) -> str:
        """The run's name: the layers, then whatever differs from its engine's reference."""
        net = "-".join(["mlp", *map(str, self.hidden)]) if self.hidden else "softmax"
        reference = REFERENCE[self.engine]
        parts = [net if self.engine == "lowlevel" else f"{self.engine}-{net}"]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in _IN_OTHER_PARTS and value != getattr(reference, field.name):
                parts.append(self._name_part(field.name, value))
        samples = (self.train_samples, self.test_samples)
        if samples != (reference.train_samples, reference.test_samples):
            parts.append(f"n-{self.train_samples}-{self.test_samples}")
        return "_".join(parts)

    def _name_part(self, option: str, value: Any) -> str:
        match option, value:
            case "activation" | "optimizer", _:
                return str(value)
            case "bias", _:
                return f"{value}-bias"
            case "penalty", _:
                return f"{value.replace('_', '-')}-{number(self.delta)}"
            case "weight_std", None:
                return "glorot"
            case "train_metrics_samples", None:
                return "followed-all"
        name = _SHORT.get(option, option.replace("_", "-"))
        return f"{name}-{number(value) if isinstance(value, float) else value}"


# Names are relative to these, not to the configuration: edited defaults must not rename old runs.
REFERENCE = {
    "lowlevel": RunSpec("lowlevel"),
    "keras": RunSpec(
        "keras",
        bias="vector",
        weight_std=None,
        epochs=20,
        batch_size=256,
        validation_split=0.2,
        train_metrics_samples=10_000,
    ),
}

# Options that only one engine has.
ONLY = {
    "lowlevel": {"bias", "weight_std", "penalty", "delta"},
    "keras": {"dropout", "batch_size", "validation_split", "bn_momentum", "train_metrics_samples"},
}


# How names call options; others have their own name, such as dropout-0.3.
_SHORT = {"weight_std": "std", "batch_norm": "bn", "bn_momentum": "momentum"}
_SHORT |= {"bn_epsilon": "epsilon", "learning_rate": "rate"}
_SHORT |= {"batch_size": "batch", "validation_split": "validation"}
_SHORT |= {"train_metrics_samples": "followed"}
_IN_OTHER_PARTS = {"engine", "hidden", "delta", "train_samples", "test_samples"}
_IN_OTHER_PARTS |= {"features", "classes"}  # of the data set


def number(value: float) -> str:
    """Format a number exactly and briefly, as in run names: 300, 0.3, 1e-4, 2.5e-3."""
    decimal = Decimal(repr(float(value))).normalize()
    if decimal == 0:
        return "0"
    mantissa, exponent = f"{decimal:e}".split("e")
    if -3 < int(exponent) < 6:
        return f"{decimal:f}"
    return f"{mantissa}e{int(exponent)}"
