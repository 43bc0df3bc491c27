"""Experiments of Part C that read off the study's own models: bn-curves, and those on Keras."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from fmstudy.calibration import calibration
from fmstudy.measures import Measures
from fmstudy.predictions import read_predictions

_FINAL = ("train_accuracy", "train_loss", "test_accuracy", "test_loss")


def arms_tables(
    arms: Mapping[str, Mapping[str, Any]], m: Measures
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read off the study's models what an experiment needs; results, and times.

    arms: models by the name that they have in the experiment.  Results hold the metrics after
    each epoch, of training and held-out data, and at the end; the gap in loss is against the test
    data, the calibration error that of predictions for the test data (in 15 bins, less what noise
    adds).  Times are the seconds of whole trainings, without evaluation.
    """
    rows: list[dict[str, Any]] = []
    times: list[dict[str, Any]] = []
    for arm, model in arms.items():
        for seed in m.runs.finished(model):
            rows += _on_the_way(arm, model, seed, m)
        for metric in _FINAL:
            rows += _finals(arm, metric, m.sample(model, metric).seeds)
        rows += _finals(arm, "gap_loss", m.sample(model, "test_gap_loss").seeds)
        rows += _finals(arm, "calibration_error", calibration_errors(model, m))
        for seed in m.runs.finished(model):
            seconds = m.runs.provenance(model["run"], seed)["seconds"]["training"]
            times.append({"arm": arm, "seed": seed, "measure": "seconds", "value": seconds})
    return (
        pd.DataFrame(rows, columns=["arm", "epoch", "measure", "value", "seed"]),
        pd.DataFrame(times, columns=["arm", "seed", "measure", "value"]),
    )


def _on_the_way(
    arm: str, model: Mapping[str, Any], seed: int, m: Measures
) -> Iterator[dict[str, Any]]:
    history = m.runs.history(model["run"], seed)
    held_out = "validation" if (history["split"] == "validation").any() else "test"
    for split, name in (("train", "train"), (held_out, "held_out")):
        for row in history[history["split"] == split].to_dict("records"):
            for metric in ("loss", "accuracy"):
                yield {
                    "arm": arm,
                    "epoch": row["epoch"],
                    "measure": f"{name}_{metric}",
                    "value": row[metric],
                    "seed": seed,
                }


def _finals(arm: str, measure: str, seeds: Mapping[int, float]) -> list[dict[str, Any]]:
    return [
        {"arm": arm, "epoch": None, "measure": measure, "value": value, "seed": seed}
        for seed, value in seeds.items()
    ]


def calibration_errors(model: Mapping[str, Any], m: Measures) -> dict[int, float]:
    """The expected calibration error of each training on the test data, less what noise adds."""
    predicted = read_predictions(model, m.runs)
    return {
        seed: calibration(m.labels, [predictions]).ece_corrected
        for seed, predictions in zip(predicted.seeds, predicted.predictions, strict=True)
    }
