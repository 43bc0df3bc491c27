"""Standard deviations of test accuracy and loss by source of randomness."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fmstudy.experiments import drawing
from fmstudy.experiments.noise.quantities import NAMES, TEST_IMAGES
from fmstudy.experiments.reading import some
from fmstudy.figures.axes import empty_figure
from fmstudy.figures.colors import HUES, INK
from fmstudy.figures.svg import Drawing, style
from fmstudy.numbers import number

PANELS = {
    "accuracy": ("Test accuracy", "standard deviation, points", 100.0),
    "loss": ("Test loss", "standard deviation, nats", 1.0),
}


@style()
def draw(table: pd.DataFrame, title: str) -> Drawing:
    """Standard deviations with intervals after the last epoch; `title` is that of the model."""
    last = some(table, epoch=table["epoch"].max())
    known = last[last["accuracy_deviation"].notna()]
    if known.empty or set(known["source"]) == {TEST_IMAGES}:
        return empty_figure("A standard deviation needs two trainings.")
    figure, grid = drawing.grid(1, 2, 0.9 + 0.28 * len(last), sharey=True)
    for axes, kind in zip(grid[0], PANELS, strict=True):
        _draw(axes, last, kind)
    return Drawing(
        figure,
        f"Standard deviations by source of randomness, {title}",
        "One source varies at a time. Bars: 95 % intervals. Diamond: sampling of test images.",
    )


def _draw(axes: Axes, table: pd.DataFrame, kind: str) -> None:
    title, label, scale = PANELS[kind]
    key = f"{kind}_deviation"
    for place, row in enumerate(table.to_dict("records")):
        value, name = scale * row[key], row["source"]
        if name == TEST_IMAGES:
            axes.axvline(value, color=HUES[1], linewidth=0.9, linestyle=(0, (4, 3)))
            axes.plot([value], [place], "D", color=HUES[1], markersize=6, label=name)
        elif np.isfinite(value):
            below, above = value - scale * row[f"{key}_low"], scale * row[f"{key}_high"] - value
            hue = INK if name == NAMES["all"] else HUES[0]
            axes.errorbar([value], [place], xerr=[[below], [above]], fmt="o", color=hue,
                          markersize=6, elinewidth=1.6, label=name, gid="other")  # fmt: skip
    axes.set_title(title)
    axes.set_yticks(range(len(table)), list(table["source"]))
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(round(value, 6))))
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(label)
