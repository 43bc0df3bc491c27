"""Gradient norms through the deepest net, and accuracy over depth."""

import pandas as pd
from matplotlib.axes import Axes

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import hue_of, name_of
from fmstudy.experiments.reading import SMALLEST, some, values_of
from fmstudy.figures.axes import empty_figure, label_ends, percent, percent_axis
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Norms of the gradients by layer in the deepest net, and accuracy against the depth."""
    norms = some(table, measure="gradient_norm")
    activations, arms = values_of(table, "activation"), values_of(table, "arm")
    if norms.empty:
        return empty_figure("No net was built.")
    deepest = norms["depth"].max()
    figure, grid = drawing.grid(len(activations), 2, 2.1)
    for (left, right), activation in zip(grid, activations, strict=True):
        own = some(table, activation=activation)
        ends = []
        for arm in arms:
            wide = drawing.curves(own, "gradient_norm", "layer", arm=arm, depth=deepest)
            if wide.empty:
                continue
            known = wide.where(wide > SMALLEST)
            means = drawing.arm_lines(left, known, arm, drawing.geometric_mean(wide))
            ends.append((float(means.iloc[-1]), name_of(arm), hue_of(arm)))
        if ends:
            drawing.log_y(left)
            label_ends(left, ends, drawing.LABEL / 1.6)
        left.set_title(f"{name_of(activation)}: norm of gradients")
        drawing.steps_x(left, 5, f"layer of {deepest:g}")
        _accuracy_by_depth(right, own)
        right.set_title(f"{name_of(activation)}: test accuracy")
    return Drawing(
        figure,
        "Gradients before training, and accuracy by depth",
        "Left: gradients by layer of the deepest network, counted from the images.",
    )


def _accuracy_by_depth(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the accuracy against depth."""
    trained = sorted(values_of(rows[rows["measure"].isin(["finished", "test_accuracy"])], "depth"))
    if not trained:
        axes.set_axis_off()
        return
    ends = []
    drawn = drawing.lines_and_crosses(axes, rows, "test_accuracy", "depth", (0.04, 0.08))
    for arm, means in drawn.items():
        accuracy = drawing.mean_at(means, trained[-1])
        ends.append((accuracy, f"{name_of(arm)} {percent(accuracy)}", hue_of(arm)))
    percent_axis(axes)
    axes.set_ylim(0, 1)
    axes.set_xticks(trained, [f"{depth:g}" for depth in trained])
    axes.set_xlabel("hidden layers")
    axes.margins(x=0.1)
    label_ends(axes, ends, drawing.LABEL / 1.6)
