"""Validation loss over learning rates: plain, normalized, and normalized with noise."""

import pandas as pd

from fmstudy.experiments.drawing import marks_told, seeds_told
from fmstudy.experiments.rate_curves import draw_rates
from fmstudy.figures.axes import empty_figure, nats
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Validation loss against the rate: without, with, and with noise after the normalization."""
    if table.empty:
        return empty_figure("No training was started.")
    figure, findings = draw_rates(table, "loss", nats)
    return Drawing(
        figure,
        f"Lowest mean validation loss over learning rates: {findings} ({seeds_told(table)}).",
        "Validation loss (nats) against the learning rate, one panel per activation. Blue: without "
        "batch normalization; orange: with it; green: with it and with random scales and shifts "
        f"after it in every training step. {marks_told(table)}Values above the axes are not "
        "shown.",
    )
