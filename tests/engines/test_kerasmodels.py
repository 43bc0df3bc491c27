"""The Keras models are the nets they are said to be, trained and evaluated as it is said."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from fixtures.descent import Descent
from fixtures.nets import saved

from fmstudy.checks import reference
from fmstudy.checks.three_engines import reference_net
from fmstudy.engines import keras_models
from fmstudy.engines.initial import initial_weights
from fmstudy.engines.keras_models import Dropout, build_model, predict, train_keras
from fmstudy.study.spec import REFERENCE

pytestmark = pytest.mark.usefixtures("one_thread")

# 25 samples: 20 to fit, in batches of 8, 8 and 4, and the last 5 for validation.
N, FITTED, N_TEST = 25, 20, 11
SMALL = REFERENCE["keras"].varied(
    hidden=(6, 4), epochs=2, batch_size=8, learning_rate=0.01, train_samples=N, test_samples=N_TEST
)


@pytest.fixture
def data(samples):
    return samples(N), samples(N_TEST, seed=1)


def from_keras(weights) -> tuple[reference.Parameters, list | None]:
    """The reference's parameters, and the moving statistics, from a Keras model's weights."""
    names = {"kernel": "coefficients", "bias": "bias", "gamma": "gamma", "beta": "beta"}
    p: reference.Parameters = {}
    moving: dict[str, np.ndarray] = {}
    for key, array in weights.items():
        place, kind = key.split("-")
        array = np.asarray(array, float)
        layer = place.removeprefix("dense").removeprefix("normalization")
        if kind.startswith("moving"):
            moving[f"{kind}{layer}"] = array[:, None]
        else:
            p[f"{names[kind]}{layer}"] = array.T if kind == "kernel" else array[:, None]
    population = [
        (moving[f"moving_mean{layer}"], moving[f"moving_variance{layer}"])
        for layer in range(len(moving) // 2)
    ]
    return p, population or None


def weights_of(model) -> dict[str, np.ndarray]:
    return {f"{lay.name}-{w.name}": w.numpy() for lay in model.layers for w in lay.weights}


def metrics_by_hand(spec, weights, x, labels) -> tuple[float, float]:
    """Cross-entropy and accuracy in inference mode, from saved weights."""
    p, population = from_keras(weights)
    z = reference.logits(reference_net(spec), p, x.astype(float), population)
    return reference.cross_entropy(z, labels), reference.accuracy(z, labels)


def of_history(result, epoch, split):
    rows = [row for row in result.history.rows if row[:2] == (epoch, split)]
    assert len(rows) == 1
    _, _, loss, penalty, accuracy = rows[0]
    assert penalty == 0.0
    return loss, accuracy


# The models


@pytest.mark.parametrize("hidden", [(), (300,), (300, 100)])
@pytest.mark.parametrize("batch_norm", ["none", "before", "after"])
def test_model_has_as_many_parameters_as_its_specification_says(hidden, batch_norm):
    spec = SMALL.varied(hidden=hidden, batch_norm=batch_norm if hidden else "none")
    trainable = build_model(spec, 1).trainable_weights
    assert sum(int(np.prod(w.shape)) for w in trainable) == spec.parameters


def test_model_starts_at_the_seed_s_weights_with_biases_0():
    p, _ = from_keras(weights_of(build_model(SMALL, 5)))
    for layer, weights in enumerate(initial_weights(SMALL, 5)):
        np.testing.assert_array_equal(p[f"coefficients{layer}"], weights)
        assert not p[f"bias{layer}"].any()


def test_layers_stand_in_the_order_that_is_described():
    """Dropout after the activation and after whatever is normalized; no softmax at the end."""
    for change, kinds in (
        ({}, "Activation"),
        ({"dropout": 0.3}, "Activation Dropout"),
        ({"batch_norm": "before", "dropout": 0.3}, "BatchNormalization Activation Dropout"),
        ({"batch_norm": "after", "dropout": 0.3}, "Activation BatchNormalization Dropout"),
    ):
        _, *layers = build_model(SMALL.varied(hidden=(6,), **change), 1).layers
        assert [type(layer).__name__ for layer in layers] == ["Dense", *kinds.split(), "Dense"]


def test_every_layer_and_every_seed_drops_other_outputs():
    spec = SMALL.varied(hidden=(64, 64), dropout=0.5)
    masks = [
        layer(np.ones((4, 64), np.float32), training=True).numpy().tobytes()
        for seed in (1, 2)
        for layer in build_model(spec, seed).layers
        if isinstance(layer, Dropout)
    ]
    assert len(masks) == len(set(masks)) == 4


def test_settings_of_a_specification_reach_its_layers():
    spec = SMALL.varied(dropout=0.3, batch_norm="after", bn_momentum=0.9, bn_epsilon=0.01)
    model = build_model(spec.varied(optimizer="sgd", learning_rate=0.25), 1)
    found = {type(layer).__name__: layer for layer in model.layers}
    assert found["Dropout"].rate == 0.3
    assert found["BatchNormalization"].momentum == 0.9
    assert found["BatchNormalization"].epsilon == 0.01
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert float(model.optimizer.learning_rate) == 0.25
    assert isinstance(build_model(SMALL, 1).optimizer, keras.optimizers.Adam)


@pytest.mark.parametrize("hidden", [(), (6, 4)])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("batch_norm", ["none", "before", "after"])
def test_logits_equal_those_computed_by_hand(data, hidden, activation, batch_norm):
    spec = SMALL.varied(hidden=hidden, activation=activation, dropout=0.5)
    spec = spec.varied(batch_norm=batch_norm if hidden else "none")
    model, random = build_model(spec, 1), np.random.default_rng(4)
    for weight in model.weights:  # none at a special value; variances stay positive
        if "seed" not in weight.path:
            weight.assign(weight + random.uniform(0.0, 0.3, weight.shape).astype(np.float32))
    x = data[0][0]
    p, population = from_keras(
        {k: w for k, w in weights_of(model).items() if not k.startswith("dropout")}
    )
    expected = reference.logits(reference_net(spec), p, x.astype(float), population)
    np.testing.assert_allclose(predict(model, x.T), expected.T, rtol=1e-5, atol=1e-5)


def test_predictions_of_many_samples_are_joined_in_their_order(data, monkeypatch):
    model, x = build_model(SMALL, 1), data[0][0].T
    whole = predict(model, x)
    monkeypatch.setattr(keras_models, "EVALUATION_CHUNK", 7)
    np.testing.assert_allclose(predict(model, x), whole, rtol=1e-5, atol=1e-6)


# Batches


class Watched:
    """Stands in the place of a model: notes the batches it gets, and learns nothing from them."""

    def __init__(self) -> None:
        self.layers, self.trainable_variables, self.optimizer = [], [], self
        self.images: list[list[int]] = []
        self.labels: list[list[int]] = []

    def __call__(self, x, training):
        if training:
            tf.py_function(lambda x: self.images.append([*map(int, x[:, 0])]), [x], [])
        return tf.zeros((tf.shape(x)[0], 10))

    def loss(self, labels, logits):
        tf.py_function(lambda labels: self.labels.append([*map(int, labels)]), [labels], [])
        return tf.constant(0.0)

    def build(self, variables): ...

    def apply(self, gradients, variables): ...


def collected(spec, seed):
    """The batches of each epoch, as lists of sample numbers."""
    numbers = np.tile(np.arange(N, dtype=np.float32), (784, 1))
    labels = np.eye(10, dtype=np.float32)[:, np.arange(N) % 10]
    watched = Watched()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras_models, "build_model", lambda spec, seed: watched)
        train_keras(spec, seed, (numbers, labels), (numbers, labels))
    found = watched.images
    # a label stays with its sample
    assert [[number % 10 for number in batch] for batch in found] == watched.labels
    steps = -(-FITTED // spec.batch_size)
    assert len(found) == spec.epochs * steps
    return [found[i : i + steps] for i in range(0, len(found), steps)]


def test_every_epoch_goes_through_every_sample_once_in_an_order_of_its_own():
    epochs = [[*itertools.chain(*epoch)] for epoch in collected(SMALL.varied(epochs=3), 1)]
    assert all(sorted(order) == list(range(FITTED)) for order in epochs)
    assert len({tuple(order) for order in [*epochs, range(FITTED)]}) == 4
    assert [[len(batch) for batch in epoch] for epoch in collected(SMALL, 1)] == [[8, 8, 4]] * 2


def test_models_of_a_seed_share_their_batches_and_other_seeds_do_not():
    other_model = SMALL.varied(hidden=(9,), dropout=0.5, batch_norm="after", optimizer="sgd")
    assert collected(SMALL, 1) == collected(other_model, 1)
    assert collected(SMALL, 1) != collected(SMALL, 2)
    assert collected(SMALL, 1) == collected(SMALL.varied(epochs=5), 1)[:2]


# Training


def by_hand(spec, seed, x, labels):
    """Train in NumPy float64 on the same batches; give parameters and moving statistics."""
    net, n = reference_net(spec), x.shape[1]
    p, population = from_keras(weights_of(build_model(spec, seed)))
    optimizer = {"adam": reference.Adam, "sgd": Descent}[spec.optimizer](spec.learning_rate)
    for epoch in collected(spec, seed):
        losses = []
        for batch in epoch:
            seen = reference.evaluate(
                net, p, x[:, batch].astype(float), labels[:, batch].astype(float)
            )
            losses.append((seen.loss, seen.accuracy, len(batch)))
            p = optimizer.step(p, seen.gradients)
            if population:
                keep = spec.bn_momentum
                population = [
                    tuple(keep * old + (1 - keep) * new for old, new in zip(*pair, strict=True))
                    for pair in zip(population, seen.statistics, strict=True)
                ]
    running = [sum(row[i] * row[2] for row in losses) / n for i in (0, 1)]
    return p, population, running


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 1},
        {"hidden": (), "epochs": 3},
        {"activation": "sigmoid", "epochs": 3},
        {"optimizer": "sgd", "learning_rate": 0.5, "epochs": 3},
        {"batch_norm": "before", "bn_momentum": 0.9},
        {"batch_norm": "after", "activation": "sigmoid"},
    ],
    ids=lambda change: "-".join(map(str, change.values())),
)
def test_training_follows_mini_batch_descent_computed_by_hand(data, change):
    spec, (train, test) = SMALL.varied(**change), data
    result = train_keras(spec, 3, train, test)
    x, labels = train
    p, population, running = by_hand(spec, 3, x[:, :FITTED], labels[:, :FITTED])

    given, moving = from_keras(result.weights)
    assert set(given) == set(p)
    for name, array in p.items():
        np.testing.assert_allclose(given[name], array, rtol=1e-4, atol=1e-4, err_msg=name)
    for ours, theirs in zip(moving or (), population or (), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert of_history(result, spec.epochs, "running") == pytest.approx(running, rel=1e-4)
    z = reference.logits(reference_net(spec), p, test[0].astype(float), population)
    np.testing.assert_allclose(result.predictions, reference.softmax(z), atol=1e-4)
    start = initial_weights(spec, 3)[0]
    assert np.abs(given["coefficients0"] - start).max() > 0.005  # it has moved at all


def test_the_last_share_of_the_training_samples_is_held_out(data):
    train, test = data
    result = train_keras(SMALL, 1, train, test)
    (x, labels), end = train, SMALL.epochs
    parts = {"train": slice(0, FITTED), "validation": slice(FITTED, N)}
    for split, part in parts.items():
        expected = metrics_by_hand(SMALL, result.weights, x[:, part], labels[:, part])
        assert of_history(result, end, split) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("batch_norm", ["none", "before"])
def test_training_accuracy_is_that_of_the_finished_epoch_without_dropout(data, batch_norm):
    """What Keras reports by itself, with dropout on and while the weights move, stands apart."""
    spec, (train, test) = SMALL.varied(dropout=0.5, batch_norm=batch_norm), data
    result = train_keras(spec, 1, train, test)
    x, labels = (array[:, :FITTED] for array in train)
    expected = metrics_by_hand(spec, result.weights, x, labels)
    assert of_history(result, spec.epochs, "train") == pytest.approx(expected, rel=1e-4)
    running, _ = of_history(result, spec.epochs, "running")
    assert abs(running - expected[0]) > 1e-3


def test_history_begins_before_training(data):
    train, test = data
    result = train_keras(SMALL, 1, train, test)
    start = weights_of(build_model(SMALL, 1))
    expected = metrics_by_hand(SMALL, start, train[0][:, :FITTED], train[1][:, :FITTED])
    assert of_history(result, 0, "train") == pytest.approx(expected, rel=1e-4)
    assert [row[0] for row in result.history.rows if row[1] == "running"] == [1, 2]


def test_test_set_is_evaluated_once_after_training(data, monkeypatch):
    train, test = data
    looked, predict = [], keras_models.predict
    monkeypatch.setattr(
        keras_models, "predict", lambda m, x: looked.append(x.shape[0]) or predict(m, x)
    )
    result = train_keras(SMALL, 1, train, test)
    assert looked.count(N_TEST) == 1
    assert looked[-1] == N_TEST
    expected = metrics_by_hand(SMALL, result.weights, *test)
    assert of_history(result, SMALL.epochs, "test") == pytest.approx(expected, rel=1e-4)
    assert sum(row[1] == "test" for row in result.history.rows) == 1


@pytest.fixture
def trained(tmp_path, data):
    """Trains and saves; gives what is in the files that have the same bytes again."""
    train, test = data

    def train_(name, spec, seed=1):
        return saved(tmp_path / name, spec, seed, train_keras(spec, seed, train, test), test[1])[1]

    return train_


def test_training_metrics_of_some_samples_change_no_weight_and_no_final_metric(trained, data):
    """Each epoch is evaluated on the first seven fitted samples, the end on all of them."""
    (x, labels), _ = data
    spec = SMALL.varied(dropout=0.5)
    whole = trained("all", spec)
    part = trained("some", spec.varied(train_metrics_samples=7))
    for name in ("weights", "predictions"):
        assert part[name] == whole[name]
    finals = [json.loads(files["metrics"])["final"] for files in (whole, part)]
    assert finals[0] == finals[1]
    rows = [line.split(",")[:2] for line in part["history"].decode().splitlines()[1:]]
    assert [epoch for epoch, split in rows if split == "train_all"] == ["2"]
    assert [epoch for epoch, split in rows if split == "train"] == ["0", "1", "2"]
    assert b"train_all" not in whole["history"]
    result = train_keras(spec.varied(train_metrics_samples=7), 1, *data)
    for split, count in (("train", 7), ("train_all", FITTED)):
        expected = metrics_by_hand(spec, result.weights, x[:, :count], labels[:, :count])
        assert of_history(result, 2, split) == pytest.approx(expected, rel=1e-4)


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(trained):
    """Whatever else has drawn random numbers in the process, and with dropout's."""
    spec = SMALL.varied(dropout=0.3)
    first = trained("first", spec)
    keras.utils.set_random_seed(99)
    assert first == trained("again", spec)
    other = trained("other", spec, seed=2)
    for name, content in first.items():
        assert content != other[name], name


