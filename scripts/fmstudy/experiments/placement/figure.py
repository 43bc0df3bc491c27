"""Validation accuracy over learning rates, normalized before and after the activation."""

import pandas as pd

from fmstudy.experiments.drawing import marks_told, seeds_told
from fmstudy.experiments.rate_curves import draw_rates
from fmstudy.figures.axes import empty_figure, percent, percent_axis
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Validation accuracy against the rate, before and after the activation."""
    if table.empty:
        return empty_figure("No training was started.")
    figure, findings = draw_rates(table, "accuracy", percent)
    for axes in figure.axes:
        percent_axis(axes)
    return Drawing(
        figure,
        f"Highest mean validation accuracy with batch normalization before and after the "
        f"activation: {findings} ({seeds_told(table)}).",
        "Validation accuracy against the learning rate, one panel per activation. Orange: batch "
        f"normalization before the activation; green: after it. {marks_told(table)}".strip(),
    )
