"""What the explorer of the report shows: exact values of made-up runs, and the same bytes."""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.report import configured
from fixtures.runs import leave

from fmstudy.analysis.results import Runs
from fmstudy.report import explorer, rendering
from fmstudy.runtime import StudyError
from fmstudy.study import description, plan
from fmstudy.study.spec import RunSpec


def model(name: str = "A", seeds=(1, 2), **spec) -> dict:
    settings = RunSpec(**{"engine": "lowlevel", "hidden": (3,)} | spec)
    return {
        "name": name,
        "title": f"Model {name}",
        "run": f"run-{name}",
        "seeds": list(seeds),
        "spec": settings.as_dict(),
    }


def history(*losses: float, held_out: str = "test") -> dict:
    """After each epoch: the training data's loss is as given, the others' 1 more; accuracies."""
    return {
        epoch: {"train": (loss, 0.5, 0.1 * epoch), held_out: (loss + 1, 0.5, 0.05 * epoch)}
        for epoch, loss in enumerate(losses)
    }


def shown(directory: Path, given: dict) -> dict:
    return explorer.of_model(given, Runs(directory))


# ------------------------------------------------------------------------------------- values
def test_curves_are_means_over_seeds(tmp_path):
    leave(tmp_path, "run-A", 1, history=history(2.0, 1.0))
    leave(tmp_path, "run-A", 2, history=history(4.0, 2.12345))
    found = shown(tmp_path, model())
    assert found["grid"] == [0, 1]
    # without the penalty
    assert found["mean"] == [[[0.0, 0.1], [3.0, 1.562]], [[0.0, 0.05], [4.0, 2.562]]]


def test_final_metrics_are_means_with_their_range(tmp_path):
    leave(tmp_path, "run-A", 1, (0.9, 0.2), train=(0.3, 0.1, 0.9), history=history(2.0, 1.0))
    leave(tmp_path, "run-A", 2, (0.9, 0.8), train=(0.4, 0.1, 0.8), history=history(2.0, 1.0))
    found = shown(tmp_path, model())
    first, second = (-math.log(0.9) - math.log(p) for p in (0.2, 0.8))
    assert found["test"] == [0.75, pytest.approx((first + second) / 4, rel=1e-5)]
    texts = dict(zip(("seeds", "parameters", *explorer.FINAL), found["final"], strict=True))
    assert texts["seeds"] == ["2"]
    assert texts["parameters"] == [f"{784 * 3 + 3 * 10 + 2:,}"]  # a bias for each of two layers
    assert texts["train_accuracy"] == ["85.00", "80.00 to 90.00"]
    assert texts["train_loss"] == ["0.350", "0.300 to 0.400"]
    assert texts["gap_accuracy"] == ["+10.00", "−20.00 to +40.00"]
    assert texts["validation_accuracy"] == ["–"]


def test_one_seed_has_no_range(tmp_path):
    leave(tmp_path, "run-A", 7, history=history(2.0, 1.0))
    assert [len(texts) for texts in shown(tmp_path, model(seeds=[7]))["final"]] == [1] * 10


def test_held_out_is_the_validation_part_where_it_is_followed(tmp_path):
    given = history(2.0, 1.0, held_out="validation")
    given[1]["test"] = (9.0, 0.0, 0.01)
    given[1]["running"] = (8.0, 0.0, 0.02)
    leave(tmp_path, "run-A", 1, validation=(2.0, 0.0, 0.7), history=given)
    found = shown(tmp_path, model(seeds=[1], engine="keras"))
    assert found["mean"][1] == [[0.0, 0.05], [3.0, 2.0]]
    assert found["final"][explorer.FINAL.index("validation_accuracy") + 2] == ["70.00"]


def test_test_data_looked_at_once_make_no_curve(tmp_path):
    given = {0: {"train": (2.0, 0, 0.1)}, 1: {"train": (1.0, 0, 0.2), "test": (1.5, 0, 0.15)}}
    leave(tmp_path, "run-A", 1, history=given)
    assert shown(tmp_path, model(seeds=[1]))["mean"] == [[[0.1, 0.2], [2.0, 1.0]], [[], []]]


# ---------------------------------------------------------------------------------- divergence
def test_a_diverged_training_ends_before_and_stays_out_of_means(tmp_path):
    leave(tmp_path, "run-A", 1, history=history(2.0, 1.0, 0.5))
    lost = history(4.0, math.nan)
    leave(tmp_path, "run-A", 2, status="diverged", history=lost)
    found = shown(tmp_path, model())
    assert found["final"][0] == ["2", "1 diverged"]
    assert found["mean"][0][1] == [2.0, 1.0, 0.5]
    assert found["final"][2] == ["90.00"]


