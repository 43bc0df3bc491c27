"""Figures of the error analysis: mistakes, calibration, agreement, near-duplicates, weights.

Their style is that of `figures.axes`.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap

from fmstudy.analysis.error_analysis import confident_mistakes, confusion
from fmstudy.analysis.formats import fixed
from fmstudy.analysis.results import ModelPredictions, Runs
from fmstudy.figures.axes import (
    DARKER,
    GRAY,
    SMALL,
    WIDTH,
    empty_figure,
    error_bars,
    gap_between,
    percent_axis,
    plain,
    roomy,
    show_tick_labels,
    write,
)
from fmstudy.figures.colors import FAINT, HUES, INK
from fmstudy.figures.heatmaps import BLUES, ORANGES, fill_cells
from fmstudy.figures.svg import Drawing, style

MISTAKES = 16
HARDEST = 24
PAIRS = 18
# Few shades: each is a rule of the style sheet for dark pages.
BOTH = LinearSegmentedColormap.from_list("both", [HUES[1], "#ffffff", HUES[0]], N=33)


def _all_diverged(predicted: ModelPredictions) -> Drawing:
    return empty_figure(f"{predicted.model['title']}: every training diverged.")


# ------------------------------------------------------------------------------------ mistakes
def classes(by_class: Sequence[pd.DataFrame]) -> Drawing:
    """Draw the recall of each class for a few models, the hardest class first."""
    known = [table for table in by_class if table["recall"].notna().any()]
    if not known:
        return empty_figure("No training of these models finished.")
    mean = pd.concat([table["recall"] for table in known], axis=1).mean(axis=1)
    order = list(mean.dropna().sort_values(kind="stable", ascending=False).index)
    colors = [*HUES, *mpl.colormaps["viridis"](np.linspace(0, DARKER, 20))]
    with style():
        height = max(3.6, 0.24 * len(order))
        figure, axes = plt.subplots(figsize=(WIDTH, height), layout="constrained")
        step = 0.6 / len(known)
        for place, (table, hue) in enumerate(zip(known, colors, strict=False)):
            shift = 0.3 - step * (place + 0.5)
            shown = table.loc[order]
            bars = error_bars(shown["recall"], shown["recall_min"], shown["recall_max"])
            axes.errorbar(shown["recall"], np.arange(len(order)) + shift, xerr=bars, fmt="o",
                          color=hue, markersize=4.5, elinewidth=1.6,
                          label=textwrap.shorten(table["title"].iloc[0], 40))  # fmt: skip
        axes.set_yticks(range(len(order)), [known[0]["class"][label] for label in order])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(axis="x")
        axes.set_xlabel("recall")
        percent_axis(axes, "x")
        figure.legend(loc="outside upper left", ncols=min(len(known), 4), fontsize=SMALL)
    return Drawing(
        figure,
        "Recall by class",
        "Recall: the share of a class's test images that are classified correctly. Dots: means; "
        "lines: range over seeds.",
    )


def confusion_map(
    labels: np.ndarray, predicted: ModelPredictions, summary: Mapping[str, Any]
) -> Drawing:
    """Draw the confusion matrix, with mistakes colored by their number."""
    if not predicted.predictions:
        return _all_diverged(predicted)
    names, counts = summary["classes"], confusion(labels, predicted)
    wrong = counts * ~np.eye(len(counts), dtype=bool)
    with style():
        scale = max(1.0, len(names) / 14)
        whole = (6.6 * scale, 4.7 * scale)
        figure, axes = plt.subplots(figsize=whole, layout="constrained")
        words = fill_cells(axes, wrong, ORANGES, 0, max(1.0, wrong.max()))
        axes.set_aspect("auto")
        for (row, column), value in np.ndenumerate(counts):
            shown = fixed(value, 0)
            if row == column or shown != "0":
                color, size = (FAINT, SMALL) if row == column else (words[row, column], SMALL)
                axes.text(column, row, shown, ha="center", va="center", color=color, fontsize=size)
        axes.set_yticks(range(len(names)), names)
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
        axes.set_ylabel("label")
        axes.set_xlabel("predicted")
        plain(axes)
    return Drawing(
        figure,
        f"Confusion matrix of {predicted.model['title']}",
        "Rows: labels; columns: predicted classes; numbers: test images, as means over seeds. "
        "Mistakes are colored by their number.",
        [
            ("test images", names[row], names[column], value)
            for (row, column), value in np.ndenumerate(counts)
        ],
    )


def mistakes(
    labels: np.ndarray,
    predicted: ModelPredictions,
    images: np.ndarray,
    summary: Mapping[str, Any],
) -> Drawing:
    """Draw the most confident mistakes of a model; images: (features, N) in [0, 1]."""
    if not predicted.predictions:
        return _all_diverged(predicted)
    found = confident_mistakes(labels, predicted, MISTAKES)
    title = predicted.model["title"]
    if found.empty:
        return empty_figure(f"{title}: no image has the same wrong class in every training.")
    names = summary["classes"]
    label, given = ([names[each] for each in found[key]] for key in ("label", "predicted"))
    captions = [
        f"{true}\n→ {wrong}\n{fixed(100 * confidence)} %"
        for true, wrong, confidence in zip(label, given, found["confidence"], strict=True)
    ]
    return Drawing(
        _image_gallery(images[:, found["image"]], captions, summary["shape"]),
        f"Most confident mistakes of {title}",
        "Below each test image: its label, the predicted class, and its mean probability. Every "
        "seed makes the same mistake.",
        _image_rows(found["image"], label=label, predicted=given, probability=found["confidence"]),
    )


def _image_rows(images: Iterable[int], **values: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a gallery for its CSV: for each test image, its values by name."""
    return [
        ("test image", str(image), what.replace("_", " "), value)
        for image, *row in zip(images, *values.values(), strict=True)
        for what, value in zip(values, row, strict=True)
    ]


