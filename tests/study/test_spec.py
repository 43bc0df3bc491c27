"""A run's name tells all that defines it; its numbers are right."""

import itertools
import json
import random
import re
from dataclasses import fields, replace

import numpy as np
import pytest

from fmstudy.study.spec import PENALTIES, REFERENCE, RunSpec, number

LOWLEVEL, KERAS = REFERENCE["lowlevel"], REFERENCE["keras"]

# Values of every field that two runs may differ in, for either engine.
CHOICES = {
    "hidden": [(), (300,), (300, 100), (30, 1001), (3, 64)],
    "activation": ["relu", "sigmoid"],
    "bias": ["scalar", "vector"],
    "weight_std": [0.05, None, 0.5, 0.005],
    "penalty, delta": [
        ("none", 0.0),
        *itertools.product(PENALTIES, [0.0, 1e-5, 1e-4, 1.5e-4, 1.0, 10.0]),
    ],
    "dropout": [0.0, 0.3, 0.03],
    "batch_norm": ["none", "before", "after"],
    "bn_momentum": [0.99, 0.9],
    "bn_epsilon": [0.001, 1e-5],
    "optimizer": ["adam", "sgd"],
    "learning_rate": [0.001, 0.01, 1e-4, 0.1],
    "epochs": [200, 20, 2000],
    "batch_size": [None, 256, 60, 1],
    "validation_split": [0.0, 0.2, 0.1],
    "train_metrics_samples": [None, 10_000, 500],
    "train_samples, test_samples": [(60_000, 10_000), (6_000, 10_000), (60_000, 1_000)],
}


def some_specs(count: int) -> list[RunSpec]:
    """As many different specifications, random but always the same."""
    source = random.Random(1)
    specs: dict[RunSpec, None] = {}
    while len(specs) < count:
        values = {"engine": source.choice(["lowlevel", "keras"])}
        for keys, choices in CHOICES.items():
            chosen = source.choice(choices)
            names = keys.split(", ")
            values |= dict(zip(names, chosen if len(names) > 1 else (chosen,), strict=True))
        if values["engine"] == "lowlevel" or values["batch_size"]:  # Keras has batches always
            specs[RunSpec(**values)] = None
    return list(specs)


def neighbors(spec: RunSpec) -> list[RunSpec]:
    """The same run with one thing changed, for every thing and every value."""
    found = []
    for keys, choices in CHOICES.items():
        names = keys.split(", ")
        for chosen in choices:
            change = dict(zip(names, chosen if len(names) > 1 else (chosen,), strict=True))
            found.append(replace(spec, **change))
    return found


def test_every_option_has_values_to_choose_from():
    named = {name for keys in CHOICES for name in keys.split(", ")}
    of_data = {"features", "classes"}  # no part of names: a data set has its own results
    assert named | {"engine"} | of_data == {field.name for field in fields(RunSpec)}


# Names


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (LOWLEVEL, "softmax"),
        (LOWLEVEL.varied(hidden=(300,)), "mlp-300"),
        (LOWLEVEL.varied(hidden=(300, 100)), "mlp-300-100"),
        (LOWLEVEL.varied(hidden=(300, 100), penalty="l2", delta=1e-4), "mlp-300-100_l2-1e-4"),
        (LOWLEVEL.varied(penalty="l1_signed", delta=1e-5), "softmax_l1-signed-1e-5"),
        (LOWLEVEL.varied(epochs=2000), "softmax_epochs-2000"),
        (LOWLEVEL.varied(weight_std=None), "softmax_glorot"),
        (LOWLEVEL.varied(train_samples=6000, test_samples=2000), "softmax_n-6000-2000"),
        (KERAS, "keras-softmax"),
        (KERAS.varied(hidden=(600, 400), dropout=0.3), "keras-mlp-600-400_dropout-0.3"),
        (
            KERAS.varied(hidden=(9,), batch_norm="after", batch_size=60),
            "keras-mlp-9_bn-after_batch-60",
        ),
        (KERAS.varied(train_metrics_samples=500), "keras-softmax_followed-500"),
    ],
)
def test_name_is_read_at_a_glance_and_never_changes(spec, name):
    """Results are found by these names: changing one would train the study anew."""
    assert spec.name == name


