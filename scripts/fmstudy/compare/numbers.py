"""Compares the numbers of two result folders, with the statistics of the study.

Differences are the second folder's metric minus the first's, for other seeds and other test images.
Trainings with the same seed are pairs if their losses before training agree, that is, if they start
from the same weights; identical ones are no evidence of how much trainings vary.  Variances borrow
from the other models of the same engine, and p-values are corrected for all models that differ in a
metric.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmstudy.analysis import verdicts
from fmstudy.analysis.comparing import correct, judge, mean_of
from fmstudy.analysis.statistics import (
    Estimate,
    Sample,
    difference,
    moderated,
    over_seeds_and_images,
    unpaired_difference,
)
from fmstudy.compare.folder import Model, ResultFolder, Training
from fmstudy.study.spec import RunSpec

METRICS = {
    "test_accuracy": "Test accuracy",
    "test_loss": "Test loss",
    "train_accuracy": "Training accuracy",
    "train_loss": "Training loss",
    "validation_accuracy": "Validation accuracy",
    "validation_loss": "Validation loss",
}

IDENTICAL = "identical"
WITHIN = "within noise"
BEYOND = "beyond noise"
TOO_FEW = "too few seeds"
INCOMPARABLE = "not comparable"

ROUNDING = 1e-5  # relative; what float32 makes of the same loss on two machines

Row = dict[str, Any]


@dataclass(frozen=True)
class Common:
    """A model of both folders.

    changed     the settings of its trainings that differ: name, value in the first, in the second
    common      seeds that both have
    paired      those of them whose trainings start from the same weights
    identical   those of them whose trainings made the same predictions, byte for byte
    disagree    mean share of test images that paired trainings put into different classes
    """

    first: Model
    second: Model
    changed: Sequence[tuple[str, Any, Any]]
    common: Sequence[int]
    paired: Sequence[int]
    identical: Sequence[int]
    disagree: float | None

    @property
    def title(self) -> str:
        """The title of the model, that of the first folder."""
        return str(self.first["title"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.first["name"])

    @property
    def is_main(self) -> bool:
        """Whether it stands in a section of both studies."""
        return bool(self.first["main"] and self.second["main"])


def match(first: ResultFolder, second: ResultFolder) -> tuple[list[Common], list[list[Model]]]:
    """Find the models of both folders, by name or else by run; and those of only one.

    Sweeps may repeat a training of a model: each pair of runs is listed once.
    """
    left = {it["run"]: it for it in second.models.values() if it["name"] not in first.models}
    found: dict[tuple[str, str], Common] = {}
    only: list[list[Model]] = [[], []]
    matched = set()
    for model in first.models.values():
        other = second.models.get(model["name"]) or left.get(model["run"])
        if other is None:
            only[0].append(model)
            continue
        matched.add(other["name"])
        runs = (model["run"], other["run"])
        if runs not in found and model["seeds"] and other["seeds"]:
            found[runs] = _common(first, second, model, other)
    only[1] = [it for it in second.models.values() if it["name"] not in matched]
    return list(found.values()), only


def _common(first: ResultFolder, second: ResultFolder, model: Model, other: Model) -> Common:
    pairs = {
        seed: (first.trainings[model["run"], seed], second.trainings[other["run"], seed])
        for seed in model["seeds"]
        if seed in other["seeds"]
    }
    paired = [seed for seed, pair in pairs.items() if _start_alike(*pair)]
    disagreeing = [
        float(np.mean(one.classes != another.classes))
        for one, another in (pairs[seed] for seed in paired)
        if one.classes.size == another.classes.size
    ]
    return Common(
        first=model,
        second=other,
        changed=_changed(first.specification(model), second.specification(other)),
        common=list(pairs),
        paired=paired,
        identical=[seed for seed, (one, other) in pairs.items() if one.digest == other.digest],
        disagree=float(np.mean(disagreeing)) if disagreeing else None,
    )


def _start_alike(first: Training, second: Training) -> bool:
    splits = first.start.keys() & second.start.keys()
    return any(
        math.isclose(first.start[it], second.start[it], rel_tol=ROUNDING) for it in splits
    ) or (first.digest == second.digest)


def _changed(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return the settings that differ; one that a folder does not know has its default there."""
    default = RunSpec("").as_dict()
    pairs = {
        key: tuple(spec.get(key, default.get(key)) for spec in (first, second))
        for key in {**first, **second}
    }
    return [(key, *values) for key, values in pairs.items() if values[0] != values[1]]


