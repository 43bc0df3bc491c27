"""How much loss and gradient change along the gradient, raw and scaled by the weights."""

import pandas as pd

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import name_of
from fmstudy.experiments.reading import SMALLEST, values_of
from fmstudy.figures.axes import SMALL, empty_figure
from fmstudy.figures.colors import INK
from fmstudy.figures.svg import Drawing, style

LANDSCAPE = {
    "loss_range": "Range of loss",
    "loss_range_scaled": "Range, scaled",
    "gradient_change": "Change of gradient",
    "gradient_change_scaled": "Change, scaled",
}


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """How much loss and gradient change along the gradient, raw and scaled by the weights."""
    rows = table[table["measure"].isin(list(LANDSCAPE))]
    if rows.empty:
        return empty_figure("No training left any values.")
    activations, arms = values_of(rows, "activation"), values_of(rows, "arm")
    figure, grid = drawing.grid(len(activations), len(LANDSCAPE), 2.0, sharex=True)
    for line, activation in zip(grid, activations, strict=True):
        for axes, (measure, title) in zip(line, LANDSCAPE.items(), strict=True):
            for arm in arms:
                wide = drawing.curves(rows, measure, "step", activation=activation, arm=arm)
                if wide.empty:
                    continue
                means = drawing.geometric_mean(wide)
                known = wide.where(wide > SMALLEST)
                drawing.arm_lines(axes, known, arm, means, points=drawing.FEW_POINTS)
            drawing.log_y(axes)
            axes.set_title(title, fontsize=SMALL)
            axes.set_label(f"{name_of(activation)}: {title}")
        line[0].set_ylabel(name_of(activation), color=INK, fontweight="bold")
    for axes in grid[-1]:
        drawing.steps_x(axes, 2)
    drawing.arm_legend(figure, arms)
    return Drawing(
        figure,
        "Loss and gradient along the gradient",
        "Within 1/4 to 4 steps; scaled: in units of the weights' norm.",
    )
