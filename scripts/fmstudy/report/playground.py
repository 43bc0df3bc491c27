"""The models and images of the playground: weights in few bits, and how well they agree.

The page computes what `predict.layers.probabilities` computes, from the same integers and scales.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fmstudy.analysis.results import Runs
from fmstudy.predict.layers import Dense, dense_layers, probabilities

BITS = (8, 7, 6, 5, 4)  # per weight; the first that fits is used
MOST_BYTES = 1_450_000  # of all weights in the page, as text
PER_CLASS = 25  # test images of each class

Model = Mapping[str, Any]  # name, title, run, seeds, spec, ...


class Quantized(NamedTuple):
    """A layer with coefficients `scale * levels`: levels (units, inputs) int8, scale (units,)."""

    levels: np.ndarray
    scale: np.ndarray
    bias: np.ndarray

    @property
    def dense(self) -> Dense:
        """The layer that this stands for, in float32."""
        return Dense(self.scale[:, np.newaxis] * self.levels, self.bias)


def quantize(layer: Dense, bits: int) -> Quantized:
    """Round coefficients to 2^bits - 1 levels from -top to top, with a scale per unit."""
    top = 2 ** (bits - 1) - 1
    largest = np.abs(layer.coefficients).max(axis=1)
    scale = np.where(largest > 0, largest / top, 1.0).astype(np.float32)
    levels = np.rint(layer.coefficients / scale[:, np.newaxis]).clip(-top, top)
    return Quantized(levels.astype(np.int8), scale, layer.bias)


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
