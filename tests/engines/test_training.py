"""Low-level training is the gradient descent it says it is, told epoch by epoch, the same again."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from fixtures.descent import Descent

from fmstudy.checks import reference
from fmstudy.checks.reference import Net
from fmstudy.engines import cost, full_batch, lowlevel, records
from fmstudy.engines.chunks import Chunks
from fmstudy.engines.full_batch import full_batch_gradients, train_lowlevel
from fmstudy.engines.initial import initial_weights
from fmstudy.engines.network import Network, times
from fmstudy.study.spec import FINISHED, PENALTIES, RunSpec

pytestmark = pytest.mark.usefixtures("one_thread")

N, N_TEST = 23, 11  # 23 is prime: no chunk size but 1 and 23 divides it
SMALL = RunSpec("lowlevel", hidden=(6, 4), epochs=3, learning_rate=0.01)


def net_of(spec: RunSpec) -> Net:
    return Net(
        len(spec.hidden) + 1,
        spec.activation,
        spec.penalty,
        spec.delta,
        spec.batch_norm,
        spec.bn_epsilon,
    )


def shaken(spec: RunSpec) -> tuple[Network, reference.Parameters]:
    """A network with no parameter at a special value, and its parameters in float64."""
    network, random = Network(spec, seed=1), np.random.default_rng(8)
    for variable in network.variables:
        variable.assign_add(0.2 * random.normal(size=variable.shape).astype(np.float32))
    return network, {name: a.astype(float) for name, a in network.named_arrays().items()}


def close(given, expected, name=""):
    """Equal to 1e-5 of the largest entry; 1e-7 is rounding where all are 0."""
    expected = np.asarray(expected)
    assert np.shape(given) == expected.shape, name
    tolerance = max(1e-5 * np.abs(expected).max(), 1e-7)
    np.testing.assert_allclose(given, expected, rtol=0, atol=tolerance, err_msg=name)


def check_look(spec: RunSpec, x, labels, size: int) -> None:
    """Compare value, accuracy and every gradient with the reference's, for a chunk size."""
    network, p = shaken(spec)
    x = x.copy()
    x[392:, ::2] = x[:392, 1::2] = 0.0  # blank in one half, so that chunks leave pixels out
    expected = reference.evaluate(net_of(spec), p, x.astype(float), labels.astype(float))
    for optimized in (True, False):
        chunks = Chunks(x, labels, size, copied=optimized, compact=optimized)
        seen = full_batch_gradients(network, chunks)
        assert float(seen.loss) == pytest.approx(expected.loss, rel=1e-5)
        assert float(seen.penalty) == pytest.approx(expected.penalty, rel=1e-5)
        assert float(seen.accuracy) == pytest.approx(expected.accuracy)
        assert set(p) == set(expected.gradients)
        for name, gradient in zip(network.named_arrays(), seen.gradients, strict=True):
            close(gradient, expected.gradients[name], name)
        assert len(seen.statistics) == len(expected.statistics)
        for given, (mean, variance) in zip(seen.statistics, expected.statistics, strict=True):
            close(given.mean, mean)
            close(given.variance, variance)


# Gradients


@pytest.mark.parametrize("size", [1, 5, 12, 23, 100])
@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)])
def test_chunks_of_any_size_add_up_to_the_whole_batch(samples, hidden, size):
    check_look(SMALL.varied(hidden=hidden), *samples(N), size)


@pytest.mark.parametrize("size", [4, 8, 24])
def test_chunks_that_divide_the_batch_leave_no_remainder(samples, size):
    check_look(SMALL, *samples(24), size)


@pytest.mark.parametrize("bias", ["scalar", "vector"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)])
def test_gradients_equal_those_derived_by_hand(samples, hidden, activation, bias):
    check_look(SMALL.varied(hidden=hidden, activation=activation, bias=bias), *samples(N), 10)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalties_count_once_whatever_the_number_of_chunks(samples, penalty):
    check_look(SMALL.varied(penalty=penalty, delta=0.01), *samples(N), 7)


