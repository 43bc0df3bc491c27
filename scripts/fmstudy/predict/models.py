"""Finds the trained models of a finished study, and what its data set looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fmstudy.analysis.record import RECORD, read_record
from fmstudy.analysis.results import Runs
from fmstudy.data.dataset import load_tensor
from fmstudy.predict.layers import Dense, dense_layers, probabilities
from fmstudy.predict.prepare import Target
from fmstudy.runtime import (
    StudyError,
    read_arrays,
    read_json,
    read_table,
    reading,
    verify_digest,
)
from fmstudy.study.configuration import unknown

DEFAULT = "results"  # the result folder of the default study


class Classifier(NamedTuple):
    """A trained model: that of the first seed whose training finished."""

    name: str
    title: str
    run: str
    seed: int
    activation: str
    layers: Sequence[Dense]

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities (classes, n) of images x (features, n) in [0, 1]."""
        return probabilities(self.layers, self.activation, x)


@dataclass(frozen=True)
class Study:
    """A finished study, to predict with.

    folder    of its results
    title     of the study
    classes   names, by label
    target    what the images of its data set are like
    models    in the order in which they were asked for, or that of the study
    diverged  titles of those of which no training finished
    x_train   the training images, (features, n); empty if they are not there
    of_test   the highest correlation of each test image with a training image; empty if not known
    """

    folder: str
    title: str
    classes: Sequence[str]
    target: Target
    models: Sequence[Classifier]
    diverged: Sequence[str]
    x_train: np.ndarray
    of_test: np.ndarray


def load(results: str | Path = "results", models: Sequence[str] | None = None) -> Study:
    """Read trained models from the result folder of a finished study.

    models: their names in the configuration, also of models of sweeps; None means those of the
    study's sections.  Raises StudyError if there is no finished study or no such model, or if a
    result is missing or is not as its training left it.
    """
    folder = Path(results)
    command = _command(folder)
    try:
        return _load(folder, models, command)
    except StudyError as error:  # readers advise those who run the study
        advice = re.sub(
            r"(Delete it and run|Run) the same command again( to make it)?",
            lambda found: f"{'Delete it and run' if found[1] != 'Run' else 'Run'} {command}",
            str(error),
        )
        raise StudyError(advice) from error


def _command(folder: Path) -> str:
    """Return what makes the results in a folder, by its name."""
    named = {DEFAULT: "make report", "quick": "make quick"}
    return named.get(folder.name, f"make report STUDY={folder.name}")


def _load(folder: Path, names: Sequence[str] | None, command: str) -> Study:
    if not (folder / RECORD).exists():
        places = [folder.parent, *folder.parent.glob("*"), *folder.glob("*")]
        found = sorted(it for it in places if (it / RECORD).exists())
        named = (f"STUDY={it.name}" if it.name != DEFAULT else "without STUDY" for it in found)
        listed = ", ".join(f"{it} ({how})" for it, how in zip(found[:9], named, strict=False))
        others = f" Finished studies: {listed}." if found else ""
        raise StudyError(f"{folder}: no finished study here ({RECORD}). Run {command}.{others}")
    record = read_record(folder / RECORD)
    with reading(folder / RECORD):
        data = record["data"]
        classes = list(data["classes"])
        every = [*record["models"], *record["further"]]
        samples = max(model["spec"]["train_samples"] for model in every)
    runs = Runs(folder / "runs")
    chosen, diverged = [], []
    for model in _chosen(record, names):
        for seed in model["seeds"]:
            verify_digest(runs.path(model["run"], seed, "metrics.json"))
        if seeds := runs.finished(model)[:1]:
            chosen.append(_classifier(model, seeds[0], runs))
        else:
            diverged.append(model["title"])
    if not chosen:
        raise StudyError(f"{folder}: every training diverged: {', '.join(diverged)}.")
    of_set = _data_folder(folder, data)
    target = Target.of(data, read_arrays(of_set / "summary.npz")["sample_images"])
    x_train, of_test = np.zeros((0, 0), np.float32), np.zeros(0)
    neighbors = folder / "data/neighbors.csv"
    if neighbors.exists() and (of_set / "x_train.npy").exists():
        of_test = read_table(neighbors, ("correlation",), ())["correlation"].to_numpy()
        x_train = load_tensor(of_set / "x_train.npy", samples)
    return Study(
        folder=str(folder),
        title=record["title"],
        classes=classes,
        target=target,
        models=chosen,
        diverged=diverged,
        x_train=x_train,
        of_test=of_test,
    )


def _chosen(record: Mapping[str, Any], names: Sequence[str] | None) -> list[Mapping[str, Any]]:
    """Return the models of these names, or else those of the study's sections."""
    if names is None:
        return list(record["models"])
    known = {model["name"]: model for model in (*record["further"], *record["models"])}
    for name in names:
        if name not in known:
            main = [model["name"] for model in record["models"]]
            text = unknown("model", name, [*main, *sorted(known.keys() - {*main})])
            raise StudyError(f"{text[0].upper()}{text[1:]}")
    return [known[name] for name in dict.fromkeys(names)]


def _classifier(model: Mapping[str, Any], seed: int, runs: Runs) -> Classifier:
    run, spec = model["run"], model["spec"]
    path = runs.path(run, seed, "weights.npz")
    verify_digest(path)
    arrays = runs.arrays(run, seed)
    with reading(path):
        layers = dense_layers(spec, arrays)
    return Classifier(model["name"], model["title"], run, seed, spec["activation"], layers)


def _data_folder(folder: Path, data: Mapping[str, Any]) -> Path:
    """Return the folder of the study's data set, whose tensors are those that it was trained with.

    It lies in the result folder, or with those that studies share in one above.
    """
    above = (folder, *folder.absolute().parents[:3])
    for place in (folder / "data", *(top / "data" / data["set"]["key"] for top in above)):
        if (place / "summary.json").exists():
            found = read_json(place / "summary.json")
            if json.dumps(found.get("digests")) == json.dumps(data["digests"]):
                return place
    raise StudyError(
        f"{folder}: the images that its models were trained with are not found; they tell how to "
        f"prepare a picture. Expected in {folder}/data, or in data/{data['set']['key']} beside the "
        "results. Run the same command again to make it."
    )
