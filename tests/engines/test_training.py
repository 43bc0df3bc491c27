"""Low-level training is the gradient descent it says it is, told epoch by epoch, the same again."""

import json

import numpy as np
import pytest
from fixtures.descent import Descent
from fixtures.nets import in_numpy, saved

from fmstudy.checks import reference
from fmstudy.checks.three_engines import reference_net
from fmstudy.engines import full_batch
from fmstudy.engines.chunks import Chunks
from fmstudy.engines.full_batch import full_batch_gradients, train_lowlevel
from fmstudy.engines.initial import initial_weights
from fmstudy.engines.network import Network
from fmstudy.study.spec import PENALTIES, RunSpec

pytestmark = pytest.mark.usefixtures("one_thread")

N, N_TEST = 23, 11  # 23 is prime: no chunk size but 1 and 23 divides it
SMALL = RunSpec("lowlevel", hidden=(6, 4), epochs=3, learning_rate=0.01)


def shaken(spec: RunSpec) -> tuple[Network, reference.Parameters]:
    """A network with no parameter at a special value, and its parameters in float64."""
    network, random = Network(spec, seed=1), np.random.default_rng(8)
    for variable in network.variables:
        variable.assign_add(0.2 * random.normal(size=variable.shape).astype(np.float32))
    return network, in_numpy(network)[1]


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
    expected = reference.evaluate(reference_net(spec), p, x.astype(float), labels.astype(float))
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


@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)])
@pytest.mark.parametrize(("n", "size"), [*((N, size) for size in (1, 5, 12, 23, 100)), (24, 8)])
def test_chunks_of_any_size_add_up_to_the_whole_batch(samples, hidden, n, size):
    check_look(SMALL.varied(hidden=hidden), *samples(n), size)


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
    net, p = in_numpy(Network(spec, seed))
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


# Files


@pytest.fixture
def trained(tmp_path, samples):
    """Trains and saves; gives the files, and what is in those that have the same bytes again."""

    def train(name: str, spec: RunSpec, seed: int = 1):
        data = samples(N), samples(N_TEST, seed=1)
        result = train_lowlevel(spec, seed, *data, chunk=10)
        return saved(tmp_path / name, spec, seed, result, data[1][1])

    return train


@pytest.mark.parametrize("batch_norm", ["none", "before"])
def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(trained, batch_norm):
    spec = SMALL.varied(batch_norm=batch_norm)
    (_, first), (_, again) = trained("first", spec), trained("again", spec)
    _, other = trained("other", spec, seed=2)
    assert first == again
    for kind, content in first.items():
        assert content != other[kind], kind


def test_longer_run_begins_with_the_shorter_one_byte_by_byte(trained):
    (_, short), (_, longer) = trained("short", SMALL), trained("long", SMALL.varied(epochs=7))
    assert longer["history"].startswith(short["history"])
    assert len(longer["history"]) > len(short["history"])


def test_files_hold_the_run_s_results_for_readers_who_need_no_tensorflow(trained, samples):
    paths, _ = trained("run", SMALL)
    predictions = np.load(paths["predictions"], allow_pickle=False)
    assert predictions.dtype == np.float32
    with np.load(paths["weights"], allow_pickle=False) as archive:
        weights = {name: archive[name].astype(float) for name in archive.files}
    x, labels = samples(N_TEST, seed=1)
    z = reference.logits(reference_net(SMALL), weights, x.astype(float))
    np.testing.assert_allclose(predictions, reference.softmax(z), atol=1e-5)

    metrics = json.loads(paths["metrics"].read_text())
    assert metrics["status"] == "finished"
    assert RunSpec.from_dict(metrics["specification"]) == SMALL
    final = metrics["final"]
    assert final["test"]["loss"] == pytest.approx(reference.cross_entropy(z, labels), rel=1e-5)
    assert final["test"]["accuracy"] == pytest.approx(reference.accuracy(z, labels))
    assert final["train"]["loss"] < np.log(10)
    assert len(paths["history"].read_text().splitlines()) == 1 + 2 * (SMALL.epochs + 1)


def test_diverged_training_is_a_result_and_not_a_crash(trained):
    spec = SMALL.varied(optimizer="sgd", learning_rate=1e30, epochs=50)
    paths, contents = trained("run", spec)
    metrics = json.loads(
        contents["metrics"], parse_constant=lambda it: pytest.fail(f"{it}, in JSON")
    )
    assert metrics["status"] == "diverged"
    assert metrics["epochs_done"] < 50
    assert metrics["final"]["train"]["loss"] is None
    assert contents["history"].startswith(b"epoch,split,")
    assert np.load(paths["predictions"], allow_pickle=False).shape == (10, N_TEST)


def test_predictions_stand_in_the_order_of_the_samples(samples):
    """The column of a sample's prediction is that of the sample."""
    x, labels = samples(N)
    network, p = shaken(SMALL)
    x[392:, ::2] = x[:392, 1::2] = 0.0
    chunks = Chunks(x, labels, 10)
    assert list(chunks.order) != list(range(N))
    given = full_batch.predict(network, chunks, [])
    z = reference.logits(reference_net(SMALL), p, x.astype(float))
    np.testing.assert_allclose(given, reference.softmax(z), atol=1e-5)