@pytest.mark.parametrize("bias", ["scalar", "vector"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("batch_norm", ["before", "after"])
@pytest.mark.parametrize("size", [5, N])
def test_gradients_through_batch_normalization_equal_those_derived_by_hand(
    samples, size, batch_norm, activation, bias
):
    """The statistics are those of the whole batch, whatever the chunks."""
    spec = SMALL.varied(batch_norm=batch_norm, activation=activation, bias=bias)
    check_look(spec, *samples(N), size)


def test_gradients_through_batch_normalization_equal_those_of_a_tape(samples):
    spec = SMALL.varied(hidden=(6, 5, 4), batch_norm="before")
    network, _ = shaken(spec)
    x, labels = samples(N)
    with tf.GradientTape() as tape:
        logits, statistics = network.logits(times(tf.constant(x)))
        loss = lowlevel.cross_entropy(lowlevel.softmax_activation(logits), labels)
    seen = full_batch_gradients(network, Chunks(x, labels, 7))
    for ours, theirs in zip(seen.gradients, tape.gradient(loss, network.variables), strict=True):
        close(ours, theirs.numpy())
    for ours, theirs in zip(seen.statistics, statistics, strict=True):
        close(ours.mean, theirs.mean.numpy())
        close(ours.variance, theirs.variance.numpy())


LITERAL = {
    "none": lambda q, y, w, delta: lowlevel.cross_entropy(q, y),
    "l1": lowlevel.cross_entropy_l1_regularization,
    "l1_signed": lambda q, y, w, delta: lowlevel.cross_entropy_l1_regularization(
        q, y, w, delta, signed=True
    ),
    "l2": lowlevel.cross_entropy_l2_regularization,
}


@pytest.mark.parametrize("penalty", LITERAL)
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_fast_gradients_equal_those_of_the_source_s_literal_functions(samples, activation, penalty):
    spec = SMALL.varied(activation=activation, penalty=penalty, delta=0.01)
    network, _ = shaken(spec)
    x, labels = samples(N)
    layer = {"relu": lowlevel.relu_layer, "sigmoid": lowlevel.sigmoid_layer}[activation]
    with tf.GradientTape() as tape:
        predictions = lowlevel.forward_pass(
            tf.constant(x), network.coefficients, network.biases, layer
        )
        loss = LITERAL[penalty](predictions, labels, network.coefficients, 0.01)
    literal = tape.gradient(loss, network.variables)
    seen = full_batch_gradients(network, Chunks(x, labels, 10))
    assert float(seen.loss + seen.penalty) == pytest.approx(float(loss), rel=1e-5)
    for ours, theirs in zip(seen.gradients, literal, strict=True):
        close(ours, theirs.numpy())


def test_layer_normalized_before_its_activation_has_no_bias_of_its_own():
    names = set(Network(SMALL.varied(batch_norm="before"), 1).named_arrays())
    assert {"bias2", "beta0", "beta1"} <= names
    assert not {"bias0", "bias1"} & names


@pytest.mark.parametrize("batch_norm", ["none", "before", "after"])
@pytest.mark.parametrize("bias", ["scalar", "vector"])
@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)])
def test_network_has_as_many_parameters_as_its_specification_says(hidden, bias, batch_norm):
    spec = SMALL.varied(hidden=hidden, bias=bias, batch_norm=batch_norm if hidden else "none")
    assert sum(np.size(v) for v in Network(spec, 1).variables) == spec.parameters


def test_training_starts_at_the_seed_s_weights_with_biases_0_gammas_1_and_betas_0():
    arrays = Network(SMALL.varied(batch_norm="after"), 5).named_arrays()
    for layer, weights in enumerate(initial_weights(SMALL, 5)):
        np.testing.assert_array_equal(arrays[f"coefficients{layer}"], weights)
        assert arrays[f"bias{layer}"] == 0.0
    for layer in range(2):
        assert np.all(arrays[f"gamma{layer}"] == 1.0)
        assert np.all(arrays[f"beta{layer}"] == 0.0)


# Training


