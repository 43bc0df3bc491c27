"""The models and images of the playground: weights in few bits, and how well they agree.

The page computes what `probabilities` computes, from the same integers and scales.  Batch
normalization is folded into the layers, so every model is a chain of dense layers.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fmstudy.analysis.results import Runs

BITS = (8, 7, 6, 5, 4)  # per weight; the first that fits is used
MOST_BYTES = 1_450_000  # of all weights in the page, as text
PER_CLASS = 25  # test images of each class

Model = Mapping[str, Any]  # name, title, run, seeds, spec, ...


class Dense(NamedTuple):
    """A layer: coefficients (units, inputs) and bias (units,), float32."""

    coefficients: np.ndarray
    bias: np.ndarray


class Quantized(NamedTuple):
    """A layer with coefficients `scale * levels`: levels (units, inputs) int8, scale (units,)."""

    levels: np.ndarray
    scale: np.ndarray
    bias: np.ndarray

    @property
    def dense(self) -> Dense:
        """The layer that this stands for, in float32."""
        return Dense(self.scale[:, np.newaxis] * self.levels, self.bias)


# ------------------------------------------------------------------------------------- layers
def dense_layers(spec: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[Dense]:
    """Return a trained net in inference mode as dense layers, from the arrays of either engine.

    With gain a = gamma / sqrt(variance + epsilon), normalization is a x + (beta - a mean).  Before
    the activation it joins its own layer, after the activation the next one.
    """
    last = len(spec["hidden"])
    layers: list[Dense] = []
    gain, offset = np.ones(1), np.zeros(1)  # of the inputs of the current layer
    for layer in range(last + 1):
        w = _array(arrays, layer, "coefficients", "dense", "kernel")
        b = _array(arrays, layer, "bias", "dense", "bias")
        assert w is not None
        w = w if f"coefficients{layer}" in arrays else w.T
        bias = np.broadcast_to(0.0 if b is None else np.ravel(b).astype(np.float64), len(w))
        bias = bias + w.astype(np.float64) @ np.broadcast_to(offset, w.shape[1])
        w, gain, offset = w * gain, np.ones(1), np.zeros(1)
        if layer < last and spec["batch_norm"] != "none":
            gain, offset = _normalization(arrays, layer, spec["bn_epsilon"])
            if spec["batch_norm"] == "before":
                w, bias = gain[:, np.newaxis] * w, gain * bias + offset
                gain, offset = np.ones(1), np.zeros(1)
        layers.append(Dense(w.astype(np.float32), bias.astype(np.float32)))
    return layers


def _array(
    arrays: Mapping[str, np.ndarray], layer: int, lowlevel: str, kind: str, keras: str
) -> np.ndarray | None:
    """Return an array of a layer by its name in one of the engines, or None."""
    return arrays.get(f"{lowlevel}{layer}", arrays.get(f"{kind}{layer}-{keras}"))


def _normalization(
    arrays: Mapping[str, np.ndarray], layer: int, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return gain and offset (units,) of a layer's batch normalization in inference mode."""
    named = {"gamma": "gamma", "beta": "beta"}
    named |= {"mean": "moving_mean", "variance": "moving_variance"}
    found = [_array(arrays, layer, one, "normalization", other) for one, other in named.items()]
    gamma, beta, mean, variance = (
        np.ravel(it).astype(np.float64) for it in found if it is not None
    )
    gain = gamma / np.sqrt(variance + epsilon)
    return gain, beta - gain * mean


def quantize(layer: Dense, bits: int) -> Quantized:
    """Round coefficients to 2^bits - 1 levels from -top to top, with a scale per unit."""
    top = 2 ** (bits - 1) - 1
    largest = np.abs(layer.coefficients).max(axis=1)
    scale = np.where(largest > 0, largest / top, 1.0).astype(np.float32)
    levels = np.rint(layer.coefficients / scale[:, np.newaxis]).clip(-top, top)
    return Quantized(levels.astype(np.int8), scale, layer.bias)


def probabilities(layers: Sequence[Dense], activation: str, x: np.ndarray) -> np.ndarray:
    """Return the probabilities (classes, n) of images x (features, n) in [0, 1]."""
    h = x.astype(np.float32)
    for place, layer in enumerate(layers):
        z = layer.coefficients @ h + layer.bias[:, np.newaxis]
        if place < len(layers) - 1:
            h = np.maximum(z, 0) if activation == "relu" else 1 / (1 + np.exp(-z.clip(-80, 80)))
    z = z.astype(np.float64)
    exponentials = np.exp(z - z.max(axis=0))
    found: np.ndarray = exponentials / exponentials.sum(axis=0)
    return found


