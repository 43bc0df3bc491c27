"""What the learned scale and shift are, and what they achieve alone.

Also how normalized values are distributed: over a unit's examples, and over an example's units.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtr

from fmstudy.engines.mini_batch import MiniBatches
from fmstudy.engines.network import Network
from fmstudy.experiments.common import Data, Row, net_spec, order_of, outcome, row
from fmstudy.experiments.probes import inside

CHECK_EVERY = 400  # steps between two checks for divergence


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Train all of a net, gamma and beta alone, the output layer alone, or nothing."""
    order = order_of(settings, seed, data)
    spec = net_spec(
        settings,
        activation=settings["activation"],
        optimizer="adam",
        learning_rate=settings["learning_rate"],
        batch_norm="before",
    )
    rows: list[Row] = []
    for arm in ("all", "affine", "output", "nothing"):
        network = Network(spec, seed)
        trained = {
            "all": network.variables,
            "affine": [*network.gammas, *network.betas],
            "output": [network.coefficients[-1], network.biases[-1]],
            "nothing": [],
        }[arm]
        batches = MiniBatches(spec, data.fitted, network=network, trained=trained)
        batches.start(seed)
        finished = not trained or batches.train(order, CHECK_EVERY)
        rows += outcome(finished, batches, data, arm=arm, layer=None, unit=None)
        if arm == "all" and finished:
            rows += _units(batches, settings)
    return rows


def _units(batches: MiniBatches, settings: Mapping[str, Any]) -> list[Row]:
    """Gamma, beta, deviation and mean of each hidden unit; shapes of what is normalized."""
    network = batches.network
    some = batches.samples.part(0, settings["shape_samples"])
    normalized = inside(network, some.x).normalized
    rows: list[Row] = []
    for layer, statistics in enumerate(batches.exact(), start=1):
        values = {
            "gamma": network.gammas[layer - 1].numpy(),
            "beta": network.betas[layer - 1].numpy(),
            "mean": statistics.mean.numpy(),
            "deviation": np.sqrt(statistics.variance.numpy()),
        }
        x = normalized[layer - 1].numpy()
        values["gaussian_distance"] = gaussian_distances(x)[:, None]
        rows += [
            row(name, value, arm="all", layer=layer, unit=unit)
            for name, column in values.items()
            for unit, value in enumerate(column[:, 0], start=1)
        ]
        rows.append(
            row("example_mean", np.abs(x.mean(axis=0)).mean(), arm="all", layer=layer, unit=None)
        )
    return rows


def gaussian_distances(x: np.ndarray) -> np.ndarray:
    """The distance of Kolmogorov and Smirnov of each row of x (units, n) to the standard normal.

    The largest difference of the distribution functions, (units,).
    """
    ordered = np.sort(x.astype(np.float64), axis=1)
    n = x.shape[1]
    below = ndtr(ordered)
    steps = np.arange(n + 1) / n
    return np.maximum((steps[1:] - below).max(axis=1), (below - steps[:-1]).max(axis=1))
