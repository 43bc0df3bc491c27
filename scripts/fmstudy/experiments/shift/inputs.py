"""What the activation of one hidden unit receives, at several moments of training."""

import pandas as pd
from matplotlib.axes import Axes

from fmstudy.analysis.formats import count
from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of
from fmstudy.experiments.reading import some, values_of
from fmstudy.figures.axes import empty_figure, name_rows, number_axis
from fmstudy.figures.svg import Drawing, style

MOMENTS = 7  # from before the first step to the last, at growing distances
TITLES = {"plain": "Without batch normalization", "bn": "With batch normalization"}


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Draw the middle of the distribution as a box per moment, without and with the method.

    It is that of a unit of the last hidden layer of the nets with the first activation, in the
    first seed.
    """
    rows = table[table["measure"].astype(str).str.startswith("percentile_")]
    if rows.empty:
        return empty_figure("No training left any values.")
    rows = some(rows, activation=values_of(rows, "activation")[0], seed=rows["seed"].min())
    rows = some(rows, layer=rows["layer"].max())
    steps = moments(sorted(values_of(rows, "step")))
    arms = values_of(rows, "arm")
    figure, (panels,) = drawing.grid(1, len(arms), 0.9 + 0.27 * len(steps), sharex=True)
    for axes, arm in zip(panels, arms, strict=True):
        _boxes(axes, some(rows, arm=arm), steps, hue_of(arm))
        axes.set_title(TITLES.get(arm, arm), color=hue_of(arm))
        axes.set_xlabel("input of a hidden unit")
        axes.set_ylabel("step")
        number_axis(axes, "x", 4)
    return Drawing(
        figure,
        "The inputs of a hidden unit during training",
        "Boxes: the middle 70 % of its inputs, with the median; training runs downward.",
    )


def moments(steps: list[float]) -> list[float]:
    """Return the first step, the last, and some between at growing distances."""
    chosen = [steps[0], steps[-1]]
    place = len(steps) - 1
    while place > 1 and len(chosen) < MOMENTS:
        place = (place + 1) // 2
        chosen.insert(1, steps[place])
    return list(dict.fromkeys(chosen))


def _boxes(axes: Axes, rows: pd.DataFrame, steps: list[float], hue: str) -> None:
    for place, step in enumerate(steps):
        found = some(rows, step=step).set_index("measure")["value"]
        if found.empty:
            continue
        low, middle, high = (float(found[f"percentile_{p}"]) for p in (15, 50, 85))
        axes.plot([low, high], [place] * 2, color=hue, linewidth=11, alpha=0.4,
                  solid_capstyle="butt", label="middle 70 %", gid="other")  # fmt: skip
        axes.plot([middle], [place], "|", color=hue, markersize=11, markeredgewidth=2,
                  label="median", gid="held-out")  # fmt: skip
    name_rows(axes, [count(step) for step in steps])
