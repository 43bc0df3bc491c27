"""Figures of the trainings' results; each states its finding in a sentence.

Marks are consistent: training is dashed and thin, held-out data (test in Part A, validation in
Part B) solid, the final test value a dot, published values open diamonds, single seeds faint.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fmstudy.analysis.formats import DIVERGED, fixed
from fmstudy.analysis.results import Runs
from fmstudy.analysis.tables import NEAR_ZERO, has_finished, mean_of_finished, near_zero
from fmstudy.data.dataset import CLASSES
from fmstudy.figures.colors import FAINT, HUES, INK, PAPER, readable
from fmstudy.figures.svg import Drawing, style
from fmstudy.numbers import number
from fmstudy.study.spec import SECTIONS, RunSpec

WIDTH = 8.0  # inches
# The overview is narrow, so that it is readable on a phone.
NARROW = 5.4  # inches
BESIDE_ROW = ("axes fraction", "data")  # coordinates of texts at the edge of a row
NAME = 28  # characters per line of a model's name, which has at most two lines
SMALL = 8.5  # points: labels, legends, notes
BAND = 0.25  # opacity of interval bands
DARKER = 0.59  # the part of the color map viridis with enough contrast to white paper
# Models this far below the median are outside the axes of the overview.
FAR_BELOW = 0.3

ARROW: dict[str, Any] = {"arrowstyle": "-|>", "color": FAINT, "shrinkA": 0, "shrinkB": 0}
GRAY: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "none"}
DIAMOND: dict[str, Any] = {
    "marker": "D",
    "markersize": 5,
    "markerfacecolor": "white",
    "linestyle": "none",
}

# Points per thin line or low strip; more would not be distinguishable.
SEED_POINTS, GAP_POINTS, SWEEP_POINTS = 50, 40, 100
# Total points for the lines of several models on shared axes.
MEANS_POINTS, SEEDS_POINTS, GAPS_POINTS = 600, 600, 120


def percent(share: float) -> str:
    """Format a fraction as a percentage with one decimal and a nonbreaking space."""
    return DIVERGED if math.isnan(share) else f"{fixed(100 * share, 1)}\N{NO-BREAK SPACE}%"


def nats(loss: float) -> str:
    """Format a loss with three decimals, or with none if it is large."""
    return DIVERGED if math.isnan(loss) else fixed(loss, 3 if abs(loss) < 100 else 0)


def empty_figure(reason: str) -> Drawing:
    """Return an empty figure that states why it is empty."""
    with style():
        figure, axes = plt.subplots(figsize=(WIDTH, 0.6))
        axes.set_axis_off()
        axes.text(0, 0.5, reason, color=FAINT)
    return Drawing(figure, reason, "There is nothing to draw.")


def percent_axis(axes: Axes, axis: str = "y", bins: int = 5) -> None:
    """Label an axis of fractions with percentages."""
    target = axes.yaxis if axis == "y" else axes.xaxis
    target.set_major_locator(MaxNLocator(bins))
    target.set_major_formatter(FuncFormatter(lambda value, _: f"{number(100 * value)} %"))


def write(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    offset: tuple[float, float],
    coordinates: Any = "axes fraction",
    **text_style: Any,
) -> None:
    """Write a text at an offset in points from a place, even outside the axes."""
    look: dict[str, Any] = {"fontsize": SMALL, "va": "center", "annotation_clip": False}
    axes.annotate(text, place, offset, coordinates, "offset points", **look | text_style)


def roomy(pad: float = 0.08) -> ConstrainedLayoutEngine:
    """Return a layout with room at the sides, because letters are wider in some browsers."""
    return ConstrainedLayoutEngine(w_pad=pad)


def error_bars(middle: Any, low: Any, high: Any) -> np.ndarray:
    """Return the distances from values to both ends of their ranges, (2, n)."""
    return np.maximum([middle - low, high - middle], 0.0)


def show_tick_labels(panels: Iterable[Axes]) -> None:
    """Show the tick labels of each panel's y axis, even if panels share it.

    Narrow pages stack the panels.
    """
    for axes in panels:
        axes.tick_params(axis="y", labelleft=True)


def plain(axes: Axes, strong: Literal["x", "y", "both"] = "both") -> None:
    """Remove grid, ticks, and spines; darken the labels of one axis or both."""
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.tick_params(strong, labelcolor=INK)
    axes.spines["bottom"].set_visible(False)


def power_axis(axes: Axes, axis: str) -> None:
    """Label powers of ten without mathematical markup, which the style disables."""
    target = axes.yaxis if axis == "y" else axes.xaxis
    axes.minorticks_off()
    target.set_major_formatter(FuncFormatter(lambda value, _: number(value)))


# --------------------------------------------------------------------------- learning curves
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


def learning_curves(
    models: Sequence[Mapping[str, Any]],
    runs: Runs,
    published: Mapping[str, Mapping[str, float]] | None = None,
) -> Drawing:
    """Draw accuracy and loss over epochs of one model, or of a few on shared axes.

    `published` has the published final values by model and metric, such as test_accuracy.
    """
    published = published or {}
    with style():
        figure, ((left, right), strips) = plt.subplots(
            2, 2, figsize=(WIDTH, 4.3), height_ratios=[2.6, 1], sharex=True, layout=roomy()
        )
        ends: dict[Axes, list[tuple[float, str, str]]] = {left: [], right: []}
        drawn: list[Curves] = []
        points = _points(models)
        for hue, model in zip(HUES, models, strict=False):
            prefix = "" if len(models) == 1 else f"{model['name']} "
            for split in ("train", held_out_split(model)):
                curves = read_curves(model, split, runs)
                drawn.append(curves)
                name = prefix + split
                for axes, seeds, final, form in (
                    (left, curves.accuracy, curves.final[0], percent),
                    (right, curves.loss, curves.final[1], nats),
                ):
                    _draw_curve(axes, curves, seeds, name, hue, points)
                    ends[axes].append((final, f"{name} {form(final)}", hue))
            if model["engine"] == "keras":  # which evaluates the test data once, at the end
                test = read_curves(model, "test", runs)
                for axes, value in zip((left, right), test.final, strict=True):
                    axes.plot([test.epochs[-1]], [value], "o", color=hue, markersize=5,
                              label=f"{prefix}test")  # fmt: skip
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
            label_ends(axes, ends[axes])
        for axes in strips:
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.axhline(0, color=FAINT, linewidth=0.8)
        other = drawn[1].split
        strips[0].set_title(f"Gap: train − {other}", fontsize=SMALL)
        strips[1].set_title(f"Gap: {other} − train", fontsize=SMALL)
        percent_axis(strips[0], bins=3)
        strips[1].yaxis.set_major_locator(MaxNLocator(3))
    return Drawing(figure, _curves_finding(models, drawn), _curves_description(models, published))


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
    axes: Axes, curves: Curves, seeds: np.ndarray, name: str, hue: str, points: tuple[int, int, int]
) -> None:
    """Draw one metric of one split: its seeds, faint, and their mean."""
    dashed = curves.split == "train"
    dashes, width = ("--", 1.1) if dashed else ("-", 1.8)
    x, count = curves.epochs, len(curves.epochs)
    if seeds.shape[1] > 1:
        names = [f"{name} seed {seed}" for seed in curves.model["seeds"]]
        draw_seeds(axes, x, seeds, names, hue, points[1], dashes)
    some = subsample(count, points[0])
    axes.plot(x[some], curves.mean(seeds)[some], color=hue, linewidth=width, linestyle=dashes,
              label=name)  # fmt: skip


def draw_seeds(
    axes: Axes, x: Any, seeds: Any, names: Sequence[str], hue: str, points: int, dashes: Any
) -> None:
    """Draw faint lines of single seeds, (n, seeds), over x with at most so many points."""
    some = subsample(len(x), points)
    axes.plot(x[some], seeds[some], color=hue, linewidth=0.6, alpha=0.35, linestyle=dashes,
              label=names)  # fmt: skip


def subsample(count: int, points: int) -> np.ndarray:
    """Return at most `points` evenly spaced positions from 0 to count - 1, including the last."""
    return np.arange(count - 1, -1, -max(1, math.ceil(count / points)))[::-1]


def _draw_gaps(
    strips: Sequence[Axes], model: Mapping[str, Any], runs: Runs, hue: str, name: str, points: int
) -> None:
    """Draw both gaps over epochs, with a band for the 95 % interval over seeds, if any.

    Wide bands in the first epochs are clipped, so that the mean remains visible.
    """
    from fmstudy.analysis.comparing import (
        gaps_table,  # imports scipy, which other figures do not need
    )

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


def limit(axes: Axes, curves: Sequence[np.ndarray], rising: bool) -> None:
    """Exclude the steep beginning of training, which would flatten the rest of the curves.

    Each of `curves` is (epochs, seeds), NaN where there is no value.  The limits include all
    single marks, such as published values.
    """
    starts, bests = [], []
    for seeds in curves:
        known = seeds[np.isfinite(seeds).any(axis=1)]
        if len(known):
            start = known[min(len(known) - 1, max(1, math.ceil(0.05 * len(known))))]
            starts.append(np.nanmin(start) if rising else np.nanmax(start))
            bests.append(np.nanmax(known) if rising else np.nanmin(known))
    heights = [np.asarray(line.get_ydata()) for line in axes.lines]
    marks = [float(height[0]) for height in heights if height.size == 1]
    if not starts:
        return
    low, high = (min(starts), max(bests)) if rising else (min(bests), max(starts))
    low, high = min([low, *marks]), max([high, *marks])
    margin = 0.05 * (high - low) or 0.01
    axes.set_ylim(low - margin, high + margin)


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]], needed: float = 0.075) -> None:
    """Write labels at the right ends of lines, moved apart to avoid overlaps.

    Each end is a height, a text and a color.  The limits and scale of the axes must be final.
    `needed` is the height of a label as a fraction of the axes' height.
    """
    finite = [end for end in ends if math.isfinite(end[0])]
    ordered = sorted(finite, key=lambda end: end[0])
    low, high = axes.get_ylim()
    heights = [min(max(value, low), high) for value, _, _ in ordered]
    scaled = axes.transScale.transform([(1.0, value) for value in (low, high, *heights)])[:, 1]
    places: list[float] = []
    for place in (scaled[2:] - scaled[0]) / (scaled[1] - scaled[0]):
        places.append(max(place, places[-1] + needed) if places else place)
    top = 1.0
    for index in range(len(places) - 1, -1, -1):  # push labels above the top down again
        places[index] = min(places[index], top)
        top = places[index] - needed
    for (_, text, hue), place in zip(ordered, places, strict=True):
        write(axes, text, (1, place), (6, 0), color=readable(mpl.colors.to_hex(hue)))


def _curves_finding(models: Sequence[Mapping[str, Any]], drawn: Sequence[Curves]) -> str:
    parts = []
    for train, held_out in zip(drawn[::2], drawn[1::2], strict=True):
        model = train.model
        (train_accuracy, train_loss), (accuracy, loss) = train.final, held_out.final
        if math.isnan(train_loss):
            parts.append(f"{model['title']}: diverged after {int(train.epochs[-1])} epochs")
            continue
        penalized = model["spec"]["penalty"] != "none"
        finished = int(train.finished.sum())
        parts.append(
            f"{model['title']}: after {int(train.epochs[-1])} epochs {held_out.split} accuracy "
            f"{percent(accuracy)}, {'loss with penalty' if penalized else 'loss'} {nats(loss)}; "
            f"train {percent(train_accuracy)}, {nats(train_loss)} "
            f"({f'mean of {finished} seeds' if finished > 1 else '1 seed'})"
        )
    return f"{'; '.join(parts)}."


def _curves_description(
    models: Sequence[Mapping[str, Any]], published: Mapping[str, Mapping[str, float]]
) -> str:
    held_out = held_out_split(models[0])
    several = any(len(model["seeds"]) > 1 for model in models)
    parts = {
        f"Accuracy and loss over epochs. Dashed: {_followed(models)}; solid: {held_out} data, both "
        "in inference mode.": True,
        "Faint lines: single seeds; other lines: their means.": several,
        "Dots: test data, evaluated once at the end.": held_out == "validation",
        "Open diamonds: published values.": bool(published),
        "The first epochs are outside the axes. Below: the gap between them, positive if training "
        f"data does better{'; bands: 95 % intervals of the mean over seeds' if several else ''}"
        ".": True,
    }
    return " ".join(text for text, applies in parts.items() if applies)


def _followed(models: Sequence[Mapping[str, Any]]) -> str:
    """Say which training data the curves show."""
    specs = [RunSpec.from_dict(model["spec"]) for model in models]
    counts = {spec.followed_samples for spec in specs}
    if all(spec.followed_samples == spec.fitted_samples for spec in specs):
        return "training data"
    images = f"{counts.pop():,}" if len(counts) == 1 else "some"
    return f"the first {images} training images (tables show the final metrics of all)"


# -------------------------------------------------------------------------------- summaries
def _panels(count: int, height: float = 2.8) -> tuple[Figure, list[Axes]]:
    figure, axes = plt.subplots(1, count, figsize=(WIDTH, height), layout="constrained")
    return figure, list(np.atleast_1d(axes))


def _draw_summary(
    axes: Axes,
    x: Sequence[float] | np.ndarray,
    table: pd.DataFrame,
    name: str,
    hue: str,
    dashed: bool = False,
    label: str = "",
) -> None:
    """Draw a metric's mean over x, with a thin bar from the smallest to the largest seed."""
    look: dict[str, Any] = {"linestyle": "-", "linewidth": 1.8, "markersize": 5}
    if dashed:
        look = {"linestyle": "--", "linewidth": 1.1, "markersize": 3.5, "markerfacecolor": "white"}
    bars = error_bars(table[name], table[f"{name}_min"], table[f"{name}_max"])
    axes.errorbar(x, table[name], yerr=bars, color=hue, marker="o", elinewidth=0.8, label=label,
                  **look)  # fmt: skip


