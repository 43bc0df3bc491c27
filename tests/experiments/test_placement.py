"""Batch normalization before and after the activation."""

import math

import pandas as pd
import pytest
from fixtures.experiments import (
    FITTED,
    NET,
    PLACES,
    SEED,
    SIZE,
    alike,
    drawn,
    of_seeds,
    quantities,
    table,
)
from fixtures.nets import values

from fmstudy.engines.mini_batch import MiniBatches, orders
from fmstudy.experiments.common import net_spec
from fmstudy.experiments.placement import run

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


@pytest.fixture(scope="module")
def rows(data):
    return run.run(PLACES, SEED, data)


def test_placements_are_what_they_are_called(data, rows):
    losses = values(rows, "test_loss", "arm", "rate")
    for place in ("before", "after"):
        batches = MiniBatches(net_spec(NET, batch_norm=place), data.fitted)
        batches.start(SEED)
        batches.train(orders(FITTED, SIZE, SEED, FITTED // SIZE))
        assert losses[place, 0.1] == batches.score(data.test, batches.exact()).loss


def test_each_place_is_taken_at_its_own_best_rate():
    table = []
    for arm, rate, loss, accuracy in (
        ("before", 0.1, 0.5, 0.8),
        ("before", 1.0, 0.4, 0.7),
        ("after", 0.1, 0.3, 0.9),
        ("after", 1.0, 0.6, 0.6),
    ):
        keys = {"activation": "relu", "arm": arm, "rate": rate}
        table += of_seeds("test_loss", {1: 2 * loss}, **keys)
        table += of_seeds("validation_loss", {1: loss}, **keys)
        table += of_seeds("test_accuracy", {1: accuracy}, **keys)
    found = quantities("placement", pd.DataFrame(table))
    assert alike(found["test_accuracy/relu/before"], s1=0.7)
    assert alike(found["test_accuracy/relu/after"], s1=0.9)
    assert alike(found["test_loss/relu/after"], s1=0.6)


def test_a_placement_is_named_though_its_last_rate_diverged():
    given = table("placement")
    given.loc[(given["arm"] == "after") & (given["rate"] == 1.0), "value"] = math.nan
    panels = drawn("placement", given).figure.axes
    assert panels
    for axes in panels:
        assert {"before", "after"} <= {text.get_text() for text in axes.texts}
