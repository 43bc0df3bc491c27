"""Validation accuracy over learning rates, and the range of usable ones."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, name_of
from fmstudy.experiments.learning_rate.quantities import usable_rates
from fmstudy.experiments.reading import Settings, some, values_of
from fmstudy.figures.axes import SMALL, empty_figure, percent_axis
from fmstudy.figures.colors import FAINT
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Validation accuracy against the rate, and which rates are usable, in each grid."""
    usable = settings["usable"]
    grids = list(table[["activation", "optimizer"]].drop_duplicates().itertuples(index=False))
    if not grids:
        return empty_figure("No training was started.")
    arms = values_of(table, "arm")
    figure, panels = drawing.grid(
        2, len(grids), 1.75, height_ratios=[2.6, 0.33 * len(arms)], sharex="col", sharey="row"
    )
    for column, (activation, optimizer) in enumerate(grids):
        axes, strip = panels[:, column]
        rows = some(table, activation=activation, optimizer=optimizer)
        for place, arm in enumerate(arms):
            own = some(rows, arm=arm)
            wide = drawing.curves(own, "validation_accuracy", "rate")
            drawing.arm_lines(axes, wide, arm, marker="o")
            by_seed = usable_rates(own, usable)
            _usable_bars(strip, by_seed, place, hue_of(arm), name_of(arm))
            height = 1.0 - (place + 0.5) / len(arms)
            drawing.crosses(strip, own, "rate", arm, height)
        axes.axhline(usable, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_title(f"{name_of(activation)}, {name_of(optimizer)}")
        strip.set_label(f"{name_of(activation)}, {name_of(optimizer)}: usable rates")
        axes.tick_params(axis="x", length=0, labelbottom=False)
        percent_axis(axes)
        strip.set_ylim(len(arms) - 0.5, -0.5)
        strip.grid(visible=False)
        strip.set_yticks(range(len(arms)), [name_of(arm) for arm in arms])
        drawing.log_x(strip, values_of(rows, "rate"), "learning rate")
        axes.tick_params(axis="x", length=0, labelbottom=False)
    panels[0, 0].set_ylabel("validation accuracy")
    for strip in panels[1]:
        for label, arm in zip(strip.get_yticklabels(), arms, strict=True):
            label.set_color(hue_of(arm))
            label.set_fontsize(SMALL)
    return Drawing(
        figure,
        "Validation accuracy by learning rate",
        "Bars: usable rates, faint where only some seeds reach the dashed accuracy.",
    )


def _usable_bars(
    axes: Axes, by_seed: Mapping[int, Sequence[float]], place: int, hue: str, name: str
) -> None:
    """From the lowest to the highest usable rate: pale of any seed, strong of all of them."""
    found = [rates for rates in by_seed.values() if rates]
    if not found:
        return
    wide = min(min(rates) for rates in found), max(max(rates) for rates in found)
    axes.plot(wide, [place] * 2, color=hue, linewidth=5, alpha=0.3, solid_capstyle="round",
              label=f"{name} usable with any seed", gid="other")  # fmt: skip
    narrow = max(min(rates) for rates in found), min(max(rates) for rates in found)
    if len(found) == len(by_seed) and narrow[0] <= narrow[1]:
        axes.plot(narrow, [place] * 2, color=hue, linewidth=5, solid_capstyle="round",
                  label=f"{name} usable with every seed", gid="other")  # fmt: skip
