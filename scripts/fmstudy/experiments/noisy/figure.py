"""Validation loss over steps: plain, normalized, and normalized with noise."""

import pandas as pd

from fmstudy.analysis.formats import fixed
from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import listed, marks_told, name_of, seeds_told
from fmstudy.experiments.reading import some, values_of
from fmstudy.figures.plots import empty_figure, nats
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Validation loss over steps: without, with, and with noise behind the normalization."""
    rows = table[(table["measure"] == "validation_loss") & table["step"].notna()]
    if rows.empty:
        return empty_figure("No training left any values.")
    activations = values_of(rows, "activation")
    figure, grid = drawing.grid(1, len(activations), 2.7)
    findings = []
    for axes, activation in zip(grid[0], activations, strict=True):
        own = some(rows, activation=activation)
        losses = drawing.loss_panel(axes, own, "validation_loss", "step")
        said = [f"{nats(loss)} ({name_of(arm)})" for arm, loss in losses.items()]
        findings.append(f"{name_of(activation)} {listed(said)}")
        axes.set_title(f"{name_of(activation)}: validation loss, nats")
    return Drawing(
        figure,
        f"Validation loss after {fixed(float(rows['step'].max()), 0)} steps: {'; '.join(findings)} "
        f"({seeds_told(rows)}).",
        "Validation loss over steps, one panel per activation. Blue: without batch normalization; "
        "orange: with it; green: with it and with random scales and shifts behind it in every "
        f"step of training. {marks_told(table)}The first steps lie outside the axes.",
    )
