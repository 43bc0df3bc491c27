"""What one unit's activation receives, and how gradients turn and distributions drift."""

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, listed, marks_told, name_of, seeds_told
from fmstudy.experiments.reading import Settings, seed_means, some, values_of
from fmstudy.experiments.shift.quantities import quantities
from fmstudy.figures.axes import BAND, BESIDE_ROW, empty_figure, subsample, write
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame, settings: Settings) -> Drawing:
    """What one unit's activation receives, and how gradients turn and distributions drift."""
    rows = table[table["measure"].isin(["percentile_50", "shift_cosine", "drift"])]
    if rows.empty:
        return empty_figure("No training left any values.")
    activations, arms = values_of(rows, "activation"), values_of(rows, "arm")
    figure, grid = drawing.grid(len(activations), len(arms) + 2, 2.05, sharex=True)
    judged = seed_means(quantities(table, settings))
    findings = []
    for line, activation in zip(grid, activations, strict=True):
        own = some(table, activation=activation)
        for axes, arm in zip(line, arms, strict=False):
            _percentiles(axes, some(own, arm=arm))
            axes.set_title(f"{name_of(activation)}, {name_of(arm)}", color=hue_of(arm))
            axes.set_label(f"{name_of(activation)}, {name_of(arm)}: percentiles")
        _same_height(line[: len(arms)])
        said = {}
        for axes, measure in zip(line[len(arms) :], ("shift_cosine", "drift"), strict=True):
            for arm in arms:
                wide = drawing.curves(own, measure, "step", arm=arm)
                if wide.empty:
                    continue
                means = drawing.geometric_mean(wide) if measure == "drift" else wide.mean(axis=1)
                drawing.arm_lines(axes, wide, arm, means, points=drawing.FEW_POINTS)
                said[measure, arm] = judged.get(f"{measure}/{activation}/{arm}", math.nan)
            if measure == "drift":
                drawing.log_y(axes)
        line[-2].set_title("Cosine of gradients")
        line[-1].set_title("Drift, deviations")
        line[-2].set_label(f"{name_of(activation)}: cosine of gradients")
        line[-1].set_label(f"{name_of(activation)}: drift, deviations")
        texts = [
            f"{drawing.factor(said.get(('shift_cosine', arm), math.nan))} and "
            f"{drawing.factor(said.get(('drift', arm), math.nan))} ({name_of(arm)})"
            for arm in arms
        ]
        findings.append(f"{name_of(activation)} {listed(texts, 'against')}")
    for axes in grid[-1]:
        drawing.steps_x(axes, 2)
    return Drawing(
        figure,
        "Cosine between the gradients of the upper layers before and after the layers below are "
        "updated, and drift of what the activations receive between two looks, in standard "
        f"deviations: {'; '.join(findings)} (means over layers, medians over steps, "
        f"{seeds_told(rows)}).",
        "A row an activation. First columns: the 15th, 50th and 85th percentile of what one unit "
        "of the last hidden layer gives to its activation, over steps; the band spans from the "
        "15th to the 85th of the first seed, the strong line is its median, and thin lines are "
        "the medians of other seeds. Then, blue without and orange with batch normalization: the "
        "cosine of the angle by which a layer's gradient turns when the layers below are updated "
        "(1: it does not turn), and, on a logarithmic axis, how far the distributions drift "
        f"between two looks, means over layers. {marks_told(table)}".strip(),
    )


def _percentiles(axes: Axes, rows: pd.DataFrame) -> None:
    """The percentiles of one unit of the last hidden layer over steps, of the first seed."""
    layers = some(rows, measure="percentile_50")["layer"]
    if layers.empty:
        return
    low, middle, high = (
        drawing.curves(rows, f"percentile_{p}", "step", layer=layers.max()) for p in (15, 50, 85)
    )
    hue, first = hue_of(values_of(rows, "arm")[0]), middle.columns[0]
    shown = subsample(len(middle), drawing.POINTS[0])
    low, middle, high = (wide.iloc[shown] for wide in (low, middle, high))
    axes.fill_between(middle.index, low[first], high[first], color=hue, alpha=BAND, linewidth=0)
    few = subsample(len(middle), drawing.FEW_POINTS[1])
    for seed in middle.columns[1:]:
        axes.plot(middle.index[few], middle[seed].iloc[few], color=hue, linewidth=0.6, alpha=0.45,
                  label=f"50 seed {seed:g}")  # fmt: skip
    for edge, name in ((low, "15"), (high, "85")):
        axes.plot(edge.index, edge[first], color=hue, linewidth=0.9, label=name)
    axes.plot(middle.index, middle[first], color=hue, linewidth=1.8, label="50")
    for percentile, wide in ((15, low), (50, middle), (85, high)):
        known = wide[first].dropna()
        if len(known):
            place = (1, float(known.iloc[-1]))
            write(axes, str(percentile), place, (2, 0), BESIDE_ROW, color=hue, fontsize=7.5)


def _same_height(panels: Sequence[Axes]) -> None:
    limits = [panel.get_ylim() for panel in panels if panel.lines]
    for panel in panels:
        if limits:
            panel.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
