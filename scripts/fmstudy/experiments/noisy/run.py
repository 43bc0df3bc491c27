"""Whether a net suffers when random scales and shifts follow the normalization."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from fmstudy.engines.batchnorm import Statistics
from fmstudy.engines.mini_batch import MiniBatches
from fmstudy.engines.network import Network, Product
from fmstudy.experiments.common import ARMS, Data, Row, at_rates, nets
from fmstudy.study.spec import RunSpec

MOST_LAYERS = 32  # of a net, so that no two steps draw the same noise


class NoisyNetwork(Network):
    """A net whose normalized values get a random scale and shift in each step of training.

    They are drawn independently for each unit and step, uniformly: scales in 1 +- `scale`, shifts
    in +- `shift`.  For use the net is one without them.
    """

    def __init__(self, spec: RunSpec, seed: int, scale: float, shift: float) -> None:
        super().__init__(spec, seed)
        self.seed, self.scale, self.shift = seed % 2**31, scale, shift
        self.step: tf.Tensor | None = None  # of training, while noise is wanted

    def noisy_logits(
        self, first_product: Product, step: tf.Tensor
    ) -> tuple[tf.Tensor, list[Statistics]]:
        """Logits and batch statistics of a step of training, with that step's noise."""
        self.step = step
        try:
            return self.logits(first_product)
        finally:
            self.step = None

    def normalized(
        self, x: tf.Tensor, layer: int, population: Sequence[Statistics] | None
    ) -> tuple[tf.Tensor, Statistics]:
        """Batch normalization, then in a noisy step the noise."""
        y, statistics = super().normalized(x, layer, population)
        if self.step is None:
            return y, statistics
        draws = (self.step * MOST_LAYERS + layer) * 2
        scale, shift = (
            tf.random.stateless_uniform(
                self.gammas[layer].shape, tf.stack([self.seed, draws + which]), -1.0, 1.0
            )
            for which in (0, 1)
        )
        return (1.0 + self.scale * scale) * y + self.shift * shift, statistics


def run(settings: Mapping[str, Any], seed: int, data: Data) -> list[Row]:
    """Train nets without batch normalization, with it, and with it and noise, at every rate.

    All three are trained at the same rates, and each is judged at the rate that is best for it on
    validation data.  At a common rate, the comparison would be one of rates: the plain sigmoid net
    hardly trains at 0.1, where the normalized one does well.  The experiment learning-rate has no
    noisy net, so all three try the rates near the best ones that it found.
    """
    rows: list[Row] = []
    activations = {"activations": list(settings["rates"])}
    for keys, spec in nets({**settings, **activations}, ARMS | {"noisy": "before"}):
        if keys["arm"] == "noisy":
            network = NoisyNetwork(spec, seed, settings["scale"], settings["shift"])
            batches = MiniBatches(spec, data.fitted, network=network, forward=network.noisy_logits)
        else:
            batches = MiniBatches(spec, data.fitted)
        rates = settings["rates"][spec.activation]
        rows += at_rates(batches, rates, settings, seed, data, **keys)
    return rows