def _draw_finals(
    axes: Sequence[Axes], x: Sequence[float] | np.ndarray, table: pd.DataFrame, held_out: str
) -> None:
    """Draw final accuracy, loss and gap over x in the first three panels."""
    for panel, metric, title in zip(
        axes, ("accuracy", "loss"), ("Accuracy", "Loss, nats"), strict=False
    ):
        _draw_summary(panel, x, table, f"train_{metric}", HUES[0], True, "train")
        _draw_summary(panel, x, table, f"{held_out}_{metric}", HUES[0], False, held_out)
        panel.set_title(title)
        panel.legend(loc="best", fontsize=8)
    _draw_summary(axes[2], x, table, "gap_accuracy", HUES[1], label="gap")
    axes[2].set_title(f"Gap: train − {held_out}")
    axes[2].axhline(0, color=FAINT, linewidth=0.8)
    percent_axis(axes[0])
    percent_axis(axes[2])


def sweep_summary(table: pd.DataFrame, sweep: Mapping[str, Any]) -> Drawing:
    """Draw final accuracy, loss and gap over the varied key; for delta also the weights."""
    weights = sweep["vary"] == "delta"
    values = table["value"].to_numpy()
    held_out = held_out_split({"engine": table["engine"].iloc[0]})
    with style():
        figure, axes = _panels(4 if weights else 3)
        _draw_finals(axes, values, table, held_out)
        if weights:
            axes[3].plot(values, table["near_zero_share"], "-o", color=HUES[2], markersize=5,
                         label="share")  # fmt: skip
            axes[3].set_title("Weights near zero")
            percent_axis(axes[3])
        for panel in axes:
            _swept_axis(panel, values, sweep["vary"])
    accuracy = f"{held_out}_accuracy"
    ranked = table.dropna(subset=accuracy).sort_values(accuracy, kind="stable")
    finding = "every training diverged."
    if len(ranked):
        worst, best = ranked.iloc[0], ranked.iloc[-1]
        finding = (
            f"highest {held_out} accuracy {percent(best[accuracy])} at {number(best['value'])}, "
            f"lowest {percent(worst[accuracy])} at {number(worst['value'])}."
            f"{_diverged_values(table.loc[table[accuracy].isna(), 'value'])}"
        )
    return Drawing(
        figure,
        f"{sweep['title']}: {finding}",
        f"Final metrics against {sweep['vary'].replace('_', ' ')}. Dashed with open dots: "
        f"training data; solid with full dots: {held_out} data; bars span the seeds.",
    )


