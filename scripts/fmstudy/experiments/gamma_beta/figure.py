"""Learned gamma and beta against deviation and mean, and accuracy by what is trained."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fmstudy.experiments import drawing
from fmstudy.experiments.reading import values_of
from fmstudy.figures.axes import (
    BESIDE_ROW,
    DARKER,
    SMALL,
    empty_figure,
    percent,
    percent_axis,
    write,
)
from fmstudy.figures.colors import FAINT, HUES, INK, readable
from fmstudy.figures.svg import Drawing, style

TRAINED = {
    "all": "everything",
    "affine": "gamma, beta",
    "output": "output layer",
    "nothing": "nothing",
}


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Gamma against the deviation and beta against the mean; what is reached by which part."""
    arms = values_of(table, "arm")
    if not arms:
        return empty_figure("No training was started.")
    units = _units(table)
    figure, (panels,) = drawing.grid(1, 3, 2.5)
    _scatter(panels[0], units, "deviation", "gamma")
    _scatter(panels[1], units, "mean", "beta")
    _reached(panels[2], table, arms)
    return Drawing(
        figure,
        "Learned gamma and beta",
        "Left and middle: hidden units of one seed; dashed: equality. Right: what is trained.",
    )


def _units(table: pd.DataFrame) -> pd.DataFrame:
    """One row per seed, layer and unit, with gamma, beta, deviation and mean."""
    names = ["gamma", "beta", "deviation", "mean"]
    rows = table[table["measure"].isin(names) & table["unit"].notna()]
    wide = rows.pivot_table(index=["seed", "layer", "unit"], columns="measure", values="value")
    return wide.reindex(columns=names).dropna().reset_index()


def _scatter(axes: Axes, units: pd.DataFrame, given: str, learned: str) -> None:
    first = units[units["seed"] == units["seed"].min()]
    layers = sorted(first["layer"].unique())
    colors = mpl.colormaps["viridis"](np.linspace(0.0, DARKER, len(layers)))[::-1]
    for place, (layer, color) in enumerate(zip(layers, colors, strict=True)):
        own = first[first["layer"] == layer]
        hue = mpl.colors.to_hex(color)
        axes.plot(own[given], own[learned], "o", color=hue, markersize=3, markeredgewidth=0,
                  label=f"layer {layer:g}")  # fmt: skip
        if given == "deviation":
            axes.text(
                0.97, 0.97 - 0.09 * place, f"layer {layer:g}", transform=axes.transAxes,
                color=readable(hue), ha="right", va="top", fontsize=SMALL,
            )  # fmt: skip
    if len(first):
        low, high = (f(first[[given, learned]].to_numpy()) for f in (np.min, np.max))
        x, y = axes.get_xlim(), axes.get_ylim()
        axes.plot([low, high], [low, high], color=FAINT, linewidth=1.1, linestyle=(0, (4, 3)))
        axes.set_xlim(*x)
        room = 0.25 * (y[1] - y[0])  # the line goes on far above and below the dots
        axes.set_ylim(y[0] - room, y[1] + room)
    axes.set_xlabel(given)
    axes.set_title(f"{learned.capitalize()} against {given}")


def _reached(axes: Axes, table: pd.DataFrame, arms: Sequence[str]) -> None:
    wide = drawing.curves(table, "test_accuracy", "arm").reindex(list(arms))
    means = wide.mean(axis=1).to_numpy()
    for place, (seeds, mean) in enumerate(zip(wide.to_numpy(), means, strict=True)):
        drawing.dots(axes, seeds, mean, place, HUES[1])
        write(axes, percent(float(mean)), (1, place), (3, 0), BESIDE_ROW, color=HUES[1])
    axes.set_yticks(range(len(arms)), [TRAINED.get(arm, arm) for arm in arms])
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.grid(visible=True, axis="x")
    percent_axis(axes, "x", 2)
    axes.set_title("Test accuracy")
    axes.set_xlabel("by what is trained")
