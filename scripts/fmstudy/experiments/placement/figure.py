"""Validation accuracy over learning rates, normalized before and after the activation."""

import pandas as pd
from matplotlib.axes import Axes

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, listed, marks_told, name_of, seeds_told
from fmstudy.experiments.reading import some, values_of
from fmstudy.figures.plots import empty_figure, label_ends, percent, percent_axis
from fmstudy.figures.svg import Drawing, style
from fmstudy.study.spec import number


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Validation accuracy against the rate, before and after the activation."""
    activations = values_of(table, "activation")
    if not activations:
        return empty_figure("No training was started.")
    figure, grid = drawing.grid(1, len(activations), 2.7, sharey=True)
    findings = []
    ends: dict[Axes, list[tuple[float, str, str]]] = {}
    for axes, activation in zip(grid[0], activations, strict=True):
        rows = some(table, activation=activation)
        best, ends[axes] = [], []
        drawn = drawing.lines_and_crosses(axes, rows, "validation_accuracy", "rate", (0.04, 0.07))
        for arm, all_means in drawn.items():
            means = all_means.dropna()
            if means.empty:
                best.append(f"diverged {arm}")
                continue
            highest = percent(float(means.max()))
            best.append(f"{highest} {arm} (at {number(drawing.highest_at(means))})")
            # Where the line ends: beyond, all trainings may have diverged.
            ends[axes].append((float(means.iloc[-1]), arm, hue_of(arm)))
        findings.append(f"{name_of(activation)} {listed(best)}")
        axes.set_title(f"{name_of(activation)}: validation accuracy")
        percent_axis(axes)
        drawing.values_x(axes, values_of(rows, "rate"), "learning rate")
    for axes, labels in ends.items():  # the limits are common
        label_ends(axes, labels, drawing.LABEL / 2.2)
    return Drawing(
        figure,
        f"Highest mean validation accuracy with batch normalization before and after the "
        f"activation: {'; '.join(findings)} ({seeds_told(table)}).",
        "Validation accuracy against the learning rate, one panel per activation. Orange: batch "
        f"normalization before the activation; green: after it. {marks_told(table)}".strip(),
    )