def _gallery(
    pictures: np.ndarray,
    captions: Sequence[str],
    columns: int,
    high: float,
    margin: float,
    below: float,
    gaps: tuple[float, float],
    side: int,
) -> mpl.figure.Figure:
    """Draw pictures in rows, dark on light, with captions below.

    pictures       (pixels, n) in [0, 1], `side` pixels wide
    high, margin   inches: height of a row, and additional height of the figure
    below          space below the pictures, as a share of a row
    gaps           between pictures, across and down, as shares of their sides
    """
    shown = min(columns, len(captions))
    rows = math.ceil(len(captions) / shown)
    with style():
        size = (WIDTH * shown / columns, margin + high * rows)
        figure, grid = plt.subplots(rows, shown, figsize=size, squeeze=False)
        figure.subplots_adjust(0.01, below / rows, 0.99, 0.99, *gaps)
        for axes in grid.ravel():
            axes.set_axis_off()
        for axes, pixels, caption in zip(grid.ravel(), pictures.T, captions, strict=False):
            axes.imshow(1 - pixels.reshape(-1, side), **GRAY)
            for place, line in enumerate(caption.split("\n")):
                offset = (0, -9.5 - 11.0 * place)
                write(axes, line, (0.5, 0), offset, ha="center", va="baseline")
    return figure


def _image_gallery(
    images: np.ndarray, captions: Sequence[str], shape: Sequence[int]
) -> mpl.figure.Figure:
    """Draw images of a shape (rows, columns), eight per row; images: (features, n) in [0, 1]."""
    lines = max(caption.count("\n") for caption in captions) + 1
    high = 0.75 + 0.18 * lines
    gaps = (0.1, 0.28 * lines)
    return _gallery(images, captions, 8, high, 0.1, 0.19 * lines / high, gaps, shape[1])


# --------------------------------------------------------------------------------- calibration
def calibration_overview(errors: pd.DataFrame) -> Drawing:
    """Draw the expected calibration error and confidence minus accuracy of every model."""
    known = errors[errors["ece"].notna()].iloc[::-1].reset_index(drop=True)
    if known.empty:
        return empty_figure("No model finished its training.")
    with style():
        height = 0.8 + 0.25 * len(known)
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(WIDTH, height), sharey=True, layout=roomy(0.12)
        )
        for axes, name, center, label in (
            (left, "ece", "ece_corrected", "without noise"),
            (right, "gap", "gap", "difference"),
        ):
            bars = error_bars(known[center], known[f"{name}_low"], known[f"{name}_high"])
            axes.errorbar(known[center], known.index, xerr=bars, fmt="o", color=HUES[0],
                          markersize=5, elinewidth=2, label=label)  # fmt: skip
            axes.grid(axis="x")
            percent_axis(axes, "x")
        left.plot(known["ece"], known.index, "o", markerfacecolor="none", color=INK, markersize=5,
                  label="as usual")  # fmt: skip
        left.set_xlim(left=0)
        left.set_title("Expected calibration error")
        right.axvline(0, color=FAINT, linewidth=0.8)
        right.set_title("Mean confidence − accuracy")
        left.set_yticks(range(len(known)), [textwrap.shorten(t, 34) for t in known["title"]])
        show_tick_labels((left, right))
        for axes in (left, right):
            axes.tick_params(axis="y", labelcolor=INK)
    return Drawing(
        figure,
        "Calibration of all models",
        "Dots: means over seeds; lines: 95 % intervals over images; open circles: error without "
        "correction for noise. Right of 0: overconfident.",
    )