def _swept_axis(axes: Axes, values: np.ndarray, vary: str) -> None:
    axes.set_xlabel(vary.replace("_", " "))
    positive = values[values > 0]
    if len(positive) == len(values) and values.max() / values.min() > 30:
        axes.set_xscale("log")
        axes.set_xlim(values.min() / 1.5, values.max() * 1.5)  # even if nothing is drawn
        power_axis(axes, "x")


def sweep_curves(
    models: Sequence[Mapping[str, Any]], sweep: Mapping[str, Any], runs: Runs
) -> Drawing:
    """Draw held-out accuracy and loss over epochs for every swept value, light to dark."""
    values = sweep["values"]
    held_out = held_out_split(models[0])
    order = np.argsort(values)
    colors = mpl.colormaps["viridis"](np.linspace(0.0, DARKER, len(models)))[::-1]
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.3), layout="constrained")
        drawn = []
        ends: dict[Axes, list[tuple[float, str, str]]] = {left: [], right: []}
        for color, index in zip(colors, order, strict=True):
            hue = mpl.colors.to_hex(color)
            curves = read_curves(models[index], held_out, runs, with_penalty=False)
            drawn.append(curves)
            accuracy, loss = curves.mean(curves.accuracy), curves.mean(curves.loss)
            name = number(values[index])
            some = subsample(len(curves.epochs), SWEEP_POINTS)
            epochs = curves.epochs[some]
            left.plot(epochs, accuracy[some], color=hue, linewidth=1.4, label=name)
            right.plot(epochs, loss[some], color=hue, linewidth=1.4, label=name)
            ends[left].append((float(accuracy[-1]), name, hue))
            ends[right].append((float(loss[-1]), name, hue))
        left.set_title(f"{held_out.capitalize()} accuracy")
        right.set_title(f"{held_out.capitalize()} loss (without penalty), nats")
        percent_axis(left)
        losses = [np.asarray(line.get_ydata()).reshape(-1, 1) for line in right.lines]
        limit(left, [c.counted(c.accuracy) for c in drawn], rising=True)
        limit(right, losses, rising=False)
        for axes in (left, right):
            axes.set_xlabel("epoch")
            label_ends(axes, ends[axes])
    finals = {values[index]: c.final[0] for index, c in zip(order, drawn, strict=True)}
    known = [accuracy for accuracy in finals.values() if math.isfinite(accuracy)]
    finding = "every training diverged."
    if known:
        finding = (
            f"final {held_out} accuracy from {percent(min(known))} to {percent(max(known))} over "
            f"{len(known)} values."
            f"{_diverged_values(value for value, it in finals.items() if not math.isfinite(it))}"
        )
    return Drawing(
        figure,
        f"{sweep['title']}: {finding}",
        f"One line per value of {sweep['vary'].replace('_', ' ')}, labeled at the right; darker is "
        "larger. The first epochs are outside the axes.",
    )


