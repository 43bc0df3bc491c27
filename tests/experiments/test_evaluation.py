"""Moving against exact statistics of the same trained net."""

import numpy as np
import pandas as pd
import pytest
from fixtures.experiments import (
    EVALUATION,
    FITTED,
    NET,
    SEED,
    alike,
    drawn,
    of_seeds,
    quantities,
)
from fixtures.nets import arrays, in_numpy, values

from fmstudy import runtime
from fmstudy.checks import reference
from fmstudy.engines.mini_batch import orders
from fmstudy.engines.network import Network
from fmstudy.experiments.common import net_spec
from fmstudy.experiments.evaluation import run

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


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
    rows = run.run(EVALUATION, SEED, data)
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
    rows = run.run(large, SEED, data)
    assert values(rows, "steps", "case")["epoch",] == 1


def test_moving_statistics_are_held_against_exact_ones_of_the_same_net(tmp_path):
    table = of_seeds("steps", {1: 3, 2: 3}, case="epoch", way="")
    for case, exact in (("epoch", 0.5), ("full", 2.0)):
        table += of_seeds("loss", {1: exact, 2: exact + 0.1}, case=case, way="exact")
        table += of_seeds("loss", {1: 0.75, 2: 0.5}, case=case, way="0.99")
        table += of_seeds("accuracy", {1: 0.8, 2: 0.9}, case=case, way="exact")
        table += of_seeds("accuracy", {1: 0.6, 2: 0.95}, case=case, way="0.99")
    runtime.write_table(tmp_path / "x.csv", pd.DataFrame(table))  # an empty way is read as no way
    found = quantities("evaluation", pd.read_csv(tmp_path / "x.csv"))
    assert alike(found["loss_error/epoch/0.99"], s1=0.25, s2=-0.1)
    assert alike(found["loss_error/full/0.99"], s1=-1.25, s2=-1.6)
    assert alike(found["accuracy_error/epoch/0.99"], s1=-0.2, s2=0.05)
    assert alike(found["loss_error/epoch/exact"], s1=0, s2=0)


def test_moving_statistics_are_held_against_exact_ones():
    left, right = drawn("evaluation").figure.axes
    for axes, title, change in ((left, "one epoch (187 steps)", 0.25), (right, "full-", -0.125)):
        assert title in axes.get_title("left")
        means = [line.get_xdata()[0] for line in axes.lines if line.get_label() == "mean"]
        assert means[1] - means[0] == pytest.approx(change)
