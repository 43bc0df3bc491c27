"""Batches of every size, evaluated with several kinds of statistics."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from fixtures.experiments import (
    FITTED,
    NET,
    ORANGE,
    SEED,
    SIZES,
    VALIDATION,
    alike,
    drawn,
    line,
    of_seeds,
    quantities,
)
from fixtures.nets import arrays, in_numpy, values

from fmstudy.checks import reference
from fmstudy.engines.mini_batch import MiniBatches, orders
from fmstudy.experiments.batch_size import run
from fmstudy.experiments.common import net_spec

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


@pytest.fixture(scope="module")
def rows(data):
    return run.run(SIZES, SEED, data)


def test_batches_of_every_size_see_equally_many_examples_and_are_evaluated_in_all_ways(data, rows):
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


def test_in_batches_of_one_the_logits_are_the_same_for_every_image(data, rows):
    """What is normalized is 0, so that hidden layers send max(beta, 0), whatever comes."""
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
        return run.Score(math.nan if moving else 1.0, 0.1)

    monkeypatch.setattr(MiniBatches, "score", score)
    rows = run.run(SIZES | {"sizes": [4]}, SEED, data)
    assert {"loss_exact", "loss_own"} < {row["measure"] for row in rows}
    assert not {"loss_0.9", "accuracy_0.9"} & {row["measure"] for row in rows}


def test_a_batch_size_has_metrics_for_each_way_and_a_diverged_training_those_of_a_guess():
    table = [
        *of_seeds("finished", {1: 1, 2: 0}, arm="bn", size=4),
        *of_seeds("steps", {1: 9, 2: 9}, arm="bn", size=4),
        *of_seeds("accuracy_exact", {1: 0.7}, arm="bn", size=4),
        *of_seeds("loss_0.99", {1: 0.9}, arm="bn", size=4),
        *of_seeds("finished", {1: 1, 2: 1}, arm="plain", size=60),
        *of_seeds("accuracy_exact", {1: 0.9, 2: 0.8}, arm="plain", size=60),
    ]
    found = quantities("batch-size", pd.DataFrame(table))
    assert alike(found["accuracy_exact/bn/4"], s1=0.7, s2=0.1)
    assert alike(found["loss_0.99/bn/4"], s1=0.9, s2=math.log(10))
    assert alike(found["accuracy_exact/plain/60"], s1=0.9, s2=0.8)
    assert len(found) == 3


def test_batch_sizes_at_which_it_is_better_are_named():
    drawing = drawn("batch-size")
    left, right = drawing.figure.axes
    sizes, accuracies = line(left, ORANGE)
    assert sizes == [2, 60]
    assert accuracies == pytest.approx([0.2, 0.805])
    assert len({text.get_text() for text in right.texts}) == 3
    assert "batch norm is higher of 2 sizes at 60 (" in drawing.title
