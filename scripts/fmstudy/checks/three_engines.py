"""Three engines, one gradient: low-level TensorFlow and Keras against NumPy float64.

Each net starts from the weights that the study gives it, sees the same images as one full batch,
and takes the same steps of Adam, in each engine by the code that the study trains with.  NumPy is
the derivation by hand of `reference`, in double precision; the others work in single precision.

The gradients of the first step are the test.  They are the same function at the same point, so
only rounding may set them apart, and that is about 1e-7 of the largest.  Two exceptions are known
beforehand:

- Where a ReLU's input is 0 there are two gradients, left and right, and rounding chooses.  An
  image that comes nearer to that than `KINK` is left out of the batch, by the distances in NumPy
  alone, before any engine is asked.
- A scalar bias of the softmax layer shifts all logits alike, which softmax does not see.  Its
  gradient is exactly 0, a sum of ten that cancel, one a class; what an engine has there is held
  against the largest of the ten.

Trajectories are told without a tolerance, for what they show is less.  Adam divides a gradient by
its own size: a gradient that is wrong by a constant factor gives nearly the same steps, so equal
trajectories do not prove equal gradients.  And a difference, once there, grows: where a gradient
is nearly 0, as behind pixels that are nearly always black, rounding becomes a step of up to the
learning rate, and on the way images cross kinks.  A few weights go far apart, the loss hardly.

In most nets that has one cause.  Keras computes Adam's correction sqrt(1 - b2^t) / (1 - b1^t) in
single precision, where 1 - 0.999 has five digits left: the steps are too short by about 1e-5 of
themselves.  Both engines take this optimizer, so they go the same way.  Therefore they are held
against two courses of NumPy: one in double precision throughout, and one with that correction,
and nothing else, rounded as in Keras.  What is left against the second is the rounding of the
rest, and would show whatever else is different: a moment, a parameter that is not moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

TOLERANCE = 1e-5  # of gradients: some eighty roundings of single precision
KINK = 2e-6  # of a ReLU's input, where single precision is off by 1e-7 to 5e-7 (root mean square)
CHUNK = 100  # samples: several chunks and a shorter one, so that their sum is compared, too
SEED = 1

_SHARED = RunSpec("lowlevel", bias="vector")  # what both engines can be
_DEEP = _SHARED.varied(hidden=(300, 100))
# Keras models have neither.  Strong, so that a penalty wrong by a tenth of a percent would show.
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


@dataclass(frozen=True)
class Batch:
    """Images (784, n) and one-hot labels (10, n), float32."""

    x: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Course:
    """How an engine starts, and where it gets to.

    gradients      of loss + penalty by every parameter at the start, under the reference's names
    losses         loss and penalty before each step and after the last, (steps + 1, 2)
    parameters     after the last step
    probabilities  of the images after the last step, (10, n)
    """

    gradients: Mapping[str, np.ndarray]
    losses: np.ndarray
    parameters: Mapping[str, np.ndarray]
    probabilities: np.ndarray


# ------------------------------------------------------------------------------- the engines
def net_of(spec: RunSpec) -> reference.Net:
    """A net in the reference's words."""
    return reference.Net(
        layers=len(spec.hidden) + 1,
        activation=spec.activation,
        penalty=spec.penalty,
        delta=spec.delta,
        batch_norm=spec.batch_norm,
        epsilon=spec.bn_epsilon,
    )


def start_of(spec: RunSpec, seed: int) -> reference.Parameters:
    """What a net starts from, float64: the seed's weights, biases and betas 0, gammas 1."""
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


class KerasAdam(reference.Adam):
    """The reference's Adam with its rate computed in single precision, as Keras does."""

    def folded_rate(self) -> float:
        """The rate of step t, rate sqrt(1 - b2^t) / (1 - b1^t), each operation in float32."""
        one, t = np.float32(1), np.float32(self.t)
        scaled = np.float32(self.rate) * np.sqrt(one - np.float32(self.b2) ** t)
        return float(scaled / (one - np.float32(self.b1) ** t))


def course_numpy(
    spec: RunSpec, seed: int, batch: Batch, steps: int, optimizer: type[reference.Adam]
) -> Course:
    """The course of the derivation by hand, in float64, with this kind of Adam."""
    net, p, adam = net_of(spec), start_of(spec, seed), optimizer(spec.learning_rate)
    x, labels = batch.x.astype(np.float64), batch.labels.astype(np.float64)
    first = seen = reference.look(net, p, x, labels)
    losses = [(seen.loss, seen.penalty)]
    for _ in range(steps):
        p = adam.step(p, seen.gradients)
        seen = reference.look(net, p, x, labels)
        losses.append((seen.loss, seen.penalty))
    probabilities = reference.softmax(reference.logits(net, p, x))
    return Course(first.gradients, np.array(losses), p, probabilities)


def course_lowlevel(spec: RunSpec, seed: int, batch: Batch, steps: int) -> Course:
    """The course of the low-level engine, whose training is that of Part A."""
    network = Network(spec, seed)
    chunks = Chunks(batch.x, batch.labels, CHUNK)
    seen = full_batch_gradients(network, chunks)
    names = list(network.named_arrays())
    data = (batch.x, batch.labels)
    trained = train_lowlevel(spec.varied(epochs=steps), seed, data, data, chunk=CHUNK)
    rows = trained.history.rows
    return Course(
        dict(zip(names, (gradient.numpy() for gradient in seen.gradients), strict=True)),
        np.array([(loss, penalty) for _, split, loss, penalty, _ in rows if split == "train"]),
        {name: trained.weights[name] for name in names},
        trained.predictions,
    )


