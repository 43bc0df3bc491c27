"""Validation loss of the same nets with exact and with moving statistics."""

import math

import pandas as pd
from matplotlib.ticker import MaxNLocator

from fmstudy.analysis.formats import fixed
from fmstudy.experiments import drawing
from fmstudy.experiments.reading import Settings, some, values_of
from fmstudy.figures.axes import SMALL, empty_figure, nats, write
from fmstudy.figures.colors import HUES, INK
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame, settings: Settings) -> Drawing:
    """The loss of the same nets with exact and with moving statistics."""
    rows = some(table, measure="loss")
    rows = rows.assign(way=rows["way"].astype(str))
    cases, ways = values_of(rows, "case"), values_of(rows, "way")
    if not cases:
        return empty_figure("No training left any values.")
    figure, grid = drawing.grid(1, len(cases), 0.75 + 0.3 * len(ways), sharex=True, sharey=True)
    for axes, case in zip(grid[0], cases, strict=True):
        wide = drawing.curves(rows, "loss", "way", case=case).reindex(ways)
        means = wide.mean(axis=1)
        for place, way in enumerate(ways):
            hue = HUES[1] if way == "exact" else HUES[2]
            drawing.dots(axes, wide.loc[way].to_numpy(), means[way], place, hue)
            if math.isfinite(means[way]):
                edge = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
                write(axes, nats(means[way]), (means[way], place), (0, 7), "data", ha="center",
                      va="baseline", color=hue, bbox=edge)  # fmt: skip
        if "exact" in ways and math.isfinite(means["exact"]):
            axes.axvline(means["exact"], color=HUES[1], linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_title("\n".join(_case(case, table, settings)), fontsize=SMALL)
        axes.set_yticks(
            range(len(ways)), ["exact" if way == "exact" else f"moving {way}" for way in ways]
        )
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(ways) - 0.6, -0.7)
        axes.margins(x=0.12)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("validation loss, nats")
        axes.xaxis.set_major_locator(MaxNLocator(5))
    return Drawing(
        figure,
        "Validation loss by kind of statistics",
        "The same networks with exact statistics (dashed) and with moving averages.",
    )


def _case(case: str, table: pd.DataFrame, settings: Settings) -> tuple[str, str]:
    """What a case of the evaluation is, shortly and in full."""
    steps = some(table, measure="steps", case=case)["value"]
    count = fixed(steps.iloc[0], 0) if len(steps) else "some"
    given = settings.get(case, {})
    net = "-".join(str(units) for units in given.get("hidden", ()))
    if case == "epoch":
        return f"after one epoch ({count} steps)", f"{net}, batches of {given.get('batch_size')}"
    if case == "full":
        return f"after {count} full-batch steps", f"{net}, {given.get('samples', 0):,} samples"
    return case, ""
