"""How much loss and gradient change along the gradient, raw and scaled by the weights."""

import math

import pandas as pd

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import marks_told, name_of, seeds_told
from fmstudy.experiments.reading import SMALLEST, Settings, seed_means, values_of
from fmstudy.experiments.shift.quantities import quantities
from fmstudy.figures.axes import empty_figure
from fmstudy.figures.colors import INK
from fmstudy.figures.svg import Drawing, style

LANDSCAPE = {
    "loss_range": "Range of loss",
    "loss_range_scaled": "Range, scaled",
    "gradient_change": "Change of gradient",
    "gradient_change_scaled": "Change, scaled",
}


@style()
def draw(table: pd.DataFrame, settings: Settings) -> Drawing:
    """How much loss and gradient change along the gradient, raw and scaled by the weights."""
    rows = table[table["measure"].isin(list(LANDSCAPE))]
    if rows.empty:
        return empty_figure("No training left any values.")
    activations, arms = values_of(rows, "activation"), values_of(rows, "arm")
    figure, grid = drawing.grid(len(activations), len(LANDSCAPE), 2.0, sharex=True)
    judged = seed_means(quantities(table, settings))
    findings = []
    for line, activation in zip(grid, activations, strict=True):
        said = []
        for axes, (measure, title) in zip(line, LANDSCAPE.items(), strict=True):
            typical = {}
            for arm in arms:
                wide = drawing.curves(rows, measure, "step", activation=activation, arm=arm)
                if wide.empty:
                    continue
                means = drawing.geometric_mean(wide)
                known = wide.where(wide > SMALLEST)
                drawing.arm_lines(axes, known, arm, means, points=drawing.FEW_POINTS)
                value = judged.get(f"{measure}/{activation}/{arm}", math.nan)
                typical[arm] = 10.0**value if measure.startswith("gradient") else value
            drawing.log_y(axes)
            axes.set_title(title, fontsize=8.5)
            axes.set_label(f"{name_of(activation)}: {title}")
            if {"plain", "bn"} <= set(typical):
                said.append(drawing.factor(typical["bn"] / typical["plain"]))
        if len(said) == len(LANDSCAPE):
            findings.append(
                f"{name_of(activation)} {said[0]} times the range of loss ({said[1]} scaled) and "
                f"{said[2]} times the change of gradient ({said[3]} scaled)"
            )
        line[0].set_ylabel(name_of(activation), color=INK, fontweight="bold")
    for axes in grid[-1]:
        drawing.steps_x(axes, 2)
    drawing.arm_legend(figure, arms)
    finding = (
        f"Along the gradient, with batch norm against plain: {'; '.join(findings)}"
        if findings
        else "Loss and gradient along the gradient, of one kind of net only"
    )
    return Drawing(
        figure,
        f"{finding} (medians over steps, {seeds_told(rows)}).",
        "Over steps of training, on logarithmic axes, one row per activation: how much the loss "
        "varies within 1/4 to 4 steps along the gradient, and how much the gradient changes "
        "there for the length of the way; scaled: the same on ways in units of the norm of the "
        f"weights. Blue: without batch normalization; orange: with it. {marks_told(table)}".strip(),
    )