def test_different_runs_have_different_names():
    specs = set(some_specs(2000))
    for spec in [LOWLEVEL, KERAS, *some_specs(30)]:
        specs |= set(neighbors(spec))
    names = {}
    for spec in specs:
        other = names.setdefault(spec.name, spec)
        assert other == spec, f"{spec.name} is the name of two runs"


def test_every_name_is_a_safe_folder_name_by_which_the_workflow_chooses_the_training_rule():
    for spec in some_specs(500):
        assert re.fullmatch(r"[a-z0-9._-]+", spec.name)
        assert spec.name.startswith("keras-") == (spec.engine == "keras")


def test_number_is_written_shortly():
    shortly = {300: "300", 0.0: "0", 1.0: "1", 0.3: "0.3", 0.01: "0.01", 0.05: "0.05"}
    shortly |= {0.001: "1e-3", 1e-4: "1e-4", 2.5e-3: "2.5e-3", 1000.0: "1000", 100000: "100000"}
    shortly |= {1e6: "1e6", 0.30000000000000004: "0.30000000000000004"}
    assert {value: number(value) for value in shortly} == shortly


def test_number_is_written_exactly():
    source = np.random.default_rng(1)
    for value in 10.0 ** source.uniform(-9, 7, 500):
        assert float(number(float(value))) == value


def test_specification_survives_json():
    for spec in some_specs(100):
        assert RunSpec.from_dict(json.loads(json.dumps(spec.as_dict()))) == spec


# Sizes


@pytest.mark.parametrize(
    ("hidden", "scalar", "vector"),
    [
        ((), 7_841, 7_850),
        ((300,), 238_202, 238_510),
        ((300, 100), 266_203, 266_610),
        ((1000,), 794_002, 795_010),
    ],
)
def test_parameters_are_counted_as_they_are_published(hidden, scalar, vector):
    assert LOWLEVEL.varied(hidden=hidden).parameters == scalar
    assert LOWLEVEL.varied(hidden=hidden, bias="vector").parameters == vector
    assert KERAS.varied(hidden=hidden).parameters == vector


def test_batch_normalization_adds_gamma_and_beta_and_takes_the_bias_it_stands_before():
    net = KERAS.varied(hidden=(300, 100))
    assert net.varied(batch_norm="after").parameters == 266_610 + 2 * 400
    assert net.varied(batch_norm="before").parameters == 266_610 + 2 * 400 - 400


def test_samples_left_for_fitting_are_those_of_the_study():
    assert KERAS.fitted_samples == 48_000
    assert LOWLEVEL.fitted_samples == 60_000


def test_samples_left_for_fitting_are_as_many_as_keras_leaves():
    """Also where floating point makes 0.9 * n a hair less than a whole number."""
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split

    splits = [0.01, 0.1, 0.15, 0.2, 0.3, 1 / 3, 0.7, 0.9]
    for samples, split in itertools.product([100, 101, 999, 6_000, 10_000, 59_999, 60_000], splits):
        (kept,), _ = train_validation_split((np.zeros(samples),), split)
        spec = KERAS.varied(train_samples=samples, validation_split=split)
        assert spec.fitted_samples == len(kept), (samples, split)


def test_arithmetic_counts_the_products_of_steps_and_evaluation():
    """By hand for 784-3-10: a multiplication and an addition a weight and sample.

    Forward 2 * (784 * 3 + 3 * 10) = 4764; gradients by the weights as much again, by the hidden
    layer's outputs 2 * 30; by the images none.
    """
    spec = LOWLEVEL.varied(hidden=(3,), epochs=7, train_samples=100, test_samples=10)
    # A low-level run looks at training and test data once more than it steps.
    assert spec.arithmetic == 8 * (100 * (4764 + 4764 + 60) + 10 * 4764)
    # Keras fits 80 samples, looks at all 100 before and after each epoch, at the test set once.
    keras = KERAS.varied(hidden=(3,), epochs=7, train_samples=100, test_samples=10)
    steps = 7 * 80 * (4764 + 4764 + 60)
    assert keras.arithmetic == steps + 8 * 100 * 4764 + 10 * 4764
    # Or 30 of the 80 and the 20 held out, and in the end all 80.
    fewer = keras.varied(train_metrics_samples=30)
    assert fewer.arithmetic == steps + 8 * 50 * 4764 + (80 + 10) * 4764