# ----------------------------------------------------------------------------------- agreement
def agreement(likeness: pd.DataFrame, models: Sequence[Mapping[str, Any]]) -> Drawing:
    """Draw the agreement of each two models as a triangle, with similar models side by side."""
    known = {*likeness["model"], *likeness["other"]}
    families = [_family(model) for model in models]
    shown = [
        (family, model)
        for family in sorted(set(families))
        for kind, model in zip(families, models, strict=True)
        if kind == family and model["name"] in known
    ]
    if not shown:
        return empty_figure("There are no two trainings to compare.")
    place = {model["name"]: index for index, (_, model) in enumerate(shown)}
    steps = [GROUP_GAP * (one[0] != other[0]) for one, other in pairwise(shown)]
    spot = (np.arange(len(shown)) + np.cumsum([0.0, *steps])).tolist()  # of rows and columns
    same = np.full((len(shown), len(shown)), np.nan)
    for row in likeness.to_dict("records"):
        one, other = sorted((place[row["model"]], place[row["other"]]))
        same[other, one] = row["agreement"]
    titles = [textwrap.shorten(model["title"], 30) for _, model in shown]
    with style():
        side = CELL * (spot[-1] + 1)
        names = 0.064 * max(map(len, titles))  # inches
        figure, axes = plt.subplots(figsize=(side + names + 0.1, side + 0.1), layout="constrained")
        _heat(axes, same, BLUES, spot)
        for where, title in zip(spot, titles, strict=True):
            write(axes, title, (where + 0.5, where), (4, 0), "data", color=INK)
        axes.set_xlim(-0.5, spot[-1] + 0.5 + names / CELL)
        axes.set_ylim(spot[-1] + 0.5, -0.5)
        axes.set_axis_off()
    return Drawing(
        figure,
        "Agreement of the models",
        "Percentage of test images that two models put into the same class, by row and column. "
        "Beside a name: two seeds of that model.",
        [
            ("same class", shown[row][1]["name"], shown[column][1]["name"], value)
            for (row, column), value in np.ndenumerate(same)
            if np.isfinite(value)
        ],
    )


CELL = 0.18  # inches
GROUP_GAP = 0.4  # between families of models, in cells


def _family(model: Mapping[str, Any]) -> int:
    """Return the place of a model's family: softmax, dense, with dropout, with batch norm."""
    spec = model["spec"]
    if not spec["hidden"]:
        return 0
    if spec["batch_norm"] != "none":
        return 3
    return 2 if spec["dropout"] else 1


