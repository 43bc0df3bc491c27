"""Reads a result folder as it was left, by this or an earlier version of the study.

Newer folders have a record of the study (`study.json`, see `report.rendering.record`).  Without it,
models are found in the tables and among the runs, and the configuration is not known.  Whatever is
damaged is left out and reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fmstudy.analysis.measures import Measures
from fmstudy.analysis.record import RECORD, read_record
from fmstudy.analysis.results import Runs
from fmstudy.runtime import (
    StudyError,
    damaged,
    read_cells,
    read_json,
    read_table,
    reading,
    sha256,
    verify_digest,
)
from fmstudy.study.spec import FINISHED, SECTIONS

Model = dict[str, Any]  # name, title, engine, run, seeds, main, missing

USED = ("metrics.json", "history.csv", "predictions.npy")  # of a training


@dataclass(frozen=True)
class Training:
    """A training that could be read.

    start     the losses before training by split: equal if the initial weights and images are
    digest    of its predictions
    classes   the predicted classes of the test images, (n,)
    """

    metrics: Mapping[str, Any]
    provenance: Mapping[str, Any]
    start: Mapping[str, float]
    digest: str
    classes: np.ndarray


@dataclass
class ResultFolder:
    """What a result folder holds.

    path       as it was given
    models     by name; their seeds are those of trainings that could be read, `missing` counts the
               others; the main ones are those of the study's sections, others belong to sweeps
    trainings  by run and seed
    labels     of the test images, as class numbers; empty if not known
    record     of the study; empty if there is none
    data       the summary of the data set; empty if it is not known
    problems   whatever is damaged, as sentences
    """

    path: str
    models: dict[str, Model] = field(default_factory=dict)
    trainings: dict[tuple[str, int], Training] = field(default_factory=dict)
    labels: np.ndarray = field(default_factory=lambda: np.array([], dtype=np.int64))
    record: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def measures(self) -> Measures:
        """The metrics of the models."""
        return Measures(Runs(Path(self.path, "runs")), self.labels[: self.images])

    @property
    def images(self) -> int:
        """The number of test images that the trainings predicted."""
        return next((it.classes.size for it in self.trainings.values()), 0)

    def of(self, model: Model) -> list[Training]:
        """Return the trainings of a model."""
        return [self.trainings[model["run"], seed] for seed in model["seeds"]]

    def specification(self, model: Model) -> dict[str, Any]:
        """Return the specification of a model's trainings."""
        found = [training.metrics["specification"] for training in self.of(model)]
        return found[0] if found else dict(model.get("spec", {}))


def load(path: str) -> ResultFolder:
    """Read a result folder.  Raises StudyError if it holds no training that can be read."""
    if not path:
        raise StudyError("Name two folders: make compare A=results/quick B=results/mine")
    folder, found = Path(path), ResultFolder(path)
    _check(folder)
    try:
        found.record = read_record(folder / RECORD) if (folder / RECORD).exists() else {}
    except StudyError as error:
        found.problems.append(_without_remedy(error))
    try:
        found.data = found.record["data"] if found.record else _read_summary(folder)
        found.labels = _labels(found.record, folder, found.labels)
    except StudyError as error:
        found.problems.append(_without_remedy(error))
    runs = Runs(folder / "runs")
    for model in _models(found.record, folder, found.problems):
        if model["name"] in found.models:
            continue
        usable = []
        for seed in model["seeds"]:
            try:
                if (model["run"], seed) not in found.trainings:
                    training = _read_training(runs, model["run"], seed, found.labels)
                    if found.images not in (0, training.classes.size):
                        file = runs.path(model["run"], seed, "predictions.npy")
                        raise StudyError(f"{file}: not as many test images as in other trainings.")
                    found.trainings[model["run"], seed] = training
                usable.append(seed)
            except StudyError as error:
                if (text := _without_remedy(error)) not in found.problems:
                    found.problems.append(text)
        missing = len(model["seeds"]) - len(usable)
        found.models[model["name"]] = model | {"seeds": usable, "missing": missing}
        if usable:
            specification = found.specification(found.models[model["name"]])
            found.models[model["name"]]["engine"] = specification["engine"]
    if not found.trainings:
        reasons = "\n".join(f"    {problem}" for problem in found.problems[:3])
        raise StudyError(f"{path}: holds no training that can be read.\n{reasons}".rstrip())
    return found


