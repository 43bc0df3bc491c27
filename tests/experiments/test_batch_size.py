"""Batches of every size, evaluated with several kinds of statistics."""

import math

import numpy as np
import pandas as pd
import pytest
from fixtures.experiments import (
    FITTED,
    NET,
    ORANGE,
    SEED,
    SIZE,
    SIZES,
    TEST,
    alike,
    drawn,
    line,
    of_seeds,
    quantities,
)
from fixtures.nets import arrays, in_numpy, values

from fmstudy.checks import reference
from fmstudy.engines.mini_batch import MiniBatches, Score, orders
from fmstudy.experiments.batch_size import run
from fmstudy.experiments.common import net_spec

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


@pytest.fixture(scope="module")
def rows(data):
    return run.run(SIZES, SEED, data)


def test_batches_of_every_size_see_equally_many_examples_and_are_evaluated_in_all_ways(data, rows):
    # 1000 are more than there are
    keys = ("arm", "size", "rate")
    trained = {
        (arm, size, rate * math.sqrt(size / SIZE))
        for arm in ("plain", "bn")
        for size in (1, 4)
        for rate in (0.1, 0.3)
    }
    steps = values(rows, "steps", *keys)
    assert steps == {key: 30 // key[1] for key in trained}
    assert set(values(rows, "finished", *keys).values()) == {1.0}
    for way in ("exact", "own", "0.9"):
        arms = ("plain", "bn") if way == "exact" else ("bn",)
        assert set(values(rows, f"loss_{way}", *keys)) == {k for k in trained if k[0] in arms}
    # size 4, again in NumPy
    batches = MiniBatches(net_spec(NET, batch_norm="before"), data.fitted)
    rate = 0.3 * math.sqrt(4 / SIZE)
    batches.start(SEED, rate)
    batches.train(orders(FITTED, 4, SEED, 7))
    net, p = in_numpy(batches.network)
    x, labels = arrays(data.test)
    own = [
        reference.evaluate(net, p, x[:, i : i + 4], labels[:, i : i + 4]) for i in range(0, TEST, 4)
    ]
    exact = reference.evaluate(net, p, *arrays(data.fitted)).statistics
    wanted = {
        "own": np.mean([look.loss for look in own]),
        "exact": reference.cross_entropy(reference.logits(net, p, x, exact), labels),
    }
    for way, loss in wanted.items():
        assert values(rows, f"loss_{way}", *keys)["bn", 4, rate] == pytest.approx(loss, abs=1e-5)
    chosen = reference.logits(net, p, arrays(data.validation)[0], exact)
    assert values(rows, "validation_loss", *keys)["bn", 4, rate] == pytest.approx(
        reference.cross_entropy(chosen, arrays(data.validation)[1]), abs=1e-5
    )


def test_in_batches_of_one_the_logits_are_the_same_for_every_image(data, rows):
    """What is normalized is 0, so that hidden layers send max(beta, 0), whatever comes."""
    batches = MiniBatches(net_spec(NET, batch_norm="before"), data.fitted)
    rate = 0.1 * math.sqrt(1 / SIZE)
    batches.start(SEED, rate)
    batches.train(orders(FITTED, 1, SEED, 30))
    p = {name: array.astype(float) for name, array in batches.network.named_arrays().items()}
    z = p["coefficients2"] @ np.maximum(p["beta1"], 0.0) + p["bias2"]
    _, labels = arrays(data.test)
    same = np.repeat(z, TEST, axis=1)
    assert np.ptp(z) > 0.01
    assert values(rows, "loss_own", "arm", "size", "rate")["bn", 1, rate] == pytest.approx(
        reference.cross_entropy(same, labels), abs=1e-4
    )
    assert values(rows, "accuracy_own", "arm", "size", "rate")["bn", 1, rate] == pytest.approx(
        reference.accuracy(same, labels)
    )


def test_an_evaluation_that_gives_no_number_is_no_row(data, monkeypatch):
    def score(batches, samples, population):
        moving = any(population is layers for layers in batches.moving.values())
        return Score(math.nan if moving else 1.0, 0.1)

    monkeypatch.setattr(MiniBatches, "score", score)
    rows = run.run(SIZES | {"sizes": [4], "rates": [0.1]}, SEED, data)
    assert {"loss_exact", "loss_own", "validation_loss"} < {row["measure"] for row in rows}
    assert not {"loss_0.9", "accuracy_0.9"} & {row["measure"] for row in rows}


def test_each_net_and_size_is_judged_at_its_own_best_rate():
    table = []
    for arm, size, best in (("bn", 4, 0.1), ("bn", 60, 1.0), ("plain", 4, 1.0)):
        for rate in (0.1, 1.0):
            keys = {"arm": arm, "size": size, "rate": rate}
            table += of_seeds("finished", {1: 1}, **keys)
            table += of_seeds("validation_loss", {1: 0.4 + (rate != best)}, **keys)
            table += of_seeds("accuracy_exact", {1: rate / 2}, **keys)
    found = quantities("batch-size", pd.DataFrame(table))
    assert found["accuracy_exact/bn/4"] == {1: 0.05}
    assert found["accuracy_exact/bn/60"] == found["accuracy_exact/plain/4"] == {1: 0.5}
    assert found["best_rate/bn/4"] == {1: -1.0}


def test_where_no_rate_lets_every_seed_finish_the_smallest_counts_and_divergence_is_a_guess():
    keys = {"arm": "bn", "size": 4}
    table = [
        *of_seeds("finished", {1: 1, 2: 0}, **keys, rate=0.1),
        *of_seeds("finished", {1: 0, 2: 0}, **keys, rate=1.0),
        *of_seeds("validation_loss", {1: 0.5}, **keys, rate=0.1),
        *of_seeds("accuracy_exact", {1: 0.7}, **keys, rate=0.1),
        *of_seeds("loss_0.99", {1: 0.9}, **keys, rate=0.1),
    ]
    found = quantities("batch-size", pd.DataFrame(table))
    assert alike(found["accuracy_exact/bn/4"], s1=0.7, s2=0.1)
    assert alike(found["loss_0.99/bn/4"], s1=0.9, s2=math.log(10))
    assert alike(found["best_rate/bn/4"], s1=-1.0, s2=-1.0)
    assert len(found) == 3


def test_accuracies_are_drawn_over_sizes_with_each_kind_of_statistics():
    drawing = drawn("batch-size")
    left, right = drawing.figure.axes
    sizes, accuracies = line(left, ORANGE)
    assert sizes == [2, 60]
    assert accuracies == pytest.approx([0.2, 0.805])
    assert len({text.get_text() for text in right.texts}) == 3
