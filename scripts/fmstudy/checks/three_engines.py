"""Three engines, one gradient: low-level TensorFlow and Keras against NumPy float64.

Each net starts from the study's initial weights and takes the same Adam steps on the same full
batch, with the study's training code in each engine.  NumPy uses the formulas of `reference` in
double precision; the others use single precision.

The test is on the gradients of the first step, which may differ only by rounding, about 1e-7 of the
largest entry.  There are two known exceptions:

- At 0, a ReLU has two one-sided gradients, and rounding chooses between them.  Images closer to
  that than `KINK`, by the distances in NumPy alone, are left out of the batch in advance.
- A scalar bias of the softmax layer shifts all logits alike, which does not affect the softmax.
  Its gradient is exactly 0, the sum of terms, one per class, that cancel.  So its deviation is
  relative to the largest of them.

Trajectories have no tolerance, because they show less.  Adam divides each gradient by its own size,
so gradients with a wrong constant factor give nearly the same steps.  And differences grow: where a
gradient is nearly 0, as for pixels that are nearly always black, rounding becomes a step of up to
the learning rate, and images cross kinks.  A few weights diverge, while the loss hardly changes.

Adam itself is not the cause.  In single precision, 1 - 0.999 is off by a relative 1.3e-5, but the
fused update of both engines uses that value in the second moment and in the bias correction alike,
so it cancels: its steps deviate from double precision by 2e-6 at most.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from fmstudy.checks import reference
from fmstudy.data.dataset import load_tensors
from fmstudy.engines.chunks import Chunks
from fmstudy.engines.device import samples_major
from fmstudy.engines.full_batch import full_batch_gradients, train_lowlevel
from fmstudy.engines.initial import initial_weights
from fmstudy.engines.keras_models import build_model, compiled_epoch
from fmstudy.engines.network import Network
from fmstudy.study.spec import PENALTIES, RunSpec

Row = dict[str, Any]

TOLERANCE = 1e-5  # of gradients: about eighty roundings in single precision
KINK = 2e-6  # of a ReLU's input, which is off by 1e-7 to 5e-7 (RMS) in single precision
CHUNK = 100  # samples: several chunks and a shorter one, to test their sum as well
SEED = 1

_SHARED = RunSpec("lowlevel", bias="vector")  # possible in both engines
_DEEP = _SHARED.varied(hidden=(300, 100))
# Only in the low-level engine.  Strong, so that an error of 0.1 % in a penalty would show.
_PENALIZED = _DEEP.varied(bias="scalar", delta=0.001)

NETS = {
    "Softmax": _SHARED,
    "300 ReLU": _SHARED.varied(hidden=(300,)),
    "300-100 ReLU": _DEEP,
    "300-100 sigmoid": _DEEP.varied(activation="sigmoid"),
    "300-100 ReLU, batch normalization": _DEEP.varied(batch_norm="before"),
    **{
        f"300-100 ReLU, scalar biases, {name}": _PENALIZED.varied(penalty=penalty)
        for penalty, name in PENALTIES.items()
    },
}


class Batch(NamedTuple):
    """Images (features, n) and one-hot labels (classes, n), float32."""

    x: np.ndarray
    labels: np.ndarray

    def double(self) -> tuple[np.ndarray, np.ndarray]:
        """The same in float64."""
        return self.x.astype(np.float64), self.labels.astype(np.float64)


@dataclass(frozen=True)
class Trajectory:
    """A training in one engine.

    gradients      of loss + penalty w.r.t. every parameter at the start, by the reference's names
    losses         loss and penalty before each step and after the last, (steps + 1, 2)
    parameters     after the last step
    probabilities  of the images after the last step, (classes, n)
    """

    gradients: Mapping[str, np.ndarray]
    losses: np.ndarray
    parameters: Mapping[str, np.ndarray]
    probabilities: np.ndarray


# ------------------------------------------------------------------------------- the engines
def reference_net(spec: RunSpec) -> reference.Net:
    """Convert a specification to the reference's net."""
    penalty, batch_norm = (spec.penalty, spec.delta), (spec.batch_norm, spec.bn_epsilon)
    return reference.Net(len(spec.hidden) + 1, spec.activation, *penalty, *batch_norm)