# ------------------------------------------------------------------------------------- packing
def compressed(parts: Sequence[np.ndarray]) -> bytes:
    """Return the bytes of some arrays, one after the other, as gzip.

    Levels are noise to a search for repetitions; a code by frequency alone is shorter and faster.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_HUFFMAN_ONLY)
    return b"".join([*(packer.compress(part.tobytes()) for part in parts), packer.flush()])


def weight_parts(nets: Sequence[Sequence[Quantized]]) -> list[np.ndarray]:
    """Return all numbers of some nets as the page reads them: scales and biases, then levels."""
    layers = [layer for net in nets for layer in net]
    floats = [part.astype("<f4") for layer in layers for part in (layer.scale, layer.bias)]
    return [*floats, *(layer.levels for layer in layers)]


def quantize_nets(
    nets: Mapping[str, Sequence[Dense]], most_bytes: float = MOST_BYTES
) -> dict[str, tuple[int, list[Quantized]]]:
    """Quantize each net with as many bits as fit, and return them with its bits.

    The smallest net comes first; what it leaves of its share of the space is for the others.
    """
    found = {}
    order = sorted(nets, key=lambda name: sum(layer.coefficients.size for layer in nets[name]))
    for place, name in enumerate(order):
        for bits in BITS:
            small = [quantize(layer, bits) for layer in nets[name]]
            size = len(compressed(weight_parts([small]))) * 4 / 3
            if size <= most_bytes / (len(order) - place):
                break
        found[name] = (bits, small)
        most_bytes -= size
    return found


def first_of_each(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the first `count` images of each class, class by class."""
    return np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)])


def pack(
    models: Sequence[Model],
    runs: Runs,
    x_test: np.ndarray,
    labels: np.ndarray,
    summary: Mapping[str, Any],
    per_class: int = PER_CLASS,
) -> dict[str, np.ndarray]:
    """Collect everything that the page computes with.

    x_test: (features, N) in [0, 1]; labels: (n,) of the first n; `summary` describes the data set.
    Returns places and labels of the images (m,), their pixels (m, features) uint8, and of each
    model {name}/seed and {name}/bits () and, by layer, {name}/levels0, scale0, bias0.  A model is
    the training with its first finished seed; one whose trainings all diverged is left out.
    """
    trained = {model["name"]: (model, runs.finished(model)[:1]) for model in models}
    nets = {
        name: dense_layers(model["spec"], runs.arrays(model["run"], seeds[0]))
        for name, (model, seeds) in trained.items()
        if seeds
    }
    places = first_of_each(labels, per_class)
    packed = {
        "places": places,
        "labels": labels[places].astype(np.uint8),
        "pixels": np.rint(x_test[:, places].T * summary["white"]).astype(np.uint8),
    }
    for name, (bits, net) in quantize_nets(nets).items():
        packed[f"{name}/seed"] = np.array(trained[name][1][0])
        packed[f"{name}/bits"] = np.array(bits)
        for place, layer in enumerate(net):
            for kind, part in layer._asdict().items():
                packed[f"{name}/{kind}{place}"] = part
    return packed


def framing(pixels: np.ndarray) -> tuple[int, tuple[int, int]]:
    """Return how images (m, rows, columns) show things: their background, 0 or 1, and their size.

    The size, rows and columns, is that of a photo's frame, so that the photo covers as much of the
    image as things usually cover in the longer direction.
    """
    _, rows, columns = pixels.shape
    edges = [pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]]
    border = np.median(np.concatenate([edge.ravel() for edge in edges]))
    background = int(2 * border > pixels.max())
    inked = np.abs(pixels.astype(int) - border) > 0.1 * pixels.max()
    spans = [_spans(inked.any(axis=axis)) / side for axis, side in ((2, rows), (1, columns))]
    share = float(np.median(np.maximum(*spans)))
    return background, (max(1, round(share * rows)), max(1, round(share * columns)))


def _spans(used: np.ndarray) -> np.ndarray:
    """Return the distance from the first to the last True in each row, both included."""
    length = used.shape[1] - used.argmax(axis=1) - used[:, ::-1].argmax(axis=1)
    return np.where(used.any(axis=1), length, 0)


def unpack(packed: Mapping[str, np.ndarray], name: str) -> list[Quantized]:
    """Return the layers of a model from `pack`; none if it is not there."""
    layers: list[Quantized] = []
    while (key := f"{name}/levels{len(layers)}") in packed:
        kinds = Quantized._fields
        layers.append(Quantized(*(packed[key.replace("levels", kind)] for kind in kinds)))
    return layers


# ----------------------------------------------------------------------------------- agreement
COLUMNS = (
    *("model", "title", "run", "seed", "weights", "bits", "images"),
    *("test_accuracy", "page_accuracy", "agreement", "probability"),
)


def agreement_table(
    models: Sequence[Model],
    packed: Mapping[str, np.ndarray],
    runs: Runs,
    x_test: np.ndarray,
    labels: np.ndarray,
) -> pd.DataFrame:
    """One row per model of the page: how its answers agree with the predictions of its training.

    agreement is the fraction of the test images with the same most probable class, probability the
    largest difference of any probability, page_accuracy the accuracy with weights in few bits.
    """
    rows = []
    for model in models:
        if not (layers := unpack(packed, model["name"])):
            continue
        seed = int(packed[f"{model['name']}/seed"])
        ours = runs.predictions(model["run"], seed)
        dense = [layer.dense for layer in layers]
        page = probabilities(dense, model["spec"]["activation"], x_test[:, : len(labels)])
        rows.append(
            {key: model[key] for key in ("title", "run")}
            | {"model": model["name"], "seed": seed, "bits": int(packed[f"{model['name']}/bits"])}
            | {"weights": sum(layer.levels.size for layer in layers), "images": len(labels)}
            | {
                "test_accuracy": float(np.mean(ours.argmax(axis=0) == labels)),
                "page_accuracy": float(np.mean(page.argmax(axis=0) == labels)),
                "agreement": float(np.mean(page.argmax(axis=0) == ours.argmax(axis=0))),
                "probability": float(np.abs(page - ours).max()),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))
