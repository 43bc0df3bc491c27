"""Mini-batch training of the low-level nets: the steps are those of Keras, and of the formulas."""

import keras
import numpy as np
import pytest

from fmstudy.checks import reference
from fmstudy.engines import cost
from fmstudy.engines.initial import batch_order
from fmstudy.engines.keras_models import build_model
from fmstudy.engines.mini_batch import OPTIMIZERS, MiniBatches, Samples, orders
from fmstudy.engines.network import Network
from fmstudy.study.spec import RunSpec

pytestmark = pytest.mark.usefixtures("one_thread")

N, SIZE, STEPS = 64, 16, 12
SPEC = RunSpec(
    "lowlevel", hidden=(12, 8), activation="sigmoid", bias="vector", weight_std=None,
    optimizer="sgd", learning_rate=0.1, batch_size=SIZE, train_samples=N,
)  # fmt: skip


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(5)
    x = random.random((784, N), dtype=np.float32)
    labels = np.eye(10, dtype=np.float32)[:, random.integers(0, 10, N)]
    return x, labels


def keras_weights(spec, data, seed, steps):
    """What Keras makes of the same weights and the same batches, as features-major arrays."""
    x, labels = data
    model = build_model(spec.varied(engine="keras", optimizer="sgd"), seed)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(OPTIMIZERS[spec.optimizer](learning_rate=spec.learning_rate), loss)
    for rows in orders(N, SIZE, seed, steps):
        model.train_on_batch(x.T[rows], labels.T[rows])
    return {
        f"{layer.name}-{weight.name}": weight.numpy().T
        for layer in model.layers
        for weight in layer.weights
    }


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("batch_norm", ["none", "before", "after"])
def test_trainings_go_the_way_of_keras(data, optimizer, batch_norm):
    rate = 0.002 if optimizer == "adam" else 0.1
    spec = SPEC.varied(optimizer=optimizer, batch_norm=batch_norm, learning_rate=rate)
    batches = MiniBatches(spec, Samples.of(*data), momenta=(0.99, 0.9))
    batches.start(seed=3)
    assert batches.train(orders(N, SIZE, 3, STEPS))
    wanted = keras_weights(spec, data, 3, STEPS)
    network = batches.network
    for layer, coefficients in enumerate(network.coefficients):
        np.testing.assert_allclose(coefficients, wanted[f"dense{layer}-kernel"], atol=2e-5)
    for layer, (gamma, beta) in enumerate(zip(network.gammas, network.betas, strict=True)):
        name = f"normalization{layer}"
        np.testing.assert_allclose(gamma[:, 0], wanted[f"{name}-gamma"], atol=2e-5)
        np.testing.assert_allclose(beta[:, 0], wanted[f"{name}-beta"], atol=2e-5)
        moving = batches.moving[0.99][layer]
        np.testing.assert_allclose(moving.mean[:, 0], wanted[f"{name}-moving_mean"], atol=2e-5)
        np.testing.assert_allclose(
            moving.variance[:, 0], wanted[f"{name}-moving_variance"], atol=2e-5
        )


def test_batches_follow_the_order_that_all_engines_share():
    order = orders(N, 10, seed=7, steps=8)
    assert order.shape == (8, 10)
    first, second = (batch_order(N, 7, epoch)[:60] for epoch in (1, 2))
    assert order[:6].ravel().tolist() == first.tolist()
    assert order[6:].ravel().tolist() == second[:20].tolist()


def test_a_training_does_not_depend_on_what_was_trained_before(data):
    batches = MiniBatches(SPEC.varied(batch_norm="before", optimizer="adam"), Samples.of(*data),
                          momenta=(0.9,))  # fmt: skip
    order = orders(N, SIZE, 2, STEPS)

    def trained():
        batches.start(2, rate=0.01)
        batches.train(order, every=5)
        moving = [tensor.numpy().tobytes() for layer in batches.moving[0.9] for tensor in layer]
        return [v.numpy().tobytes() for v in batches.network.variables] + moving

    first = trained()
    batches.start(9, rate=0.5, weight_std=1.0)
    batches.train(order)
    assert trained() == first


def test_evaluations_come_at_the_given_steps_and_change_nothing(data):
    batches = MiniBatches(SPEC, Samples.of(*data))
    order, seen = orders(N, SIZE, 2, STEPS), []
    batches.start(2)
    batches.train(order, every=5, evaluate=seen.append)
    assert seen == [5, 10, 12]
    looked = [v.numpy() for v in batches.network.variables]
    batches.start(2)
    batches.train(order)
    for variable, other in zip(batches.network.variables, looked, strict=True):
        np.testing.assert_array_equal(variable, other)