def initial_parameters(spec: RunSpec, seed: int) -> reference.Parameters:
    """Return initial parameters in float64: the seed's weights, biases and betas 0, gammas 1."""
    p: reference.Parameters = {}
    weights = initial_weights(spec, seed)
    for layer, w in enumerate(weights):
        units, last = (w.shape[0], 1), layer == len(weights) - 1
        p[f"coefficients{layer}"] = w.astype(np.float64)
        if last or spec.batch_norm != "before":
            p[f"bias{layer}"] = np.zeros(units if spec.bias == "vector" else ())
        if not last and spec.batch_norm != "none":
            p[f"gamma{layer}"], p[f"beta{layer}"] = np.ones(units), np.zeros(units)
    return p


def numpy_trajectory(spec: RunSpec, seed: int, batch: Batch, steps: int) -> Trajectory:
    """Compute the trajectory in NumPy float64."""
    net, p, (x, labels) = reference_net(spec), initial_parameters(spec, seed), batch.double()
    adam = reference.Adam(spec.learning_rate)
    first = seen = reference.evaluate(net, p, x, labels)
    losses = [(seen.loss, seen.penalty)]
    for _ in range(steps):
        p = adam.step(p, seen.gradients)
        seen = reference.evaluate(net, p, x, labels)
        losses.append((seen.loss, seen.penalty))
    probabilities = reference.softmax(reference.logits(net, p, x))
    return Trajectory(first.gradients, np.array(losses), p, probabilities)


def lowlevel_trajectory(spec: RunSpec, seed: int, batch: Batch, steps: int) -> Trajectory:
    """Compute the trajectory in the low-level engine, with the training of Part A."""
    network = Network(spec, seed)
    chunks = Chunks(batch.x, batch.labels, CHUNK)
    seen = full_batch_gradients(network, chunks)
    names = list(network.named_arrays())
    trained = train_lowlevel(spec.varied(epochs=steps), seed, batch, batch, chunk=CHUNK)
    rows = trained.history.rows
    return Trajectory(
        dict(zip(names, (gradient.numpy() for gradient in seen.gradients), strict=True)),
        np.array([(loss, penalty) for _, split, loss, penalty, _ in rows if split == "train"]),
        {name: trained.weights[name] for name in names},
        trained.predictions,
    )


def keras_trajectory(spec: RunSpec, seed: int, batch: Batch, steps: int) -> Trajectory:
    """Compute the trajectory of the Keras model, with the loss, optimizer and step of Part B.

    Probabilities are those in training mode, normalized by batch statistics as in the other
    engines: in a few steps, Keras' moving averages hardly change.
    """
    n = batch.x.shape[1]
    model = build_model(spec.varied(batch_size=n, train_samples=n), seed)
    variables = _keras_variables(model)
    x, labels = samples_major(batch.x), tf.constant(batch.labels.argmax(axis=0))

    def evaluate() -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = model.loss(labels, logits)
        return loss, logits, tape.gradient(loss, list(variables.values()))

    _, _, first = evaluate()
    epoch = compiled_epoch(model, (x, labels), n)
    losses = [float(epoch(tf.range(n))[0]) for _ in range(steps)]  # an epoch of one step each
    loss, logits, _ = evaluate()
    losses.append(float(loss))
    return Trajectory(
        {name: _features_major(g) for name, g in zip(variables, first, strict=True)},
        np.stack([losses, np.zeros(steps + 1)], axis=1),  # the Keras models have no penalty
        {name: _features_major(variable.value) for name, variable in variables.items()},
        tf.nn.softmax(logits).numpy().T,
    )


def _keras_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Return the trainable variables by the reference's names, such as coefficients1."""
    names = {"kernel": "coefficients", "bias": "bias", "gamma": "gamma", "beta": "beta"}
    return {
        names[variable.name] + layer.name.lstrip(ascii_lowercase): variable
        for layer in model.layers
        for variable in layer.trainable_variables
    }


def _features_major(value: tf.Tensor) -> np.ndarray:
    array: np.ndarray = value.numpy()
    return array.T if array.ndim == 2 else array[:, np.newaxis]


# ---------------------------------------------------------------------------- the comparison
def without_kinks(spec: RunSpec, seed: int, batch: Batch) -> Batch:
    """Return the batch without images that are initially closer than `KINK` to a ReLU's kink."""
    net, start = reference_net(spec), initial_parameters(spec, seed)
    while True:  # with batch normalization, the distances depend on the batch
        clear = reference.kink_distances(net, start, batch.double()[0]) >= KINK
        if clear.all():
            return batch
        batch = Batch(batch.x[:, clear], batch.labels[:, clear])


