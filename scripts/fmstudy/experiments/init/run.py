"""Initial weights of all sizes, and the exact invariance to the size of normalized weights."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from fmstudy.engines.mini_batch import MIN_FUSED_STEPS, MiniBatches, Samples
from fmstudy.engines.network import Network
from fmstudy.experiments.common import CHECK_EVERY, Data, Row, nets, order_of, outcome, row
from fmstudy.experiments.probes import Probe, inside

TIMES = 10.0


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Train nets from initial deviations of all sizes at several rates; test the invariance."""
    order = order_of(settings, seed, data)
    fixed = data.fitted.part(0, settings["invariance_samples"])
    fused = len(settings["deviations"]) * len(settings["rates"]) * len(order) > MIN_FUSED_STEPS
    rows: list[Row] = []
    for keys, spec in nets(settings):
        batches = MiniBatches(spec, data.fitted)
        for std, rate in itertools.product(settings["deviations"], settings["rates"]):
            batches.start(seed, rate, weight_std=std)
            finished = batches.train(order, CHECK_EVERY, fused=fused)
            rows += outcome(finished, batches, data, **keys, std=std, rate=rate)
        if keys["arm"] == "bn":  # Glorot's weights, trained at the common rate
            batches.start(seed)
            if batches.train(order, CHECK_EVERY, fused=fused):
                rows += [
                    row(name, value, **keys, std=None, rate=None)
                    for name, value in invariance(batches.network, fixed).items()
                ]
    return rows


def invariance(network: Network, batch: Samples) -> dict[str, float]:
    """How exactly a trained net stays the same function when hidden weights are ten times as large.

    invariance            largest deviation of the logits, as a share of the largest logit
    invariance_epsilon    the same with epsilon a hundred times as large, which makes it exact
    invariance_gradient   largest deviation of ten times the gradient by the weights of a hidden
                          layer from what it was, as a share of its largest entry; with that
                          epsilon, and of the layers that have a gradient
    """
    spec = network.spec
    probe = Probe(network, batch)
    logits, gradients = inside(network, batch.x).logits.numpy(), probe.look()[1]
    hidden = network.coefficients[:-1]
    kept = [w.numpy() for w in hidden]
    larger: dict[str, np.ndarray] = {}
    try:
        for w in hidden:
            w.assign(w * TIMES)
        larger["invariance"] = inside(network, batch.x).logits.numpy()
        network.spec = spec.varied(bn_epsilon=spec.bn_epsilon * TIMES**2)
        larger["invariance_epsilon"] = inside(network, batch.x).logits.numpy()
        scaled = Probe(network, batch).look()[1]
    finally:
        network.spec = spec
        for w, value in zip(hidden, kept, strict=True):
            w.assign(value)
    found = {
        name: float(np.abs(z - logits).max() / np.abs(logits).max()) for name, z in larger.items()
    }
    positions = [i for i, v in enumerate(network.variables) if any(v is w for w in hidden)]
    found["invariance_gradient"] = max(
        (
            float(np.abs(TIMES * scaled[i] - gradients[i]).max() / np.abs(gradients[i]).max())
            for i in positions
            if gradients[i].any()
        ),
        default=0.0,
    )
    return found
