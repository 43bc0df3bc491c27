"""Loss over epochs, one line per arm: the figure of the experiments on Keras models."""

import math

import pandas as pd

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import marks_told, name_of, seeds_told
from fmstudy.figures.axes import empty_figure, nats
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Held-out and training loss over epochs of the arms of an experiment with Keras."""
    rows = table[table["epoch"].notna()]
    if rows.empty:
        return empty_figure("No training left any curves.")
    last = float(rows["epoch"].max())
    figure, grid = drawing.grid(1, 2, 2.7)
    left, right = grid[0]
    left.set_title("Held-out loss, nats")
    right.set_title("Training loss, nats")
    finals = drawing.loss_panel(left, rows, "held_out_loss", "epoch")
    drawing.loss_panel(right, rows, "train_loss", "epoch", "--")
    ranked = sorted(finals, key=lambda arm: (math.isnan(finals[arm]), finals[arm]))
    return Drawing(
        figure,
        f"Held-out loss after {last:g} epochs, lowest first: "
        f"{', '.join(f'{name_of(arm)} {nats(finals[arm])}' for arm in ranked)} "
        f"({seeds_told(rows)}).",
        f"Loss over epochs, one line per arm, named at its right end. {marks_told(table)}"
        "Left: held-out data; right, dashed: the first training images, in inference mode. The "
        "first epochs lie outside the axes.",
    )
