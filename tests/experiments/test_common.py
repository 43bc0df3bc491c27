"""What experiments that train share: fair starts, repeatable data, finite outcomes."""

import math

import numpy as np
import pytest
from fixtures.experiments import (
    AFFINE,
    DEPTH,
    FITTED,
    NET,
    NOISY,
    PLACES,
    RATES,
    SEED,
    SHIFT,
    SIZE,
    SIZES,
    SPEED,
    asked,
)
from fixtures.nets import arrays, in_numpy, values

from fmstudy.checks import reference
from fmstudy.data.dataset import digests
from fmstudy.engines.initial import initial_weights
from fmstudy.engines.mini_batch import MiniBatches, orders
from fmstudy.experiments import common
from fmstudy.experiments.common import net_spec
from fmstudy.experiments.probes import Probe
from fmstudy.runtime import write_json
from fmstudy.study.experiments import module_of

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_last_samples_are_held_out(tmp_path, samples):
    x, labels = samples(50, 1)
    for split, n in (("train", 50), ("test", 30)):
        np.save(tmp_path / f"x_{split}.npy", np.ascontiguousarray(x[:, :n]))
        np.save(tmp_path / f"y_{split}.npy", np.ascontiguousarray(labels[:, :n]))
    write_json(
        tmp_path / "summary.json",
        {
            "shape": [1, len(x)],
            "classes": [*map(str, range(len(labels)))],
            "digests": {path.stem: digests(np.load(path)) for path in tmp_path.glob("*.npy")},
        },
    )
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


FAIR = {
    "learning-rate": RATES,
    "placement": PLACES,
    "batch-size": SIZES,
    "shift": SHIFT,
    "noisy": NOISY,
    "gamma-beta": AFFINE,
    "depth": DEPTH,
}


def weights(network):
    return [w.numpy().tobytes() for w in network.coefficients]


@pytest.mark.parametrize("name", FAIR)
def test_arms_of_a_seed_start_from_the_same_weights_and_take_the_same_batches(
    data, monkeypatch, name
):
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
    rows = asked(module_of(name, "run.run"), settings=FAIR[name], seed=SEED, data=data)
    assert len({row["arm"] for row in rows}) >= 2
    assert len(seen) == (2 if name == "batch-size" else 1)  # sizes have their own batches
    for taken in seen.values():
        assert len(taken) >= 2
        assert all((order == taken[0]).all() for order in taken)
        size = taken[0].shape[1]
        np.testing.assert_array_equal(taken[0], orders(FITTED, size, SEED, len(taken[0])))
