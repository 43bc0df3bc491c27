"""Shared by all figures: sizes, axes, labels, and numbers in pictures.

Marks are consistent: training is dashed and thin, held-out data (test in Part A, validation in
Part B) solid, the final test value a dot, published values open diamonds, single seeds faint.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fmstudy.analysis.formats import DIVERGED, fixed, number
from fmstudy.figures.colors import FAINT, INK, PAPER, readable
from fmstudy.figures.svg import Drawing, style
from fmstudy.study.spec import FINISHED
from fmstudy.study.words import setting_name, setting_text

WIDTH = 8.0  # inches
NARROW = 4.9  # inches; a picture without columns that a phone shows whole
SMALL = 9.0  # points; pages show no smaller letters, see `pagefigures`
BESIDE_ROW = ("axes fraction", "data")  # coordinates of texts at the edge of a row
BAND = 0.25  # opacity of interval bands
DARKER = 0.59  # the part of the color map viridis with enough contrast to white paper
SEED_POINTS = 50  # per faint line of a seed; more would not be distinguishable

MOST_LETTERS = 24  # side by side below a narrow panel; more are rotated

ARROW: dict[str, Any] = {"arrowstyle": "-|>", "color": FAINT, "shrinkA": 0, "shrinkB": 0}
GRAY: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "none"}
DIAMOND: dict[str, Any] = {
    "marker": "D",
    "markersize": 5,
    "markerfacecolor": PAPER,
    "linestyle": "none",
}


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


# ------------------------------------------------------------------------------------------- axes
def roomy(pad: float = 0.08) -> ConstrainedLayoutEngine:
    """Return a layout with room at the sides, because letters are wider in some browsers."""
    return ConstrainedLayoutEngine(w_pad=pad)


def row_of_panels(count: int, height: float = 2.8, **given: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure of full width with panels side by side."""
    figure, axes = plt.subplots(1, count, figsize=(WIDTH, height), layout="constrained", **given)
    return figure, list(np.atleast_1d(axes))


def round_ticks(bins: int, integer: bool = False) -> MaxNLocator:
    """Return a locator of at most so many ticks per axis, at steps of 1, 2 or 5."""
    return MaxNLocator(bins, steps=[1, 2, 5, 10], integer=integer)


def gap_between(side: int) -> int:
    """Return how many white pixels separate images of so many pixels: large ones need a gap."""
    return 1 if side < 20 else 0


def percent_axis(axes: Axes, axis: str = "y", bins: int = 5) -> None:
    """Label an axis of fractions with percentages."""
    target = axes.yaxis if axis == "y" else axes.xaxis
    target.set_major_locator(round_ticks(bins))
    target.set_major_formatter(FuncFormatter(lambda value, _: f"{_tick(100 * value)} %"))


def points_axis(axes: Axes, axis: str = "y", bins: int = 5) -> None:
    """Label an axis of differences of fractions with percentage points."""
    target = axes.yaxis if axis == "y" else axes.xaxis
    target.set_major_locator(round_ticks(bins))
    target.set_major_formatter(FuncFormatter(lambda value, _: _tick(100 * value)))


def number_axis(axes: Axes, axis: str = "y", bins: int = 5) -> None:
    """Label an axis with plain numbers."""
    target = axes.yaxis if axis == "y" else axes.xaxis
    target.set_major_locator(round_ticks(bins))
    target.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))


def _tick(value: float) -> str:
    return number(round(float(value), 9))


def power_axis(axes: Axes, axis: str) -> None:
    """Label powers of ten without mathematical markup, which the style disables."""
    target = axes.yaxis if axis == "y" else axes.xaxis
    axes.minorticks_off()
    target.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.6g}"))))


def swept_values(sweep: Mapping[str, Any]) -> tuple[np.ndarray, bool]:
    """Return the values of a swept key, and whether they are numbers; others become texts."""
    values = sweep["values"]
    if all(isinstance(value, int | float) for value in values):
        return np.array(values), True
    return np.array([setting_text(value) for value in values]), False


def swept_axis(axes: Axes, values: np.ndarray, vary: str) -> None:
    """Make the x axis that of a swept key, logarithmic if its values span decades."""
    axes.set_xlabel(setting_name(vary))
    if values.dtype.kind == "U":
        axes.margins(x=0.2)
        if sum(map(len, values)) > MOST_LETTERS:
            axes.tick_params(axis="x", labelrotation=30)
        return
    positive = values[values > 0]
    if len(positive) == len(values) and values.max() / values.min() > 30:
        axes.set_xscale("log")
        axes.set_xlim(values.min() / 1.5, values.max() * 1.5)  # even if nothing is drawn
        power_axis(axes, "x")


