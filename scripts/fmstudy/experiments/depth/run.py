"""Gradients through deep nets before training, and whether such nets train."""

import math
from collections.abc import Mapping
from typing import Any

from fmstudy.engines.mini_batch import MiniBatches
from fmstudy.engines.network import Network
from fmstudy.experiments.common import ARMS, Data, Row, net_spec, order_of, outcome, row
from fmstudy.experiments.probes import sent_gradient_norms
from fmstudy.runtime import Progress
from fmstudy.study.spec import RunSpec

CHECK_EVERY = 100  # steps between two checks for divergence


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Measure gradient norms by each layer's output before training; then train with Adam."""
    batch = data.fitted.part(0, settings["gradient_samples"])
    order = order_of(settings, seed, data)
    rows: list[Row] = []
    trainings = len(settings["activations"]) * len(ARMS) * len(settings["trained"])
    progress = Progress(f"bn-depth, seed {seed}", trainings, "trainings")
    done = 0
    for activation in settings["activations"]:
        for arm in ARMS:
            keys = {"activation": activation, "arm": arm}
            for layers in settings["depths"]:
                norms = sent_gradient_norms(
                    Network(deep_spec(settings, activation, arm, layers), seed), batch
                )
                rows += [
                    row("gradient_norm", norm, **keys, depth=layers, layer=layer)
                    for layer, norm in enumerate(norms, start=1)
                ]
            for layers in settings["trained"]:
                spec = deep_spec(settings, activation, arm, layers)
                batches = MiniBatches(spec, data.fitted)
                batches.start(seed)
                finished = batches.train(order, CHECK_EVERY)
                at = {"depth": layers, "layer": None}
                rows += outcome(finished, batches, data, **keys, **at)
                done += 1
                progress.update(done)
    return rows


def deep_spec(settings: Mapping[str, Any], activation: str, arm: str, layers: int) -> RunSpec:
    """A net of so many hidden layers, with the initial weights that suit its activation.

    For ReLU the deviation sqrt(2 / inputs) that the layers behind the first ask for (K. He et al.,
    arXiv:1502.01852); the first, which has more inputs, gets the same, which scales the logits of
    the plain net and not how its gradients grow.  For sigmoid Glorot's.
    """
    width = settings["width"]
    return net_spec(
        settings,
        hidden=(width,) * layers,
        activation=activation,
        batch_norm=ARMS[arm],
        weight_std=math.sqrt(2.0 / width) if activation == "relu" else None,
        optimizer="adam",
        learning_rate=settings["learning_rate"],
    )
