"""Figures of the error analysis: mistakes, calibration, agreement, near-duplicates, weights.

Their style is that of `figures.plots`; each states its finding in a sentence.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.patches import PathPatch
from matplotlib.path import Path as MapPath
from matplotlib.transforms import Affine2D

from fmstudy.analysis.error_analysis import confident_mistakes, confusion
from fmstudy.analysis.formats import fixed
from fmstudy.analysis.results import ModelPredictions, Runs
from fmstudy.data.dataset import CLASSES
from fmstudy.figures.colors import FAINT, HUES, INK, PAPER, luminance
from fmstudy.figures.plots import (
    DARKER,
    GRAY,
    SMALL,
    WIDTH,
    empty_figure,
    error_bars,
    percent,
    percent_axis,
    plain,
    roomy,
    write,
)
from fmstudy.figures.svg import Drawing, style

# scipy is slow to import, so modules that need it are imported where they are used.
if TYPE_CHECKING:
    from fmstudy.analysis.calibration import Calibration

SIDE = 28  # pixels
MISTAKES = 16
HARDEST = 24
PAIRS = 18
SHADES = 12  # of a heat map; each has a counterpart on dark pages
HALFWAY = 0.2  # the luminance at which dark and light text are equally readable
FIELD = 0.97  # side of a cell, slightly less than the cell spacing
BLUES = LinearSegmentedColormap.from_list("blues", ["#ffffff", HUES[0]])
ORANGES = LinearSegmentedColormap.from_list("oranges", ["#ffffff", HUES[1]])
BOTH = LinearSegmentedColormap.from_list("both", [HUES[1], "#ffffff", HUES[0]])


def _all_diverged(predicted: ModelPredictions) -> Drawing:
    return empty_figure(f"{predicted.model['title']}: every training diverged.")


def _seeds(predicted: ModelPredictions) -> str:
    count = len(predicted.seeds)
    diverged = len(predicted.model["seeds"]) - count
    text = f"mean of {count} seeds" if count > 1 else "1 seed"
    return f"{text}; {diverged} diverged and left out" if diverged else text


def _map(
    axes: Axes, values: np.ndarray, colors: Colormap, low: float, high: float
) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Fill the cells of a heat map with a few shades, and return the colors of the text in them.

    Masked cells and those of the palest shade stay empty.  Cells are vector areas, not pixels, so
    that dark pages can replace their colors.
    """
    # A gap before the darkest shade: neither dark nor light text is readable on shades between.
    steps = [*np.linspace(0, 0.78, SHADES - 1), 1.0]
    palette = [mpl.colors.to_hex(colors(step)) for step in steps]
    level = ((np.ma.filled(values, low) - low) / (high - low) * SHADES).astype(int)
    level = np.where(np.ma.getmaskarray(values), 0, level.clip(0, SHADES - 1))
    for shade in range(1, SHADES):
        fields = [
            MapPath.unit_rectangle().transformed(
                Affine2D().scale(FIELD).translate(column - FIELD / 2, row - FIELD / 2)
            )
            for row, column in np.argwhere(level == shade)
        ]
        if fields:
            outline = MapPath.make_compound_path(*fields)
            axes.add_patch(PathPatch(outline, facecolor=palette[shade], linewidth=0))
    rows, columns = values.shape
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_aspect("equal")
    return np.array([PAPER if luminance(shade) < HALFWAY else INK for shade in palette])[level]


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
        figure, axes = plt.subplots(figsize=(WIDTH, 3.6), layout="constrained")
        step = 0.6 / len(known)
        for place, (table, hue) in enumerate(zip(known, colors, strict=False)):
            shift = 0.3 - step * (place + 0.5)
            shown = table.loc[order]
            bars = error_bars(shown["recall"], shown["recall_min"], shown["recall_max"])
            axes.errorbar(shown["recall"], np.arange(len(order)) + shift, xerr=bars, fmt="o",
                          color=hue, markersize=4.5, elinewidth=1.6,
                          label=textwrap.shorten(table["title"].iloc[0], 40))  # fmt: skip
        axes.set_yticks(range(len(order)), [CLASSES[label] for label in order])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(axis="x")
        axes.set_xlabel("recall")
        percent_axis(axes, "x")
        figure.legend(loc="outside upper left", ncols=min(len(known), 4), fontsize=SMALL)
    hardest, easiest = order[-1], order[0]
    return Drawing(
        figure,
        f"Hardest class: {CLASSES[hardest]}, with a mean recall of {percent(mean[hardest])} over "
        f"{len(known)} models; easiest: {CLASSES[easiest]}, {percent(mean[easiest])}.",
        "Recall: the share of a class's test images that are classified correctly. Dots: means "
        "over seeds; lines: range over seeds. The hardest class is at the top.",
    )


