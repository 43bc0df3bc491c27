"""Trained nets as dense layers: they answer as the reference does, from either engine's arrays."""

import numpy as np
import pytest
from fixtures.nets import as_keras, random_parameters, random_population

from fmstudy.checks import reference
from fmstudy.predict.layers import dense_layers, probabilities

FEATURES = 784


@pytest.mark.parametrize("engine", ["lowlevel", "keras"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("batch_norm", ["none", "before", "after"])
def test_layers_answer_as_the_reference_does(engine: str, activation: str, batch_norm: str):
    random = np.random.default_rng(3)
    normalized = "" if batch_norm == "none" else batch_norm
    bias = "scalar" if engine == "lowlevel" else "vector"
    p = random_parameters((FEATURES, 7, 5, 10), random, bias=bias, normalized=normalized)
    population = random_population((7, 5), random, p) if normalized else []
    x = random.uniform(0, 1, (FEATURES, 20))
    net = reference.Net(3, activation, batch_norm=batch_norm, epsilon=0.01)
    expected = reference.softmax(reference.logits(net, p, x, population or None))
    spec = {"hidden": [7, 5], "batch_norm": batch_norm, "bn_epsilon": 0.01}
    folded = dense_layers(spec, as_keras(p) if engine == "keras" else p)
    assert [layer.coefficients.shape for layer in folded] == [(7, 784), (5, 7), (10, 5)]
    assert probabilities(folded, activation, x) == pytest.approx(expected, abs=2e-5)
