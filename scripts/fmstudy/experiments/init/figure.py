"""Validation loss over the deviation of the initial weights, at each learning rate."""

import math

import pandas as pd

from fmstudy.experiments import drawing
from fmstudy.experiments.drawing import listed, marks_told, name_of, seeds_told
from fmstudy.experiments.reading import Settings, some, values_of
from fmstudy.figures.plots import empty_figure, nats
from fmstudy.figures.svg import Drawing, style
from fmstudy.numbers import number


@style()
def draw(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Validation loss against the deviation of the initial weights, at each rate."""
    rows = table[table["rate"].notna() & table["std"].notna()]
    if rows.empty:
        return empty_figure("No training was started.")
    activations, arms = values_of(rows, "activation"), values_of(rows, "arm")
    rates = sorted(values_of(rows, "rate"))
    usual = settings.get("learning_rate", math.nan)
    chosen = float(usual) if usual in rates else rates[len(rates) // 2]
    figure, grid = drawing.grid(len(activations), len(rates), 2.0, sharex=True, sharey=True)
    findings = []
    for line, activation in zip(grid, activations, strict=True):
        for axes, rate in zip(line, rates, strict=True):
            own = some(rows, activation=activation, rate=rate)
            drawn = drawing.lines_and_crosses(axes, own, "validation_loss", "std", (0.05, 0.09))
            if rate == chosen:
                spans = [_span(means, some(own, arm=arm), arm) for arm, means in drawn.items()]
                findings.append(f"{name_of(activation)} {listed(spans)}")
            axes.set_title(f"{name_of(activation)}, rate {number(rate)}", fontsize=8.5)
            drawing.values_x(axes, sorted(values_of(rows, "std")), "")
    for axes in grid[-1]:
        axes.set_xlabel("initial deviation")
    for line in grid:
        line[0].set_ylabel("validation loss, nats")
    drawing.arm_legend(figure, arms)
    return Drawing(
        figure,
        f"Lowest and highest validation loss over initial deviations of the weights, at rate "
        f"{number(chosen)}: {'; '.join(findings)} ({seeds_told(rows)}).",
        "Validation loss after training against the standard deviation of the initial weights, on "
        "a logarithmic axis; one row per activation, one column per learning rate. Blue: without "
        f"batch normalization; orange: with it. {marks_told(table)}".strip(),
    )


def _span(means: pd.Series, rows: pd.DataFrame, arm: str) -> str:
    known = means.dropna()
    lost = [number(place) for place in drawing.diverged(rows, "std")]
    also = f", diverged at {listed(lost)}" if lost else ""
    if known.empty:
        return f"none ({name_of(arm)}{also})"
    return f"{nats(float(known.min()))} to {nats(float(known.max()))} ({name_of(arm)}{also})"
