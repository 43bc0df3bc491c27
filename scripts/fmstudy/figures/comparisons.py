"""Differences between models: penalties, and models that are close."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from fmstudy.analysis.results import Runs
from fmstudy.figures.axes import (
    NARROW,
    empty_figure,
    error_bars,
    finished_seeds,
    name_rows,
    number_axis,
    percent_axis,
    points_axis,
    roomy,
    row_of_panels,
    short_titles,
)
from fmstudy.figures.colors import FAINT, HUES
from fmstudy.figures.curves import small_multiples
from fmstudy.figures.svg import Drawing, style

# Differences of fractions are in percentage points.
DIFFERENCES = {
    "test_accuracy": "Accuracy, points",
    "test_loss": "Loss, nats",
    "test_gap_accuracy": "Gap, points",
}
CLOSEST = 4  # pairs of models


def differences_from(comparisons: pd.DataFrame, base: str, others: Sequence[str]) -> pd.DataFrame:
    """Return the planned comparisons of these models with the base, in their order."""
    found = comparisons[(comparisons["first"] == base) & comparisons["second"].isin(others)]
    found = found[found["difference"].notna()]
    order = found["second"].map({name: place for place, name in enumerate(others)})
    return found.assign(order=order).sort_values("order", kind="stable")


def penalties(comparisons: pd.DataFrame, models: Sequence[Mapping[str, Any]]) -> Drawing:
    """Draw the differences of penalized models from the first model, with 95 % intervals."""
    base, *others = models
    found = differences_from(comparisons, base["name"], [model["name"] for model in others])
    if found.empty:
        return empty_figure("No planned comparison with these models has a result.")
    with style():
        names = list(dict.fromkeys(found["second_title"]))
        figure, axes = row_of_panels(3, 0.85 + 0.27 * len(names))
        for panel, (metric, title) in zip(axes, DIFFERENCES.items(), strict=True):
            rows = found[found["metric"] == metric].set_index("second_title")
            draw_differences(panel, rows[~rows.index.duplicated()].reindex(names))
            panel.set_title(title)
            name_rows(panel, short_titles(names))
            (number_axis if metric == "test_loss" else points_axis)(panel, "x", 3)
    return Drawing(
        figure,
        f"Differences from {base['title']}",
        "Bars: 95 % intervals. Left of 0: smaller than without penalty. Losses exclude the "
        "penalty.",
    )


def draw_differences(axes: Axes, rows: pd.DataFrame, **look: Any) -> None:
    """Draw a dot with its interval per row; rows without interval have a dot alone."""
    axes.axvline(0, color=FAINT, linewidth=1)
    middle, low, high = (rows[key].astype(float) for key in ("difference", "low", "high"))
    bars = error_bars(middle, low.fillna(middle), high.fillna(middle))
    style: dict[str, Any] = {"markersize": 6, "elinewidth": 2, "label": "difference"}
    axes.errorbar(middle, range(len(rows)), xerr=bars, fmt="o", color=HUES[0], **style | look)


def penalty_curves(models: Sequence[Mapping[str, Any]], runs: Runs) -> Drawing:
    """Draw the learning curves of each penalized model over those of the first model."""
    base, *others = models
    drawing = small_multiples(others, [base], runs, "Learning curves by penalty", False, 0.2)
    return drawing._replace(
        description="Means over seeds. Blue: the model above, training dashed, held-out data "
        f"solid. Gray: {base['title']}. Losses are without the penalty."
    )


# --------------------------------------------------------------------------- what seeds resolve
def closest_pairs(comparisons: pd.DataFrame, count: int = CLOSEST) -> pd.DataFrame:
    """Return the planned comparisons with the smallest differences in test accuracy."""
    known = comparisons[comparisons["metric"] == "test_accuracy"].dropna(subset="difference")
    known = known.drop_duplicates(["first", "second"])
    order = known["difference"].abs().sort_values(kind="stable").index[:count]
    return known.loc[order]


def close_models(
    comparisons: pd.DataFrame, trainings: pd.DataFrame, runs_by_model: Mapping[str, str],
    samples: int,
) -> Drawing:  # fmt: skip
    """Draw the models that differ least: each seed, and the interval for other test images.

    `trainings` are from `tables.runs_table`; `samples` is the number of test images.
    """
    pairs = closest_pairs(comparisons)
    if pairs.empty:
        return empty_figure("No planned comparison has a result.")
    with style():
        figure, axes = plt.subplots(figsize=(NARROW, 0.7 + 0.85 * len(pairs)), layout=roomy())
        names, places = [], []
        for index, row in enumerate(pairs.to_dict("records")):
            for step, side in enumerate(("first", "second")):
                seeds = finished_seeds(trainings, runs_by_model[row[side]])["test_accuracy"]
                names.append(textwrap.shorten(row[f"{side}_title"], 30))
                places.append(2.5 * index + step)
                draw_seeds_and_interval(axes, seeds.to_numpy(), samples, places[-1], HUES[step])
        name_rows(axes, names, places)
        axes.set_xlabel("test accuracy")
        percent_axis(axes, "x")
    return Drawing(
        figure,
        "Models that differ least in test accuracy",
        "Dots: seeds, with their mean; bar below: 95 % interval of one training for other test "
        "images.",
    )


def draw_seeds_and_interval(
    axes: Axes, seeds: np.ndarray, samples: int, place: float, hue: str
) -> None:
    """Draw the accuracies of seeds as dots in a row, above the interval over test images."""
    # imports scipy, which other figures do not need
    from fmstudy.analysis.statistics import share_interval

    if not len(seeds):
        return
    mean, above, below = float(np.mean(seeds)), place - 0.17, place + 0.17
    axes.plot(seeds, [above] * len(seeds), "o", color=hue, markersize=6, alpha=0.6,
              markeredgewidth=0, label="single seeds", gid="seed")  # fmt: skip
    axes.plot([mean], [above], "|", color=hue, markersize=13, markeredgewidth=1.8,
              label="mean of the seeds", gid="held-out")  # fmt: skip
    axes.plot(share_interval(mean * samples, samples), [below] * 2, color=hue, linewidth=5,
              alpha=0.4, solid_capstyle="butt", label="test images", gid="other")  # fmt: skip