def by_hand(spec: RunSpec, seed: int, train, test):
    """Train in NumPy float64 from the same start: metrics of every epoch, last parameters."""
    (x, labels), (x_test, labels_test) = (tuple(a.astype(float) for a in d) for d in (train, test))
    net = net_of(spec)
    p = {name: a.astype(float) for name, a in Network(spec, seed).named_arrays().items()}
    chosen = {"adam": reference.Adam, "sgd": Descent}[spec.optimizer]
    optimizer = chosen(spec.learning_rate)
    rows = []
    for epoch in range(spec.epochs + 1):
        seen = reference.evaluate(net, p, x, labels)
        # Exact statistics of the training set normalize the test set.
        z = reference.logits(net, p, x_test, seen.statistics or None)
        held_out = reference.cross_entropy(z, labels_test), reference.accuracy(z, labels_test)
        rows.append((epoch, "train", seen.loss, seen.penalty, seen.accuracy))
        rows.append((epoch, "test", held_out[0], seen.penalty, held_out[1]))
        if epoch < spec.epochs:
            p = optimizer.step(p, seen.gradients)
    return rows, z


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"hidden": ()},
        {"bias": "vector", "activation": "sigmoid"},
        {"penalty": "l2", "delta": 0.01},
        {"penalty": "l1_signed", "delta": 0.001},
        {"optimizer": "sgd", "learning_rate": 1.0},
        {"batch_norm": "before"},
        {"batch_norm": "after", "activation": "sigmoid", "bn_epsilon": 0.01},
    ],
    ids=lambda change: "-".join(map(str, change.values())) or "plain",
)
def test_twenty_epochs_follow_the_trajectory_computed_by_hand(samples, change):
    spec = SMALL.varied(epochs=20).varied(**change)
    train, test = samples(N), samples(N_TEST, seed=1)
    result = train_lowlevel(spec, 3, train, test, chunk=10)
    expected, z = by_hand(spec, 3, train, test)
    assert [row[:2] for row in result.history.rows] == [row[:2] for row in expected]
    for given, wanted in zip(result.history.rows, expected, strict=True):
        assert given[2:] == pytest.approx(wanted[2:], rel=1e-4, abs=1e-4), wanted[:2]
    np.testing.assert_allclose(result.predictions, reference.softmax(z), atol=1e-4)
    moved = np.abs(np.subtract(expected[-2][2:], expected[0][2:]))
    assert moved.max() > 0.02  # a hundred times what is told apart


def test_metrics_of_an_epoch_belong_to_the_parameters_after_it(samples):
    """Epoch 0 is the start, the last epoch the weights that are saved."""
    train, test = samples(N), samples(N_TEST, seed=1)
    result = train_lowlevel(SMALL, 3, train, test)
    rows = {(epoch, split): loss for epoch, split, loss, *_ in result.history.rows}
    assert sorted({epoch for epoch, _ in rows}) == [0, 1, 2, 3]
    initial = {f"coefficients{i}": w for i, w in enumerate(initial_weights(SMALL, 3))}
    for epoch, p in ((0, initial), (3, result.weights)):
        for split, (x, labels) in (("train", train), ("test", test)):
            z = reference.logits(net_of(SMALL), p, x.astype(float))
            assert rows[epoch, split] == pytest.approx(reference.cross_entropy(z, labels), rel=1e-5)
    assert result.epochs_done == 3
    assert result.status == FINISHED


# Files


def saved(directory, spec: RunSpec, seed: int, train, test) -> dict[str, str]:
    """Train and save; give the paths of the files."""
    result = train_lowlevel(spec, seed, train, test, chunk=10)
    names = {
        "history": "history.csv",
        "metrics": "metrics.json",
        "predictions": "predictions.npy",
        "weights": "weights.npz",
        "provenance": "provenance.json",
    }
    paths = {key: str(directory / name) for key, name in names.items()}
    laps = cost.Laps()
    records.save(paths, spec, seed, result, test[1], code="0123456789abcdef", threads=1, laps=laps)
    return paths


SAME_BYTES = ("history", "metrics", "predictions", "weights")


def contents(paths):
    return {key: Path(paths[key]).read_bytes() for key in SAME_BYTES}


