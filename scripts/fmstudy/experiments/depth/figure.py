"""Gradient norms through the deepest net, and accuracy over depth."""

import pandas as pd
from matplotlib.axes import Axes

from fmstudy.experiments import drawing
from fmstudy.experiments.depth.quantities import growth
from fmstudy.experiments.drawing import hue_of, listed, marks_told, name_of, seeds_told
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
    figure, grid = drawing.grid(len(activations), 2, 2.3)
    findings = []
    for (left, right), activation in zip(grid, activations, strict=True):
        own = some(table, activation=activation)
        ends, grown = [], []
        for arm in arms:
            wide = drawing.curves(own, "gradient_norm", "layer", arm=arm, depth=deepest)
            if wide.empty:
                continue
            known = wide.where(wide > SMALLEST)
            means = drawing.arm_lines(left, known, arm, drawing.geometric_mean(wide))
            factor = growth(means)
            grown.append(f"{drawing.factor(factor)} ({name_of(arm)})")
            ends.append((float(means.iloc[-1]), name_of(arm), hue_of(arm)))
        if grown:
            drawing.log_y(left)
            label_ends(left, ends, drawing.LABEL / 1.75)
        left.set_title(f"{name_of(activation)}: norm of gradients")
        drawing.steps_x(left, 5, f"layer of {deepest:g}")
        accuracies = _accuracy_by_depth(right, own)
        right.set_title(f"{name_of(activation)}: test accuracy")
        said = f"gradients {listed(grown)}" if grown else "no gradients"
        findings.append(
            f"{name_of(activation)} {said}"
            + (f", test accuracy {accuracies}" if accuracies else "")
        )
    return Drawing(
        figure,
        "Factors by which gradients change from a layer to the one below it at the start, in nets "
        f"of {deepest:g} layers, and test accuracy of the deepest nets that were trained: "
        f"{'; '.join(findings)} ({seeds_told(table)}).",
        "A row an activation. Left, on a logarithmic axis: the norm of the gradient by what each "
        "hidden layer sends on, before any training; layers count from the images; what is zero "
        "is left out. Right: test accuracy against the number of hidden layers. Blue: without "
        f"batch normalization; orange: with it. {marks_told(table)}".strip(),
    )


def _accuracy_by_depth(axes: Axes, rows: pd.DataFrame) -> str:
    """Draw the accuracy over depth, and say that of the deepest nets."""
    trained = sorted(values_of(rows[rows["measure"].isin(["finished", "test_accuracy"])], "depth"))
    if not trained:
        axes.set_axis_off()
        return ""
    ends, said = [], []
    drawn = drawing.lines_and_crosses(axes, rows, "test_accuracy", "depth", (0.04, 0.08))
    for arm, means in drawn.items():
        accuracy = drawing.mean_at(means, trained[-1])
        ends.append((accuracy, f"{name_of(arm)} {percent(accuracy)}", hue_of(arm)))
        said.append(f"{percent(accuracy)} ({name_of(arm)})")
    percent_axis(axes)
    axes.set_ylim(0, 1)
    axes.set_xticks(trained, [f"{depth:g}" for depth in trained])
    axes.set_xlabel("hidden layers")
    axes.margins(x=0.1)
    label_ends(axes, ends, drawing.LABEL / 1.75)
    return f"of {trained[-1]:g} layers {listed(said)}"
