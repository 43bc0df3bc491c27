"""A rule names a function for each output: what the function is given, and in which order."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import model, train, write_labels

from fmstudy import runtime
from fmstudy.analysis import results
from fmstudy.study.spec import RunSpec
from fmstudy.workflow import calls


class Named(dict[str, Any]):
    """Files or settings by name, also to be had as attributes, as Snakemake gives them."""


def job(inputs: dict[str, Any], outputs: dict[str, str], **params: Any) -> SimpleNamespace:
    return SimpleNamespace(input=Named(inputs), output=Named(outputs), params=Named(params))


SPEC = RunSpec("lowlevel", epochs=1, test_samples=2)
MODEL = model("A", [1, 2], SPEC.name)


def runs(directory: Path) -> list[str]:
    """Two trainings, and more labels than they use."""
    places = [train(directory / "runs", SPEC, seed) for seed in (1, 2)]
    return [*(str(place / "metrics.json") for place in places), *write_labels(directory, 7)]


def given(inputs: dict[str, Any], *names: str, **settings: Any) -> dict[str, Any]:
    """What a function gets whose parameters have these names."""
    scope: dict[str, Any] = {}
    exec(f"def function({', '.join(names)}): pass", scope)
    return calls.arguments(scope["function"], settings, inputs)


def test_inputs_are_read_by_their_endings_and_lists_as_lists(tmp_path: Path):
    table = pd.DataFrame({"run": ["007"], "value": [0.5]})
    runtime.write_table(tmp_path / "t.csv", table)
    runtime.write_json(tmp_path / "s.json", {"a": 1})
    runtime.write_arrays(tmp_path / "z.npz", {"mean": np.ones(2)})
    inputs: dict[str, Any] = {
        name: str(tmp_path / file)
        for name, file in (("t", "t.csv"), ("s", "s.json"), ("z", "z.npz"))
    }
    inputs["many"] = [inputs["s"], inputs["s"]]
    found = given(inputs, *inputs)
    pd.testing.assert_frame_equal(found["t"], table)
    assert found["s"] == {"a": 1}
    assert found["many"] == [{"a": 1}] * 2
    assert found["z"]["mean"].tolist() == [1, 1]


def test_an_input_must_be_as_its_job_left_it(tmp_path: Path):
    path = tmp_path / "results.csv"
    runtime.write_table(path, pd.DataFrame({"run": ["007"], "value": [0.5]}))
    runtime.write_json(tmp_path / "provenance.json", {"digests": runtime.file_digests([path])})
    assert given({"results": [str(path)]}, "results")["results"][0].loc[0, "value"] == 0.5
    path.write_text(path.read_text().replace("0.5", "0.6"))
    with pytest.raises(runtime.StudyError, match=r"results.csv: changed since it was made"):
        given({"results": [str(path)]}, "results")


def test_labels_are_the_classes_of_the_images_that_were_predicted(tmp_path: Path):
    found = given({"runs": runs(tmp_path)}, "runs", "labels")
    assert found["labels"].tolist() == [0, 1]
    assert found["runs"].finished(MODEL) == [1, 2]


def test_predicted_is_of_the_models_or_of_the_one_model_that_the_rule_names(tmp_path: Path):
    inputs = {"runs": runs(tmp_path)}
    several = given(inputs, "predicted", models=[MODEL | {"seeds": [1]}, MODEL])
    assert [one.seeds for one in several["predicted"]] == [[1], [1, 2]]
    assert given(inputs, "predicted", model=MODEL | {"seeds": [2]})["predicted"].seeds == [2]


def test_the_folder_is_that_of_the_tensors():
    assert given({"x_train": "data/x_train.npy"}, "folder")["folder"] == Path("data")


def test_a_function_gets_what_it_asks_for_and_keeps_its_defaults():
    assert given({}, "a", "b=3", "c=4", a=1, b=2, d=5) == {"a": 1, "b": 2}


def doubled(values: dict[str, float]) -> dict[str, float]:
    return {name: 2 * value for name, value in values.items()}


def added(first: dict[str, float], more: float) -> dict[str, float]:
    return {name: value + more for name, value in first.items()}


def test_outputs_are_made_in_their_order_and_later_ones_read_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(results, "doubled", doubled, raising=False)
    monkeypatch.setattr(results, "added", added, raising=False)
    runtime.write_json(tmp_path / "in.json", {"x": 1.0})
    asked = job(
        {"values": str(tmp_path / "in.json")},
        {name: str(tmp_path / f"{name}.json") for name in ("first", "second", "picture")},
        second={"call_to": "analysis.results.added", "more": 0.5},
        first={"call_to": "analysis.results.doubled"},
        code="0123",
    )
    for path, content in calls.make(asked):
        runtime.write_json(path, content)
    assert json.loads((tmp_path / "second.json").read_text()) == {"x": 2.5}
    assert not (tmp_path / "picture.json").exists()


def test_a_setting_may_be_a_call_whose_function_gets_what_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(results, "doubled", doubled, raising=False)
    monkeypatch.setattr(results, "added", added, raising=False)
    runtime.write_json(tmp_path / "in.json", {"x": 1.0})
    first = {"call_to": "analysis.results.doubled"}
    asked = job(
        {"values": str(tmp_path / "in.json")},
        {"second": str(tmp_path / "second.json")},
        second={"call_to": "analysis.results.added", "first": first, "more": 0.5},
    )
    assert [content for _, content in calls.make(asked)] == [{"x": 2.5}]
