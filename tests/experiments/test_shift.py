"""Inside the nets: probes during training, their medians, and both figures."""

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.experiments import (
    FITTED,
    NET,
    SEED,
    SHIFT,
    SIZE,
    alike,
    drawn,
    of_seeds,
    quantities,
)
from fixtures.nets import values

from fmstudy.engines.mini_batch import MiniBatches, orders
from fmstudy.experiments import common
from fmstudy.experiments.common import net_spec
from fmstudy.experiments.probes import Probe
from fmstudy.experiments.shift import inputs, run
from fmstudy.experiments.shift.landscape import LANDSCAPE

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


@pytest.fixture(scope="module")
def rows(data):
    return run.run(SHIFT, SEED, data)


def test_a_seed_gives_the_same_rows_again(data, rows):
    assert run.run(SHIFT, SEED, data) == rows
    assert all(math.isfinite(row["value"]) for row in rows)


def test_probes_look_at_the_first_samples_at_every_step_that_is_said(data, rows):
    keys = ("arm", "layer", "step")
    steps = (0, 3, 6, 8)
    assert set(values(rows, "loss", *keys)) == set(
        itertools.product(("plain", "bn"), (None,), steps)
    )
    assert set(values(rows, "shift_cosine", *keys)) == set(
        itertools.product(("plain", "bn"), (2, 3), steps)
    )
    assert set(values(rows, "drift", *keys)) == set(
        itertools.product(("plain", "bn"), (1, 2), steps[1:])
    )
    assert values(rows, "finished", *keys) == {("plain", None, 8): 1.0, ("bn", None, 8): 1.0}
    for arm, place in common.ARMS.items():
        batches = MiniBatches(net_spec(NET, batch_norm=place), data.fitted)
        batches.start(SEED)
        batches.train(orders(FITTED, SIZE, SEED, 6))
        probe = Probe(batches.network, data.fitted.part(0, 16))
        for name, layer, value in probe.shift(0.1) + probe.landscape(0.1):
            assert values(rows, name, *keys)[arm, layer, 6] == pytest.approx(value, rel=1e-5), name


def inside(step: int, measure: str, *layers: float) -> list[dict[str, Any]]:
    return [
        row
        for layer, value in enumerate(layers, start=1)
        for row in of_seeds(
            measure, {1: value}, activation="relu", arm="bn", step=step, layer=layer
        )
    ]


def of_shift(*parts: list[dict[str, Any]]) -> dict[str, dict[int, float]]:
    table = pd.DataFrame([row for part in parts for row in part])
    return quantities("shift", table, {"every": 100, "hidden": [8, 8]})


def test_of_each_look_the_mean_over_layers_and_of_looks_the_median():
    """Means 0.2, 0.6, 0.5: their median is 0.5, that of all layers would be 0.45."""
    found = of_shift(
        inside(0, "shift_cosine", 9.0, 9.0),
        inside(100, "shift_cosine", 0.1, 0.3),
        inside(200, "shift_cosine", 0.4, 0.8),
        inside(300, "shift_cosine", 0.5, 0.5),
        inside(320, "shift_cosine", 0.9, 0.9),  # a last look before its time
    )
    assert alike(found["shift_cosine/relu/bn"], s1=0.5)


def test_changes_of_the_gradient_are_logarithms_of_medians():
    found = of_shift(
        inside(100, "gradient_change", 1.0),
        inside(200, "gradient_change", 100.0),
        inside(300, "gradient_change", 10000.0),
        inside(100, "loss_range", 0.25),
    )
    assert alike(found["gradient_change/relu/bn"], s1=2.0)
    assert alike(found["loss_range/relu/bn"], s1=0.25)
    assert found["gradient_change_scaled/relu/bn"] == {}


def test_effective_rates_are_those_of_normalized_layers():
    """Of two hidden layers: the third is the output layer."""
    found = of_shift(
        inside(100, "effective_rate", 0.01, 0.01, 9.0),
        inside(200, "effective_rate", 0.01, 0.01, 9.0),
    )
    assert alike(found["effective_rate/relu/bn"], s1=-2.0)
    plain = [row | {"arm": "plain"} for row in inside(100, "effective_rate", 0.01, 0.01, 9.0)]
    assert of_shift(plain)["effective_rate/relu/plain"] == {}


def test_drift_and_cosines_are_means_over_layers_by_activation_and_arm():
    drift, cosine = drawn("shift").figure.axes
    for axes, name, heights in (
        (cosine, "ReLU, batch norm", [0.75] * 3),
        (drift, "ReLU, plain", [2.0] * 2),
    ):
        [line] = [each for each in axes.lines if each.get_label() == name]
        assert list(np.asarray(line.get_ydata())) == pytest.approx(heights)


def test_inputs_are_those_of_the_last_hidden_layer_in_the_first_seed():
    plain, normalized = drawn("shift-inputs").figure.axes
    for axes in (plain, normalized):
        medians = [each.get_xdata()[0] for each in axes.lines if each.get_label() == "median"]
        assert medians == [250.0] * 3


@pytest.mark.parametrize(
    ("steps", "chosen"),
    [
        ([0, 100], [0, 100]),
        (list(range(0, 3300, 100)), [0, 100, 200, 400, 800, 1600, 3200]),
    ],
)
def test_moments_are_at_growing_distances(steps: list[float], chosen: list[float]):
    assert inputs.moments(steps) == chosen


def test_the_landscape_has_a_panel_per_measure_and_activation():
    titles = [axes.get_title("left") for axes in drawn("shift-landscape").figure.axes]
    assert titles[:4] == list(LANDSCAPE.values())
