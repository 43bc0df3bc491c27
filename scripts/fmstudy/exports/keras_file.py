"""A trained network as a plain Keras model, in a file that needs nothing of this study.

A .keras file is a zip of two JSON files and the weights.  Keras writes dates into it, and addresses
in memory to mark objects that layers share; both are replaced here, so that the same network gives
the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fmstudy.predict.layers import Layer
from fmstudy.runtime import EARLIEST

CHUNK = 2_000  # images at a time


def build(spec: Mapping[str, Any], layers: Sequence[Layer], shape: Sequence[int]) -> keras.Model:
    """Build a model from images (n, rows, columns) in [0, 1] to probabilities (n, classes).

    It has only layers of Keras: Flatten, then Dense, BatchNormalization, Activation, and Dropout as
    `spec` says, and Softmax.
    """
    stack: list[Any] = [
        keras.Input(tuple(shape), name="image"),
        keras.layers.Flatten(name="flatten"),
    ]
    weights = []
    for place, layer in enumerate(layers):
        kernel, bias, normalization = layer
        dense = keras.layers.Dense(len(kernel), use_bias=bias is not None, name=f"dense{place}")
        weights.append((dense, [kernel.T] if bias is None else [kernel.T, bias]))
        stack.append(dense)
        if place == len(layers) - 1:
            break
        activation = keras.layers.Activation(spec["activation"], name=f"activation{place}")
        stack.append(activation)
        if normalization:
            before = spec["batch_norm"] == "before"
            normalized = keras.layers.BatchNormalization(
                momentum=spec["bn_momentum"],
                epsilon=spec["bn_epsilon"],
                name=f"normalization{place}",
            )
            weights.append((normalized, list(normalization)))
            stack.insert(len(stack) - before, normalized)
        if spec["dropout"]:
            stack.append(keras.layers.Dropout(spec["dropout"], name=f"dropout{place}"))
    stack.append(keras.layers.Softmax(name="probabilities"))
    model = keras.Sequential(stack, name="network")
    for owner, arrays in weights:
        owner.set_weights(arrays)
    return model


def predict(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities and the logits (n, classes) of images (n, rows, columns)."""
    both = keras.Model(model.inputs[0], [*model.outputs, model.layers[-1].input])
    chunks = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
    found = [[each.numpy() for each in both(chunk, training=False)] for chunk in chunks]
    probabilities, logits = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return probabilities, logits


def packed(model: keras.Model) -> bytes:
    """Return the .keras file of a model: the same bytes whenever it is made."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(files["metadata.json"])
    metadata["date_saved"] = "{:04}-{:02}-{:02}@{:02}:{:02}:{:02}".format(*EARLIEST)
    files["metadata.json"] = json.dumps(metadata).encode()
    files["config.json"] = _with_numbers(files["config.json"].decode()).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=EARLIEST), content)
    return buffer.getvalue()


def _with_numbers(config: str) -> str:
    """Number the objects that layers share, which Keras knows by their addresses."""
    key = re.compile(r'(?<="shared_object_id": )\d+')
    numbers = {
        address: str(number) for number, address in enumerate(dict.fromkeys(key.findall(config)))
    }
    return key.sub(lambda found: numbers[found[0]], config)
