"""The table of hyperparameters says what was trained, and the engines do what it says."""

from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from fixtures.report import configured

from fmstudy.analysis.settings import OPTIMIZERS, settings_table
from fmstudy.engines import device
from fmstudy.engines.initial import initial_weights
from fmstudy.engines.keras_models import build_model
from fmstudy.engines.network import Network
from fmstudy.study import plan
from fmstudy.study.spec import REFERENCE, RunSpec


def described(spec: RunSpec, seeds: tuple[int, ...] = (1,)) -> dict[str, Any]:
    """The row of a model, without the columns that have no value."""
    table = settings_table([plan.Model("M", "A model", "part_a", spec, seeds).as_dict()])
    return {key: value for key, value in table.iloc[0].items() if not pd.isna(value)}


def test_a_low_level_model_is_described_in_full():
    spec = REFERENCE["lowlevel"].varied(hidden=(300, 100), penalty="l1_signed", delta=1e-5)
    assert described(spec, (101, 102)) == {
        "model": "M",
        "title": "A model",
        "engine": "low-level",
        "hidden": "300-100",
        "activation": "ReLU",
        "parameters": 784 * 300 + 300 * 100 + 100 * 10 + 3,
        "initial_weights": "normal",
        "weight_std": 0.05,
        "bias": "one per layer",
        "penalty": "signed L1",
        "delta": 1e-5,
        "dropout": 0.0,
        "optimizer": "Adam",
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "learning_rate": 0.001,
        "batch_size": 60000,
        "epochs": 200,
        "train_samples": 60000,
        "validation_split": 0.0,
        "seed_list": "101, 102",
    }


def test_a_keras_model_has_what_it_alone_has():
    spec = REFERENCE["keras"].varied(
        hidden=(50,), activation="sigmoid", dropout=0.3, batch_norm="before", optimizer="sgd"
    )
    row = described(spec)
    assert not {"beta_1", "beta_2", "epsilon", "weight_std", "penalty", "delta"} & set(row)
    assert row["momentum"] == 0.0 and row["optimizer"] == "SGD"
    assert row["initial_weights"] == "Glorot uniform"
    assert row["bias"] == "one per output unit"
    assert row["batch_norm"] == "before the activation"
    assert (row["bn_momentum"], row["bn_epsilon"]) == (0.99, 0.001)
    assert (row["batch_size"], row["validation_split"], row["dropout"]) == (256, 0.2, 0.3)
    assert row["parameters"] == 784 * 50 + 2 * 50 + 50 * 10 + 10


def test_a_softmax_has_neither_activation_nor_batch_normalization():
    row = described(REFERENCE["keras"].varied(batch_norm="before"))
    assert row["hidden"] == ""
    assert not {"activation", "batch_norm", "bn_epsilon", "bn_momentum"} & set(row)
    assert row["bias"] == "one per unit"


def test_every_model_of_the_study_has_a_row_under_its_title():
    study, _ = plan.build(configured())
    table = settings_table(model.as_dict() for model in study.models.values())
    assert list(table["title"]) == [model.title for model in study.models.values()]


# ------------------------------------------------------------------ the engines do what it says
@pytest.mark.usefixtures("one_thread")
def test_keras_models_start_as_the_table_says():
    """Glorot uniform weights as Keras draws them, and Keras' own zero biases, one per unit."""
    spec = REFERENCE["keras"].varied(hidden=(200, 100))
    row, model = described(spec), build_model(spec, seed=1)
    assert model.count_params() == row["parameters"]
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            kernel, bias = (weight.numpy() for weight in layer.weights)
            drawn = np.asarray(keras.initializers.GlorotUniform(seed=1)(kernel.shape))
            assert np.abs(kernel).max() == pytest.approx(np.abs(drawn).max(), rel=0.01)
            assert kernel.std() == pytest.approx(drawn.std(), rel=0.04)
            assert isinstance(layer.bias_initializer, keras.initializers.Zeros)
            assert bias.shape == (layer.units,) and not bias.any()


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(
    ("bias", "shapes"), [("scalar", [(), ()]), ("vector", [(200, 1), (10, 1)])]
)
def test_low_level_models_start_as_the_table_says(bias: str, shapes: list[tuple[int, ...]]):
    spec = REFERENCE["lowlevel"].varied(hidden=(200,), bias=bias)
    row, network = described(spec), Network(spec, seed=1)
    assert [tuple(it.shape) for it in network.biases] == shapes
    assert not any(it.numpy().any() for it in network.biases)
    first = network.coefficients[0].numpy()
    assert first.std() == pytest.approx(row["weight_std"], rel=0.01)
    assert abs(first.mean()) < 0.001 and np.abs(first).max() > 3 * row["weight_std"]  # normal
    assert sum(np.size(it.numpy()) for it in network.variables) == row["parameters"]
    np.testing.assert_array_equal(first, initial_weights(spec, 1)[0])


@pytest.mark.parametrize("name", sorted(device.OPTIMIZERS))
def test_optimizers_have_the_parameters_of_the_table_and_keras_defaults(name: str):
    described = {key: value for key, value in OPTIMIZERS[name].items() if key != "optimizer"}
    default = getattr(keras.optimizers, OPTIMIZERS[name]["optimizer"])()
    ours = device.OPTIMIZERS[name](learning_rate=0.001)
    names = {"beta_1", "beta_2", "epsilon", "momentum", "amsgrad", "nesterov", "weight_decay"}
    for setting in (names & set(default.get_config())) - set(described):
        assert not default.get_config()[setting]  # what the table leaves out is switched off
    for optimizer in (default, ours):
        assert {key: optimizer.get_config()[key] for key in described} == described


def test_every_optimizer_of_the_engines_is_in_the_table():
    assert set(OPTIMIZERS) == set(device.OPTIMIZERS)
