"""Validation accuracy over steps, each net at its best learning rate."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from fmstudy.analysis.formats import fixed
from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, name_of
from fmstudy.experiments.reading import Settings, some, values_of
from fmstudy.experiments.speed.quantities import steps_to
from fmstudy.figures.axes import empty_figure, label_ends, percent_axis
from fmstudy.figures.colors import FAINT
from fmstudy.figures.svg import Drawing, style
from fmstudy.numbers import number


@style()
def draw(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Validation accuracy against steps, each net at its best rate, with the levels."""
    rows = some(table, measure="validation_accuracy")
    if rows.empty:
        return empty_figure("No training left any values.")
    levels = sorted(settings["levels"])
    activations = values_of(rows, "activation")
    figure, grid = drawing.grid(1, len(activations), 2.5, sharey=True)
    ends: dict[Axes, list[tuple[float, str, str]]] = {}
    for axes, activation in zip(grid[0], activations, strict=True):
        own = some(rows, activation=activation)
        last = float(own["step"].max())
        ends[axes] = []
        for arm in values_of(own, "arm"):
            wide = drawing.curves(own, "validation_accuracy", "step", arm=arm)
            means = drawing.arm_lines(axes, wide[wide.index > 0], arm, kind="held-out")
            rate = some(table, measure="rate", activation=activation, arm=arm)["value"].unique()
            text = f"{name_of(arm)}\nrate {number(rate[0])}" if len(rate) == 1 else name_of(arm)
            ends[axes].append((drawing.mean_at(means, last), text, hue_of(arm)))
            for level in levels:
                steps = _geometric_mean(steps_to(some(own, arm=arm), level).values())
                if 0 < steps < math.inf:
                    axes.plot([steps], [level], "o", color=hue_of(arm), markersize=5, zorder=5,
                              label=f"{name_of(arm)} reaches a level")  # fmt: skip
        for level in levels:
            axes.axhline(level, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_title(f"{name_of(activation)}: validation accuracy")
        percent_axis(axes)
        drawing.log_x(axes, [s for s in values_of(own, "step") if s > 0] or [1.0], "step")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: fixed(value, 0)))
    low = max(0.0, 2.0 * min(levels) - 1.0)  # as much below the lowest level as is above it
    high = max(float(rows["value"].max()), *levels)
    for axes, labels in ends.items():
        axes.set_ylim(low, high + 0.05 * (high - low))
        label_ends(axes, labels, 2 * drawing.LABEL / 1.9)
    return Drawing(
        figure,
        "Validation accuracy over steps",
        "Each network at its best learning rate. Dots: where a level (dashed) is reached.",
    )


def _geometric_mean(values: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(np.maximum(list(values), 1.0)))))
