"""Three engines have one gradient, and the comparison that says so would say if they had not."""

import itertools
from collections.abc import Iterator

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from fmstudy.checks import reference, three_engines
from fmstudy.checks.three_engines import NETS, Batch, compare, engines_table
from fmstudy.engines import device, full_batch, keras_models, network
from fmstudy.study.spec import PENALTIES, RunSpec

pytestmark = pytest.mark.usefixtures("one_thread")

N, STEPS = 40, 4
SMALL = RunSpec("lowlevel", hidden=(6, 4), bias="vector")
PENALIZED = SMALL.varied(bias="scalar", penalty="l2", delta=0.001)


@pytest.fixture(scope="module")
def batch(samples) -> Iterator[Batch]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(three_engines, "CHUNK", 15)  # two chunks and a shorter one
        yield Batch(*samples(N))


@pytest.fixture(scope="module")
def sound(batch) -> dict[str, dict]:
    """The rows of two nets where nothing is wrong."""
    return {"small": row(SMALL, batch), "penalized": row(PENALIZED, batch)}


def row(spec: RunSpec, batch: Batch, engine: str = "lowlevel") -> dict:
    [found] = [row for row in compare("x", spec, batch, STEPS) if row["engine"] == engine]
    return found


def kept(spec: RunSpec, batch: Batch) -> dict[str, str]:
    """Whether the gradients of each engine are kept."""
    return {row["engine"]: row["kept"] for row in compare("x", spec, batch, STEPS)}


