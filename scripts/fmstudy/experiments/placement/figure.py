"""Validation accuracy over learning rates, normalized before and after the activation."""

import pandas as pd

from fmstudy.experiments.rate_curves import draw_rates
from fmstudy.figures.axes import empty_figure, percent_axis
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Validation accuracy against the rate, before and after the activation."""
    if table.empty:
        return empty_figure("No training was started.")
    figure = draw_rates(table, "accuracy")
    for axes in figure.axes:
        percent_axis(axes)
    return Drawing(
        figure,
        "Batch normalization before and after the activation",
        "Orange: before the activation; green: after it.",
    )