def confused(counts: np.ndarray) -> tuple[int, int]:
    """Return label and predicted class of the most frequent mistake in a confusion matrix."""
    wrong = np.where(np.eye(len(counts), dtype=bool), -1.0, counts)
    label, given = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return int(label), int(given)


def confusion_map(labels: np.ndarray, predicted: ModelPredictions) -> Drawing:
    """Draw the confusion matrix, with mistakes colored by their number."""
    if not predicted.predictions:
        return _all_diverged(predicted)
    counts = confusion(labels, predicted)
    wrong = counts * ~np.eye(len(counts), dtype=bool)
    with style():
        figure, axes = plt.subplots(figsize=(6.6, 4.7), layout="constrained")
        words = _map(axes, wrong, ORANGES, 0, max(1.0, wrong.max()))
        axes.set_aspect("auto")
        for (row, column), value in np.ndenumerate(counts):
            shown = fixed(value, 0)
            if row == column or shown != "0":
                color, size = (FAINT, 8) if row == column else (words[row, column], SMALL)
                axes.text(column, row, shown, ha="center", va="center", color=color, fontsize=size)
        axes.set_yticks(range(len(CLASSES)), CLASSES)
        axes.set_xticks(range(len(CLASSES)), CLASSES, rotation=40, ha="right")
        axes.set_ylabel("label")
        axes.set_xlabel("predicted")
        plain(axes)
    return Drawing(
        figure,
        f"{predicted.model['title']}: {_confusion_finding(counts)} ({_seeds(predicted)}).",
        "Rows: labels; columns: predicted classes; numbers: test images, rounded, without zeros. "
        "Darker cells have more mistakes; the diagonal has the correct predictions.",
        [
            ("test images", CLASSES[row], CLASSES[column], value)
            for (row, column), value in np.ndenumerate(counts)
        ],
    )


def _confusion_finding(counts: np.ndarray) -> str:
    label, given = confused(counts)
    mistakes = counts.sum() - np.trace(counts)
    text = f"{fixed(mistakes, 0)} of {fixed(counts.sum(), 0)} test images misclassified"
    if not mistakes:
        return text
    together = (counts[label, given] + counts[given, label]) / mistakes
    return (
        f"{text}, most often “{CLASSES[label]}” as “{CLASSES[given]}” "
        f"({fixed(counts[label, given], 0)}); confusions of these two are {percent(together)} of "
        "all mistakes"
    )