def _heat(axes: Axes, values: np.ndarray, colors: Colormap, spot: Sequence[float]) -> None:
    """Draw a square heat map with numbers; its rows and columns are at the places `spot`."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return
    low, high = finite.min(), finite.max()
    low -= 0.15 * (high - low) + 1e-9  # so that the lowest value is not white
    words = fill_cells(axes, np.ma.masked_invalid(values), colors, low, high, spot)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.text(spot[column], spot[row], fixed(100 * value, 0), ha="center", va="center",
                      fontsize=SMALL, color=words[row, column])  # fmt: skip


def hardest(missed: pd.DataFrame, x_test: np.ndarray, summary: Mapping[str, Any]) -> Drawing:
    """Draw images that every training misclassifies, those with the most votes first."""
    if missed.empty:
        return empty_figure("No test image is misclassified by every training of every model.")
    shown = missed.iloc[:HARDEST]
    captions = [
        f"{row['given']}\n→ {row['predicted']}\n{row['votes']} of {row['trainings']}"
        for row in shown.to_dict("records")
    ]
    return Drawing(
        _image_gallery(x_test[:, shown["image"]], captions, summary["shape"]),
        "Images that every training misclassifies",
        "Below each test image: its label, the class predicted most often, and how many trainings "
        "predict it.",
        _image_rows(
            shown["image"],
            label=shown["given"],
            most_given=shown["predicted"],
            trainings=shown["votes"],
        ),
    )


# ------------------------------------------------------------------------------ near-duplicates
def duplicates(
    neighbors: pd.DataFrame,
    correlation: float,
    x_test: np.ndarray,
    x_train: np.ndarray,
    summary: Mapping[str, Any],
) -> Drawing:
    """Draw pairs of near-duplicates, from the most to the least similar."""
    near = neighbors[neighbors["correlation"] >= correlation]
    near = near.sort_values(["correlation", "test"], ascending=[False, True], kind="stable")
    if near.empty:
        return empty_figure(
            f"No test image has a correlation of at least {correlation:g} with a training image."
        )
    same = near["test_label"] == near["train_label"]
    odd = near[~same].iloc[: PAIRS // 2]
    room = min(PAIRS - len(odd), int(same.sum()))
    places = np.linspace(0, max(0, same.sum() - 1), room).round().astype(int)
    shown = pd.concat([near[same].iloc[places], odd])
    names, (high, wide) = summary["classes"], summary["shape"]
    between = np.zeros((gap_between(high) * wide, len(shown)))
    pictures = np.vstack([x_test[:, shown["test"]], between, x_train[:, shown["train"]]])
    label, other = ([names[each] for each in shown[f"{key}_label"]] for key in ("test", "train"))
    captions = [
        "\n".join([one, *([f"({two})"] if one != two else []), fixed(correlation, 3)])
        for one, two, correlation in zip(label, other, shown["correlation"], strict=True)
    ]
    return Drawing(
        _gallery(pictures, captions, 9, 2.4, 0.0, 0.26, (0.12, 0.33), wide),
        "Near-duplicates among test and training images",
        "Top: test image; below it: training image, label (the training image's in parentheses if "
        "different), and correlation of the pixels.",
        _image_rows(
            shown["test"],
            label=label,
            training_image=shown["train"].astype(str),
            its_label=other,
            correlation=shown["correlation"],
        ),
    )


# ------------------------------------------------------------------------------------- weights
def layer_weights(weights: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the weights of a one-layer model of either engine, one row per class."""
    [matrix] = [w for name, w in weights.items() if name.startswith("coefficients")] or [
        w.T for name, w in weights.items() if name.endswith("-kernel")
    ]
    return np.asarray(matrix)


def weight_images(model: Mapping[str, Any], runs: Runs, summary: Mapping[str, Any]) -> Drawing:
    """Draw the weights of a model without hidden layers as one image per class.

    They are from the first finished seed: seeds start from different weights, so means over seeds
    would not be the weights of any model.
    """
    finished = runs.finished(model)
    if not finished:
        return empty_figure(f"{model['title']}: every training diverged.")
    weights = layer_weights(runs.arrays(model["run"], finished[0]))
    scale = float(np.quantile(np.abs(weights), 0.995)) or 1.0
    names, shape = summary["classes"], summary["shape"]
    few = len(names) <= 10
    lines = math.ceil(len(names) / (5 if few else 10))
    with style():
        columns, size = math.ceil(len(names) / lines), (WIDTH, 0.5 + (1.7 if few else 1.0) * lines)
        figure, grid = plt.subplots(
            lines, columns, figsize=size, squeeze=False, layout="constrained"
        )
        for axes in grid.ravel():
            axes.set_axis_off()
        for axes, row, name in zip(grid.ravel(), weights, names, strict=False):
            drawn = axes.imshow(row.reshape(shape), cmap=BOTH, vmin=-scale, vmax=scale,
                                interpolation="none")  # fmt: skip
            axes.set_title(name, fontsize=SMALL, fontweight="normal", loc="center")
        bar = figure.colorbar(drawn, ax=grid, shrink=0.8, aspect=30, pad=0.015)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=SMALL)
    return Drawing(
        figure,
        f"Weights of {model['title']} as images",
        "One image per class: the weight of each pixel, all on one scale. Blue: evidence for the "
        f"class; orange: against it. Seed {finished[0]}.",
        [
            (name, what, f"row {place // shape[1] + 1}, column {place % shape[1] + 1}", row[place])
            for name, row in zip(names, weights, strict=True)
            for what, place in (("lowest", int(row.argmin())), ("highest", int(row.argmax())))
        ],
    )