def _diverged_values(values: Iterable[float]) -> str:
    """Return a sentence that names the values at which every seed diverged, if any."""
    names = [number(value) for value in values]
    return f" Diverged: {', '.join(names)}." if names else ""


def epochs_bars(table: pd.DataFrame, title: str) -> Drawing:
    """Draw test accuracy and loss after each number of epochs, as bars."""
    labels = [f"{int(epochs):,}" for epochs in table["epochs"]]
    with style():
        figure, axes = _panels(2)
        for panel, metric, name, write in (
            (axes[0], "test_accuracy", "Test accuracy", percent),
            (axes[1], "test_loss", "Test loss, nats", nats),
        ):
            bars = panel.bar(labels, table[metric], width=0.6, color=HUES[0], label="test")
            panel.bar_label(bars, [write(value) for value in table[metric]], padding=2)
            panel.set_title(name)
            panel.set_xlabel("epochs")
            panel.margins(y=0.12)
        percent_axis(axes[0])
    first, last = table.iloc[0], table.iloc[-1]
    return Drawing(
        figure,
        f"{title}: test accuracy goes from {percent(first['test_accuracy'])} after "
        f"{int(first['epochs'])} epochs to {percent(last['test_accuracy'])} after "
        f"{int(last['epochs'])}, loss from {nats(first['test_loss'])} to "
        f"{nats(last['test_loss'])}.",
        "Bars: test metrics of one long training at these epochs.",
    )