def course_keras(spec: RunSpec, seed: int, batch: Batch, steps: int) -> Course:
    """The course of the Keras model of Part B, with the loss, optimizer and step of its training.

    Probabilities are those in training mode, normalized by the statistics of the batch as the
    other engines have them: Keras' moving averages have hardly left their start in a few steps.
    """
    n = batch.x.shape[1]
    model = build_model(spec.varied(batch_size=n, train_samples=n), seed)
    variables = _keras_variables(model)
    x, labels = samples_major(batch.x), tf.constant(batch.labels.argmax(axis=0))

    def look() -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = model.loss(labels, logits)
        return loss, logits, tape.gradient(loss, list(variables.values()))

    _, _, first = look()
    epoch = compiled_epoch(model, (x, labels), n)
    losses = [float(epoch(tf.range(n))[0]) for _ in range(steps)]  # an epoch of one step each
    loss, logits, _ = look()
    losses.append(float(loss))
    return Course(
        {name: _features_major(g) for name, g in zip(variables, first, strict=True)},
        np.stack([losses, np.zeros(steps + 1)], axis=1),  # the Keras models have no penalty
        {name: _features_major(variable.value) for name, variable in variables.items()},
        tf.nn.softmax(logits).numpy().T,
    )


def _keras_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """What training changes, under the reference's names: dense1's kernel is coefficients1."""
    names = {"kernel": "coefficients", "bias": "bias", "gamma": "gamma", "beta": "beta"}
    return {
        names[variable.name] + layer.name.removeprefix("dense").removeprefix("normalization"): (
            variable
        )
        for layer in model.layers
        for variable in layer.trainable_variables
    }


def _features_major(value: tf.Tensor) -> np.ndarray:
    array: np.ndarray = value.numpy()
    return array.T if array.ndim == 2 else array[:, np.newaxis]


# ---------------------------------------------------------------------------- the comparison
def without_kinks(spec: RunSpec, seed: int, batch: Batch) -> Batch:
    """The batch without images that come nearer than `KINK` to the bend of a ReLU at the start."""
    start = start_of(spec, seed)
    while True:  # batch normalization makes the distances depend on who is in the batch
        clear = reference.kink_distances(net_of(spec), start, batch.x.astype(np.float64)) >= KINK
        if clear.all():
            return batch
        batch = Batch(batch.x[:, clear], batch.labels[:, clear])


def gradient_sizes(spec: RunSpec, seed: int, batch: Batch, first: Course) -> dict[str, float]:
    """By tensor, what a deviation of its gradient is measured by: its own largest entry.

    `first` is NumPy's course.  A softmax layer's scalar bias has no size of its own: see above.
    """
    sizes = {name: _largest(gradient) for name, gradient in first.gradients.items()}
    if spec.bias == "scalar":
        name = f"bias{len(spec.hidden)}"
        one_a_class = {**start_of(spec, seed), name: np.zeros((batch.labels.shape[0], 1))}
        x, labels = batch.x.astype(np.float64), batch.labels.astype(np.float64)
        sizes[name] = _largest(reference.look(net_of(spec), one_a_class, x, labels).gradients[name])
    return sizes


def gradient_deviations(
    given: Course, expected: Course, sizes: Mapping[str, float]
) -> dict[str, float]:
    """By tensor, the largest |given - expected| as a share of the tensor's size.

    Raises ValueError if the engines do not have the same tensors.
    """
    if set(given.gradients) != set(expected.gradients):
        raise ValueError(f"{sorted(given.gradients)} is not {sorted(expected.gradients)}")
    return {
        name: _share(_farthest(given.gradients[name], gradient), sizes[name])
        for name, gradient in expected.gradients.items()
    }


def trajectory_deviations(given: Course, expected: Course) -> dict[str, float]:
    """How far one course is from another.

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
    """A row for each engine that can be this net: its deviations from NumPy.

    gradient is the largest of all tensors, tensor says of which; kept is yes if it is within
    `TOLERANCE`, which a number that is not finite is not.  loss, weight and probability are
    against double precision throughout; the same with _rounded, against NumPy with Adam's
    correction rounded.
    """
    smooth = without_kinks(spec, seed, batch)
    expected = course_numpy(spec, seed, smooth, steps, reference.Adam)
    rounded = course_numpy(spec, seed, smooth, steps, KerasAdam)
    courses = {"lowlevel": course_lowlevel(spec, seed, smooth, steps)}
    if spec.bias == "vector" and spec.penalty == "none":
        courses["keras"] = course_keras(spec, seed, smooth, steps)
    sizes = gradient_sizes(spec, seed, smooth, expected)
    rows = []
    for engine, course in courses.items():
        gradients = gradient_deviations(course, expected, sizes)
        tensor = max(gradients, key=lambda name: (np.isnan(gradients[name]), gradients[name]))
        against_rounded = trajectory_deviations(course, rounded)
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
                **trajectory_deviations(course, expected),
                **{f"{name}_rounded": value for name, value in against_rounded.items()},
            }
        )
    return rows


def compare_engines(folder: Path, images: int, steps: int) -> pd.DataFrame:
    """The table of the engines on the first training images in a folder of tensors."""
    return engines_table(*load_tensors(folder, "train", images), steps)


def engines_table(
    x: np.ndarray, labels: np.ndarray, steps: int, nets: Mapping[str, RunSpec] = NETS
) -> pd.DataFrame:
    """A row for each net and engine, from images (784, n) and one-hot labels (10, n)."""
    batch = Batch(x, labels)
    return pd.DataFrame(
        row for title, spec in nets.items() for row in compare(title, spec, batch, steps)
    )