def test_fused_steps_are_the_same_to_rounding_and_repeat_exactly(data):
    spec = SPEC.varied(batch_norm="before", optimizer="adam", learning_rate=0.01)
    batches = MiniBatches(spec, Samples.of(*data), momenta=(0.9,))
    order = orders(N, SIZE, 2, STEPS)

    def trained(fused):
        batches.start(2)
        assert batches.train(order, every=5, fused=fused)  # the last time for 2 steps
        assert batches.steps == STEPS
        moving = [tensor.numpy() for layer in batches.moving[0.9] for tensor in layer]
        return [v.numpy() for v in batches.network.variables] + moving

    plain, fused, again = trained(False), trained(True), trained(True)
    for one, other, repeated in zip(plain, fused, again, strict=True):
        # Adam has moved by up to 0.12; where a gradient is near 0, rounding tells in its sign.
        np.testing.assert_allclose(one, other, atol=2e-4)
        np.testing.assert_array_equal(other, repeated)


@pytest.mark.parametrize("fused", [False, True])
def test_a_divergence_is_told_and_ends_the_training(data, fused):
    batches = MiniBatches(SPEC.varied(activation="relu"), Samples.of(*data))
    batches.start(1, rate=1e30)
    assert batches.train(orders(N, SIZE, 1, 40), every=10, fused=fused) is False
    assert batches.steps < 40
    batches.start(1, rate=0.01)  # and leaves nothing behind
    assert batches.train(orders(N, SIZE, 1, 40), every=10, fused=fused) is True


def test_only_what_is_named_is_trained(data):
    batches = MiniBatches(SPEC.varied(batch_norm="before"), Samples.of(*data))
    network = batches.network
    part = MiniBatches(batches.spec, batches.samples, network=network,
                       trained=[*network.gammas, *network.betas])  # fmt: skip
    part.start(1)
    before = {name: a.copy() for name, a in network.named_arrays().items()}
    part.train(orders(N, SIZE, 1, 5))
    changed = {name for name, a in network.named_arrays().items() if (a != before[name]).any()}
    assert changed == {"gamma0", "gamma1", "beta0", "beta1"}


def test_evaluation_is_that_of_the_reference(data):
    batches = MiniBatches(SPEC.varied(batch_norm="before"), Samples.of(*data))
    batches.start(4)
    batches.train(orders(N, SIZE, 4, STEPS))
    p = {name: a.astype(float) for name, a in batches.network.named_arrays().items()}
    net = reference.Net(3, activation="sigmoid", batch_norm="before")
    x, labels = (array.astype(float) for array in data)
    one = reference.evaluate(net, p, x, labels)
    exact = batches.exact()
    for given, (mean, variance) in zip(exact, one.statistics, strict=True):
        np.testing.assert_allclose(given.mean, mean, atol=1e-5)
        np.testing.assert_allclose(given.variance, variance, atol=1e-5)
    score = batches.score(batches.samples, exact)
    assert score.loss == pytest.approx(one.loss, abs=1e-5)
    assert score.accuracy == one.accuracy
    # on half of the samples: the population's statistics stay, and a batch's are its own
    half = batches.samples.part(0, 32)
    own = reference.evaluate(net, p, x[:, :32], labels[:, :32])
    assert batches.score(half, None).loss == pytest.approx(own.loss, abs=1e-5)
    assert batches.score(half, exact).loss == pytest.approx(
        reference.cross_entropy(
            reference.logits(net, p, x[:, :32], one.statistics), labels[:, :32]
        ),
        abs=1e-5,
    )
    two = [reference.evaluate(net, p, x[:, i : i + 16], labels[:, i : i + 16]) for i in (0, 16)]
    in_batches = batches.score_in_batches(batches.samples.part(0, 40), 16)  # 8 are left out
    assert in_batches.loss == pytest.approx(np.mean([one.loss for one in two]), abs=1e-5)
    assert in_batches.accuracy == pytest.approx(np.mean([one.accuracy for one in two]))


def test_the_arithmetic_of_steps_is_that_of_what_is_trained(data, monkeypatch):
    done, samples = cost.Work(), Samples.of(*data)
    monkeypatch.setattr("fmstudy.engines.mini_batch.TOTAL", done)
    spec = RunSpec("lowlevel", hidden=(7, 6), bias="vector", batch_norm="before", batch_size=8)
    # Forward 2 * (784 * 7 + 7 * 6 + 6 * 10) a sample; backward as far down as anything is trained.
    forward, inner, last = 2 * (784 * 7 + 42 + 60), 2 * 42, 2 * 60
    for what, expected in {
        "all": 3 * forward - 2 * 784 * 7,
        "affine": forward + inner + last,
        "output": forward + last,
    }.items():
        network = Network(spec, 1)
        trained = {
            "all": network.variables,
            "affine": [*network.gammas, *network.betas],
            "output": [network.coefficients[-1], network.biases[-1]],
        }[what]
        batches = MiniBatches(spec, samples, network=network, trained=trained)
        batches.start(1)
        before = done.arithmetic
        batches.train(orders(N, 8, 1, 5))
        assert done.arithmetic - before == 5 * 8 * expected, what
    before = done.arithmetic
    batches.score(samples, batches.exact())
    assert done.arithmetic - before == 2 * N * forward
