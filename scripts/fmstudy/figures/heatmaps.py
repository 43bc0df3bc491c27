"""Heat maps: their cells, and those of a grid of two swept settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as MapPath
from matplotlib.transforms import Affine2D

from fmstudy.analysis.formats import fixed, significant
from fmstudy.figures.axes import SMALL, WIDTH, plain, roomy
from fmstudy.figures.colors import HUES, INK, PAPER, luminance
from fmstudy.figures.svg import Drawing, style
from fmstudy.study.words import setting_name, setting_text

SHADES = 12  # of a heat map; each has a counterpart on dark pages
HALFWAY = 0.2  # the luminance at which dark and light text are equally readable
FIELD = 0.97  # side of a cell, slightly less than the cell spacing
BLUES = LinearSegmentedColormap.from_list("blues", ["#ffffff", HUES[0]])
ORANGES = LinearSegmentedColormap.from_list("oranges", ["#ffffff", HUES[1]])


def fill_cells(
    axes: Axes,
    values: np.ndarray,
    colors: Colormap,
    low: float,
    high: float,
    spot: Sequence[float] | None = None,
) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Fill the cells of a heat map with a few shades, and return the colors of the text in them.

    Masked cells and those of the palest shade stay empty.  Cells are vector areas, not pixels, so
    that dark pages can replace their colors.  `spot` has the places of rows and columns, if they
    are not 0, 1, 2, ...
    """
    rows, columns = values.shape
    spot = range(max(rows, columns)) if spot is None else spot
    # A gap before the darkest shade: neither dark nor light text is readable on shades between.
    steps = [*np.linspace(0, 0.78, SHADES - 1), 1.0]
    palette = [mpl.colors.to_hex(colors(step)) for step in steps]
    level = ((np.ma.filled(values, low) - low) / (high - low) * SHADES).astype(int)
    level = np.where(np.ma.getmaskarray(values), 0, level.clip(0, SHADES - 1))
    for shade in range(1, SHADES):
        fields = [
            MapPath.unit_rectangle().transformed(
                Affine2D().scale(FIELD).translate(spot[column] - FIELD / 2, spot[row] - FIELD / 2)
            )
            for row, column in np.argwhere(level == shade)
        ]
        if fields:
            outline = MapPath.make_compound_path(*fields)
            axes.add_patch(PathPatch(outline, facecolor=palette[shade], linewidth=0))
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_aspect("equal")
    return np.array([PAPER if luminance(shade) < HALFWAY else INK for shade in palette])[level]


def grid(table: pd.DataFrame, sweep: Mapping[str, Any]) -> Drawing:
    """Draw test accuracy and test loss for each pair of values of a grid, as heat maps.

    `table` is from `tables.sweep_table`, row by row.  Test data choose nothing, so only the best
    cell on validation data is marked, if there are any.
    """
    vertical, across = sweep["vary"]
    shape = [len(each) for each in sweep["values"]]
    names = [[setting_text(value) for value in each] for each in sweep["values"]]
    several = bool((table["seeds"] - table["diverged"] > 1).any())
    chosen = _best_on_validation(table, shape)
    rows: list[tuple[Any, ...]] = []
    with style():
        height = 0.9 + shape[0] * (0.48 if several else 0.34)
        figure, panels = plt.subplots(1, 2, figsize=(WIDTH, height), layout=roomy())
        for axes, (metric, title, scale, digits) in zip(panels, _MEASURES, strict=True):
            mean, low, high = (
                scale * table[f"{metric}{end}"].to_numpy(dtype=float).reshape(shape)
                for end in ("", "_min", "_max")
            )
            better = mean if metric == "test_accuracy" else -mean
            words = fill_cells(axes, *_shaded(better))
            axes.set_aspect("auto")
            for (row, column), value in np.ndenumerate(mean):
                text = _cell(value, digits) if math.isfinite(value) else DIVERGED_CELL
                half = (high[row, column] - low[row, column]) / 2
                if half > 0:
                    text += f"\n±{_cell(half, digits)}"
                axes.text(column, row, text, ha="center", va="center", fontsize=SMALL,
                          linespacing=1.1, color=words[row, column])  # fmt: skip
                place = (title, names[0][row], names[1][column])
                if math.isfinite(value):
                    ends = (low[row, column], high[row, column]) if several else ("", "")
                    rows.append((*place, value, *ends))
            if chosen:
                mark = Rectangle((chosen[1] - 0.5, chosen[0] - 0.5), 1, 1)
                axes.add_patch(mark).set(
                    fill=False, edgecolor=HUES[1], linewidth=2, clip_on=False, label="_chosen"
                )
            axes.set_yticks(range(shape[0]), names[0])
            axes.set_xticks(range(shape[1]), names[1])
            if sum(map(len, names[1])) > MOST_LETTERS:
                axes.tick_params(axis="x", labelrotation=30)
            axes.set_ylabel(setting_name(vertical))
            axes.set_xlabel(setting_name(across))
            axes.set_title(title)
            plain(axes)
    parts = {
        "The stronger the blue, the better.": True,
        "Outlined: highest validation accuracy.": bool(chosen),
        "Means over seeds, ± half their range.": several,
        f"{DIVERGED_CELL}: every training diverged.": bool(table["test_accuracy"].isna().any()),
    }
    return Drawing(
        figure,
        f"{sweep['title']}: test accuracy and loss",
        " ".join(text for text, applies in parts.items() if applies),
        rows,
    )


DIVERGED_CELL = "×"
MOST_LETTERS = 50  # side by side below a map; more are rotated
_MEASURES = (
    ("test_accuracy", "Test accuracy, %", 100, 1),
    ("test_loss", "Test loss, nats", 1, 3),
)


def _best_on_validation(table: pd.DataFrame, shape: Sequence[int]) -> tuple[int, ...] | None:
    """Return row and column of the highest validation accuracy; None without validation data."""
    accuracy = table["validation_accuracy"].astype(float)
    if accuracy.isna().all():
        return None
    return tuple(int(place) for place in np.unravel_index(int(accuracy.argmax()), shape))


def _shaded(values: np.ndarray) -> tuple[np.ndarray, Colormap, float, float]:
    """Return values to color, colors, and the values at their ends; a high value is dark.

    The few values far below the median are colored alike, to leave shades for the others.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.ma.masked_invalid(values), BLUES, 0.0, 1.0
    high, middle = float(finite.max()), float(np.median(finite))
    low = max(float(finite.min()), high - 3 * (high - middle))
    shown = np.ma.masked_invalid(np.maximum(values, low))
    return shown, BLUES, low - 0.15 * (high - low) - 1e-9, high + 1e-9


def _cell(value: float, digits: int) -> str:
    """Format a value so that it fits into a cell."""
    return fixed(value, digits) if value < 100 else significant(value)
