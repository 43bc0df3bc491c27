"""Speed: nets at their own rates, steps and seconds to an accuracy, and the figure."""

import itertools
import math

import pandas as pd
import pytest
from fixtures.experiments import (
    FITTED,
    NET,
    SEED,
    SIZE,
    SPEED,
    alike,
    drawn,
    of_seeds,
    quantities,
    table,
)
from fixtures.nets import values

from fmstudy import runtime
from fmstudy.engines.mini_batch import MiniBatches, orders
from fmstudy.experiments import best_rates, common
from fmstudy.experiments.common import net_spec
from fmstudy.experiments.speed import run
from fmstudy.experiments.speed.quantities import steps_to
from fmstudy.runtime import StudyError

pytestmark = pytest.mark.usefixtures("one_thread", "coarse")


def test_speed_follows_each_net_at_its_own_rate_and_times_all_in_turns(data):
    best = {"relu/plain": 0.05, "relu/bn": 0.2}
    rows = run.run(SPEED | {"best": best}, SEED, data)
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
    assert turns == list(itertools.product(range(1, run.ROUNDS + 1), ("plain", "bn")))
    assert all(row["value"] > 0.0 for row in seconds)


def test_rates_are_chosen_from_results_only_as_their_job_left_them(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("activation,optimizer,arm,rate,measure,value\nrelu,sgd,bn,0.1,finished,1\n")
    runtime.write_json(tmp_path / "provenance.json", {"digests": runtime.file_digests([path])})
    assert best_rates.read_rates(path)["rate"].tolist() == [0.1]
    path.write_text(path.read_text().replace("0.1", "0.2"))
    with pytest.raises(StudyError, match=r"results.csv: changed since it was made"):
        best_rates.read_rates(path)


def of_speed(accuracies: dict[int, float], seconds: list[float], level: float = 0.85):
    keys = {"activation": "relu", "arm": "bn"}
    table = [{**keys, "step": 0, "measure": "rate", "value": 0.1, "seed": 1}]
    for step, accuracy in accuracies.items():
        table += of_seeds("validation_accuracy", {1: accuracy}, **keys, step=step)
    times = [
        row
        for turn, value in enumerate(seconds, start=1)
        for row in of_seeds("step_seconds", {1: value}, **keys, turn=turn)
    ]
    times += of_seeds("job_seconds", {1: 1e6})
    settings = {"levels": [level]}
    return quantities("speed", pd.DataFrame(table), settings, pd.DataFrame(times))


def test_the_first_look_at_or_above_a_level_counts():
    found = of_speed({0: 0.1, 100: 0.85, 200: 0.7, 300: 0.9}, [0.001])
    assert alike(found["steps_85/relu/bn"], s1=2.0)
    assert alike(found["reached_85/relu/bn"], s1=1.0)


def test_seconds_are_steps_times_the_fastest_step():
    found = of_speed({0: 0.1, 100: 0.9}, [0.002, 0.010, 0.001])
    assert alike(found["step_seconds/relu/bn"], s1=0.001)
    assert alike(found["seconds_85/relu/bn"], s1=math.log10(0.1))
    assert "step_factor/relu" not in found  # of one arm alone


def test_what_a_step_costs_is_the_median_over_turns_and_one_fastest_step_for_all_seeds():
    table, times = [], []
    for arm, of_turns in (("plain", (1.0, 4.0, 2.0)), ("bn", (2.0, 5.0, 3.0))):
        keys = {"activation": "relu", "arm": arm}
        table += of_seeds("validation_accuracy", {1: 0.9, 2: 0.9}, **keys, step=10)
        for turn, value in enumerate(of_turns, start=1):
            times += of_seeds("step_seconds", {1: value, 2: 10 * value}, **keys, turn=turn)
    found = quantities("speed", pd.DataFrame(table), {"levels": [0.85]}, pd.DataFrame(times))
    assert alike(found["step_factor/relu"], s1=1.5, s2=1.5)
    assert alike(found["step_seconds/relu/plain"], s1=1.0, s2=1.0)
    assert alike(found["seconds_85/relu/bn"], s1=math.log10(20.0), s2=math.log10(20.0))


def test_a_level_that_is_never_reached_counts_as_the_last_look():
    found = of_speed({0: 0.1, 100: 0.2, 1000: 0.3}, [0.01])
    assert alike(found["steps_85/relu/bn"], s1=3.0)
    assert alike(found["seconds_85/relu/bn"], s1=1.0)
    assert alike(found["reached_85/relu/bn"], s1=0.0)


def test_a_level_that_is_reached_before_training_counts_as_one_step():
    assert alike(of_speed({0: 0.9, 100: 0.9}, [0.01])["steps_85/relu/bn"], s1=0.0)


def test_levels_are_named_in_per_cent():
    assert "steps_87.5/relu/bn" in of_speed({0: 0.9}, [0.01], level=0.875)


def test_levels_have_dots_where_every_seed_has_reached_them():
    drawing = drawn("speed")
    dots = {(round(each.get_xdata()[0], 6), float(each.get_ydata()[0]))
            for each in drawing.figure.axes[0].lines if each.get_marker() == "o"}  # fmt: skip
    assert dots == {(200.0, 0.8), (100.0, 0.8), (200.0, 0.85)}
    assert steps_to(table("speed").query("arm == 'plain'"), 0.85)[1] == math.inf


def test_a_level_that_one_seed_does_not_reach_has_no_steps():
    given = table("speed")
    late = (given["arm"] == "plain") & (given["seed"] == 2) & (given["step"] > 100)
    lines = drawn("speed", given[~late]).figure.axes[0].lines
    marks = [each for each in lines if len(each.get_xdata()) == 1]
    reached = [(each.get_label(), each.get_ydata()[0]) for each in marks]
    assert ("batch norm reaches a level", 0.85) in reached
    assert ("plain reaches a level", 0.85) not in reached
