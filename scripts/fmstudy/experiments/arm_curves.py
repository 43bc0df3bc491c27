"""Loss over epochs, one line per arm: the figure of the experiments on Keras models."""

import math

import pandas as pd

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, marks_told, name_of, seeds_told
from fmstudy.experiments.reading import values_of
from fmstudy.figures.plots import empty_figure, label_ends, limit, nats
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Held-out and training loss over epochs of the arms of an experiment with Keras."""
    rows = table[table["epoch"].notna()]
    if rows.empty:
        return empty_figure("No training left any curves.")
    last = float(rows["epoch"].max())
    figure, grid = drawing.grid(1, 2, 2.7)
    finals: dict[str, float] = {}
    for axes, split, title, dashes in (
        (grid[0, 0], "held_out", "Held-out loss, nats", "-"),
        (grid[0, 1], "train", "Training loss, nats", "--"),
    ):
        ends, drawn = [], []
        for arm in values_of(rows, "arm"):
            wide = drawing.curves(rows, f"{split}_loss", "epoch", arm=arm)
            if wide.empty:
                continue
            kind = split.replace("_", "-")
            loss = drawing.mean_at(
                drawing.arm_lines(axes, wide, arm, dashes=dashes, kind=kind), last
            )
            ends.append((loss, f"{name_of(arm)} {nats(loss)}", hue_of(arm)))
            drawn.append(wide.to_numpy())
            if split == "held_out":
                finals[arm] = loss
        axes.set_title(title)
        limit(axes, drawn, rising=False)
        label_ends(axes, ends, drawing.LABEL / 2.2)
        drawing.steps_x(axes, label="epoch")
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