# ---------------------------------------------------------------------------------- what holds
@pytest.fixture(scope="module")
def table(samples) -> pd.DataFrame:
    """The table of the study's nets, a fiftieth as wide."""
    nets = {
        title: spec.varied(hidden=tuple(units // 50 for units in spec.hidden))
        for title, spec in NETS.items()
    }
    return engines_table(*samples(N), STEPS, nets)


def test_every_net_is_compared_in_every_engine_that_can_be_it(table):
    of_net = table.groupby("title", sort=False)["engine"].agg(list).to_dict()
    assert list(of_net) == list(NETS)
    both = {title for title, found in of_net.items() if found == ["lowlevel", "keras"]}
    assert {title for title, found in of_net.items() if found == ["lowlevel"]} == set(NETS) - both
    assert len(both) == 5
    low_level_only = [NETS[title] for title in NETS if title not in both]
    assert {spec.penalty for spec in low_level_only} == set(PENALTIES)
    assert {spec.bias for spec in low_level_only} == {"scalar"}


def test_first_gradients_are_one(table):
    assert set(table["kept"]) == {"yes"}
    assert (table["gradient"] > 0).all()  # single precision cannot be equal to the last digit
    assert (table["images"] + table["left_out"] == N).all()


def test_trajectories_agree(table):
    assert (table["loss"] < 1e-5).all()
    assert (table["probability"] < 1e-3).all()
    assert not table.isna().any(axis=None)


# ------------------------------------------------------------------------------- what does not
def test_a_penalty_wrong_by_a_part_in_a_thousand_is_seen(batch, sound, monkeypatch):
    right = full_batch.penalty_of
    assert sound["penalized"]["kept"] == "yes"
    monkeypatch.setattr(
        full_batch, "penalty_of", lambda kind, w, delta: right(kind, w, 1.001 * delta)
    )
    wrong = row(PENALIZED, batch)
    assert wrong["kept"] == "no"
    assert wrong["tensor"].startswith("coefficients")


def test_a_slope_wrong_by_a_part_in_a_thousand_is_seen(batch, monkeypatch):
    monkeypatch.setitem(network.ACTIVATIONS, "relu", lambda z: tf.nn.leaky_relu(z, 1e-3))
    assert kept(SMALL, batch) == {"lowlevel": "no", "keras": "yes"}  # whose activation is its own


def test_another_epsilon_in_keras_is_seen(batch, monkeypatch):
    right = keras_models.build_model
    monkeypatch.setattr(
        three_engines, "build_model", lambda spec, seed: right(spec.varied(bn_epsilon=0.0011), seed)
    )
    normalized = SMALL.varied(batch_norm="before")
    assert kept(normalized, batch) == {"lowlevel": "yes", "keras": "no"}


def test_another_start_is_seen(batch, monkeypatch):
    right = three_engines.build_model
    monkeypatch.setattr(three_engines, "build_model", lambda spec, seed: right(spec, seed + 1))
    assert row(SMALL, batch, "keras")["kept"] == "no"


@pytest.mark.parametrize("bias", ["vector", "scalar"])
def test_one_wrong_entry_of_any_tensor_is_enough(batch, bias):
    """Also of the scalar bias of the softmax layer, whose gradient is 0: see the next test."""
    spec = SMALL.varied(bias=bias)
    exact = three_engines.numpy_trajectory(spec, 1, batch, 0)
    sizes = three_engines.gradient_sizes(spec, 1, batch, exact)
    assert {"coefficients0", "coefficients2", "bias0", "bias2"} <= set(sizes)
    changes = {0.0: "yes", 5e-6: "yes", 3e-5: "no", np.nan: "no", np.inf: "no"}
    for name, (change, kept) in itertools.product(sizes, changes.items()):
        wrong = np.array(exact.gradients[name])
        wrong.flat[-1] += change * sizes[name]
        given = three_engines.Trajectory(
            {**exact.gradients, name: wrong}, exact.losses, exact.parameters, exact.probabilities
        )
        found = three_engines.gradient_deviations(given, exact, sizes)
        assert ("yes" if found[name] <= three_engines.TOLERANCE else "no") == kept, (name, change)
        assert all(found[other] == 0.0 for other in found if other != name), (name, change)


def test_only_a_gradient_that_is_exactly_0_is_measured_by_others(batch):
    """The ten gradients of a bias a class add up to that of one bias for all, which is 0."""
    size = {}
    for bias in ("scalar", "vector"):
        spec = SMALL.varied(bias=bias)
        exact = three_engines.numpy_trajectory(spec, 1, batch, 0)
        size[bias] = three_engines.gradient_sizes(spec, 1, batch, exact)
        for name, gradient in exact.gradients.items():
            if (bias, name) != ("scalar", "bias2"):
                assert size[bias][name] == np.abs(gradient).max()
            else:
                assert np.abs(gradient).max() < 1e-15
    assert size["scalar"]["bias2"] == size["vector"]["bias2"] > 1e-3


def test_tensors_are_compared_by_name_and_shape(batch):
    exact = three_engines.numpy_trajectory(SMALL, 1, batch, 0)
    for gradients in (
        {name: g for name, g in exact.gradients.items() if name != "bias0"},
        {**exact.gradients, "bias0": np.zeros(())},
    ):
        given = three_engines.Trajectory(
            gradients, exact.losses, exact.parameters, exact.probabilities
        )
        with pytest.raises(ValueError, match="is not"):
            three_engines.gradient_deviations(given, exact, dict.fromkeys(exact.gradients, 1.0))


def test_another_optimizer_shows_in_the_course_and_not_in_the_gradients(batch, sound, monkeypatch):
    before = sound["small"]
    monkeypatch.setitem(
        device.OPTIMIZERS,
        "adam",
        lambda learning_rate: keras.optimizers.Adam(learning_rate, beta_1=0.8),
    )
    after = row(SMALL, batch)
    assert after["kept"] == before["kept"] == "yes"
    assert after["weight"] > 1000 * before["weight"]


# ----------------------------------------------------------------------------------- left out
def test_an_image_on_the_bend_of_a_relu_is_left_out(batch):
    """A black image makes every input of the first layer 0 while biases are."""
    x = batch.x.copy()
    x[:, 3] = 0.0
    at_bend = Batch(x, batch.labels)
    kept = three_engines.without_kinks(SMALL, 1, at_bend)
    assert kept.x.shape[1] < N
    assert kept.x.any(axis=0).all()
    assert kept.labels.shape[1] == kept.x.shape[1]
    assert row(SMALL, at_bend)["left_out"] == N - kept.x.shape[1]
    for spec in (SMALL.varied(activation="sigmoid"), SMALL.varied(hidden=())):
        assert three_engines.without_kinks(spec, 1, at_bend).x.shape[1] == N


def test_with_batch_normalization_no_image_that_stays_is_near_a_bend(batch, monkeypatch):
    """Leaving one out moves the others."""
    spec = SMALL.varied(batch_norm="before")
    monkeypatch.setattr(three_engines, "KINK", 3e-3)
    kept = three_engines.without_kinks(spec, 1, batch)
    assert 1 < kept.x.shape[1] < N
    start = three_engines.initial_parameters(spec, 1)
    distances = reference.kink_distances(
        three_engines.reference_net(spec), start, kept.x.astype(float)
    )
    assert distances.min() >= 3e-3
