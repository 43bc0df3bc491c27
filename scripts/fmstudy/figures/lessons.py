"""Six small pictures, one per lesson, with few words in large letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fmstudy.analysis.results import Runs
from fmstudy.figures.axes import (
    empty_figure,
    error_bars,
    finished_seeds,
    limit,
    name_rows,
    number_axis,
    percent_axis,
    points_axis,
    round_ticks,
    subsample,
    swept_axis,
    write,
)
from fmstudy.figures.colors import FAINT, HUES
from fmstudy.figures.comparisons import (
    closest_pairs,
    differences_from,
    draw_differences,
    draw_seeds_and_interval,
)
from fmstudy.figures.curves import Curves, held_out_split, read_curves
from fmstudy.figures.plots import hidden_layers
from fmstudy.figures.svg import Drawing, style
from fmstudy.study.spec import PENALTIES

SIZE = (3.2, 2.0)  # inches
LARGE = 11  # points


@contextmanager
def _thumbnail(title: str) -> Iterator[tuple[Figure, Axes]]:
    """Yield a small figure of one panel with large letters."""
    sizes: dict[Any, Any] = {"font.size": LARGE, "axes.titlesize": LARGE + 1}
    with style(), mpl.rc_context(sizes):
        figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
        axes.set_title(title)
        yield figure, axes


def width(sweep: pd.DataFrame, samples: int) -> Drawing:
    """Draw test accuracy against width, with intervals for other test images."""
    # imports scipy, which other figures do not need
    from fmstudy.analysis.statistics import share_interval

    known = sweep[sweep["test_accuracy"].notna()]
    if known.empty:
        return empty_figure("No training finished.")
    middle = known["test_accuracy"].to_numpy()
    low, high = np.transpose([share_interval(one * samples, samples) for one in middle])
    with _thumbnail("Test accuracy") as (figure, axes):
        axes.errorbar(known["value"], middle, yerr=error_bars(middle, low, high), fmt="-o",
                      color=HUES[0], markersize=6, elinewidth=1.6, label="test")  # fmt: skip
        swept_axis(axes, known["value"].to_numpy(), "hidden units")
        percent_axis(axes, bins=4)
    return Drawing(
        figure,
        "Test accuracy against the number of hidden units",
        "Bars: 95 % intervals for other test images.",
    )


def depth(tables: Sequence[pd.DataFrame], groups: Sequence[Sequence[str]]) -> Drawing:
    """Draw test accuracy against the number of hidden layers, one line per group of models."""
    table = pd.concat(tables, ignore_index=True).set_index("model")
    with _thumbnail("Accuracy") as (figure, axes):
        for hue, names in zip(HUES, groups, strict=False):
            rows = table.loc[list(names)]
            name = "Keras" if rows["engine"].iloc[0] == "keras" else "full batch"
            layers = np.array([hidden_layers(hidden) for hidden in rows["hidden"]])
            axes.plot(layers, rows["test_accuracy"], "-o", color=hue, markersize=6, label=name)
            write(axes, name, (layers[-1], rows["test_accuracy"].iloc[-1]), (0, -13), "data",
                  color=hue, ha="right" if len(groups) == 1 or layers[-1] > 2 else "center",
                  fontsize=LARGE)  # fmt: skip
        axes.set_xlabel("hidden layers")
        axes.xaxis.set_major_locator(round_ticks(5, integer=True))
        axes.margins(0.1, 0.15)
        percent_axis(axes, bins=4)
    return Drawing(
        figure,
        "Test accuracy against the number of hidden layers",
        "One line per part of the study; dots: means over seeds.",
    )


def penalties(comparisons: pd.DataFrame, base: str, others: Mapping[str, str]) -> Drawing:
    """Draw how much each kind of penalty changes the gap, with intervals."""
    found = differences_from(comparisons, base, list(others))
    rows = found[found["metric"] == "test_gap_accuracy"].drop_duplicates("second")
    if rows.empty:
        return empty_figure("No planned comparison with these models has a result.")
    with _thumbnail("Gap change") as (figure, axes):
        draw_differences(axes, rows, markersize=7, elinewidth=2.5, label="change")
        name_rows(axes, [PENALTIES.get(others[name], others[name]) for name in rows["second"]])
        points_axis(axes, "x", 4)
    return Drawing(
        figure,
        "Change of the gap by kind of penalty",
        "Change of the gap between training and test accuracy, in points; bars: 95 % intervals.",
    )


def dropout(models: Sequence[Mapping[str, Any]], runs: Runs) -> Drawing:
    """Draw the gap over epochs of a model without and with dropout."""
    with _thumbnail("Gap") as (figure, axes):
        drawn = []
        for name, hue, model in zip(("without", "with dropout"), HUES, models, strict=False):
            train, held_out = (
                read_curves(model, split, runs) for split in ("train", held_out_split(model))
            )
            gap = train.mean(train.accuracy) - held_out.mean(held_out.accuracy)
            drawn.append((train.epochs, gap, name, hue))
        _draw_lines(axes, drawn)
        axes.axhline(0, color=FAINT, linewidth=0.8)
        percent_axis(axes, bins=4)
    return Drawing(
        figure,
        "The gap over epochs without and with dropout",
        "Training accuracy minus held-out accuracy over epochs, means over seeds.",
    )


def batchnorm(models: Sequence[Mapping[str, Any]], runs: Runs) -> Drawing:
    """Draw the loss on held-out data, without and with batch normalization."""
    with _thumbnail("Test loss" if held_out_split(models[0]) == "test" else "Validation loss") as (
        figure,
        axes,
    ):
        drawn, limits = [], []
        for name, hue, model in zip(("without", "batch norm"), HUES, models, strict=False):
            curves: Curves = read_curves(model, held_out_split(model), runs)
            loss = curves.mean(curves.loss)
            drawn.append((curves.epochs, loss, name, hue))
            limits.append(loss[:, np.newaxis])
        _draw_lines(axes, drawn)
        limit(axes, limits, rising=False)
        number_axis(axes, bins=4)
    return Drawing(
        figure,
        "Loss without and with batch normalization",
        "Loss on held-out data over the epochs, means over seeds.",
    )


def _draw_lines(axes: Axes, drawn: Sequence[tuple[Any, Any, str, str]]) -> None:
    """Draw lines over epochs, and name them in a legend without handles."""
    for epochs, values, name, hue in drawn:
        some = subsample(len(epochs), 60)
        axes.plot(epochs[some], values[some], color=hue, linewidth=2.2, label=name)
    # on the line of the title, where no curve can cross the names
    legend = axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, columnspacing=0.8,
                         handlelength=0, handletextpad=0, borderpad=0, borderaxespad=0.2,
                         labelcolor="linecolor")  # fmt: skip
    for handle in legend.get_lines():  # even without length, it has ends
        handle.set_visible(False)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(round_ticks(4, integer=True))


def noise(
    comparisons: pd.DataFrame, trainings: pd.DataFrame, runs_by_model: Mapping[str, str],
    samples: int,
) -> Drawing:  # fmt: skip
    """Draw the seeds of the two models that differ least, and the intervals over test images."""
    pairs = closest_pairs(comparisons, 1)
    if pairs.empty:
        return empty_figure("No planned comparison has a result.")
    with _thumbnail("Test accuracy") as (figure, axes):
        row = pairs.iloc[0]
        for place, side in enumerate(("first", "second")):
            seeds = finished_seeds(trainings, runs_by_model[row[side]])["test_accuracy"]
            draw_seeds_and_interval(axes, seeds.to_numpy(), samples, place, HUES[place])
        handles, names = axes.get_legend_handles_labels()
        found = dict(zip(names, handles, strict=True))
        named = {"seeds": "single seeds", "test images": "test images"}
        axes.legend([found[name] for name in named.values() if name in found], named,
                    loc="upper left", ncols=2, handlelength=1, labelcolor=FAINT)  # fmt: skip
        axes.set_yticks([])
        axes.set_ylim(1.5, -1.2)
        axes.grid(axis="x")
        percent_axis(axes, "x", 4)
    return Drawing(
        figure,
        f"{row['first_title']} and {row['second_title']}",
        "Dots: seeds; bars: 95 % intervals of one training for other test images.",
    )
