"""How far the inputs of layers drift, and how much gradients turn."""

import pandas as pd

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, name_of
from fmstudy.experiments.reading import values_of
from fmstudy.figures.axes import empty_figure, label_ends
from fmstudy.figures.svg import Drawing, style

TITLES = {
    "drift": (
        "Drift of a layer's inputs\nbetween two measurements",
        "standard deviations",
    ),
    "shift_cosine": (
        "Change of its gradient\nwhen the layers below are updated",
        "cosine (1: not at all)",
    ),
}
DASHES = ("-", "--", ":")  # by activation


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Draw drift and cosine over steps, means over layers, a line per activation and arm."""
    rows = table[table["measure"].isin(list(TITLES))]
    if rows.empty:
        return empty_figure("No training left any values.")
    figure, (panels,) = drawing.grid(1, 2, 2.6)
    for axes, (measure, (title, unit)) in zip(panels, TITLES.items(), strict=True):
        ends = []
        for activation, dashes in zip(values_of(rows, "activation"), DASHES, strict=False):
            for arm in values_of(rows, "arm"):
                wide = drawing.curves(rows, measure, "step", activation=activation, arm=arm)
                if wide.empty:
                    continue
                means = drawing.geometric_mean(wide) if measure == "drift" else wide.mean(axis=1)
                name = f"{name_of(activation)}, {name_of(arm)}"
                drawing.lines(axes, means.to_frame(), hue_of(arm), name, means, dashes)
                ends.append((float(means.iloc[-1]), name, hue_of(arm)))
        if measure == "drift":
            drawing.log_y(axes)
        label_ends(axes, ends)
        axes.set_title(title)
        axes.set_ylabel(unit)
        drawing.steps_x(axes)
    return Drawing(
        figure,
        "Movement of inputs, and change of gradients",
        "Means over layers and seeds.",
    )
