"""Learning curves: of one model, of a few on shared axes, of many as small multiples."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from fmstudy.analysis.formats import DIVERGED
from fmstudy.analysis.results import Runs
from fmstudy.analysis.tables import has_finished, mean_of_finished
from fmstudy.figures.axes import (
    BAND,
    DARKER,
    DIAMOND,
    SEED_POINTS,
    SMALL,
    WIDTH,
    draw_seeds,
    epoch_axis,
    label_ends,
    limit,
    nats,
    number_axis,
    percent,
    percent_axis,
    roomy,
    row_of_panels,
    show_tick_labels,
    subsample,
    swept_values,
)
from fmstudy.figures.colors import FAINT, HUES
from fmstudy.figures.svg import Drawing, style
from fmstudy.study.words import setting_name, setting_text

# Points per line; more would not be distinguishable.
GAP_POINTS, SWEEP_POINTS, SMALL_POINTS = 40, 100, 40
# Total points for the lines of several models on shared axes.
MEANS_POINTS, SEEDS_POINTS, GAPS_POINTS = 600, 600, 120
FAR_BELOW = 0.3  # of the median accuracy; models further below are outside the axes
TOGETHER = 3  # models at most on shared axes; more become small multiples
SIBLING = "#8c9299"  # the gray of other models


@dataclass(frozen=True)
class Curves:
    """One split of one model over epochs: (epochs,) and (epochs, seeds) of both metrics.

    `finished` (seeds,) marks trainings that did not diverge.  The values of the others are NaN
    after their last finite loss.
    """

    model: Mapping[str, Any]
    split: str
    epochs: np.ndarray
    accuracy: np.ndarray
    loss: np.ndarray
    finished: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of a metric over seeds, (epochs,); see `mean_of_finished`."""
        return mean_of_finished(values, self.finished)

    def counted(self, values: np.ndarray) -> np.ndarray:
        """Return the seeds of a metric that count in its mean."""
        return values[:, self.finished] if self.finished.any() else values

    def end(self, values: np.ndarray) -> float:
        """Return the last finite mean of a metric; NaN if there is none."""
        mean = self.mean(values)
        known = mean[np.isfinite(mean)]
        return float(known[-1]) if len(known) else math.nan

    @property
    def final(self) -> tuple[float, float]:
        """Mean accuracy and loss after the last epoch; NaN if all seeds diverged."""
        return float(self.mean(self.accuracy)[-1]), float(self.mean(self.loss)[-1])


def held_out_split(model: Mapping[str, Any]) -> str:
    """Return the held-out split of a model's curves: validation for Keras, else test."""
    return "validation" if model["engine"] == "keras" else "test"


def read_curves(
    model: Mapping[str, Any], split: str, runs: Runs, with_penalty: bool = True
) -> Curves:
    """Read the curves of one split; the loss includes the penalty if the model has one."""
    histories = [runs.history(model["run"], seed) for seed in model["seeds"]]
    seeds = [history[history["split"] == split].set_index("epoch") for history in histories]
    # A diverged seed ends early and may come first.
    together = pd.concat(seeds, axis=1, keys=range(len(seeds))).sort_index()
    loss, penalty, accuracy = (
        np.column_stack([together[k][column] for k in range(len(seeds))]).astype(float)
        for column in ("loss", "penalty", "accuracy")
    )
    known = np.isfinite(loss + penalty)
    return Curves(
        model,
        split,
        together.index.to_numpy(),
        np.where(known, accuracy, math.nan),
        np.where(known, loss + penalty if with_penalty else loss, math.nan),
        np.array([has_finished(history) for history in histories]),
    )


