"""Model cards: what a model is, how it was trained, how well it does, and what it cannot do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fmstudy.analysis.columns import between, column
from fmstudy.analysis.formats import MISSING, scientific
from fmstudy.analysis.settings import settings_table
from fmstudy.exports.markdown import environment
from fmstudy.exports.models import Exported
from fmstudy.study.spec import RunSpec

Row = Mapping[str, Any]

NAMES = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy"}


@dataclass(frozen=True)
class Sources:
    """What the cards of a study take their numbers and words from.

    summary      the description of the data set
    intervals    the rows of the table of that name; calibration as well, which may be empty
    citation     the result of `reuse.read_citation`
    versions     of the packages that wrote and checked the files
    """

    study: str
    summary: Mapping[str, Any]
    intervals: Sequence[Row]
    calibration: Sequence[Row]
    citation: Mapping[str, Any]
    versions: Mapping[str, str]


def write(
    templates: str | Path,
    exported: Iterable[tuple[Exported, Mapping[str, Any]]],
    sources: Sources,
    models: Iterable[Mapping[str, Any]],
) -> dict[str, str]:
    """Return the text of each model's card and of the list of all, README.md, by file name.

    `exported` has the models that have files, each with the metrics.json of its training; `models`
    are all that were to be exported.
    """
    made = environment(templates)
    cards = [_context(it, metrics, sources) for it, metrics in exported]
    card = made.get_template("card.md.j2")
    texts = {f"{it['model']['name']}.md": card.render(it) for it in cards}
    known = {it["model"]["name"] for it in cards}
    texts["README.md"] = made.get_template("index.md.j2").render(
        study=sources.study,
        cards=cards,
        classes=sources.summary["classes"],
        shape=sources.summary["shape"],
        diverged=[model["title"] for model in models if model["name"] not in known],
    )
    return texts


def _context(exported: Exported, metrics: Mapping[str, Any], sources: Sources) -> dict[str, Any]:
    model, summary = exported.model, sources.summary
    spec = RunSpec.from_dict(model["spec"])
    rows = [row for row in sources.intervals if row["model"] == model["name"]]
    results = {row["metric"]: _result(row, metrics["final"]) for row in rows if _is_shown(row)}
    finished = int(rows[0]["seeds"])
    return {
        "study": sources.study,
        "model": model,
        "kind": _kind(spec),
        "spec": spec,
        "seed": exported.seed,
        "finished": finished,
        "all_train": spec.train_samples == summary["train"]["samples"],
        "all_test": spec.test_samples == summary["test"]["samples"],
        "held_out": spec.train_samples - spec.fitted_samples,
        "set": summary["set"],
        "classes": summary["classes"],
        "shape": summary["shape"],
        "white": summary["white"],
        "sizes": {ending: _size(len(it)) for ending, it in exported.files.items()},
        "settings": _settings(model),
        "results": list(results.values()),
        "accuracy": results["test_accuracy"],
        "calibration": _calibration(sources.calibration, model),
        "images": exported.images,
        "differences": {key: _tiny(it) for key, it in exported.differences.items()},
        "allowed": _tiny(exported.allowed),
        "trained_with": {
            NAMES.get(name, name): version for name, version in metrics["versions"].items()
        },
        "versions": sources.versions,
        "cited": sources.citation,
    }


def _kind(spec: RunSpec) -> str:
    """Say what kind of network it is."""
    if not spec.hidden:
        return "Softmax regression"
    layers = "hidden layer" if len(spec.hidden) == 1 else "hidden layers"
    return f"A dense network ({layers}: {'-'.join(map(str, spec.hidden))})"


def _settings(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headings and values of the settings that a model has."""
    [cells] = settings_table([model]).to_dict("records")
    row = {str(key): None if pd.isna(value) else value for key, value in cells.items()}
    shown = (column("settings", key) for key in row if key not in ("model", "title", "parameters"))
    named = ((it.head, it.write(row)) for it in shown)
    return [(head, text) for head, text in named if text not in ("", MISSING)]


def _is_shown(row: Row) -> bool:
    """Whether an estimate is one of accuracy or loss; the others are differences of these."""
    return row["metric"].partition("_")[2] in ("accuracy", "loss") and row["value"] is not None


def _result(row: Row, final: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """Return a metric's mean over seeds, its interval, and its value in the exported training."""
    value = column("intervals", "value")
    split, _, metric = row["metric"].partition("_")
    return {
        "head": column("intervals", row["metric"]).head,
        "mean": value.write(row),
        "interval": between(row, "low", "high", value.format) or MISSING,
        "here": value.write({**row, "value": final[split][metric]}),
    }


def _calibration(rows: Sequence[Row], model: Mapping[str, Any]) -> dict[str, str] | None:
    for row in rows:
        if row["model"] == model["name"] and row["gap"] is not None:
            gap, error = column("calibration", "gap"), column("calibration", "ece_corrected")
            interval = gap.interval(row) or MISSING
            return {"gap": gap.write(row), "interval": interval, "error": error.write(row)}
    return None


def _size(count: int) -> str:
    """Format a number of bytes: 1.2 MB, 37 kB."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _tiny(value: float) -> str:
    return scientific(value) if value else "0 (the same numbers)"