def epoch_axis(axes: Axes, label: str = "epoch") -> None:
    """Label the x axis with a few integers."""
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(round_ticks(5, integer=True))


def plain(axes: Axes, strong: Literal["x", "y", "both"] = "both") -> None:
    """Remove grid, ticks, and spines; darken the labels of one axis or both."""
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.tick_params(strong, labelcolor=INK)
    axes.spines["bottom"].set_visible(False)


def name_rows(axes: Axes, names: Sequence[str], places: Sequence[float] | None = None) -> None:
    """Name the rows of axes from the top down, at 0, 1, 2, ... or other places."""
    places = range(len(names)) if places is None else places
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(max(places) + 0.6, -0.6)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")


def show_tick_labels(panels: Iterable[Axes]) -> None:
    """Show the tick labels of each panel's y axis, even if panels share it.

    Narrow pages stack the panels.
    """
    for axes in panels:
        axes.tick_params(axis="y", labelleft=True)


# ----------------------------------------------------------------------------------------- labels
def short_titles(titles: Sequence[str], most: int = 34) -> list[str]:
    """Shorten titles: without the words that all of them start with, and cut."""
    words = [title.split() for title in titles]
    common = 0
    if len(set(titles)) > 1:
        while len({tuple(one[: common + 1]) for one in words}) == 1:
            common += 1
    return [textwrap.shorten(" ".join(one[common:]), most) for one in words]


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


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]], needed: float = 0.08) -> None:
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


# ------------------------------------------------------------------------------------------ lines
def finished_seeds(trainings: pd.DataFrame, run: str) -> pd.DataFrame:
    """Return the trainings of a run that finished; `trainings` are from `tables.runs_table`."""
    return trainings[(trainings["run"] == run) & (trainings["status"] == FINISHED)]


def error_bars(middle: Any, low: Any, high: Any) -> np.ndarray:
    """Return the distances from values to both ends of their ranges, (2, n)."""
    return np.maximum([middle - low, high - middle], 0.0)


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


def limit(axes: Axes, curves: Sequence[np.ndarray], rising: bool, beginning: float = 0.05) -> None:
    """Exclude the steep beginning of training, which would flatten the rest of the curves.

    Each of `curves` is (epochs, seeds), NaN where there is no value; `beginning` is the share of
    the epochs to exclude.  The limits include the end of each curve, even if training has failed,
    and all single marks, such as published values.  If training begins by getting worse, the value
    of the untrained network stands for the beginning.
    """
    worst, best = (np.nanmin, np.nanmax) if rising else (np.nanmax, np.nanmin)
    starts, bests = [], []
    for seeds in curves:
        known = seeds[np.isfinite(seeds).any(axis=1)]
        if len(known):
            start = min(len(known) - 1, max(1, math.ceil(beginning * len(known))))
            untrained, early, end = worst(known[[0, start, -1]], axis=1)
            starts.append(worst([best([untrained, early]), end]))
            bests.append(best(known))
    heights = [np.asarray(line.get_ydata()) for line in axes.lines]
    marks = [float(height[0]) for height in heights if height.size == 1]
    if not starts:
        return
    low, high = (f([*starts, *bests, *marks]) for f in (min, max))
    margin = 0.05 * (high - low) or 0.01
    axes.set_ylim(low - margin, high + margin)


def draw_summary(
    axes: Axes,
    x: Sequence[float] | np.ndarray,
    table: pd.DataFrame,
    name: str,
    hue: str,
    label: str,
    joined: bool = True,
) -> None:
    """Draw a metric's mean over x, with a thin bar from the smallest to the largest seed.

    A line joins the means, unless x has words; that of the label "train" is dashed.
    """
    look: dict[str, Any] = {"linestyle": "-", "linewidth": 1.8, "markersize": 5}
    if label == "train":
        look = {"linestyle": "--", "linewidth": 1.1, "markersize": 3.5, "markerfacecolor": PAPER}
    bars = error_bars(table[name], table[f"{name}_min"], table[f"{name}_max"])
    if not joined:
        look["linestyle"] = "none"
    axes.errorbar(x, table[name], yerr=bars, color=hue, marker="o", elinewidth=0.8, label=label,
                  **look)  # fmt: skip