# ------------------------------------------------------------------- one model, or a few together
def learning_curves(
    models: Sequence[Mapping[str, Any]],
    runs: Runs,
    title: str,
    published: Mapping[str, Mapping[str, float]] | None = None,
) -> Drawing:
    """Draw accuracy and loss over epochs: of a few models on shared axes, or of more side by side.

    `published` has the published final values by model and metric, such as test_accuracy.
    """
    if len(models) > TOGETHER:
        return small_multiples(models, models, runs, title)
    published = published or {}
    with style():
        figure, ((left, right), strips) = plt.subplots(
            2, 2, figsize=(WIDTH, 4.3), height_ratios=[2.6, 1], sharex=True, layout=roomy()
        )
        ends: dict[Axes, list[tuple[float, str, str]]] = {left: [], right: []}
        drawn: list[Curves] = []
        points = _points(models)
        for hue, model in zip(HUES, models, strict=False):
            prefix = "" if len(models) == 1 else f"{model['title']} "
            for split in ("train", held_out_split(model)):
                curves = read_curves(model, split, runs)
                drawn.append(curves)
                name = prefix + split
                for axes, seeds, final, form in (
                    (left, curves.accuracy, curves.final[0], percent),
                    (right, curves.loss, curves.final[1], nats),
                ):
                    _draw_curve(axes, curves, seeds, name, hue, points)
                    label = f"{prefix.rstrip()}\n{split} {form(final)}".lstrip()
                    ends[axes].append((curves.end(seeds), label, hue))
            _draw_test_dots((left, right), model, runs, hue, f"{prefix}test")
            values = published.get(model["name"], {})
            for axes, metric in ((left, "accuracy"), (right, "loss")):
                for split in ("train", "test"):
                    if (printed := values.get(f"{split}_{metric}")) is not None:
                        axes.plot([model["spec"]["epochs"]], [printed], **DIAMOND,
                                  markeredgecolor=hue, zorder=5, clip_on=False, gid="other",
                                  label=f"{prefix}published {split}")  # fmt: skip
            _draw_gaps(strips, model, runs, hue, f"{prefix}gap", points[2])
        penalized = any(model["spec"]["penalty"] != "none" for model in models)
        left.set_title("Accuracy")
        right.set_title("Loss + penalty, nats" if penalized else "Loss, nats")
        percent_axis(left)
        limit(left, [c.counted(c.accuracy) for c in drawn], rising=True)
        limit(right, [c.counted(c.loss) for c in drawn], rising=False)
        for axes in (left, right):
            label_ends(axes, ends[axes], needed=0.08 if len(models) == 1 else 0.15)
        for axes in strips:
            epoch_axis(axes)
            axes.axhline(0, color=FAINT, linewidth=0.8)
        other = drawn[1].split
        strips[0].set_title(f"Gap: train − {other}", fontsize=SMALL)
        strips[1].set_title(f"Gap: {other} − train", fontsize=SMALL)
        percent_axis(strips[0], bins=3)
        number_axis(strips[1], bins=3)
    several = any(len(model["seeds"]) > 1 for model in models)
    parts = {
        f"Dashed: training; solid: {other}.": True,
        "Faint: single seeds.": several,
        "Dots: test data.": other == "validation",
        "Diamonds: published values.": any(model["name"] in published for model in models),
        "Below: the gap between both.": True,
    }
    return Drawing(figure, title, " ".join(text for text, applies in parts.items() if applies))


