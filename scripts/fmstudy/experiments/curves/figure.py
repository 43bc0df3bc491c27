"""Loss over epochs and over seconds, without and with batch normalization."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, name_of
from fmstudy.experiments.reading import some, values_of
from fmstudy.figures.axes import (
    draw_seeds,
    empty_figure,
    label_ends,
    limit,
    nats,
    subsample,
)
from fmstudy.figures.svg import Drawing, style

ENGINES = {"lowlevel": "Low-level TensorFlow", "keras": "Keras"}
DASHES_AND_WIDTH = {"held-out": ("-", 1.8), "train": ("--", 1.1)}


@style()
def draw(table: pd.DataFrame, times: pd.DataFrame) -> Drawing:
    """Loss against epochs and against seconds, without and with batch normalization."""
    rows = table[table["epoch"].notna()]
    if rows.empty:
        return empty_figure("No training left any curves.")
    models = list(dict.fromkeys(arm.rpartition("/")[0] for arm in values_of(rows, "arm")))
    seconds: dict[str, dict[int, float]] = {}
    for row in some(times, measure="seconds").to_dict("records"):
        seconds.setdefault(row["arm"], {})[int(row["seed"])] = float(row["value"])
    timed = bool(seconds)
    figure, grid = drawing.grid(2 if timed else 1, len(models), 2.1)
    for column, model in zip(grid.T, models, strict=True):
        arms = [arm for arm in values_of(rows, "arm") if arm.rpartition("/")[0] == model]
        name = ENGINES.get(model, model)
        _curve_panels(column, rows, arms, seconds)
        column[0].set_title(f"{name}: loss against epochs, nats")
        if timed:
            column[1].set_title(f"{name}: loss against seconds, nats")
    return Drawing(
        figure,
        "Loss without and with batch normalization",
        "Solid: held-out data; dashed: training. The first epochs are outside the axes.",
    )


def _curve_panels(
    column: Sequence[Axes],
    rows: pd.DataFrame,
    arms: Sequence[str],
    seconds: Mapping[str, Mapping[int, float]],
) -> None:
    """Draw the panels of one model."""
    last = float(rows[rows["arm"].isin(list(arms))]["epoch"].max())
    ends: list[tuple[float, str, str]] = []
    drawn: list[np.ndarray] = []
    for arm in arms:
        kind = arm.rpartition("/")[2]
        for split, (dashes, width) in DASHES_AND_WIDTH.items():
            wide = drawing.curves(rows, f"{split.replace('-', '_')}_loss", "epoch", arm=arm)
            if wide.empty:
                continue
            said = name_of(kind) if split == "held-out" else f"{name_of(kind)}, train"
            means = drawing.lines(column[0], wide, hue_of(kind), said, dashes=dashes, width=width,
                                  kind=split, points=drawing.FEWEST_POINTS)  # fmt: skip
            drawn.append(wide.to_numpy())
            loss = drawing.mean_at(means, last)
            ends.append((drawing.last_known(means), f"{said} {nats(loss)}", hue_of(kind)))
            if arm in seconds:
                _draw_timed(column[1], wide, seconds[arm], hue_of(kind), said, split)
    for panel in column:
        limit(panel, drawn, rising=False)
    label_ends(column[0], ends, drawing.LABEL / 1.65)  # the colors are those of the panel below
    drawing.steps_x(column[0], label="epoch")
    if seconds:
        drawing.steps_x(column[1], label="seconds")


def _draw_timed(
    axes: Axes, wide: pd.DataFrame, seconds: Mapping[int, float], hue: str, name: str, kind: str
) -> None:
    """A loss over the seconds since the start, if all epochs of a training took equally long."""
    dashes, width = DASHES_AND_WIDTH[kind]
    paces = {}
    for seed in map(int, wide.columns.to_numpy()):
        line = wide[seed].dropna()
        if seed not in seconds or line.empty or line.index[-1] == 0:
            continue
        paces[seed] = float(seconds[seed]) / float(line.index[-1])
        if wide.shape[1] > 1:
            draw_seeds(axes, line.index * paces[seed], line.to_numpy(), [f"{name} seed {seed}"],
                       hue, drawing.FEWEST_POINTS[1], dashes)  # fmt: skip
    if paces:
        means = wide.mean(axis=1)
        means = means.iloc[subsample(len(means), drawing.FEWEST_POINTS[0])]
        pace = float(np.mean(list(paces.values())))
        axes.plot(means.index * pace, means.to_numpy(), linewidth=width, label=name, gid=kind,
                  color=hue, linestyle=dashes)  # fmt: skip