@pytest.mark.parametrize("batch_norm", ["none", "before"])
def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path, samples, batch_norm):
    spec, train, test = SMALL.varied(batch_norm=batch_norm), samples(N), samples(N_TEST, seed=1)
    first, again, other = (
        contents(saved(tmp_path / name, spec, seed, train, test))
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again
    for key in SAME_BYTES:
        assert first[key] != other[key], key


def test_longer_run_begins_with_the_shorter_one_byte_by_byte(tmp_path, samples):
    train, test = samples(N), samples(N_TEST, seed=1)
    short = contents(saved(tmp_path / "short", SMALL, 1, train, test))["history"]
    longer = contents(saved(tmp_path / "long", SMALL.varied(epochs=7), 1, train, test))["history"]
    assert longer.startswith(short)
    assert len(longer) > len(short)


def test_files_hold_the_run_s_results_for_readers_who_need_no_tensorflow(tmp_path, samples):
    train, test = samples(N), samples(N_TEST, seed=1)
    paths = saved(tmp_path, SMALL, 1, train, test)

    predictions = np.load(paths["predictions"], allow_pickle=False)
    assert predictions.shape == (10, N_TEST)
    assert predictions.dtype == np.float32
    np.testing.assert_allclose(predictions.sum(axis=0), 1.0, rtol=1e-5)

    with np.load(paths["weights"], allow_pickle=False) as archive:
        weights = {name: archive[name].astype(float) for name in archive.files}
    z = reference.logits(net_of(SMALL), weights, test[0].astype(float))
    np.testing.assert_allclose(predictions, reference.softmax(z), atol=1e-5)

    with open(paths["metrics"], encoding="utf-8") as file:
        metrics = json.load(file)
    assert metrics["status"] == "finished"
    assert RunSpec.from_dict(metrics["specification"]) == SMALL
    assert metrics["final"]["test"]["loss"] == pytest.approx(
        reference.cross_entropy(z, test[1]), rel=1e-5
    )
    assert metrics["final"]["test"]["accuracy"] == pytest.approx(reference.accuracy(z, test[1]))
    assert metrics["final"]["train"]["loss"] < reference.cross_entropy(np.zeros((10, N)), train[1])

    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0] == "epoch,split,loss,penalty,accuracy"
    assert len(lines) == 1 + 2 * (SMALL.epochs + 1)


def test_history_file_holds_single_precision_exactly(tmp_path):
    value = np.float32(1) / np.float32(3)
    history = records.History()
    history.add(1, "train", value, 0.0, np.float32(16777215))
    history.write(tmp_path / "history.csv")
    row = (tmp_path / "history.csv").read_text().splitlines()[1].split(",")
    assert np.float32(row[2]) == value
    assert np.float32(row[4]) == np.float32(16777215)


def test_weights_file_does_not_hold_the_time(tmp_path, samples):
    """As NumPy's own do, by which two equal runs would differ."""
    paths = saved(tmp_path, SMALL.varied(epochs=1), 1, samples(N), samples(N_TEST, seed=1))
    with zipfile.ZipFile(paths["weights"]) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_diverged_training_is_a_result_and_not_a_crash(tmp_path, samples):
    spec = SMALL.varied(optimizer="sgd", learning_rate=1e30, epochs=50)
    train, test = samples(N), samples(N_TEST, seed=1)
    paths = saved(tmp_path, spec, 1, train, test)
    text = (tmp_path / "metrics.json").read_text()
    metrics = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert metrics["status"] == "diverged"
    assert metrics["epochs_done"] < 50
    assert metrics["final"]["train"]["loss"] is None
    assert contents(paths)["history"].startswith(b"epoch,split,")
    assert np.load(paths["predictions"], allow_pickle=False).shape == (10, N_TEST)


def test_predictions_stand_in_the_order_of_the_samples(samples):
    """The column of a sample's prediction is that of the sample."""
    x, labels = samples(N)
    network, p = shaken(SMALL)
    x[392:, ::2] = x[:392, 1::2] = 0.0
    chunks = Chunks(x, labels, 10)
    assert list(chunks.order) != list(range(N))
    given = full_batch.predict(network, chunks, [])
    z = reference.logits(net_of(SMALL), p, x.astype(float))
    np.testing.assert_allclose(given, reference.softmax(z), atol=1e-5)
