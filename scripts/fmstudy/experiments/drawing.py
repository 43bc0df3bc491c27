"""Shared by the experiments' figures: colors and names of arms, curves, axes, wording.

Blue is without batch normalization, orange with it before the activation, green and purple are
other arms.  Strong lines are means over finished seeds, thin lines single seeds, crosses diverged
trainings.  The report explains these marks once, not at every figure.
"""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fmstudy.analysis.formats import fixed
from fmstudy.experiments.reading import SMALLEST, some, values_of
from fmstudy.figures.axes import (
    SEED_POINTS,
    SMALL,
    WIDTH,
    draw_seeds,
    label_ends,
    limit,
    nats,
    power_axis,
    roomy,
    show_tick_labels,
    subsample,
)
from fmstudy.figures.colors import FAINT, HUES
from fmstudy.numbers import number

HUE = {
    "plain": HUES[0],
    "bn": HUES[1],
    "before": HUES[1],
    "noisy": HUES[2],
    "after": HUES[2],
    "both": HUES[2],
    "dropout": HUES[3],
}
NAMES = {
    "bn": "batch norm",
    "noisy": "noisy batch norm",
    "sigmoid": "Sigmoid",
    "relu": "ReLU",
    "sgd": "SGD",
    "adam": "Adam",
}
LABEL = 0.16  # inches: height of a line of text
# Points per mean and per seed; fewer in figures with many panels.
POINTS, FEW_POINTS, FEWEST_POINTS = (100, SEED_POINTS), (50, 15), (40, 8)


def name_of(key: str) -> str:
    """Return the name of an arm, an activation, or an optimizer in figures."""
    return NAMES.get(key, key)


def hue_of(arm: str) -> str:
    """Return the color of an arm."""
    return HUE.get(arm, FAINT)


def curves(table: pd.DataFrame, measure: str, over: str, **where: Any) -> pd.DataFrame:
    """Return a measure over a column: one row per value of the column, one column per seed.

    Several values of a seed are averaged; infinite values become NaN.
    """
    rows = some(table, measure=measure, **where)
    values = rows["value"].replace([math.inf, -math.inf], math.nan)
    return values.groupby([rows[over], rows["seed"]]).mean().unstack("seed").sort_index()


def geometric_mean(wide: pd.DataFrame) -> pd.Series:
    """Return geometric means over seeds with positive values."""
    return np.exp(np.log(wide.where(wide > SMALLEST)).mean(axis=1))


def mean_at(means: pd.Series, place: float) -> float:
    """Return the mean at a place, NaN if all trainings have diverged by then."""
    return float(means.get(place, math.nan))


def grid(
    rows: int, columns: int, height: float, **given: Any
) -> tuple[Figure, np.ndarray[Any, np.dtype[np.object_]]]:
    """Create a grid of axes; `height` is that of a row in inches."""
    size = (WIDTH, 0.25 + height * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout=roomy(), **given)
    show_tick_labels(grid.ravel())
    return figure, grid


def lines(
    axes: Axes,
    wide: pd.DataFrame,
    hue: str,
    name: str,
    means: pd.Series | None = None,
    dashes: Any = "-",
    width: float = 1.8,
    marker: str = "",
    kind: str | None = None,
    points: tuple[int, int] = POINTS,
) -> pd.Series:
    """Draw seeds and their means over the index as series of this name; return the means."""
    means = wide.mean(axis=1) if means is None else means
    if wide.shape[1] > 1:
        names = [f"{name} seed {seed:g}" for seed in wide.columns]
        draw_seeds(axes, wide.index, wide.to_numpy(), names, hue, points[1], dashes)
    shown = means.iloc[subsample(len(means), points[0])]
    axes.plot(shown.index, shown.to_numpy(), color=hue, linewidth=width, linestyle=dashes,
              marker=marker, markersize=4, label=name, gid=kind)  # fmt: skip
    return means


def arm_lines(
    axes: Axes, wide: pd.DataFrame, arm: str, means: pd.Series | None = None, **how: Any
) -> pd.Series:
    """Draw `lines` in the color and with the name of an arm."""
    return lines(axes, wide, hue_of(arm), name_of(arm), means, **how)


def lines_and_crosses(
    axes: Axes, rows: pd.DataFrame, measure: str, over: str, heights: tuple[float, float]
) -> dict[str, pd.Series]:
    """Draw a final metric over a setting by arm, with crosses for diverged trainings.

    `heights` are those of the first arm's crosses and the step to the next arm's, as shares of the
    axes.  Returns the means by arm.
    """
    means = {}
    for place, arm in enumerate(values_of(rows, "arm")):
        own = some(rows, arm=arm)
        means[arm] = arm_lines(axes, curves(own, measure, over), arm, marker="o")
        crosses(axes, own, over, arm, heights[0] + heights[1] * place)
    return means


