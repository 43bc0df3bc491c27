"""Validation accuracy over learning rates, normalized before and after the activation."""

from __future__ import annotations

import pandas as pd

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, listed, marks_told, name_of, seeds_told
from fmstudy.experiments.reading import some, values_of
from fmstudy.figures.plots import label_ends, nothing, percent, percent_axis
from fmstudy.figures.svg import Drawing, style
from fmstudy.study.spec import number


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Validation accuracy against the rate, before and after the activation."""
    activations, arms = values_of(table, "activation"), values_of(table, "arm")
    if not activations:
        return nothing("No training was started.")
    figure, grid = drawing.grid(1, len(activations), 2.7, sharey=True)
    findings = []
    for axes, activation in zip(grid[0], activations, strict=True):
        rows = some(table, activation=activation)
        rates = values_of(rows, "rate")
        best, means = [], {}
        for arm in arms:
            own = some(rows, arm=arm)
            wide = drawing.curves(own, "validation_accuracy", "rate")
            means[arm] = drawing.arm_lines(axes, wide, arm, marker="o").dropna()
            if means[arm].empty:
                best.append(f"diverged {arm}")
                continue
            highest = float(means[arm].max())
            best.append(f"{percent(highest)} {arm} (at {number(drawing.highest_at(means[arm]))})")
        findings.append(f"{name_of(activation)} {listed(best)}")
        axes.set_title(f"{name_of(activation)}: validation accuracy")
        percent_axis(axes)
        drawing.values_x(axes, rates, "learning rate")
        for place, arm in enumerate(arms):
            height = 0.04 + 0.07 * place
            drawing.crosses(axes, some(rows, arm=arm), "rate", arm, height)
    for axes, activation in zip(grid[0], activations, strict=True):  # the limits are common
        rows = some(table, activation=activation)
        found = [
            drawing.mean(drawing.curves(rows, "validation_accuracy", "rate", arm=a)).dropna()
            for a in arms
        ]
        ends = [  # where the line ends: beyond, all trainings may have diverged
            (float(means.iloc[-1]), arm, hue_of(arm))
            for arm, means in zip(arms, found, strict=True)
            if len(means)
        ]
        label_ends(axes, ends, drawing.LABEL / 2.2)
    return Drawing(
        figure,
        f"Highest mean validation accuracy with batch normalization before and after the "
        f"activation: {'; '.join(findings)} ({seeds_told(table)}).",
        "Validation accuracy against the learning rate, a panel an activation. Orange: batch "
        f"normalization before the activation; green: after it. {marks_told(table)}".strip(),
    )