def depth(table: pd.DataFrame) -> Drawing:
    """Draw final accuracy, loss and gap of models with increasing depth."""
    positions = list(range(len(table)))
    held_out = held_out_split({"engine": table["engine"].iloc[0]})
    with style():
        figure, axes = _panels(3)
        _draw_finals(axes, positions, table, held_out)
        for panel in axes:
            panel.set_xticks(positions, table["model"])
            panel.margins(x=0.12)
    parts = [
        f"{row['title']} {percent(row[f'{held_out}_accuracy'])}" for _, row in table.iterrows()
    ]
    return Drawing(
        figure,
        f"Depth: {held_out} accuracy {', '.join(parts)}.",
        f"Final metrics by model. Dashed with open dots: training data; solid with full dots: "
        f"{held_out} data; bars span the seeds.",
    )


def models_overview(
    tables: Sequence[pd.DataFrame],
    published: Mapping[str, Mapping[str, float]],
    comparisons: pd.DataFrame | None = None,
) -> Drawing:
    """Draw the test accuracy of every model: mean, range over seeds, and published value.

    `tables` are from `tables.models_table`; `comparisons` determine the length of a ruler, the
    smallest difference that the seeds can resolve.
    """
    table = pd.concat(tables, ignore_index=True)
    table = table[table["seeds"] > table["diverged"]].iloc[::-1].reset_index(drop=True)
    hues = dict(zip(SECTIONS, HUES, strict=False))
    with style():
        figure, axes = plt.subplots(figsize=(NARROW, 1.1 + 0.28 * len(table)), layout=roomy())
        shown = table["test_accuracy"] > table["test_accuracy"].median() - FAR_BELOW
        far = [
            ("test accuracy", SECTIONS[row["section"]], row["test_accuracy"], row["title"])
            for row in table[~shown].to_dict("records")
        ]
        for position, (_, row) in enumerate(table.iterrows()):
            hue, mean = hues[row["section"]], row["test_accuracy"]
            if not shown.iloc[position]:
                write(axes, f"◂ {percent(mean)}", (0, position), (4, 0), BESIDE_ROW, color=hue)
                continue
            bars = error_bars(mean, row["test_accuracy_min"], row["test_accuracy_max"])
            axes.errorbar([mean], [position], xerr=bars.reshape(2, 1), fmt="o", color=hue,
                          markersize=5, elinewidth=2, label=SECTIONS[row["section"]])  # fmt: skip
            value = published.get(row["model"], {}).get("test_accuracy")
            if value is not None:
                axes.plot(value, position, **DIAMOND, markeredgecolor=INK, zorder=1,
                          label="published")  # fmt: skip
        _name_rows(axes, list(table["title"]))
        axes.grid(axis="x")
        axes.set_xlabel("test accuracy")
        percent_axis(axes, "x")
        resolved = _resolved(comparisons)
        if len(table) and len(resolved):
            _draw_ruler(axes, float(np.median(resolved)), len(resolved))
            name = "smallest difference that seeds resolve"
            far += [("test accuracy", name, size, "a comparison") for size in resolved]
    if table.empty:
        return Drawing(figure, "No model finished its training.", "There is nothing to draw.")
    best = table.sort_values("test_accuracy", kind="stable").iloc[-1]
    return Drawing(
        figure,
        f"Test accuracy of {len(table)} models; the highest mean is "
        f"{percent(best['test_accuracy'])} ({best['title']}).",
        "Dots: means over seeds; lines: range over seeds; open diamonds: published values; values "
        "far to the left are written at the edge. "
        "Blue: Part A, orange: Part B, green: Part C."
        + (
            " Gray ruler: the smallest difference that seeds resolve, median of the planned "
            "comparisons."
            if len(resolved)
            else ""
        ),
        far,
    )


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Write a name at each row, on two lines if it is long.

    The invisible tick labels have the full names for the figure's data.  They are not drawn,
    because browsers use other letter widths and would not right-align labels of two lines.
    """
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", labelleft=False)
    for position, name in enumerate(names):
        _write_lines(axes, _two_lines(name), (0, position), BESIDE_ROW, color=INK, fontsize=None)


def _two_lines(name: str) -> list[str]:
    """Split a name into at most two lines of similar length, truncating longer names."""
    widths = [NAME] if len(name) <= NAME else range(math.ceil(len(name) / 2), NAME)
    for width in widths:
        lines = textwrap.wrap(name, width, break_on_hyphens=False)
        if len(lines) <= 2:
            return lines
    return textwrap.wrap(name, NAME, max_lines=2, placeholder=" …", break_on_hyphens=False)


def _write_lines(
    axes: Axes,
    lines: Sequence[str],
    place: tuple[float, float],
    coordinates: Any,
    **text_style: Any,
) -> None:
    """Write right-aligned lines to the left of a place, vertically centered."""
    for index, line in enumerate(lines):
        offset = (-6, 10.2 * ((len(lines) - 1) / 2 - index))
        write(axes, line, place, offset, coordinates, ha="right", **text_style)


def _resolved(comparisons: pd.DataFrame | None) -> list[float]:
    """Return the smallest resolvable differences in test accuracy, one per comparison."""
    if comparisons is None or comparisons.empty:
        return []
    own = comparisons[comparisons["metric"] == "test_accuracy"]["resolution"].astype(float)
    return [float(size) for size in own if math.isfinite(size)]


def _draw_ruler(axes: Axes, size: float, count: int) -> None:
    """Draw a gray ruler of this length below the lowest row, at the right."""
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom - 1.4, top)
    middle = bottom - 0.6
    axes.plot([high - size, high], [middle] * 2, "-|", color=FAINT, linewidth=1.6,
              markersize=6, clip_on=False)  # fmt: skip
    axes.set_xlim(low, high)
    lines = (
        f"smallest difference that seeds resolve: {fixed(100 * size, 1)} points",
        f"(median of {count} comparison{'' if count == 1 else 's'})",
    )
    edge = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.5}
    _write_lines(axes, lines, (high - size, middle), "data", color=FAINT, bbox=edge)


def weight_histograms(models: Sequence[Mapping[str, Any]], runs: Runs) -> Drawing:
    """Draw histograms of all weights of each model, on shared axes."""
    edges = np.linspace(-0.3, 0.3, 121)
    shares = []
    with style():
        columns = min(3, len(models))
        rows = math.ceil(len(models) / columns)
        figure, grid = plt.subplots(
            rows, columns, figsize=(WIDTH, 0.4 + 1.9 * rows), sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for axes, model in zip(grid.ravel(), models, strict=False):
            seeds = runs.finished(model)
            weights = np.concatenate(
                [np.empty(0, np.float32), *(runs.weights(model["run"], s) for s in seeds)]
            )
            counts, _ = np.histogram(np.clip(weights, edges[0], edges[-1]), edges)
            share = float(near_zero(weights).mean()) if weights.size else math.nan
            shares.append(share)
            axes.stairs(counts / max(1, weights.size), edges, fill=True, color=HUES[0], alpha=0.85,
                        label="share")  # fmt: skip
            axes.set_yscale("log")
            axes.set_title(textwrap.fill(model["title"], 30), fontsize=SMALL)
            axes.set_xlabel(f"{percent(share)} near zero", fontsize=8)
            power_axis(axes, "y")
        for axes in grid.ravel()[len(models) :]:
            axes.set_axis_off()
        for axes in grid[:, 0]:
            axes.set_ylabel("share of weights")
        show_tick_labels(grid.ravel()[: len(models)])
    parts = [f"{m['title']} {percent(s)}" for m, s in zip(models, shares, strict=True)]
    return Drawing(
        figure,
        f"Share of weights near zero: {', '.join(parts)}.",
        "Histograms of the weights of all layers and seeds after training, on a logarithmic scale; "
        "the outermost bars include all weights beyond them. A weight is near zero if it is at "
        f"most {100 * NEAR_ZERO:g} % of the root mean square of the model's weights.",
    )


def data_pictures(pictures: Mapping[str, np.ndarray], summary: Mapping[str, Any]) -> Drawing:
    """Draw examples and the mean image of each class, and the overall mean and variance."""
    samples, means = pictures["sample_images"], pictures["class_mean_images"]
    counts = summary["train"]["class_counts"]
    with style():
        figure = plt.figure(figsize=(WIDTH, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[3.6, 1])
        rows = [np.hstack([*row / 255.0, mean]) for row, mean in zip(samples, means, strict=True)]
        left.imshow(1 - np.vstack(rows), **GRAY)
        side = samples.shape[-1]
        centers = np.arange(len(CLASSES)) * side + side / 2
        left.set_yticks(
            centers, [f"{name} ({count:,})" for name, count in zip(CLASSES, counts, strict=True)]
        )
        left.set_xticks([side * samples.shape[1] / 2, side * (samples.shape[1] + 0.5)])
        left.set_xticklabels(["first training images", "mean"])
        left.axvline(side * samples.shape[1] - 0.5, color=HUES[1], linewidth=1)
        gap = np.zeros((side // 4, side))
        variance = pictures["variance_image"] / pictures["variance_image"].max()
        right.imshow(1 - np.vstack([pictures["mean_image"], gap, variance]), **GRAY)
        right.set_yticks([side / 2, side * 1.75], ["mean", "variance"])
        right.set_xticks([])
        for axes in (left, right):
            plain(axes, "y")
    fewest, most = min(counts), max(counts)
    each = f"{fewest:,} each" if fewest == most else f"{fewest:,} to {most:,} each"
    return Drawing(
        figure,
        f"Fashion-MNIST's training set: {sum(counts):,} images in {len(CLASSES)} classes, {each}.",
        "Rows: classes, with the number of training images, their first images, and the mean "
        "image of the class. Right: mean and variance of each pixel over all images. Dark is high.",
        [
            ("number of training images", name, "", count)
            for name, count in zip(CLASSES, counts, strict=True)
        ],
    )


def stages(trainings: int, experiments: int, tables: int, figures: int) -> Drawing:
    """Draw the six stages of the study, from the data to the report, with their results."""
    steps = {
        "Fetch and verify": "four files, accepted only with the expected SHA-256",
        "Prepare tensors": "float32, one column per image",
        "Train": f"{trainings:,} trainings and {experiments:,} experiments, one job per seed",
        "Tabulate and judge": f"{tables:,} tables: metrics, intervals, verdicts",
        "Draw": f"{figures:,} figures and their values",
        "Report": "one page and one PDF",
    }
    with style():
        drawn, axes = plt.subplots(figsize=(NARROW, 0.5 * len(steps)), layout="constrained")
        axes.set_axis_off()
        axes.set_xlim(0, NARROW)
        axes.set_ylim(0.5 - len(steps), 0.5)
        for place, (stage, what) in enumerate(steps.items()):
            box = Rectangle((0.02, -place - 0.3), NARROW - 0.04, 0.6, linewidth=1.2)
            hue = HUES[0] if stage == "Train" else "#b9bec5"
            axes.add_patch(box).set(facecolor="white", edgecolor=hue)
            axes.text(0.15, -place, stage, color=INK, weight="bold", va="center")
            axes.text(1.65, -place, what, color=FAINT, va="center")
            if place:
                ends = (0.5, 0.3 - place), (0.5, 0.7 - place)
                axes.annotate("", ends[0], xytext=ends[1], arrowprops=ARROW)
    return Drawing(
        drawn,
        "The study leads from the data to the report in six stages.",
        "From top to bottom; each stage reads the results of those above it.",
        [("", stage, place, what) for place, (stage, what) in enumerate(steps.items(), 1)],
    )