def compare(
    metric: str,
    first: ResultFolder,
    second: ResultFolder,
    models: Sequence[Common],
    comparable: bool = True,
) -> list[Row]:
    """One row per model that has a metric in both folders; without differences unless comparable.

    first_value, second_value   means over seeds, with first_low, ... of their intervals
    difference, low, high       second minus first; without an interval for too few seeds
    p_holm, family              p-value corrected for all differences, and their number
    how                         how many trainings were compared, and whether in pairs
    verdict, word               one of the words of this module, and what it means: better, worse
    """
    measures = (first.measures, second.measures)
    rows: list[Row] = []
    for model in models:
        try:
            samples = (
                measures[0].sample(model.first, metric),
                measures[1].sample(model.second, metric),
            )
        except KeyError:  # a split that not all models have
            continue
        if any(sample.seeds for sample in samples):
            row = _row(metric, model, *samples)
            rows.append(row | (_tested(model, *samples) if comparable else NOT_TESTED))
    _add_levels(rows)
    for row, estimate in zip(rows, _borrowing(rows, "estimate", "kind"), strict=True):
        row["estimate"] = estimate
        if estimate is not None:
            row |= {"difference": estimate.value, "low": estimate.low, "high": estimate.high}
            row["p"] = estimate.p_differs()
    different = [row for row in rows if not row["verdict"]]
    correct(different)
    for row in different:
        judge(row)
        row["verdict"], row["word"] = _words(row["verdict"])
    return rows


def _row(metric: str, model: Common, first: Sample, second: Sample) -> Row:
    return {
        "metric": metric,
        "model": model,
        "engine": model.second["engine"],
        "samples": (first, second),
        "first_value": mean_of(first),
        "second_value": mean_of(second),
        "how": f"{len(first.seeds)} and {len(second.seeds)}",
        "word": "",
    }


NOT_TESTED = {"estimate": None, "kind": "", "difference": None, "verdict": INCOMPARABLE}


def _tested(model: Common, first: Sample, second: Sample) -> Row:
    """Return the difference of two samples, or that they are identical."""
    found: Row = {"estimate": None, "kind": "", "difference": None, "verdict": ""}
    if not (first.seeds and second.seeds):
        return found
    if dict(first.seeds) == dict(second.seeds):
        return found | {"difference": 0.0, "verdict": IDENTICAL}
    found["difference"] = float(second.values.mean() - first.values.mean())
    pairs = [seed for seed in model.paired if seed in first.seeds and seed in second.seeds]
    if len(pairs) > 1 and not set(pairs) <= set(model.identical):
        estimate = difference(first.only(pairs), second.only(pairs))
        return found | {"estimate": estimate, "kind": "paired", "how": f"{len(pairs)} pairs"}
    return found | {"estimate": unpaired_difference(first, second), "kind": "unpaired"}


def _add_levels(rows: Sequence[Row]) -> None:
    """Add the intervals of both means, which borrow from the models of the same folder."""
    for place, name in enumerate(("first", "second")):
        for row in rows:
            row["level"] = over_seeds_and_images(row["samples"][place])
        for row, level in zip(rows, _borrowing(rows, "level", "engine"), strict=True):
            found = (None, None) if level is None else (level.low, level.high)
            row[f"{name}_low"], row[f"{name}_high"] = found


def _borrowing(rows: Sequence[Row], key: str, kind: str) -> list[Estimate | None]:
    """Return the estimates in rows; each borrows from the main models of its kind and engine."""

    def others(row: Row) -> list[Estimate]:
        return [
            it[key]
            for it in rows
            if it is not row
            and it["model"].is_main
            and it[key] is not None
            and (it[kind], it["engine"]) == (row[kind], row["engine"])
        ]

    return [None if row[key] is None else moderated(row[key], others(row)) for row in rows]


def _words(verdict: str) -> tuple[str, str]:
    """Return the words of this module for a verdict of the study, and its direction."""
    known = {verdicts.UNRESOLVED: WITHIN, verdicts.TOO_FEW: TOO_FEW}
    if verdict in (*known, verdicts.NO_VALUE):
        return known.get(verdict, verdict), ""
    return BEYOND, verdict
