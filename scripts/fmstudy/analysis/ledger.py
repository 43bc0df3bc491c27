"""The ledger: every number that the source prints, our reproduction, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.analysis import verdicts
from fmstudy.analysis.estimator import Estimator
from fmstudy.analysis.formats import fixed
from fmstudy.analysis.measures import Measures
from fmstudy.analysis.results import Runs

AS_WRITTEN, ALTERNATIVE = "as written", "alternative"  # protocols; a third: "widths assumed"

# Images of the source by split: Part B holds some out of training, but prints nothing of those.
IMAGES = {"train": 60_000, "test": 10_000}

_METRICS = {"accuracy": "accuracy", "loss": "loss", "penalized loss": "objective"}
_UNITS = {"percent": "points", "nats": "nats"}
_DIGITS = {"percent": 2, "nats": 3}

COLUMNS = (
    *("id", "part", "source_model", "setting", "split", "metric", "unit", "as_written"),
    *("published", "protocol", "model", "title", "run", "seeds", "reproduced", "reproduced_min"),
    *("reproduced_max", "low", "high", "difference", "tolerance", "correct", "verdict", "reason"),
)


def unit_scale(unit: str) -> float:
    """Return the factor that converts a metric to a published unit, percent or nats."""
    return 100.0 if unit == "percent" else 1.0


def rounding(as_written: str) -> float:
    """Return half a unit of the last printed digit: 0.005 for 0.55, 0.5 for 90%."""
    exponent = Decimal(as_written.strip().rstrip("%")).as_tuple().exponent
    assert isinstance(exponent, int)
    return 0.5 * 10.0**exponent


def metric_of(row: Mapping[str, str]) -> str:
    """Return the metric of a published number, such as test_accuracy."""
    return f"{row['split']}_{_METRICS[row['metric']]}"


def correct_images(row: Mapping[str, str]) -> int | None:
    """Return how many images must be correct for a printed accuracy; None if no number fits.

    The accuracy of n images is k / n for a whole number k of correct images.  A printed percentage
    may differ from it by its rounding, and by that of single precision, in which TensorFlow
    computes it.
    """
    if row["metric"] != "accuracy" or row["split"] not in IMAGES:
        return None
    percent, n = float(row["value"]), IMAGES[row["split"]]
    correct = round(percent / 100.0 * n)
    slack = rounding(row["as_written"]) + float(np.spacing(np.float32(percent)))
    return correct if abs(100.0 * correct / n - percent) <= slack else None


def ledger_table(
    published: Sequence[Mapping[str, str]],
    redone_by: Mapping[str, Sequence[str]],
    models: Sequence[Mapping[str, Any]],
    uses_all_images: bool,
    runs: Runs,
    labels: np.ndarray,
    assumed: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """One row per published number and protocol: the number, our result, and a verdict.

    `redone_by` has, for each model of the source, the study's model that follows it to the letter
    and optionally an alternative, and `assumed` what the source does not say about some of its
    models; numbers of models that are not in `models` have no row.
    `uses_all_images` is whether the study uses the whole data set, as the source does.  Numbers are
    in the published unit; a difference is reproduced minus published; `low` and `high` are the 95 %
    interval of our mean over seeds; `tolerance` is the possible deviation of one more run from it,
    plus the rounding of the published number.  `correct` is the number of images that a printed
    accuracy stands for, empty if there is none (see `correct_images`).
    """
    estimator, table = Estimator(Measures(runs, labels), models), []
    for row in published:
        scale = unit_scale(row["unit"])
        metric = metric_of(row)
        missing = assumed.get(row["model"])
        literal = f"{missing} assumed" if missing else AS_WRITTEN
        for protocol, name in zip((literal, ALTERNATIVE), redone_by[row["model"]], strict=False):
            if name not in estimator.models:
                continue
            model = estimator.models[name]
            values = estimator.m.sample(model, metric).values * scale
            mean = estimator.level_on_these_images(name, metric)
            printed = float(row["value"])
            entry: dict[str, Any] = {
                "id": row["id"],
                "part": row["part"],
                "source_model": row["model"],
                "setting": row["published_setting"],
                "split": row["split"],
                "metric": row["metric"],
                "unit": row["unit"],
                "as_written": row["as_written"],
                "published": printed,
                "protocol": protocol,
                "model": name,
                "title": model["title"],
                "run": model["run"],
                "seeds": values.size,
                "correct": correct_images(row),
            }
            if values.size:
                ours = float(values.mean())
                entry |= {"reproduced": ours, "difference": ours - printed}
                entry |= {"reproduced_min": values.min(), "reproduced_max": values.max()}
            if mean is not None:
                entry |= {"low": scale * mean.low, "high": scale * mean.high}
                entry["tolerance"] = scale * mean.another_run() + rounding(row["as_written"])
            contradicted = _contradicted(row, published) if protocol != ALTERNATIVE else None
            table.append(entry | _judge(entry, uses_all_images, contradicted))
    return pd.DataFrame(table, columns=list(COLUMNS))


def _contradicted(
    row: Mapping[str, str], rows: Sequence[Mapping[str, str]]
) -> Mapping[str, str] | None:
    """Return an earlier, different number that the source prints for the same metric, if any."""
    for earlier in rows:
        if earlier["id"] == row["id"]:
            return None
        same = all(earlier[key] == row[key] for key in ("model", "split", "metric", "unit"))
        apart = abs(float(earlier["value"]) - float(row["value"]))
        if same and apart > rounding(earlier["as_written"]) + rounding(row["as_written"]):
            return earlier
    return None


def _judge(
    entry: Mapping[str, Any], uses_all_images: bool, contradicted: Mapping[str, str] | None
) -> dict[str, str]:
    """Return the verdict and reason of one entry."""
    if contradicted is not None:
        return {
            "verdict": verdicts.CONTRADICTION,
            "reason": f"The source prints {contradicted['as_written']} for the same quantity "
            f"({contradicted['id']}) and {entry['as_written']} here. {_found(entry)}",
        }
    if "difference" not in entry:
        return _not_testable("All trainings of the model diverged.")
    if not uses_all_images:
        return _not_testable(
            "This study uses only part of the images, so its numbers are not comparable to those "
            "of the source."
        )
    if "tolerance" not in entry:
        return _not_testable(f"One run does not show how much runs vary. {_found(entry)}")
    verdict = verdicts.of_published(entry["difference"], entry["tolerance"], entry["unit"])
    unit, digits = _UNITS[entry["unit"]], _DIGITS[entry["unit"]]
    size, tolerance = abs(entry["difference"]), entry["tolerance"]
    side = "above" if entry["difference"] > 0 else "below"
    reason = (
        f"Our mean is {size:.{digits}f} {unit} {side} the printed number; another run, rounded as "
        f"printed, may differ from our mean by up to {tolerance:.{digits}f} {unit}."
    )
    if verdict == verdicts.WITHIN_NOISE:
        reason += " The runs vary too much for a stronger verdict."
    return {"verdict": verdict, "reason": reason}


def _not_testable(reason: str) -> dict[str, str]:
    return {"verdict": verdicts.NOT_TESTABLE, "reason": reason}


def _found(entry: Mapping[str, Any]) -> str:
    if "difference" not in entry:
        return "Here all trainings diverged."
    digits, unit = _DIGITS[entry["unit"]], " %" if entry["unit"] == "percent" else ""
    return f"Our result is {fixed(entry['reproduced'], digits)}{unit}."