def _points(models: Sequence[Mapping[str, Any]]) -> tuple[int, int, int]:
    """Return the numbers of points per mean, seed and gap, which limit the figure's size."""
    count = len(models)
    if count == 1:
        return 1000, SEED_POINTS, GAP_POINTS
    seeds = sum(len(model["seeds"]) for model in models)
    return (
        max(40, MEANS_POINTS // (4 * count)),
        max(10, SEEDS_POINTS // (4 * seeds)),
        max(15, GAPS_POINTS // (2 * count)),
    )


def _draw_curve(
    axes: Axes, curves: Curves, seeds: np.ndarray, name: str, hue: str, points: tuple[int, ...]
) -> None:
    """Draw one metric of one split: its seeds, faint, and their mean."""
    dashes, width = ("--", 1.1) if curves.split == "train" else ("-", 1.8)
    x, count = curves.epochs, len(curves.epochs)
    if seeds.shape[1] > 1:
        names = [f"{name} seed {seed}" for seed in curves.model["seeds"]]
        draw_seeds(axes, x, seeds, names, hue, points[1], dashes)
    some = subsample(count, points[0])
    axes.plot(x[some], curves.mean(seeds)[some], color=hue, linewidth=width, linestyle=dashes,
              label=name)  # fmt: skip


def _draw_test_dots(
    panels: Sequence[Axes], model: Mapping[str, Any], runs: Runs, hue: str, name: str
) -> None:
    """Draw the final test metrics of a Keras model, which evaluates the test data only then."""
    if model["engine"] == "keras":
        test = read_curves(model, "test", runs)
        for axes, value in zip(panels, test.final, strict=True):
            axes.plot([test.epochs[-1]], [value], "o", color=hue, markersize=5, label=name)


def _draw_gaps(
    strips: Sequence[Axes], model: Mapping[str, Any], runs: Runs, hue: str, name: str, points: int
) -> None:
    """Draw both gaps over epochs, with a band for the 95 % interval over seeds, if any.

    Wide bands in the first epochs are clipped, so that the mean remains visible.
    """
    # imports scipy, which other figures do not need
    from fmstudy.analysis.comparing import gaps_table

    gaps = gaps_table([model], runs).astype(dict.fromkeys(_BANDS, float))
    gaps = gaps.iloc[subsample(len(gaps), points)]
    for axes, kind in zip(strips, ("accuracy", "loss"), strict=True):
        axes.plot(gaps["epoch"], gaps[f"gap_{kind}"], color=hue, linewidth=1.4, label=name)
        low, high = gaps[f"gap_{kind}_low"], gaps[f"gap_{kind}_high"]
        if low.notna().any():
            limits = _gap_limits(axes)
            axes.fill_between(gaps["epoch"], low, high, color=hue, alpha=BAND, linewidth=0,
                              label=name)  # fmt: skip
            axes.set_ylim(*limits)


_BANDS = [f"gap_{kind}{end}" for kind in ("accuracy", "loss") for end in ("", "_low", "_high")]


def _gap_limits(axes: Axes) -> tuple[float, float]:
    """Return limits around the means of all models drawn so far, with a margin."""
    lines = [np.asarray(line.get_ydata(), dtype=float) for line in axes.lines]
    low = min(0.0, *(float(np.nanmin(line)) for line in lines))
    high = max(0.0, *(float(np.nanmax(line)) for line in lines))
    margin = 0.25 * (high - low) or 0.01
    return low - margin, high + margin


# ------------------------------------------------------------------------------- small multiples
def small_multiples(
    shown: Sequence[Mapping[str, Any]],
    siblings: Sequence[Mapping[str, Any]],
    runs: Runs,
    title: str,
    with_penalty: bool = True,
    beginning: float = 0.05,
) -> Drawing:
    """Draw accuracy above loss over epochs, one column per model, on shared axes.

    Held-out curves of the siblings lie behind each model, in gray.  The axes exclude this share of
    the epochs, and models far below the others, whose final values are written at the edge.
    """
    splits = {model["name"]: ("train", held_out_split(model)) for model in [*siblings, *shown]}
    read = {
        (model["name"], split): read_curves(model, split, runs, with_penalty)
        for model in [*siblings, *shown]
        for split in splits[model["name"]]
    }
    other = held_out_split(shown[0])
    look: dict[str, float] = {"linewidth": 0.8}
    if len(siblings) == 1:  # seen behind a curve that hardly differs
        look = {"linewidth": 4.0, "alpha": 0.5}
    with style():
        figure, grid = plt.subplots(
            2, len(shown), figsize=(WIDTH, 4.4), sharex=True, sharey="row", squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for column, model in zip(grid.T, shown, strict=True):
            name = model["name"]
            for row, metric in zip(column, ("accuracy", "loss"), strict=True):
                for sibling in siblings:
                    if sibling["name"] != name:
                        behind = read[sibling["name"], splits[sibling["name"]][1]]
                        some = subsample(len(behind.epochs), SMALL_POINTS // 2)
                        mean = behind.mean(getattr(behind, metric))
                        row.plot(behind.epochs[some], mean[some], color=SIBLING, **look)
                for split in splits[name]:
                    curves = read[name, split]
                    dashes, width = ("--", 1.2) if split == "train" else ("-", 1.8)
                    some = subsample(len(curves.epochs), SMALL_POINTS)
                    mean = curves.mean(getattr(curves, metric))
                    row.plot(curves.epochs[some], mean[some], color=HUES[0], linestyle=dashes,
                             linewidth=width, label=split)  # fmt: skip
            _draw_test_dots(column, model, runs, HUES[0], "test")
            lines = textwrap.wrap(model["title"], 96 // len(shown), break_on_hyphens=False)
            column[0].set_title("\n".join(lines))
            column[0].set_label(f"{model['title']}: accuracy")
            column[1].set_label(f"{model['title']}: loss")
            epoch_axis(column[1])
        near = _near(list(read.values()))
        percent_axis(grid[0, 0])
        number_axis(grid[1, 0])
        limit(grid[0, 0], [c.counted(c.accuracy) for c in near], True, beginning)
        limit(grid[1, 0], [c.counted(c.loss) for c in near], False, beginning)
        for column, model in zip(grid.T, shown, strict=True):
            curves = read[model["name"], other]
            if not any(curves is one for one in near):
                for row, height, text in (
                    (column[0], 0.15, percent(curves.final[0])),
                    (column[1], 0.8, nats(curves.final[1])),
                ):
                    said = text if text == DIVERGED else f"ends at\n{text}"
                    row.text(0.62, height, said, transform=row.transAxes, color=HUES[0],
                             ha="center", va="center")  # fmt: skip
        penalized = with_penalty and any(model["spec"]["penalty"] != "none" for model in shown)
        show_tick_labels(grid.ravel())
        for row, text in zip(grid, ("accuracy", "loss"), strict=True):
            row[0].set_ylabel(text + (" + penalty" if penalized and text == "loss" else ""))
        handles = [
            Line2D([], [], color=HUES[0], linestyle="--", linewidth=1.2),
            Line2D([], [], color=HUES[0], linewidth=1.8),
        ]
        names = ["train", other]
        if other == "validation":
            handles.append(
                Line2D([], [], color=HUES[0], marker="o", markersize=5, linestyle="none")
            )
            names.append("test")
        grid[1, 0].legend(handles, names, loc="best", fontsize=SMALL, handlelength=1.6)
    return Drawing(
        figure,
        title,
        f"Means over seeds. Blue: this model, training dashed, {other} solid. Gray: {other} of the "
        "others.",
    )


def _near(curves: Sequence[Curves]) -> list[Curves]:
    """Return the curves whose final accuracy is not far below the median of all."""
    finals = np.array([one.final[0] for one in curves])
    if np.isnan(finals).all():
        return list(curves)
    lowest = np.nanmedian(finals) - FAR_BELOW
    return [one for one, final in zip(curves, finals, strict=True) if final > lowest]


# ------------------------------------------------------------------------------------------ sweeps
def sweep_curves(
    models: Sequence[Mapping[str, Any]], sweep: Mapping[str, Any], runs: Runs
) -> Drawing:
    """Draw held-out accuracy and loss over epochs, one line per swept value."""
    values, ordered = swept_values(sweep)
    held_out = held_out_split(models[0])
    order = np.argsort(values) if ordered else np.arange(len(values))
    colors = mpl.colormaps["viridis"](np.linspace(0.0, DARKER, len(models)))[::-1]
    with style():
        figure, (left, right) = row_of_panels(2, 3.3)
        drawn = []
        ends: dict[Axes, list[tuple[float, str, str]]] = {left: [], right: []}
        for color, index in zip(colors, order, strict=True):
            hue = mpl.colors.to_hex(color)
            curves = read_curves(models[index], held_out, runs, with_penalty=False)
            drawn.append(curves)
            accuracy, loss = curves.mean(curves.accuracy), curves.mean(curves.loss)
            name = setting_text(sweep["values"][index])
            some = subsample(len(curves.epochs), SWEEP_POINTS)
            epochs = curves.epochs[some]
            left.plot(epochs, accuracy[some], color=hue, linewidth=1.4, label=name)
            right.plot(epochs, loss[some], color=hue, linewidth=1.4, label=name)
            said = name if math.isfinite(curves.final[1]) else f"{name} {DIVERGED}"
            ends[left].append((curves.end(curves.accuracy), said, hue))
            ends[right].append((curves.end(curves.loss), said, hue))
        left.set_title(f"{held_out.capitalize()} accuracy")
        right.set_title(f"{held_out.capitalize()} loss (without penalty), nats")
        percent_axis(left)
        losses = [np.asarray(line.get_ydata()).reshape(-1, 1) for line in right.lines]
        limit(left, [c.counted(c.accuracy) for c in drawn], rising=True)
        limit(right, losses, rising=False)
        for axes in (left, right):
            epoch_axis(axes)
            label_ends(axes, ends[axes])
    return Drawing(
        figure,
        f"{sweep['title']}: learning curves",
        f"One line per value of {setting_name(sweep['vary'])}, which stands at its right end. "
        "The first epochs are outside the axes.",
    )
