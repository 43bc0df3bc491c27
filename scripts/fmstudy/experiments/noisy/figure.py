"""Validation loss over learning rates: plain, normalized, and normalized with noise."""

import pandas as pd

from fmstudy.experiments.rate_curves import draw_rates
from fmstudy.figures.axes import empty_figure
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Validation loss against the rate: without, with, and with noise after the normalization."""
    if table.empty:
        return empty_figure("No training was started.")
    figure = draw_rates(table, "loss")
    return Drawing(
        figure,
        "Validation loss with random shifts",
        "Green: batch norm with random shifts after it.",
    )
