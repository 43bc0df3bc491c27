"""A validation metric over learning rates: one panel per activation, one line per arm."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, name_of
from fmstudy.experiments.reading import some, values_of
from fmstudy.figures.axes import label_ends


def draw_rates(table: pd.DataFrame, metric: str) -> Figure:
    """Draw a validation metric, accuracy or loss, against the learning rate.

    Losses far above the best ones, where trainings nearly diverge, lie outside the axes.
    """
    activations = values_of(table, "activation")
    figure, grid = drawing.grid(1, len(activations), 2.5, sharey=True)
    lowest = []
    ends: dict[Axes, list[tuple[float, str, str]]] = {}
    for axes, activation in zip(grid[0], activations, strict=True):
        rows = some(table, activation=activation)
        ends[axes] = []
        drawn = drawing.lines_and_crosses(axes, rows, f"validation_{metric}", "rate", (0.04, 0.07))
        for arm, all_means in drawn.items():
            means = all_means.dropna()
            if means.empty:
                continue
            lowest.append(float(means.min()))
            # Where the line ends: beyond it, all trainings may have diverged.
            ends[axes].append((float(means.iloc[-1]), name_of(arm), hue_of(arm)))
        axes.set_title(f"{name_of(activation)}: validation {metric}")
        drawing.values_x(axes, values_of(rows, "rate"), "learning rate")
    if metric == "loss" and lowest:  # all panels share their limits
        axes.set_ylim(0.9 * min(lowest), 1.4 * max(lowest))
    for axes, labels in ends.items():
        top = axes.get_ylim()[1]
        inside = [(min(height, top), name, hue) for height, name, hue in labels]
        label_ends(axes, inside, drawing.LABEL / 2.0)
    return figure