def _check(folder: Path) -> None:
    """Refuse what is not a result folder, and say what is."""
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "not found"
        raise StudyError(
            f"{folder}: {what}. Name the folders of two finished studies (output: directory in "
            "their configuration), such as A=results/quick B=results/mine."
        )
    if not (folder / "runs").is_dir():
        inner = sorted(str(it.parent) for it in folder.glob("*/runs"))[:5]
        meant = f" Did you mean {' or '.join(inner)}?" if inner else " Run that study first."
        raise StudyError(f"{folder}: has no folder runs, so it holds no trainings.{meant}")


def _without_remedy(error: StudyError) -> str:
    """Return a message without its last words, which are for whoever runs that study."""
    return re.sub(r"\.? (Delete|Run) .*again.*$", ".", str(error), flags=re.DOTALL)


def _labels(record: Mapping[str, Any], folder: Path, unknown: np.ndarray) -> np.ndarray:
    """Return the labels of the test images from the record, or else from the near-duplicates."""
    if record:
        with reading(folder / RECORD):
            return np.array(record["labels"].split(), dtype=np.int64)
    path = folder / "data/neighbors.csv"
    if not path.exists():
        return unknown
    table = read_table(path, ("test", "test_label"), ())
    return table.sort_values("test")["test_label"].to_numpy(dtype=np.int64)


def _read_summary(folder: Path) -> dict[str, Any]:
    """Read the summary of the data set, which the studies of a folder shared."""
    for place in (folder / "data", folder.parent / "data"):
        if (place / "summary.json").exists():
            return read_json(place / "summary.json")
    return {}


def _models(record: Mapping[str, Any], folder: Path, problems: list[str]) -> Iterator[Model]:
    """Yield the models of the study, then those of sweeps, then runs that belong to none."""
    if record:
        for group in ("models", "further"):
            yield from (model | {"main": group == "models"} for model in record[group])
        return
    first = [folder / f"tables/{section}.csv" for section in SECTIONS]
    used = set()
    for path in dict.fromkeys([*first, *sorted(folder.glob("tables/*.csv"))]):
        try:
            header, *rows = read_cells(path) if path.exists() else [[]]
        except StudyError as error:
            problems.append(_without_remedy(error))
            continue
        if {"model", "title", "run"} <= set(header):
            for row in (dict(zip(header, cells, strict=True)) for cells in rows):
                used.add(row["run"])
                yield _found(folder, row["model"], row["title"], row["run"], path in first)
    for place in sorted(folder.glob("runs/*")):
        if place.name not in used:
            yield _found(folder, place.name, place.name, place.name, main=False)


def _found(folder: Path, name: str, title: str, run: str, main: bool) -> Model:
    names = (path.name.removeprefix("seed-") for path in folder.glob(f"runs/{run}/seed-*"))
    seeds = sorted(int(name) for name in names if name.isdigit())
    return {"name": name, "title": title, "run": run, "seeds": seeds, "main": main}


def _read_training(runs: Runs, run: str, seed: int, labels: np.ndarray) -> Training:
    """Read a training.  Raises StudyError if one of the files that are used is damaged."""
    path, metrics = runs.path(run, seed, "metrics.json"), runs.metrics(run, seed)
    provenance, history = runs.provenance(run, seed), runs.history(run, seed)
    predictions = runs.predictions(run, seed)
    for file in USED:
        if file in provenance.get("digests", ()):  # which earlier versions did not record
            verify_digest(runs.path(run, seed, file))
    with reading(path):
        for key in ("status", "final", "specification", "versions", "code"):
            metrics[key]
        metrics["specification"]["engine"]
    digest = sha256(runs.path(run, seed, "predictions.npy"))
    classes = predictions.argmax(axis=0)
    if labels.size and metrics["status"] == FINISHED:
        right = np.mean(classes[: labels.size] == labels[: classes.size])
        if abs(right - metrics["final"]["test"]["accuracy"]) > 1e-9:
            raise damaged(path, "its test accuracy is not that of predictions.npy")
    before = history[history["epoch"] == 0]
    start = dict(zip(before["split"], before["loss"], strict=True))
    return Training(metrics, provenance, start, digest, classes)


def joined(values: Iterable[Any]) -> str:
    """Join distinct values, in order."""
    return ", ".join(dict.fromkeys(str(value) for value in values))
