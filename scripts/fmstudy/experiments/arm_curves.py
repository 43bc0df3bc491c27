"""Loss over epochs, one line per arm: the figure of the experiments on Keras models."""

import pandas as pd

from fmstudy.experiments import drawing
from fmstudy.figures.axes import empty_figure
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Held-out and training loss over epochs of the arms of an experiment with Keras."""
    rows = table[table["epoch"].notna()]
    if rows.empty:
        return empty_figure("No training left any curves.")
    figure, grid = drawing.grid(1, 2, 2.7)
    left, right = grid[0]
    left.set_title("Held-out loss, nats")
    right.set_title("Training loss, nats")
    drawing.loss_panel(left, rows, "held_out_loss", "epoch")
    drawing.loss_panel(right, rows, "train_loss", "epoch", "--")
    return Drawing(
        figure,
        "Loss over epochs",
        "Dashed: the first training images. The first epochs are outside the axes.",
    )
