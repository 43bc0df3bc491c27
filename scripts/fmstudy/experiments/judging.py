"""Outcomes of the experiments of Part C: quantities, tests of predictions, verdicts on claims."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.analysis import verdicts
from fmstudy.analysis.judging import Expectation, judge
from fmstudy.analysis.statistics import moderated, over_seeds
from fmstudy.experiments.reading import Quantities, finite
from fmstudy.study.quantities import unit_of

PREDICTIONS = (
    *("prediction", "experiment", "claim", "says", "hypothesis", "expect", "seen", "seeds"),
    *("unit", "estimate", "low", "high", "p", "p_holm", "family", "verdict", "outcome", "reason"),
)
CLAIMS = (
    *("claim", "says", "verdict", "count", "seen", "predictions", "set_aside", "literature"),
    "literature_says",
)


def quantities_table(found: Quantities) -> pd.DataFrame:
    """One row per quantity: seeds, mean, 95 % interval for other seeds, smallest and largest.

    Seeds whose value is not finite are left out, here and in predictions.
    """
    rows = []
    for name, seeds in finite(found).items():
        values = np.array(list(seeds.values()))
        estimate = over_seeds(values)
        rows.append(
            {
                "quantity": name,
                "unit": unit_of(name),
                "seeds": values.size,
                "mean": values.mean() if values.size else None,
                "low": estimate.low if estimate else None,
                "high": estimate.high if estimate else None,
                "smallest": values.min() if values.size else None,
                "largest": values.max() if values.size else None,
            }
        )
    return pd.DataFrame(rows)


def predictions_table(
    predictions: Mapping[str, Mapping[str, Any]],
    found: Quantities,
    seen_seeds: Sequence[int] = (),
) -> pd.DataFrame:
    """One row per prediction on one experiment: the measurement, the verdict, and our expectation.

    Differences are taken seed by seed.  Intervals and verdicts are for other seeds on the same
    images.  Variances borrow from predictions on the same quantity of networks whose names begin
    alike, mostly those with the same activation, or the same model.  A prediction that was written
    after we had seen results is not tested on `seen_seeds`, the seeds of these results.  The
    predictions are a family: their p-values are corrected together.
    """
    found = finite(found)
    rows, measured = [], []
    for name, prediction in predictions.items():
        test = prediction["test"]
        expectation = Expectation.of(test)
        unit = unit_of(test["quantity"])
        unit = "%" if unit == "points" and "minus" not in test else unit
        row: dict[str, Any] = {
            "prediction": name,
            "experiment": prediction["experiment"],
            "claim": prediction.get("claim", ""),
            "says": " ".join(prediction["says"].split()),
            "hypothesis": _hypothesis(test, expectation, unit),
            "expect": prediction["expect"],
            "seen": "yes" if prediction.get("seen") else "no",
            "unit": unit,
            "verdict": verdicts.UNTESTED,
            "reason": "",
        }
        rows.append(row)
        asked = _asked(test)
        lost = [each for each in asked if not found.get(each)]
        if lost:
            row["reason"] = f"This study has no {' and no '.join(lost)}."
            continue
        values = _values(test, found)
        if prediction.get("seen"):
            values = {seed: value for seed, value in values.items() if seed not in seen_seeds}
            if not values:
                row["reason"] = (
                    "It was written after we had seen results, and this study has no other seeds "
                    "to test it on."
                )
                continue
        sample = list(values.values())
        row["seeds"] = len(sample)
        estimate = over_seeds(sample)
        if estimate is None:
            row["estimate"] = float(np.mean(sample)) if sample else None
            row["verdict"] = verdicts.TOO_FEW
            row["reason"] = (
                "One seed does not show how much runs vary."
                if sample
                else "No seed has both values."
            )
            continue
        kinds = tuple(tuple(name.split("/")[:2]) for name in asked)
        estimate = replace(estimate, image_error=_grid_error(test, found))
        measured.append((row, expectation, estimate, kinds))
    tested = []
    for row, expectation, own, kinds in measured:
        others = [it for other, _, it, kind in measured if kind == kinds and other is not row]
        estimate = moderated(own, others)
        row |= {"estimate": estimate.value, "low": estimate.low, "high": estimate.high}
        tested.append((row, expectation.p_values(estimate)))
    judge(tested, "predictions on this experiment")
    for row in rows:
        row["outcome"] = verdicts.of_prediction(row["expect"], row["verdict"])
    return pd.DataFrame(rows, columns=list(PREDICTIONS))


def _asked(test: Mapping[str, Any]) -> list[str]:
    """Return the names of the quantities that a test uses."""
    return [test[key] for key in ("quantity", "minus") if key in test]


def _grid_error(test: Mapping[str, Any], found: Quantities) -> float:
    """Return the standard error of a test's quantities from the grids on which they lie.

    Where training begins and ceases to work lies somewhere in a step of the grid of rates, whatever
    the seeds say: each end is off by an error that is uniform over the step, step / sqrt(12).
    """
    total = 0.0
    for name in _asked(test):
        kind, _, net = name.partition("/")
        steps = found.get(f"step/{net}", {}).values()
        total += ENDS.get(kind, 0) * max(steps, default=0.0) ** 2
    return math.sqrt(total / 12.0)


# How many ends on the grid a quantity has, by its kind; step/{net} is the step of a net's grid.
ENDS = {"decades": 2, "highest": 1}


def _hypothesis(test: Mapping[str, Any], expectation: Expectation, unit: str) -> str:
    minus = f" − {test['minus']}" if "minus" in test else ""
    return f"{test['quantity']}{minus}: {expectation.text(unit)}"


def _values(test: Mapping[str, Any], found: Quantities) -> dict[int, float]:
    first = found[test["quantity"]]
    if "minus" not in test:
        return first
    second = found[test["minus"]]
    return {seed: first[seed] - second[seed] for seed in first if seed in second}


def all_predictions(
    tables: Sequence[pd.DataFrame], expected: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """The rows of all experiments in the order of what was `expected`.

    One on an experiment that the study does not run is not tested, and says so.
    """
    together = pd.concat(tables) if tables else pd.DataFrame()
    known = {row["prediction"]: row for row in together.to_dict("records")}
    rows = []
    for name, prediction in expected.items():
        if name in known:
            rows.append(known[name])
            continue
        [row] = predictions_table({name: prediction}, {}).to_dict("records")
        row["reason"] = f"The experiment {prediction['experiment']} is not run in this study."
        rows.append(row)
    return pd.DataFrame(rows, columns=list(PREDICTIONS))


def claims_table(
    claims: Mapping[str, Mapping[str, Any]], predictions: pd.DataFrame
) -> pd.DataFrame:
    """One row per claim: the verdict by its hypotheses, and what the literature says.

    `count` says in words how many hypotheses the verdict rests on, and `seen` whether those that
    decide were written after we had seen results: yes, in part or no.  Those that are set aside
    have no vote; the reasons are the configuration's.
    """
    rows = []
    for name, claim in claims.items():
        aside = claim.get("set_aside", {})
        mine = predictions[predictions["claim"] == name]
        voting = mine[~mine["prediction"].isin(list(aside))]
        rows.append(
            {
                "claim": name,
                "says": " ".join(claim["says"].split()),
                "verdict": verdicts.of_hypotheses(list(voting["verdict"])),
                "count": _count(list(voting["verdict"])),
                "seen": _seen(voting),
                "predictions": " ".join(voting["prediction"]),
                "set_aside": " ".join(mine[mine["prediction"].isin(list(aside))]["prediction"]),
                "literature": " ".join(claim["literature"]),
                "literature_says": " ".join(claim["literature_says"].split()),
            }
        )
    return pd.DataFrame(rows, columns=list(CLAIMS))


def _seen(voting: pd.DataFrame) -> str:
    """Say whether the hypotheses that decide were written after we had seen results.

    Those that are resolved decide; if none is, all of them leave the claim open.
    """
    resolved = voting["verdict"].isin((verdicts.SUPPORTED, verdicts.CONTRADICTED))
    words = list(voting[resolved if resolved.any() else slice(None)]["seen"])
    if "yes" not in words:
        return "no"
    return "in part" if "no" in words else "yes"


def _count(words: list[str]) -> str:
    """Say how many hypotheses have which verdict if they differ: "2 supported, 3 not resolved"."""
    if len(set(words)) < 2:
        return ""
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