def test_models_with_and_without_dropout_start_alike_and_differ_in_dropout_only(data):
    """A paired comparison: with a share of 0 they are the same training."""
    train, test = data
    plain, dropped, none = (
        train_keras(SMALL.varied(dropout=share), 1, train, test) for share in (0.0, 0.5, 1e-9)
    )
    assert of_history(plain, 0, "train") == of_history(dropped, 0, "train")
    assert of_history(plain, 2, "train") != of_history(dropped, 2, "train")
    np.testing.assert_allclose(none.predictions, plain.predictions, rtol=1e-5)


@pytest.mark.parametrize("epochs", [1, 5])
def test_diverged_training_is_a_result_and_not_a_crash(trained, epochs):
    """Also if it is the very last step that spoils the weights."""
    spec = SMALL.varied(optimizer="sgd", learning_rate=1e38, epochs=epochs, batch_size=20)
    content = trained("run", spec)["metrics"]
    metrics = json.loads(content)
    assert metrics["status"] == "diverged"
    assert metrics["epochs_done"] <= 2
    assert metrics["final"]["test"]["loss"] is None
    assert b"NaN" not in content


# Dropout


def test_dropout_sets_its_share_to_0_and_keeps_the_mean():
    layer, ones = Dropout(0.3, seed=5), tf.ones((400, 51))  # no multiple of 4
    dropped = layer(ones, training=True).numpy()
    assert set(np.unique(dropped)) == {0.0, np.unique(dropped)[-1]}
    # 0.3 within 2^-17 and four standard deviations, sqrt(0.3 * 0.7 / 20,400) = 0.0032
    assert (dropped == 0.0).mean() == pytest.approx(0.3, abs=0.013)
    assert dropped.max() == pytest.approx(1 / 0.7, rel=2e-5)
    np.testing.assert_array_equal(layer(ones, training=False), ones)


def test_a_share_of_nearly_1_drops_nearly_all():
    dropped = Dropout(0.9999999, seed=5)(tf.ones((20, 30)), training=True).numpy()
    assert set(np.unique(dropped)) <= {0.0, 65536.0}


def test_dropout_is_drawn_anew_for_each_step_layer_and_output():
    one, two = Dropout(0.5, seed=5), Dropout(0.5, seed=6)
    ones = tf.ones((200, 64))
    draws = [layer(ones, training=True).numpy() > 0 for layer in (one, one, two)]
    draws += [draws[0][:, ::-1], np.roll(draws[0], 1, axis=1), np.roll(draws[0], 4, axis=1)]
    for i, j in itertools.combinations(range(3), 2):
        assert np.corrcoef(draws[i].ravel(), draws[j].ravel())[0, 1] == pytest.approx(0, abs=0.04)
    for other in draws[3:]:
        assert np.corrcoef(draws[0].ravel(), other.ravel())[0, 1] == pytest.approx(0, abs=0.04)


def test_dropout_lets_through_the_gradients_of_what_it_keeps():
    layer, x = Dropout(0.5, seed=5), tf.ones((20, 30))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(y, x), y)
