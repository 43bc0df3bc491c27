"""The experiments on batch normalization do what their rows say: fair, repeatable, and finite."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from fixtures.experiments import (
    AFFINE,
    DEPTH,
    EVALUATION,
    FITTED,
    INIT,
    NET,
    NOISY,
    PLACES,
    RATES,
    SEED,
    SHIFT,
    SIZE,
    SIZES,
    SPEED,
    TEST,
    VALIDATION,
)
from scipy import stats

from fmstudy.checks import equality, reference
from fmstudy.engines import batchnorm
from fmstudy.engines.initial import initial_weights
from fmstudy.engines.mini_batch import MiniBatches, Samples, orders, times
from fmstudy.engines.network import Network
from fmstudy.experiments import batches as bn_batches
from fmstudy.experiments import common, depth, gamma_beta, initialization, rates
from fmstudy.experiments import shift as bn_shift
from fmstudy.experiments.common import Data, net_spec
from fmstudy.experiments.probes import Probe, inside, sent_gradient_norms

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(samples):
    return Data(*(Samples.of(*samples(n, n)) for n in (FITTED, VALIDATION, TEST)))


def values(rows, measure, *keys):
    """What the rows of one measure say, by these keys; each once."""
    chosen = [row for row in rows if row["measure"] == measure]
    found = {tuple(row[key] for key in keys): row["value"] for row in chosen}
    assert len(found) == len(chosen)
    return found


def in_numpy(network):
    spec = network.spec
    return reference.Net(
        len(network.coefficients), activation=spec.activation, batch_norm=spec.batch_norm,
        epsilon=spec.bn_epsilon,
    ), {name: array.astype(float) for name, array in network.named_arrays().items()}  # fmt: skip


def arrays(samples):
    return samples.x.numpy().T.astype(float), samples.labels.numpy().T.astype(float)


def weights(network):
    return [w.numpy().tobytes() for w in network.coefficients]


# ----------------------------------------------------------------------------------- in common
def test_the_last_samples_are_held_out(tmp_path, samples):
    x, labels = samples(50, 1)
    for split, n in (("train", 50), ("test", 30)):
        np.save(tmp_path / f"x_{split}.npy", np.ascontiguousarray(x[:, :n]))
        np.save(tmp_path / f"y_{split}.npy", np.ascontiguousarray(labels[:, :n]))
    held = common.load_data(tmp_path, NET | {"train_samples": 40, "test_samples": 25})
    for given, start, stop in zip(held, (0, 32, 0), (32, 40, 25), strict=True):
        np.testing.assert_array_equal(given.x, x[:, start:stop].T)
        np.testing.assert_array_equal(given.labels, labels[:, start:stop].T)


def test_epochs_are_of_whole_batches_and_of_one_step_at_least(data):
    assert common.steps_of(3, data, 8) == 24
    assert common.steps_of(2, data, 60) == 2  # 4 samples are left over, twice
    assert common.steps_of(0.25, data, 8) == 2
    assert common.steps_of(1, data, 1000) == 1


def test_fewer_samples_than_a_batch_has_are_one_batch():
    order = orders(6, 60, seed=1, steps=3)
    assert order.shape == (3, 6)
    assert np.sort(order, axis=1).tolist() == [list(range(6))] * 3


def test_metrics_are_those_of_exact_statistics_of_all_fitted_samples(data):
    batches = MiniBatches(net_spec(NET, batch_norm="before"), data.fitted)
    batches.start(SEED)
    batches.train(orders(FITTED, SIZE, SEED, 6))
    rows = common.scores(batches, data, arm="bn")
    net, p = in_numpy(batches.network)
    population = reference.evaluate(net, p, *arrays(data.fitted)).statistics
    for split in ("validation", "test"):
        x, labels = arrays(getattr(data, split))
        z = reference.logits(net, p, x, population)
        loss, accuracy = (values(rows, f"{split}_{m}", "arm") for m in ("loss", "accuracy"))
        assert loss["bn",] == pytest.approx(reference.cross_entropy(z, labels), abs=1e-5)
        assert accuracy["bn",] == pytest.approx(reference.accuracy(z, labels))


def test_a_training_whose_last_step_diverges_has_not_finished(data):
    batches = MiniBatches(net_spec(NET), data.fitted)
    batches.start(SEED, rate=1e30)
    last = batches.network.coefficients[-1]
    last.assign(last * 1e20)
    seen = []
    order = orders(FITTED, SIZE, SEED, 1)
    assert math.isfinite(float(batches.score(batches.samples, None).loss))
    assert batches.train(order, evaluate=seen.append) is False
    assert seen == []  # nobody looks at what is not finite
    batches.start(SEED)
    assert batches.train(order[:0], evaluate=seen.append) is True  # no step, no divergence


def test_metrics_that_overflow_are_a_divergence(data, monkeypatch):
    batches = MiniBatches(net_spec(NET), data.fitted)
    for value, finished in ((1.0, 1.0), (math.nan, 0.0), (math.inf, 0.0)):
        monkeypatch.setattr(
            common, "scores",
            lambda *_, value=value, **keys: [common.row("test_loss", value, **keys)],
        )  # fmt: skip
        first, *rest = common.outcome(True, batches, data, rate=2)
        assert first == {"rate": 2, "measure": "finished", "value": finished}
        assert len(rest) == finished
    assert [row["value"] for row in common.outcome(False, batches, data)] == [0.0]


def test_what_is_followed_is_what_a_training_that_long_gives(data):
    batches = MiniBatches(net_spec(NET, batch_norm="before"), data.fitted)
    order = orders(FITTED, SIZE, SEED, 7)
    batches.start(SEED)
    finished, rows = common.follow(batches, order, SPEED, data, arm="bn")
    loss = values(rows, "validation_loss", "step")
    assert finished and list(loss) == [(0,), (3,), (6,), (7,)]
    for steps in (0, 6):
        batches.start(SEED)
        batches.train(order[:steps])
        net, p = in_numpy(batches.network)
        x, labels = arrays(data.fitted)
        some = reference.evaluate(net, p, x[:, :32], labels[:, :32]).statistics
        x, labels = arrays(data.validation)
        wanted = reference.cross_entropy(reference.logits(net, p, x, some), labels)
        assert loss[steps,] == pytest.approx(wanted, abs=1e-5)


# ------------------------------------------------------------------------------- what is fair
FAIR = {
    "learning-rate": (rates.learning_rate, RATES),
    "placement": (rates.placement, PLACES),
    "batch-size": (bn_batches.batch_size, SIZES),
    "shift": (bn_shift.shift, SHIFT),
    "noisy": (bn_shift.noisy, NOISY),
    "gamma-beta": (gamma_beta.gamma_beta, AFFINE),
    "depth": (depth.depth, DEPTH),
}


@pytest.mark.parametrize("name", FAIR)
def test_arms_of_a_seed_start_from_the_same_weights_and_take_the_same_batches(
    data, monkeypatch, name
):
    experiment, settings = FAIR[name]
    seen = {}

    def train(batches, order, *_, **_options):
        wanted = initial_weights(batches.spec, SEED)
        for given, expected in zip(batches.network.coefficients, wanted, strict=True):
            np.testing.assert_array_equal(given, expected)
        assert all((gamma.numpy() == 1.0).all() for gamma in batches.network.gammas)
        start = (order.shape, *weights(batches.network))
        seen.setdefault(start, []).append(order)
        return False

    monkeypatch.setattr(MiniBatches, "train", train)
    monkeypatch.setattr(Probe, "landscape", lambda *_: [])
    monkeypatch.setattr(Probe, "shift", lambda *_: [])
    rows = experiment(settings, SEED, data)
    assert len({row["arm"] for row in rows}) >= 2
    assert len(seen) == (2 if name == "batch-size" else 1)  # sizes have their own batches
    for taken in seen.values():
        assert len(taken) >= 2
        assert all((order == taken[0]).all() for order in taken)
        size = taken[0].shape[1]
        np.testing.assert_array_equal(taken[0], orders(FITTED, size, SEED, len(taken[0])))


@pytest.fixture(scope="module")
def results(data):
    """The rows of an experiment, which is run once."""
    found = {}

    def rows(name):
        if name not in found:
            experiment, settings = FAIR[name]
            found[name] = experiment(settings, SEED, data)
        return found[name]

    return rows


@pytest.mark.parametrize("name", ["shift", "noisy"])
def test_an_experiment_gives_the_same_rows_again(data, results, name):
    experiment, settings = FAIR[name]
    assert experiment(settings, SEED, data) == results(name)
    assert all(math.isfinite(row["value"]) for row in results(name))


# ------------------------------------------------------------------------------ rates and speed
def test_each_rate_has_one_outcome_and_a_diverged_one_no_metrics(data, results):
    rows = results("learning-rate")
    finished = values(rows, "finished", "activation", "optimizer", "arm", "rate")
    assert finished == {
        ("relu", "sgd", arm, rate): float(rate < 1)
        for arm in ("plain", "bn")
        for rate in (0.1, 1e30)
    }
    for measure in ("validation_loss", "validation_accuracy", "test_loss", "test_accuracy"):
        assert set(values(rows, measure, "arm", "rate")) == {("plain", 0.1), ("bn", 0.1)}
    assert all(math.isfinite(row["value"]) for row in rows)
    # the rate that is said, and whole epochs of it
    batches = MiniBatches(net_spec(NET, batch_norm="before"), data.fitted)
    batches.start(SEED, 0.1)
    batches.train(orders(FITTED, SIZE, SEED, FITTED // SIZE))
    wanted = batches.score(data.test, batches.exact())
    assert values(rows, "test_loss", "arm", "rate")["bn", 0.1] == wanted.loss


def test_placements_are_what_they_are_called(data, results):
    rows = results("placement")
    losses = values(rows, "test_loss", "arm", "rate")
    for place in ("before", "after"):
        batches = MiniBatches(net_spec(NET, batch_norm=place), data.fitted)
        batches.start(SEED)
        batches.train(orders(FITTED, SIZE, SEED, FITTED // SIZE))
        assert losses[place, 0.1] == batches.score(data.test, batches.exact()).loss


def test_speed_follows_each_net_at_its_own_rate_and_times_all_in_turns(data):
    best = {"relu/plain": 0.05, "relu/bn": 0.2}
    rows = rates.speed(SPEED | {"best": best}, SEED, data)
    seconds = [row for row in rows if row["measure"] == common.STEP_SECONDS]
    assert values(rows, "rate", "arm") == {("plain",): 0.05, ("bn",): 0.2}
    accuracy = values(rows, "validation_accuracy", "arm", "step")
    assert set(accuracy) == set(itertools.product(("plain", "bn"), (0, 3, 6, 8)))
    batches = MiniBatches(net_spec(NET, batch_norm="before"), data.fitted)
    batches.start(SEED, 0.2)
    batches.train(orders(FITTED, SIZE, SEED, 8))
    wanted = batches.score(data.validation, batches.exact(data.fitted.part(0, 32)))
    assert values(rows, "validation_loss", "arm", "step")["bn", 8] == wanted.loss
    turns = [(row["turn"], row["arm"]) for row in seconds]
    assert turns == list(itertools.product(range(1, rates.ROUNDS + 1), ("plain", "bn")))
    assert all(row["value"] > 0.0 for row in seconds)


# ----------------------------------------------------------------- batches and their statistics
def test_batches_of_every_size_see_equally_many_examples_and_are_evaluated_in_all_ways(
    data, results
):
    rows = results("batch-size")
    # 1000 are more than there are
    assert values(rows, "steps", "arm", "size") == {
        (arm, size): 30 // size for arm in ("plain", "bn") for size in (1, 4)
    }
    assert set(values(rows, "finished", "arm", "size").values()) == {1.0}
    for way in ("exact", "own", "0.9"):
        arms = ("plain", "bn") if way == "exact" else ("bn",)
        loss = values(rows, f"loss_{way}", "arm", "size")
        assert set(loss) == set(itertools.product(arms, (1, 4)))
    # size 4, again in NumPy
    batches = MiniBatches(net_spec(NET, batch_norm="before"), data.fitted)
    batches.start(SEED)
    batches.train(orders(FITTED, 4, SEED, 7))
    net, p = in_numpy(batches.network)
    x, labels = arrays(data.validation)
    own = [
        reference.evaluate(net, p, x[:, i : i + 4], labels[:, i : i + 4]) for i in range(0, 20, 4)
    ]
    exact = reference.evaluate(net, p, *arrays(data.fitted)).statistics
    wanted = {
        "own": np.mean([look.loss for look in own]),
        "exact": reference.cross_entropy(reference.logits(net, p, x, exact), labels),
    }
    for way, loss in wanted.items():
        assert values(rows, f"loss_{way}", "arm", "size")["bn", 4] == pytest.approx(loss, abs=1e-5)


def test_in_batches_of_one_the_logits_are_the_same_for_every_image(data, results):
    """What is normalized is 0, so that hidden layers send max(beta, 0), whatever comes."""
    rows = results("batch-size")
    batches = MiniBatches(net_spec(NET, batch_norm="before"), data.fitted)
    batches.start(SEED)
    batches.train(orders(FITTED, 1, SEED, 30))
    p = {name: array.astype(float) for name, array in batches.network.named_arrays().items()}
    z = p["coefficients2"] @ np.maximum(p["beta1"], 0.0) + p["bias2"]
    _, labels = arrays(data.validation)
    same = np.repeat(z, VALIDATION, axis=1)
    assert np.ptp(z) > 0.01
    assert values(rows, "loss_own", "arm", "size")["bn", 1] == pytest.approx(
        reference.cross_entropy(same, labels), abs=1e-4
    )
    assert values(rows, "accuracy_own", "arm", "size")["bn", 1] == pytest.approx(
        reference.accuracy(same, labels)
    )


def test_an_evaluation_that_gives_no_number_is_no_row(data, monkeypatch):
    def score(batches, samples, population):
        moving = any(population is layers for layers in batches.moving.values())
        return bn_batches.Score(math.nan if moving else 1.0, 0.1)

    monkeypatch.setattr(MiniBatches, "score", score)
    rows = bn_batches.batch_size(SIZES | {"sizes": [4]}, SEED, data)
    assert {"loss_exact", "loss_own"} < {row["measure"] for row in rows}
    assert not {"loss_0.9", "accuracy_0.9"} & {row["measure"] for row in rows}


def by_hand(spec, samples, held, seed, steps, momenta):
    """Adam, moving and exact statistics in NumPy: the validation loss of each way."""
    x, labels = arrays(samples)
    net = reference.Net(len(spec.layer_sizes) - 1, batch_norm="before", epsilon=spec.bn_epsilon)
    _, p = in_numpy(Network(spec, seed))
    adam = reference.Adam(spec.learning_rate)
    widths = spec.hidden
    moving = {m: [(np.zeros((w, 1)), np.ones((w, 1))) for w in widths] for m in momenta}
    for rows in orders(len(samples), spec.batch_size, seed, steps):
        look = reference.evaluate(net, p, x[:, rows], labels[:, rows])
        for m, layers in moving.items():
            moving[m] = [
                tuple(m * old + (1.0 - m) * new for old, new in zip(pair, batch, strict=True))
                for pair, batch in zip(layers, look.statistics, strict=True)
            ]
        p = adam.step(p, look.gradients)
    ways = {f"{m:g}": layers for m, layers in moving.items()}
    ways["exact"] = reference.evaluate(net, p, x, labels).statistics
    held_x, held_labels = arrays(held)
    return {
        way: reference.cross_entropy(reference.logits(net, p, held_x, population), held_labels)
        for way, population in ways.items()
    }


def test_moving_statistics_are_those_of_the_formula_after_an_epoch_and_full_batches(data):
    rows = bn_batches.evaluation(EVALUATION, SEED, data)
    assert values(rows, "steps", "case") == {("epoch",): FITTED // 12, ("full",): 4}
    losses = values(rows, "loss", "case", "way")
    shared = {"batch_norm": "before", "optimizer": "adam", "learning_rate": 0.001}
    cases = {
        "epoch": (net_spec(NET, **shared, batch_size=12), data.fitted, FITTED // 12),
        "full": (
            net_spec(NET, **shared, hidden=(6,), bias="scalar", weight_std=0.05, batch_size=30),
            data.fitted.part(0, 30),
            4,
        ),
    }
    for case, (spec, fitted, steps) in cases.items():
        wanted = by_hand(spec, fitted, data.validation, SEED, steps, (0.99, 0.5))
        for way, loss in wanted.items():
            assert losses[case, way] == pytest.approx(loss, abs=5e-5), (case, way)
        assert abs(wanted["exact"] - wanted["0.99"]) > 1e-3  # so they can be told apart


def test_an_epoch_of_fewer_images_than_a_batch_is_a_step(data):
    large = EVALUATION | {"epoch": {"hidden": [4], "batch_size": 1000}}
    rows = bn_batches.evaluation(large, SEED, data)
    assert values(rows, "steps", "case")["epoch",] == 1


# ---------------------------------------------------------------------------- shift and noise
def test_probes_look_at_the_first_samples_at_every_step_that_is_said(data, results):
    rows = results("shift")
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


def noise_of(network, step, layer):
    """The scales and shifts (units,) by which a noisy step differs from one without noise."""
    units = network.gammas[layer].shape[0]
    x = tf.constant(np.random.default_rng(0).normal(size=(units, 6)), tf.float32)
    plain = Network.normalized(network, x, layer, None)[0].numpy()
    network.step = None if step is None else tf.constant(step)
    noisy = network.normalized(x, layer, None)[0].numpy()
    network.step = None
    scale = np.ptp(noisy, axis=1) / np.ptp(plain, axis=1)
    shift = (noisy - scale[:, None] * plain).mean(axis=1)
    np.testing.assert_allclose(scale[:, None] * plain + shift[:, None], noisy, atol=1e-4)
    return np.stack([scale, shift])


def test_noise_is_drawn_for_each_unit_step_layer_and_seed_and_is_uniform():
    spec = net_spec(NET, hidden=(600, 600), batch_norm="before")
    net, other = (bn_shift.NoisyNetwork(spec, seed, 0.5, 2.0) for seed in (1, 2))
    drawn = {
        "first": noise_of(net, 0, 0),
        "next step": noise_of(net, 1, 0),
        "next layer": noise_of(net, 0, 1),
        "later": noise_of(net, 1000, 0),
        "other seed": noise_of(other, 0, 0),
    }
    for noise in drawn.values():
        for given, low, width in zip(noise, (0.5, -2.0), (1.0, 4.0), strict=True):
            assert stats.kstest(given, stats.uniform(low, width).cdf).pvalue > 1e-4
            assert len(np.unique(given.round(5))) > 500
    kinds = [(noise - [[1.0], [0.0]]) / [[0.5], [2.0]] for noise in drawn.values()]
    for a, b in itertools.combinations([row for kind in kinds for row in kind], 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.2  # none is drawn twice
    np.testing.assert_array_equal(noise_of(net, 1, 0), drawn["next step"])
    again = bn_shift.NoisyNetwork(spec, 1, 0.5, 2.0)
    np.testing.assert_array_equal(noise_of(again, 1000, 0), drawn["later"])
    np.testing.assert_allclose(noise_of(net, None, 0), [[1.0] * 600, [0.0] * 600], atol=1e-6)


def noisy_batches(data, scale, shift, **changes):
    spec = net_spec(NET, activation="sigmoid", batch_norm="before", **changes)
    network = bn_shift.NoisyNetwork(spec, SEED, scale, shift)
    return MiniBatches(spec, data.fitted, network=network, forward=network.noisy_logits)


def test_noise_of_no_size_is_batch_normalization(data):
    order = orders(FITTED, SIZE, SEED, 8)
    quiet = noisy_batches(data, 0.0, 0.0)
    plain = MiniBatches(quiet.spec, data.fitted)
    for batches in (quiet, plain):
        batches.start(SEED)
        batches.train(order)
    for mine, theirs in zip(quiet.network.variables, plain.network.variables, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_training_has_the_noise_of_its_step_and_evaluation_none(data):
    batches = noisy_batches(data, 0.5, 1.0)
    network = batches.network
    batches.start(SEED, rate=0.0)  # so that nothing else changes from step to step
    order = np.repeat(orders(FITTED, SIZE, SEED, 1), 4, axis=0)
    step, told = batches._step, []
    batches._step = lambda rows, number: told.append(step(rows, number)) or told[-1]
    batches._run(tf.constant(order), tf.constant(len(order)), tf.constant(7))  # not compiled
    losses = np.array([float(loss) for loss in told])
    x = tf.gather(data.fitted.x, order[0])
    labels = tf.transpose(tf.gather(data.fitted.labels, order[0])).numpy()
    wanted = [
        reference.cross_entropy(
            network.noisy_logits(times(x), tf.constant(step))[0].numpy(), labels
        )
        for step in (7, 8, 9, 10)
    ]
    np.testing.assert_allclose(losses, wanted, atol=1e-5)
    assert len(np.unique(losses.round(4))) == 4
    # and a training goes on counting where it was
    steps = []
    batches._steps = lambda rows, count, taken: steps.append(int(taken)) or tf.constant(True)
    batches.train(order, every=2, evaluate=lambda _: None)
    assert steps == [0, 2]
    net, p = in_numpy(network)
    look = reference.evaluate(net, p, *arrays(data.fitted))
    exact = batches.exact()
    for given, (mean, variance) in zip(exact, look.statistics, strict=True):
        np.testing.assert_allclose(given.mean, mean, atol=1e-5)
        np.testing.assert_allclose(given.variance, variance, atol=1e-5)
    assert batches.score(data.fitted, exact).loss == pytest.approx(look.loss, abs=1e-5)


def test_of_noisy_nets_one_arm_alone_is_noisy(data, results):
    loss = values(results("noisy"), "validation_loss", "arm", "step")
    quiet = values(
        bn_shift.noisy(NOISY | {"scale": 0.0, "shift": 0.0}, SEED, data),
        "validation_loss", "arm", "step",
    )  # fmt: skip
    steps = (0, 3, 6, 8, None)
    assert set(loss) == set(itertools.product(("plain", "bn", "noisy"), steps))
    for step in steps:
        assert quiet["noisy", step] == pytest.approx(quiet["bn", step], abs=1e-6)
        assert loss["plain", step] == quiet["plain", step]
        assert loss["bn", step] == quiet["bn", step]
        assert (abs(loss["noisy", step] - loss["bn", step]) > 1e-4) == (step != 0)


# ------------------------------------------------------------------------------ gamma and beta
def test_distances_to_the_normal_distribution_are_those_of_scipy():
    random = np.random.default_rng(3)
    x = np.stack(
        [random.normal(size=300), random.exponential(size=300) - 1.0, np.zeros(300)]
    ).astype(np.float32)
    wanted = [stats.kstest(row, "norm").statistic for row in x.astype(float)]
    np.testing.assert_allclose(gamma_beta.gaussian_distances(x), wanted, atol=1e-12)


def test_each_arm_of_gamma_beta_trains_what_it_is_called(data, monkeypatch):
    left = {}

    def outcome(finished, batches, _data, arm, **_):
        left[arm] = batches.network.named_arrays()
        return []

    monkeypatch.setattr(gamma_beta, "outcome", outcome)
    gamma_beta.gamma_beta(AFFINE, SEED, data)
    start = left["nothing"]
    for given, wanted in zip(
        (start["coefficients0"], start["coefficients1"], start["coefficients2"]),
        initial_weights(net_spec(NET), SEED), strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(given, wanted)
    changed = {
        arm: {name for name, array in found.items() if (array != start[name]).any()}
        for arm, found in left.items()
    }
    assert changed == {
        "all": set(start),
        "affine": {"gamma0", "gamma1", "beta0", "beta1"},
        "output": {"coefficients2", "bias2"},
        "nothing": set(),
    }


def test_units_are_described_by_what_numpy_finds_in_them(data, results):
    rows = results("gamma-beta")
    batches = MiniBatches(
        net_spec(NET, batch_norm="before", optimizer="adam", learning_rate=0.01), data.fitted
    )
    batches.start(SEED)
    batches.train(orders(FITTED, SIZE, SEED, FITTED // SIZE))
    net, p = in_numpy(batches.network)
    x, labels = arrays(data.fitted)
    all_of = reference.evaluate(net, p, x, labels).statistics
    some = inside(batches.network, data.fitted.part(0, 48).x).normalized
    for layer in (1, 2):
        mean, variance = all_of[layer - 1]
        normalized = some[layer - 1].numpy().astype(float)
        wanted = {
            "gamma": p[f"gamma{layer - 1}"][:, 0],
            "beta": p[f"beta{layer - 1}"][:, 0],
            "mean": mean[:, 0],
            "deviation": np.sqrt(variance[:, 0]),
            "gaussian_distance": [stats.kstest(row, "norm").statistic for row in normalized],
        }
        for name, column in wanted.items():
            given = values(rows, name, "layer", "unit")
            for unit, value in enumerate(column, start=1):
                assert given[layer, unit] == pytest.approx(value, abs=2e-5), name
        assert values(rows, "example_mean", "layer")[layer,] == pytest.approx(
            np.abs(normalized.mean(axis=0)).mean(), abs=1e-6
        )


# ------------------------------------------------------------------------- depth and the start
def test_deep_nets_have_the_deviations_that_are_said(data):
    settings = DEPTH | {"width": 100}
    relu, sigmoid = (
        Network(depth.deep_spec(settings, activation, "bn", 5), SEED).coefficients
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
    spec = depth.deep_spec(DEPTH | {"width": 200}, activation, arm, 14)
    norms = sent_gradient_norms(Network(spec, 1), Samples.of(*samples(200, 4)))
    a_layer = (norms[3] / norms[11]) ** (1 / 8)
    assert (1.0 / a_layer if growth == 4.0 else a_layer) == pytest.approx(growth, abs=within)


def test_depth_looks_at_every_layer_at_the_start_and_then_trains(data, results):
    rows = results("depth")
    norms = values(rows, "gradient_norm", "arm", "depth", "layer")
    assert set(norms) == set(itertools.product(("plain", "bn"), (1,), (1,))) | set(
        itertools.product(("plain", "bn"), (3,), (1, 2, 3))
    )
    start = Network(depth.deep_spec(DEPTH, "relu", "bn", 3), SEED)
    wanted = sent_gradient_norms(start, data.fitted.part(0, 16))
    assert [norms["bn", 3, layer] for layer in (1, 2, 3)] == wanted
    assert values(rows, "finished", "arm", "depth") == {("plain", 2): 1.0, ("bn", 2): 1.0}
    assert set(values(rows, "test_accuracy", "arm", "depth")) == {("plain", 2), ("bn", 2)}


def test_initial_deviations_are_those_that_are_said(data, monkeypatch):
    seen = []

    def train(batches, *_, **_options):
        seen.append([float(np.std(w)) for w in batches.network.coefficients[:1]])
        return False

    monkeypatch.setattr(MiniBatches, "train", train)
    rows = initialization.init(INIT, SEED, data)
    keys = list(values(rows, "finished", "arm", "std", "rate"))
    assert len(keys) == 8
    glorot = math.sqrt(2.0 / (784 + 7))
    stds = [0.01] * 2 + [1.0] * 2
    np.testing.assert_allclose(
        [std for [std] in seen], [*stds, *stds, glorot], rtol=0.05
    )  # at the end, the net whose invariance is tested
    assert not values(rows, "invariance", "arm")  # of a net that diverged, nothing is said


def test_init_tells_divergences_and_the_invariance(data):
    rows = initialization.init(INIT, SEED, data)
    finished = values(rows, "finished", "arm", "std", "rate")
    assert all(value == (rate == 0.1) for (_, _, rate), value in finished.items())
    assert set(values(rows, "test_loss", "arm", "std", "rate")) == {
        key for key, value in finished.items() if value
    }
    assert set(values(rows, "invariance", "arm")) == {("bn",)}
    assert values(rows, "invariance_epsilon", "arm")["bn",] < 1e-5


def trained(data, **changes):
    batches = MiniBatches(net_spec(NET, **changes), data.fitted)
    batches.start(SEED)
    batches.train(orders(FITTED, SIZE, SEED, 8))
    return batches.network


def test_ten_times_the_weights_are_the_same_net_if_epsilon_goes_along(data):
    net = trained(data, batch_norm="before", bn_epsilon=0.05)
    before = [v.numpy().tobytes() for v in net.variables]
    spec, batch = net.spec, data.fitted.part(0, 32)
    found = initialization.invariance(net, batch)
    assert [v.numpy().tobytes() for v in net.variables] == before
    assert net.spec is spec
    assert found["invariance_epsilon"] < 1e-5
    assert found["invariance_gradient"] < 1e-4
    kind, p = in_numpy(net)
    larger = {
        name: 10.0 * a if name in ("coefficients0", "coefficients1") else a for name, a in p.items()
    }
    x, _ = arrays(batch)
    z, other = (reference.logits(kind, each, x) for each in (p, larger))
    assert found["invariance"] == pytest.approx(np.abs(other - z).max() / np.abs(z).max(), rel=1e-3)
    assert found["invariance"] > 1e-3  # with the old epsilon they are not


@pytest.mark.parametrize("place", ["none", "after"])
def test_nets_that_are_not_normalized_before_the_activation_are_not_invariant(data, place):
    net = trained(data, batch_norm=place, activation="sigmoid")
    found = initialization.invariance(net, data.fitted.part(0, 32))
    assert min(found.values()) > 0.01


def test_the_invariance_of_dead_layers_is_no_error(data):
    net = trained(data, batch_norm="before")
    for beta in net.betas:
        beta.assign(tf.fill(beta.shape, -100.0))
    assert initialization.invariance(net, data.fitted.part(0, 32))["invariance_gradient"] == 0.0


# ------------------------------------------------------------------------------------- equality
QUANTITIES = {
    "output", "gradient_x", "gradient_gamma", "gradient_beta", "moving_mean_0.99",
    "moving_mean_0.9", "moving_variance_0.99", "moving_variance_0.9",
}  # fmt: skip


def deviations(data, size=16):
    rows = equality.equality(data.fitted, size, 0.001, SEED)
    found = {(row["engine"], row["quantity"]): row["deviation"] for row in rows}
    assert len(found) == len(rows)
    return found


def test_all_engines_normalize_equally(data):
    found = deviations(data)
    assert set(found) == set(itertools.product(("lowlevel", "keras"), QUANTITIES))
    assert max(found.values()) < 1e-5
    assert max(found.values()) > 0.0  # single precision is held against double
    assert max(deviations(data, size=1000).values()) < 1e-5  # fewer than a batch has


def test_a_wrong_variance_would_be_seen(data, monkeypatch):
    right = batchnorm.batch_statistics

    def unbiased(x: tf.Tensor) -> batchnorm.Statistics:
        mean, variance = right(x)
        return batchnorm.Statistics(mean, variance * (x.shape[1] / (x.shape[1] - 1)))

    monkeypatch.setattr(batchnorm, "batch_statistics", unbiased)
    found = deviations(data)
    for quantity in ("output", "gradient_x", "gradient_gamma", "moving_variance_0.99"):
        assert found["lowlevel", quantity] > 1e-4
        assert found["keras", quantity] < 1e-5


def test_a_wrong_momentum_would_be_seen(data, monkeypatch):
    right = batchnorm.update_moving
    monkeypatch.setattr(
        batchnorm, "update_moving", lambda old, new, momentum: right(old, new, 1.0 - momentum)
    )
    found = deviations(data)
    for name in QUANTITIES:
        assert (found["lowlevel", name] > 1e-3) == name.startswith("moving")


def test_a_wrong_gradient_would_be_seen(data, monkeypatch):
    """Statistics that gradients do not go through, as if they were constants."""
    right = batchnorm.batch_statistics
    monkeypatch.setattr(
        batchnorm, "batch_statistics",
        lambda x: batchnorm.Statistics(*(tf.stop_gradient(s) for s in right(x))),
    )  # fmt: skip
    found = deviations(data)
    for quantity in QUANTITIES:
        assert (found["lowlevel", quantity] > 1e-3) == (quantity == "gradient_x")
