"""The data of the report's explorer: every model of the study with all its seeds, in one file.

Curves are accuracies (fractions) and cross-entropies without penalties (nats), with fewer points
and digits.  Final metrics are texts as in a table.  The same runs give the same bytes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fmstudy import runtime
from fmstudy.analysis.columns import column, on_page
from fmstudy.analysis.formats import DIVERGED, MISSING, rounded
from fmstudy.analysis.results import Runs
from fmstudy.analysis.settings import OPTIMIZERS
from fmstudy.analysis.tables import final_metrics, spread
from fmstudy.numbers import number
from fmstudy.study.spec import PENALTIES, RunSpec
from fmstudy.study.words import ENGINES, setting_text

MOST_EPOCHS = 100  # per curve; more are not distinguishable on a screen
CURVE_DIGITS, FINAL_DIGITS = 4, 6

FINAL = on_page("explorer-final")[2:]  # after seeds and parameters
COMPARED = ("test_accuracy", "test_loss")

Curves = list[list[list[float]]]  # by split (training, held out), metric, and epoch


def collect(
    groups: Sequence[Mapping[str, Any]], start: Sequence[str], runs: Runs, pairs: pd.DataFrame
) -> dict[str, Any]:
    """Collect all models, and the differences of those that are compared.

    groups   title and models (as dictionaries) of each group, in the order of the page
    start    names of the models that are shown first
    pairs    the table of `analysis.comparing.pairs_table`
    """
    return {
        "start": list(start),
        "groups": [
            {"title": group["title"], "models": [model["name"] for model in group["models"]]}
            for group in groups
        ],
        "models": {
            model["name"]: of_model(model, runs) for group in groups for model in group["models"]
        },
        "pairs": differences(pairs),
    }


def differences(pairs: pd.DataFrame) -> dict[str, list[list[Any]]]:
    """Return what the explorer says of two models, by their names: "first second".

    For each of COMPARED: difference, second minus first, ends of its interval (None with too few
    seeds), verdict, and whether the comparison was planned.
    """
    found: dict[str, list[list[Any]]] = {}
    for metric in COMPARED:
        for row in pairs[pairs["metric"] == metric].to_dict("records"):
            numbers = [row[key] for key in ("difference", "low", "high")]
            told = [None if pd.isna(it) else significant(it, CURVE_DIGITS) for it in numbers]
            entry = [*told, row["verdict"], int(row["planned"] == "yes")]
            found.setdefault(f"{row['first']} {row['second']}", []).append(entry)
    return found


def of_model(model: Mapping[str, Any], runs: Runs) -> dict[str, Any]:
    """Return everything that the explorer shows of a model.

    grid          epochs of its curves; those of diverged trainings end earlier
    mean          curves: means over the seeds that did not diverge (or else the first seed's);
                  held out is the validation part if it was evaluated, else the test data
    test          mean accuracy and loss on the test data, None if all diverged
    final         texts: number of seeds and of parameters, and each of FINAL with its range
    """
    finished = runs.finished(model)
    followed = [follow(runs.history(model["run"], it)) for it in finished or model["seeds"][:1]]
    epochs = followed[0][0]
    places = kept(len(epochs))
    mean = np.mean([values for _, values in followed], axis=0)
    finals = [final_metrics(runs.metrics(model["run"], seed)) for seed in finished]
    values = [[final[name] for final in finals if name in final] for name in FINAL]
    lost = len(model["seeds"]) - len(finals)
    return {
        "title": model["title"],
        "setting": setting(model["spec"]),
        "grid": [epochs[place] for place in places],
        "mean": curves(mean, places),
        "test": [
            significant(sum(each) / len(each), FINAL_DIGITS) if each else None
            for each in (values[FINAL.index(metric)] for metric in COMPARED)
        ],
        "final": [
            [str(len(model["seeds"])), *([f"{lost} {DIVERGED}"] if lost else [])],
            texts("parameters", [RunSpec.from_dict(model["spec"]).parameters]),
            *(
                texts(name, each) if finals else [DIVERGED]
                for name, each in zip(FINAL, values, strict=True)
            ),
        ],
    }


def setting(spec: Mapping[str, Any]) -> str:
    """Describe a specification in a line: 300-100 ReLU, L2 with delta 0.001, ..., 200 epochs."""
    hidden = "-".join(map(str, spec["hidden"]))
    activation = setting_text(spec["activation"])
    parts = [f"{hidden} {activation}" if hidden else "no hidden layer"]
    if spec["penalty"] != "none":
        parts.append(f"{PENALTIES[spec['penalty']]} with delta {number(spec['delta'])}")
    if spec["dropout"]:
        parts.append(f"dropout {number(spec['dropout'])}")
    if spec["batch_norm"] != "none":
        parts.append(f"batch normalization {spec['batch_norm']} the activation")
    optimizer = OPTIMIZERS[spec["optimizer"]]["optimizer"]
    parts.append(f"{optimizer} at {number(spec['learning_rate'])}")
    parts.append(f"batches of {number(spec['batch_size'])}" if spec["batch_size"] else "full batch")
    parts.append(f"{number(spec['epochs'])} epochs")
    return f"{ENGINES[spec['engine']]}: {', '.join(parts)}"


def follow(history: pd.DataFrame) -> tuple[list[int], np.ndarray]:
    """Return the epochs of a training, and its accuracy and loss after each, (4, epochs).

    The first two rows are for training data, the others for held-out data; these are missing if
    held-out data were evaluated only once.  A diverged training ends before its first value that is
    not finite.
    """
    metrics = ["accuracy", "loss"]
    splits = {split: rows.set_index("epoch") for split, rows in history.groupby("split")}
    train = splits["train"][metrics]
    held_out = splits.get("validation", splits.get("test"))
    parts = [train]
    if held_out is not None and len(held_out) > 1:
        parts.append(held_out[metrics].reindex(train.index))
    values = np.hstack([part.to_numpy(dtype=np.float64) for part in parts]).T
    finite = np.append(np.isfinite(values).all(axis=0), False)
    end = int(finite.argmin())
    return [int(epoch) for epoch in train.index[:end]], values[:, :end]


def curves(values: np.ndarray, places: Sequence[int]) -> Curves:
    """Round the values from `follow` at these places, up to the last epoch."""
    there = [place for place in places if place < values.shape[1]]
    rows = [[significant(float(row[place]), CURVE_DIGITS) for place in there] for row in values]
    return [rows[:2], rows[2:] or [[], []]]


def kept(count: int, most: int = MOST_EPOCHS) -> list[int]:
    """Choose at most this many of `count` places, including the first and the last.

    Half of them are evenly spaced, half geometrically, for logarithmic axes.
    """
    if count <= most:
        return list(range(count))
    even = np.linspace(0, count - 1, most // 2)
    geometric = np.geomspace(1, count - 1, most // 2)
    return sorted({round(place) for place in (*even.tolist(), *geometric.tolist())})


def significant(value: float, digits: int) -> float:
    """Round to significant digits."""
    return float(rounded(value, f".{digits - 1}e"))


def texts(name: str, values: Sequence[float]) -> list[str]:
    """Format a final metric as in tables: its mean, and its range over several values."""
    row = spread(name, values) | {"seeds": len(values)}
    shown = column("explorer", name)
    return [shown.write(row), *shown.beneath(row)] if values else [MISSING]


def write(content: Mapping[str, Any], path: str | Path) -> None:
    """Write the result of `collect` as compressed JSON, reproducibly."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    with runtime.atomic_write(path) as file:
        file.write(gzip.compress(text.encode(), compresslevel=9, mtime=0))
