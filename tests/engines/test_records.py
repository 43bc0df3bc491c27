"""What a training leaves: when it counts as diverged, its history, its metrics."""

import math

import numpy as np
import pytest

from fmstudy.engines import records
from fmstudy.engines.records import History, Stopwatch, Training
from fmstudy.study.spec import DIVERGED, FINISHED, RunSpec


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_a_divergence_wherever_it_stands(loss):
    assert records.has_diverged(loss)
    assert records.has_diverged(0.5, loss)
    assert records.has_diverged(loss, 0.5)


def test_finite_losses_are_no_divergence_however_large():
    assert not records.has_diverged(0.0, -1.0, 1e300)


def history() -> History:
    kept = History()
    kept.add(0, "train", 2.5, 0.25, 0.1)
    kept.add(0, "test", 2.75, 0.25, 0.125)
    kept.add(1, "train", 1 / 3, 0.5, 0.75)
    return kept


def test_the_last_metrics_of_a_split_are_those_of_its_last_evaluation():
    expected = {"epoch": 1, "loss": 1 / 3, "penalty": 0.5, "accuracy": 0.75}
    assert history().last("train") == expected
    assert history().last("test")["epoch"] == 0
    assert history().last("validation") is None


def test_the_history_is_written_with_the_digits_of_single_precision(tmp_path):
    history().write(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text().splitlines() == [
        "epoch,split,loss,penalty,accuracy",
        "0,train,2.5,0.25,0.1",
        "0,test,2.75,0.25,0.125",
        "1,train,0.333333333,0.5,0.75",
    ]


def test_the_stopwatch_adds_up_by_activity_even_when_the_work_fails(monkeypatch):
    clock = iter([0.0, 2.0, 10.0, 11.0, 20.0, 25.0])
    monkeypatch.setattr(records.time, "perf_counter", lambda: next(clock))
    watch = Stopwatch()
    with watch.measure("training"):
        pass
    with watch.measure("evaluation"):
        pass
    with pytest.raises(ValueError, match="fails"), watch.measure("training"):
        raise ValueError("fails")
    assert watch.seconds == {"training": 7.0, "evaluation": 1.0}


SPEC = RunSpec(engine="lowlevel", hidden=(), epochs=1)


def result(status: str) -> Training:
    """A training whose own test accuracy (0.125) is not that of its predictions (0.5)."""
    predictions = np.eye(10, dtype=np.float32)[:, [0, 0]]
    return Training(status, 1, history(), predictions, {}, {"training": 1.0, "evaluation": 1.0})


def test_the_test_accuracy_of_a_finished_training_is_counted_from_its_predictions():
    labels = np.eye(10, dtype=np.float32)[:, [0, 1]]
    found = records.metrics(SPEC, 3, result(FINISHED), labels, "code")
    assert found["final"]["test"] == {"loss": 2.75, "penalty": 0.25, "accuracy": 0.5}
    assert found["final"]["train"] == {"loss": 1 / 3, "penalty": 0.5, "accuracy": 0.75}
    assert "validation" not in found["final"]
    assert (found["run"], found["seed"], found["status"]) == (SPEC.name, 3, FINISHED)
    assert (found["epochs_done"], found["code"]) == (1, "code")
    assert found["specification"] == SPEC.as_dict()


def test_a_diverged_training_keeps_the_metrics_of_its_history():
    labels = np.eye(10, dtype=np.float32)[:, [0, 1]]
    found = records.metrics(SPEC, 3, result(DIVERGED), labels, "code")
    assert found["status"] == DIVERGED
    assert found["final"]["test"]["accuracy"] == 0.125