def test_a_model_that_always_diverged_has_a_beginning_and_no_results(tmp_path):
    for seed in (1, 2):
        leave(tmp_path, "run-A", seed, status="diverged", history=history(4.0, 6.0, math.inf))
    found = shown(tmp_path, model())
    assert found["grid"] == [0, 1]
    assert found["mean"][0][1] == [4.0, 6.0]
    assert found["test"] == [None, None]
    assert found["final"][2:] == [["diverged"]] * 8
    json.dumps(found, allow_nan=False)


# ------------------------------------------------------------------------------------ thinning
@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 201, 2001, 100_001])
def test_a_curve_keeps_its_ends_and_is_thinned(count):
    places = explorer.kept(count)
    assert places[0] == 0
    assert places[-1] == count - 1
    assert places == sorted(set(places))
    assert len(places) == count if count <= 100 else 50 <= len(places) <= 100


def test_a_thinned_curve_has_points_for_a_logarithmic_axis_too():
    places = np.array(explorer.kept(2001))
    assert np.diff(places).max() <= 2000 / 48
    assert {1, 2, 3, 4, 5} <= set(places.tolist())


# --------------------------------------------------------------------------------- the setting
@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"hidden": ()}, "low-level: no hidden layer, Adam at 0.001, full batch, 200 epochs"),
        (
            {"hidden": (300, 100), "penalty": "l1_signed", "delta": 1e-5, "epochs": 2000},
            "low-level: 300-100 ReLU, signed L1 with delta 1e−5, Adam at 0.001, full batch, "
            "2,000 epochs",
        ),
        (
            {"engine": "keras", "hidden": (5,), "activation": "sigmoid", "dropout": 0.3}
            | {"batch_norm": "before", "optimizer": "sgd", "batch_size": 256},
            "Keras: 5 sigmoid, dropout 0.3, batch normalization before the activation, "
            "SGD at 0.001, batches of 256, 200 epochs",
        ),
    ],
)
def test_a_setting_says_what_was_trained(spec, said):
    assert explorer.setting(model(**spec)["spec"]) == said


# ------------------------------------------------------------------------------------ the file
def pair(metric: str, away: float | None, verdict: str, planned: str = "yes") -> dict:
    row = {"metric": metric, "first": "A", "second": "B", "difference": away}
    low, high = (None, None) if away is None else (away - 0.0012345, away + 0.0012345)
    return row | {"low": low, "high": high, "verdict": verdict, "planned": planned}


def collected(directory: Path) -> dict:
    leave(directory, "run-A", 1, history=history(2.0, 1.0))
    leave(directory, "run-B", 1, history=history(2.0, 1.0))
    groups = [
        {"title": "Part A", "models": [model("A", [1]), model("B", [1])]},
        {"title": "Width", "models": [model("A", [1]) | {"name": "A-width-3"}]},
    ]
    pairs = [
        pair("test_loss", None, "no value", "no"),
        pair("test_gap_loss", 0.1, "larger gap"),
        pair("test_accuracy", 0.02, "better"),
    ]
    return explorer.collect(groups, ["B"], Runs(directory), pd.DataFrame(pairs))


def test_models_stand_in_groups_and_by_name(tmp_path):
    found = collected(tmp_path)
    assert found["groups"] == [
        {"title": "Part A", "models": ["A", "B"]},
        {"title": "Width", "models": ["A-width-3"]},
    ]
    assert found["start"] == ["B"]
    assert list(found["models"]) == ["A", "B", "A-width-3"]


def test_pairs_have_accuracy_and_loss_with_interval_and_verdict(tmp_path):
    assert collected(tmp_path)["pairs"] == {
        "A B": [[0.02, 0.01877, 0.02123, "better", 1], [None, None, None, "no value", 0]]
    }


def test_the_same_runs_give_the_same_bytes_and_come_back(tmp_path):
    first, second = tmp_path / "first.json.gz", tmp_path / "later" / "second.json.gz"
    found = collected(tmp_path)
    explorer.write(found, first)
    explorer.write(collected(tmp_path), second)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes()[4:8] == bytes(4)  # where an archive has the time
    read = rendering.read_explorer(first)
    assert read.pop("blob")
    assert read == found


def test_a_planned_pair_is_shown_first_and_values_of_a_sweep_name_it():
    study, _ = plan.build(configured())
    first, second = next(iter(study.comparisons.values())).pairs[0]
    assert description.explorer_start(study) == [second, first]
    groups = description.explorer_groups(study)
    titles = [it["title"] for group in groups for it in group["models"]]
    assert len(set(titles)) == len(titles)
    assert groups[-1]["models"][0]["title"].startswith(f"{groups[-1]['title']}: ")


@pytest.mark.parametrize("content", [None, b"no archive", gzip.compress(b"{", mtime=0)[:-9], b""])
def test_a_file_that_is_not_what_it_should_be_is_named(tmp_path, content):
    path = tmp_path / "explorer.json.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StudyError, match=r"explorer\.json\.gz: (not found|damaged: .* Delete it)"):
        rendering.read_explorer(path)
