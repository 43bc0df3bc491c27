"""Validation loss over the deviation of the initial weights, at each learning rate."""

import pandas as pd

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import name_of
from fmstudy.experiments.reading import some, values_of
from fmstudy.figures.axes import SMALL, empty_figure
from fmstudy.figures.svg import Drawing, style
from fmstudy.numbers import number


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Validation loss against the deviation of the initial weights, at each rate."""
    rows = table[table["rate"].notna() & table["std"].notna()]
    if rows.empty:
        return empty_figure("No training was started.")
    activations, arms = values_of(rows, "activation"), values_of(rows, "arm")
    rates = sorted(values_of(rows, "rate"))
    figure, grid = drawing.grid(len(activations), len(rates), 2.0, sharex=True, sharey=True)
    for line, activation in zip(grid, activations, strict=True):
        for axes, rate in zip(line, rates, strict=True):
            own = some(rows, activation=activation, rate=rate)
            drawing.lines_and_crosses(axes, own, "validation_loss", "std", (0.05, 0.09))
            axes.set_title(f"{name_of(activation)}, rate {number(rate)}", fontsize=SMALL)
            drawing.values_x(axes, sorted(values_of(rows, "std")), "")
    for axes in grid[-1]:
        axes.set_xlabel("initial deviation")
    for line in grid:
        line[0].set_ylabel("validation loss, nats")
    drawing.arm_legend(figure, arms)
    return Drawing(
        figure,
        "Validation loss by initial weights",
        "Loss after training, by the standard deviation of the initial weights.",
    )