def gradient_sizes(spec: RunSpec, seed: int, batch: Batch, first: Trajectory) -> dict[str, float]:
    """Return the size of each gradient, which deviations are relative to: its largest entry.

    `first` is NumPy's trajectory.  For a softmax layer's scalar bias, see above.
    """
    sizes = {name: _largest(gradient) for name, gradient in first.gradients.items()}
    if spec.bias == "scalar":
        name = f"bias{len(spec.hidden)}"
        one_per_class = initial_parameters(spec, seed) | {name: np.zeros((len(batch.labels), 1))}
        found = reference.evaluate(reference_net(spec), one_per_class, *batch.double())
        sizes[name] = _largest(found.gradients[name])
    return sizes


def gradient_deviations(
    given: Trajectory, expected: Trajectory, sizes: Mapping[str, float]
) -> dict[str, float]:
    """Return, for each tensor, the largest |given - expected| relative to the gradient's size.

    Raises ValueError if the engines do not have the same tensors.
    """
    if set(given.gradients) != set(expected.gradients):
        raise ValueError(f"{sorted(given.gradients)} is not {sorted(expected.gradients)}")
    return {
        name: _share(_farthest(given.gradients[name], gradient), sizes[name])
        for name, gradient in expected.gradients.items()
    }


def trajectory_deviations(given: Trajectory, expected: Trajectory) -> dict[str, float]:
    """Return the deviations of one trajectory from another.

    loss         largest deviation of loss and of penalty at any step, relative to their sum there
    weight       largest deviation of a parameter at the end, relative to the largest parameter
    probability  largest deviation of a probability at the end
    """
    sums = np.abs(expected.losses).sum(axis=1, keepdims=True)
    farthest = max(_farthest(given.parameters[name], p) for name, p in expected.parameters.items())
    return {
        "loss": _largest((given.losses - expected.losses) / sums),
        "weight": _share(farthest, max(map(_largest, expected.parameters.values()))),
        "probability": _farthest(given.probabilities, expected.probabilities),
    }


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max())  # NaN if there is one


def _farthest(given: np.ndarray, expected: np.ndarray) -> float:
    if np.shape(given) != np.shape(expected):  # which NumPy might stretch to fit
        raise ValueError(f"the shape {np.shape(given)} is not {np.shape(expected)}")
    return _largest(np.subtract(given, expected, dtype=np.float64))


def _share(deviation: float, size: float) -> float:
    if size == 0.0:
        return 0.0 if deviation == 0.0 else float("inf")
    return deviation / size


def compare(title: str, spec: RunSpec, batch: Batch, steps: int, seed: int = SEED) -> list[Row]:
    """One row per engine that supports this net: its deviations from NumPy.

    gradient is the largest deviation, that of `tensor`; kept is yes if it is finite and within
    `TOLERANCE`.  loss, weight and probability are the deviations of the trajectory.
    """
    smooth = without_kinks(spec, seed, batch)
    expected = numpy_trajectory(spec, seed, smooth, steps)
    trajectories = {"lowlevel": lowlevel_trajectory(spec, seed, smooth, steps)}
    if spec.bias == "vector" and spec.penalty == "none":
        trajectories["keras"] = keras_trajectory(spec, seed, smooth, steps)
    sizes = gradient_sizes(spec, seed, smooth, expected)
    rows = []
    for engine, trajectory in trajectories.items():
        gradients = gradient_deviations(trajectory, expected, sizes)
        tensor = max(gradients, key=lambda name: (np.isnan(gradients[name]), gradients[name]))
        rows.append(
            {
                "title": title,
                "engine": engine,
                "images": smooth.x.shape[1],
                "left_out": batch.x.shape[1] - smooth.x.shape[1],
                "steps": steps,
                "gradient": gradients[tensor],
                "tensor": tensor,
                "tolerance": TOLERANCE,
                "kept": "yes" if gradients[tensor] <= TOLERANCE else "no",
                **trajectory_deviations(trajectory, expected),
            }
        )
    return rows


def compare_engines(folder: Path, images: int, steps: int) -> pd.DataFrame:
    """Return the table of the engines, on the first training images in a folder of tensors."""
    return engines_table(*load_tensors(folder, "train", images), steps)


def engines_table(
    x: np.ndarray, labels: np.ndarray, steps: int, nets: Mapping[str, RunSpec] = NETS
) -> pd.DataFrame:
    """One row per net and engine, from images (features, n) and one-hot labels (classes, n)."""
    batch, ends = Batch(x, labels), {"features": len(x), "classes": len(labels)}
    rows = [compare(title, spec.varied(**ends), batch, steps) for title, spec in nets.items()]
    return pd.DataFrame(itertools.chain.from_iterable(rows))