def mistakes(labels: np.ndarray, predicted: ModelPredictions, images: np.ndarray) -> Drawing:
    """Draw the most confident mistakes of a model; images: (784, N) in [0, 1]."""
    if not predicted.predictions:
        return _all_diverged(predicted)
    found = confident_mistakes(labels, predicted, MISTAKES)
    title = predicted.model["title"]
    if found.empty:
        return empty_figure(f"{title}: no image has the same wrong class in every training.")
    label, given = ([CLASSES[each] for each in found[key]] for key in ("label", "predicted"))
    captions = [
        f"{true}\n→ {wrong}\n{fixed(100 * confidence)} %"
        for true, wrong, confidence in zip(label, given, found["confidence"], strict=True)
    ]
    everyone = f"all {len(predicted.seeds)} seeds" if len(predicted.seeds) > 1 else "1 seed"
    return Drawing(
        _image_gallery(images[:, found["image"]], captions),
        f"{title}: its most confident mistake classifies “{label[0]}” as "
        f"“{given[0]}” with {percent(found['confidence'][0])}; the "
        f"{len(found)} shown here have at least {percent(found['confidence'].iloc[-1])} "
        f"({everyone}).",
        "Below each test image: its label, the predicted class, and its probability (mean over "
        "seeds). Only images with the same wrong class in all finished seeds.",
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
) -> mpl.figure.Figure:
    """Draw pictures in rows, dark on light, with captions below.

    pictures       (pixels, n) in [0, 1], as wide as an image
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
            axes.imshow(1 - pixels.reshape(-1, SIDE), **GRAY)
            for place, line in enumerate(caption.split("\n")):
                offset = (0, -8.5 - 10.0 * place)
                write(axes, line, (0.5, 0), offset, ha="center", va="baseline", fontsize=7.5)
    return figure


def _image_gallery(images: np.ndarray, captions: Sequence[str]) -> mpl.figure.Figure:
    """Draw images, eight per row; images: (784, n) in [0, 1]."""
    lines = max(caption.count("\n") for caption in captions) + 1
    high = 0.75 + 0.16 * lines
    return _gallery(images, captions, 8, high, 0.1, 0.17 * lines / high, (0.1, 0.25 * lines))


# --------------------------------------------------------------------------------- calibration
def reliability_diagram(labels: np.ndarray, predicted: ModelPredictions) -> Drawing:
    """Draw accuracy over confidence in 15 bins, above a histogram of confidences."""
    if not predicted.predictions:
        return _all_diverged(predicted)
    from fmstudy.analysis.calibration import BINS, calibration, reliability
    from fmstudy.analysis.statistics import share_interval

    found = reliability(labels, predicted.predictions)
    measured = calibration(labels, predicted.predictions)
    trainings = len(predicted.predictions)
    filled = found.images > 0
    edges = np.linspace(0, 1, BINS + 1)
    # The number of images of one training: all trainings use the same images.
    images = found.images[filled] / trainings
    accuracy = found.accuracy[filled]
    hits = accuracy * images
    low, high = np.transpose([share_interval(*bin_) for bin_ in zip(hits, images, strict=True)])
    with style():
        figure, (top, bottom) = plt.subplots(
            2, 1, figsize=(5.6, 4.4), sharex=True, height_ratios=[3.2, 1], layout="constrained"
        )
        top.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        bars = error_bars(accuracy, low, high)
        top.errorbar(found.confidence[filled], accuracy, yerr=bars, fmt="o", color=HUES[0],
                     markersize=5, elinewidth=1.2, label="accuracy")  # fmt: skip
        top.set_ylabel("accuracy")
        top.set_ylim(-0.03, 1.03)
        percent_axis(top)
        bottom.stairs(found.images / found.images.sum(), edges, fill=True, color=HUES[0],
                      alpha=0.85, label="share of images")  # fmt: skip
        bottom.set_ylabel("images")
        bottom.set_xlabel("confidence")
        bottom.set_xlim(0, 1)
        percent_axis(bottom, bins=2)
        percent_axis(bottom, "x")
    return Drawing(
        figure,
        f"{predicted.model['title']}: {_calibration_finding(measured)} ({_seeds(predicted)}).",
        f"Dots: accuracy of the images in each of {BINS} bins of confidence (the probability of "
        "the predicted class), over their mean confidence; bars: Wilson's 95 % intervals over "
        "images; dashed: perfect calibration. Below: shares of the images.",
    )


def _calibration_finding(measured: Calibration) -> str:
    if measured.gap_low <= 0 <= measured.gap_high:
        verdict = "well calibrated"
    else:
        verdict = "overconfident" if measured.gap > 0 else "underconfident"
    shown = (measured.ece, measured.ece_corrected, measured.ece_low, measured.ece_high)
    ece, corrected, low, high = (fixed(100 * value, 1) for value in shown)
    return (
        f"{verdict} on average, with a mean confidence of {percent(measured.confidence)} and an "
        f"accuracy of {percent(measured.accuracy)}; expected calibration error "
        f"{ece} points, {corrected} without noise (95 % interval {low} to {high})"
    )


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
        left.tick_params(axis="y", labelcolor=INK)
    ranked = known.sort_values("ece_corrected", kind="stable")
    best, worst = ranked.iloc[0], ranked.iloc[-1]
    return Drawing(
        figure,
        f"Expected calibration error of {len(known)} models: from "
        f"{fixed(100 * best['ece_corrected'], 1)} points ({best['title']}) to "
        f"{fixed(100 * worst['ece_corrected'], 1)} ({worst['title']}).",
        "Dots: means over seeds, with the error corrected for noise; lines: 95 % intervals over "
        "images; open circles: the usual error. Models right of 0 are overconfident, those left of "
        "it underconfident.",
    )


# ----------------------------------------------------------------------------------- agreement
def agreement(likeness: pd.DataFrame, models: Sequence[Mapping[str, Any]]) -> Drawing:
    """Draw the agreement of models: below the diagonal of classes, above it of mistakes."""
    names = [model["name"] for model in models]
    shown = [name for name in names if name in {*likeness["model"], *likeness["other"]}]
    if not shown:
        return empty_figure("There are no two trainings to compare.")
    place = {name: index for index, name in enumerate(shown)}
    same = np.full((len(shown), len(shown)), np.nan)
    shared = same.copy()
    for row in likeness.to_dict("records"):
        one, other = sorted((place[row["model"]], place[row["other"]]))
        same[other, one] = row["agreement"]
        if one != other:
            shared[one, other] = row["shared_errors"]
    titles = {model["name"]: model["title"] for model in models}
    with style():
        cell = min(0.4, 5.2 / len(shown))
        size = (3.1 + max(cell * len(shown), 2.0), 1.3 + max(cell * len(shown), 1.0))
        figure, axes = plt.subplots(figsize=size, layout=roomy(0.12))
        for values, colors in ((same, BLUES), (shared, ORANGES)):
            _heat(axes, values, colors)
        axes.set_yticks(range(len(shown)), [textwrap.shorten(titles[name], 36) for name in shown])
        axes.set_xticks(range(len(shown)), shown, rotation=45, ha="right")
        plain(axes)
        axes.tick_params(labelsize=8)
    pairs = likeness[likeness["model"] != likeness["other"]]
    itself = likeness[likeness["model"] == likeness["other"]]
    parts = []
    if len(pairs):
        ranked = pairs.sort_values("agreement", kind="stable")
        first, last = ranked.iloc[0], ranked.iloc[-1]
        parts.append(
            f"Two models agree on {percent(first['agreement'])} ({first['title']} and "
            f"{first['other_title']}) to {percent(last['agreement'])} ({last['title']} and "
            f"{last['other_title']}) of the test images"
        )
    if len(itself):
        low, high = percent(itself["agreement"].min()), percent(itself["agreement"].max())
        parts.append(f"{'t' if parts else 'T'}wo seeds of one model on {low} to {high}")
    return Drawing(
        figure,
        f"{'; '.join(parts)}.",
        "Below the diagonal, blue: percentage of test images with the same predicted class; on it, "
        "two seeds of one model. Above it, orange: images misclassified by both models, as a "
        "percentage of those misclassified by either. Means over pairs of trainings, with "
        "different seeds if available.",
        [
            (what, shown[row], shown[column], value)
            for what, values in (("same class", same), ("shared mistakes", shared))
            for (row, column), value in np.ndenumerate(values)
            if np.isfinite(value)
        ],
    )


def _heat(axes: Axes, values: np.ndarray, colors: Colormap) -> None:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return
    low, high = finite.min(), finite.max()
    low -= 0.15 * (high - low) + 1e-9  # so that the lowest value is not white
    masked = np.ma.masked_invalid(values)
    words = _map(axes, masked, colors, low, high)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.text(column, row, fixed(100 * value, 0), ha="center", va="center", fontsize=7.5,
                      color=words[row, column])  # fmt: skip


def hardest(missed: pd.DataFrame, x_test: np.ndarray, samples: int) -> Drawing:
    """Draw images that every training misclassifies, those with the most votes first."""
    if missed.empty:
        return empty_figure("No test image is misclassified by every training of every model.")
    shown = missed.iloc[:HARDEST]
    captions = [
        f"{row['given']}\n→ {row['predicted']}\n{row['votes']} of {row['trainings']}"
        for row in shown.to_dict("records")
    ]
    trainings, models = int(missed["trainings"].iloc[0]), int(missed["models"].iloc[0])
    agreed = int((missed["votes"] == missed["trainings"]).sum())
    return Drawing(
        _image_gallery(x_test[:, shown["image"]], captions),
        f"{len(missed):,} of {samples:,} test images ({percent(len(missed) / samples)}) are "
        f"misclassified by all {trainings} trainings of {models} models, {agreed:,} of them as the "
        "same wrong class by all.",
        f"{'The first ' + str(len(shown)) if len(missed) > len(shown) else 'All'} of them, those "
        "with the most votes for one class first. Below each: its label, the most frequently "
        "predicted class, and its votes.",
        _image_rows(
            shown["image"],
            label=shown["given"],
            most_given=shown["predicted"],
            trainings=shown["votes"],
        ),
    )


# ------------------------------------------------------------------------------ near-duplicates
def duplicates(
    neighbors: pd.DataFrame, correlation: float, x_test: np.ndarray, x_train: np.ndarray
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
    pictures = np.vstack([x_test[:, shown["test"]], x_train[:, shown["train"]]])
    label, other = ([CLASSES[each] for each in shown[f"{key}_label"]] for key in ("test", "train"))
    captions = [
        "\n".join([one, *([f"({two})"] if one != two else []), fixed(correlation, 3)])
        for one, two, correlation in zip(label, other, shown["correlation"], strict=True)
    ]
    differ = int((~same).sum())
    exact = int(near["exact"].sum())
    return Drawing(
        _gallery(pictures, captions, 9, 2.2, 0.0, 0.23, (0.12, 0.29)),
        f"{len(near):,} of {len(neighbors):,} test images "
        f"({percent(len(near) / len(neighbors))}) have a near-duplicate among the training "
        f"images, {exact:,} of them identical; in {differ:,} "
        f"pair{'' if differ == 1 else 's'} the labels differ.",
        f"{'Examples' if len(near) > len(shown) else 'All'}, from the most similar pair to the "
        f"least similar near-duplicate (correlation of the pixels at least {correlation:g})"
        f"{'; the last ones have different labels' if len(odd) else ''}. Top: test image; below: "
        "training image, then the label of the test image (that of the training image in "
        "parentheses if different) and the correlation.",
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
    """Return the weights of a one-layer model of either engine, one row per class: (10, 784)."""
    [matrix] = [w for name, w in weights.items() if name.startswith("coefficients")] or [
        w.T for name, w in weights.items() if name.endswith("-kernel")
    ]
    return np.asarray(matrix)


def weight_images(model: Mapping[str, Any], runs: Runs) -> Drawing:
    """Draw the weights of a model without hidden layers as one image per class.

    They are from the first finished seed: seeds start from different weights, so means over seeds
    would not be the weights of any model.
    """
    finished = runs.finished(model)
    if not finished:
        return empty_figure(f"{model['title']}: every training diverged.")
    weights = layer_weights(runs.arrays(model["run"], finished[0]))
    scale = float(np.quantile(np.abs(weights), 0.995)) or 1.0
    with style():
        figure, grid = plt.subplots(2, 5, figsize=(WIDTH, 3.9), layout="constrained")
        for axes, row, name in zip(grid.ravel(), weights, CLASSES, strict=True):
            drawn = axes.imshow(row.reshape(SIDE, SIDE), cmap=BOTH, vmin=-scale, vmax=scale,
                                interpolation="none")  # fmt: skip
            axes.set_title(name, fontsize=SMALL, fontweight="normal", loc="center")
            axes.set_axis_off()
        bar = figure.colorbar(drawn, ax=grid, shrink=0.8, aspect=30, pad=0.015)
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=8)
    largest = np.unravel_index(int(np.abs(weights).argmax()), weights.shape)
    return Drawing(
        figure,
        f"{model['title']}: weights from {fixed(weights.min())} to {fixed(weights.max())}; "
        f"the largest in size belongs to the class {CLASSES[largest[0]]} (seed {finished[0]}).",
        "One image per class: the weight of each pixel. Blue: ink there is evidence for the class; "
        "orange: against it. All images share one scale, which clips the largest 0.5 % of the "
        "weights.",
        [
            (name, what, f"row {place // SIDE + 1}, column {place % SIDE + 1}", row[place])
            for name, row in zip(CLASSES, weights, strict=True)
            for what, place in (("lowest", int(row.argmin())), ("highest", int(row.argmax())))
        ],
    )
