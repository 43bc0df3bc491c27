"""Depth: gradients through deep nets, their growth, and the figure."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from fixtures.experiments import (
    BLUE,
    DEPTH,
    ORANGE,
    SEED,
    alike,
    drawn,
    line,
    of_seeds,
    quantities,
)
from fixtures.nets import values

from fmstudy.engines.mini_batch import Samples
from fmstudy.engines.network import Network
from fmstudy.experiments.depth import run
from fmstudy.experiments.probes import sent_gradient_norms

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


@pytest.fixture(scope="module")
def rows(data):
    return run.run(DEPTH, SEED, data)


def test_deep_nets_have_the_deviations_that_are_said(data):
    settings = DEPTH | {"width": 100}
    relu, sigmoid = (
        Network(run.deep_spec(settings, activation, "bn", 5), SEED).coefficients
        for activation in ("relu", "sigmoid")
    )
    assert len(relu) == len(sigmoid) == 6
    for w in relu:
        assert np.std(w) == pytest.approx(math.sqrt(2.0 / 100), rel=0.1)
    for w in sigmoid:
        units, inputs = w.shape
        assert np.std(w) == pytest.approx(math.sqrt(2.0 / (units + inputs)), rel=0.1)


@pytest.mark.parametrize(
    ("activation", "arm", "growth", "within"),
    [
        ("relu", "plain", 1.0, 0.05),  # K. He et al.: neither up nor down
        ("relu", "bn", math.sqrt(math.pi / (math.pi - 1.0)), 0.05),  # G. Yang et al.
        ("sigmoid", "plain", 4.0, 0.5),  # a slope of 1/4
    ],
)
def test_gradients_through_deep_nets_grow_as_theory_has_it(
    samples, activation, arm, growth, within
):
    """From layer to layer towards the input, which is down for the plain sigmoid net."""
    spec = run.deep_spec(DEPTH | {"width": 200}, activation, arm, 14)
    norms = sent_gradient_norms(Network(spec, 1), Samples.of(*samples(200, 4)))
    a_layer = (norms[3] / norms[11]) ** (1 / 8)
    assert (1.0 / a_layer if growth == 4.0 else a_layer) == pytest.approx(growth, abs=within)


def test_depth_looks_at_every_layer_at_the_start_and_then_trains(data, rows):
    norms = values(rows, "gradient_norm", "arm", "depth", "layer")
    assert set(norms) == set(itertools.product(("plain", "bn"), (1,), (1,))) | set(
        itertools.product(("plain", "bn"), (3,), (1, 2, 3))
    )
    start = Network(run.deep_spec(DEPTH, "relu", "bn", 3), SEED)
    wanted = sent_gradient_norms(start, data.fitted.part(0, 16))
    assert [norms["bn", 3, layer] for layer in (1, 2, 3)] == wanted
    assert values(rows, "finished", "arm", "depth") == {("plain", 2): 1.0, ("bn", 2): 1.0}
    assert set(values(rows, "test_accuracy", "arm", "depth")) == {("plain", 2), ("bn", 2)}


def of_depth(norms: dict[int, list[float]], arm: str = "bn") -> dict[str, dict[int, float]]:
    table = []
    for depth, of_layers in norms.items():
        for layer, value in enumerate(of_layers, start=1):
            keys = {"activation": "relu", "arm": arm, "depth": depth, "layer": layer}
            table += of_seeds("gradient_norm", {1: value, 2: value}, **keys)
    at = {"activation": "relu", "arm": arm, "layer": None}
    table += of_seeds("test_accuracy", {1: 0.7, 2: 0.8}, **at, depth=20)
    table += of_seeds("test_accuracy", {1: 0.1}, **at, depth=40)
    settings = {"depths": list(norms), "trained": [20, 40]}
    return quantities("depth", pd.DataFrame(table), settings)


def test_gradients_that_grow_by_one_factor_a_layer_have_that_growth():
    """Towards the input: layer 1 is the largest."""
    found = of_depth({2: [1.0, 5.0], 10: [1e-3 * 1.21**-layer for layer in range(10)]})
    assert alike(found["growth/relu/bn"], s1=1.21, s2=1.21)
    assert alike(found["growth_size/relu/bn"], s1=math.log10(1.21), s2=math.log10(1.21))


def test_vanishing_gradients_have_a_growth_below_one_and_the_same_size():
    found = of_depth({10: [1e-3 * 1.21**layer for layer in range(10)]})
    assert alike(found["growth/relu/bn"], s1=1 / 1.21, s2=1 / 1.21)
    assert alike(found["growth_size/relu/bn"], s1=math.log10(1.21), s2=math.log10(1.21))


def test_gradients_that_are_gone_or_overflow_are_left_out_of_the_growth():
    norms = [0.0, 1e-38, *(1e-3 * 2.0**layer for layer in range(5)), math.inf, math.nan]
    assert alike(of_depth({9: norms})["growth/relu/bn"], s1=0.5, s2=0.5)


@pytest.mark.parametrize("norms", [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
def test_with_fewer_than_two_gradients_left_there_is_no_growth(norms):
    found = of_depth({3: norms})
    assert found["growth/relu/bn"] == found["growth_size/relu/bn"] == {}


def test_deep_nets_have_an_accuracy_a_depth():
    found = of_depth({2: [1.0, 2.0]})
    assert alike(found["test_accuracy/relu/bn/20"], s1=0.7, s2=0.8)
    assert alike(found["test_accuracy/relu/bn/40"], s1=0.1)


def test_gradients_grow_or_shrink_by_a_factor_a_layer():
    drawing = drawn("depth")
    texts = {text.get_text() for text in drawing.figure.axes[1].texts}
    assert "plain 60.0\N{NO-BREAK SPACE}%" in texts
    assert line(drawing.figure.axes[0], ORANGE)[1] == pytest.approx([8, 4, 2, 1])
    heights = line(drawing.figure.axes[0], BLUE)[1]
    assert math.isnan(heights[0])  # a zero has no place on a logarithmic axis
    assert heights[1:] == pytest.approx([0.25, 0.5, 1.0])