def crosses(axes: Axes, table: pd.DataFrame, over: str, arm: str, height: float) -> None:
    """Draw crosses for diverged trainings, at this share of the axes' height."""
    for place, share in diverged(table, over).items():
        axes.plot([place], [height], "x", transform=axes.get_xaxis_transform(), color=hue_of(arm),
                  alpha=1.0 if share == 1.0 else 0.45, markersize=5.5, markeredgewidth=1.6,
                  clip_on=False, zorder=5, label=f"{name_of(arm)} diverged")  # fmt: skip


def last_known(means: pd.Series) -> float:
    """Return the last finite mean; NaN if there is none."""
    known = means.dropna()
    return float(known.iloc[-1]) if len(known) else math.nan


def dots(axes: Axes, seeds: np.ndarray, mean: float, place: float, hue: str) -> None:
    """Draw seeds as small dots in a row, and their mean as a large one."""
    if len(seeds) > 1:
        axes.plot(seeds, [place] * len(seeds), "o", color=hue, alpha=0.35, markersize=3.5,
                  label="single seeds", gid="seed")  # fmt: skip
    if math.isfinite(mean):
        axes.plot([mean], [place], "o", color=hue, markersize=7, label="mean")


def loss_panel(axes: Axes, rows: pd.DataFrame, measure: str, over: str, dashes: str = "-") -> None:
    """Draw a loss over steps or epochs, a line per arm with its last value."""
    last = float(rows[over].max())
    ends, drawn = [], []
    for arm in values_of(rows, "arm"):
        wide = curves(rows, measure, over, arm=arm)
        if wide.empty:
            continue
        kind = "train" if measure == "train_loss" else "held-out"
        means = arm_lines(axes, wide, arm, dashes=dashes, kind=kind)
        text = f"{name_of(arm)} {nats(mean_at(means, last))}"
        ends.append((last_known(means), text, hue_of(arm)))
        drawn.append(wide.to_numpy())
    limit(axes, drawn, rising=False)
    label_ends(axes, ends, LABEL / 2.2)
    steps_x(axes, label=over)


def diverged(table: pd.DataFrame, over: str) -> dict[float, float]:
    """Return the share of diverged trainings by place, if positive."""
    shares = 1.0 - some(table, measure="finished").groupby(over)["value"].mean()
    lost = shares[shares > 0]
    return {float(p): float(s) for p, s in zip(lost.index, lost.to_numpy(), strict=True)}


def log_x(axes: Axes, values: Sequence[float], label: str) -> None:
    """Make the x axis logarithmic over these values."""
    axes.set_xscale("log")
    low, high = min(values), max(values)
    room = max((high / low) ** 0.04, 1.05)
    axes.set_xlim(low / room, high * room)
    axes.set_xticks(log_ticks(*axes.get_xlim()))
    power_axis(axes, "x")
    axes.set_xlabel(label)


def values_x(axes: Axes, values: Sequence[float], label: str) -> None:
    """Make the x axis logarithmic, with exactly these values as ticks."""
    log_x(axes, values, label)
    axes.set_xticks(list(values), [number(value) for value in values])
    axes.minorticks_off()


def log_y(axes: Axes) -> None:
    """Make the y axis logarithmic."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_yticks(log_ticks(low, high))
    axes.set_ylim(low, high)
    power_axis(axes, "y")


def log_ticks(low: float, high: float) -> list[float]:
    """Return round ticks for a logarithmic axis: at least three if possible, at most five."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for marks in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)):
        ticks = [m * 10.0**p for p in powers for m in marks if low <= m * 10.0**p <= high]
        if len(ticks) >= 3:
            break
    return ticks[:: math.ceil(len(ticks) / 5) or 1]


def steps_x(axes: Axes, bins: int = 4, label: str = "step") -> None:
    """Label the x axis with integers."""
    axes.xaxis.set_major_locator(MaxNLocator(bins, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: fixed(value, 0)))
    axes.set_xlabel(label)


def arm_legend(figure: Figure, arms: Sequence[str]) -> None:
    """Name the arms in a legend at the top."""
    handles = [mpl.lines.Line2D([], [], color=hue_of(arm), linewidth=1.8) for arm in arms]
    figure.legend(handles, [name_of(arm) for arm in arms], loc="outside upper left",
                  ncols=len(arms), labelcolor="linecolor", fontsize=SMALL, handlelength=1.6,
                  borderaxespad=0.2)  # fmt: skip
