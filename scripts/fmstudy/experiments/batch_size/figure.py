"""Test accuracy over batch sizes, for each kind of statistics."""

import pandas as pd
from matplotlib.axes import Axes

from fmstudy.experiments import drawing
from fmstudy.experiments.batch_size.quantities import rows_at_best_rates
from fmstudy.experiments.drawing import hue_of, name_of
from fmstudy.experiments.reading import values_of
from fmstudy.figures.axes import empty_figure, label_ends, percent_axis
from fmstudy.figures.colors import FAINT, HUES
from fmstudy.figures.svg import Drawing, style


@style()
def draw(table: pd.DataFrame) -> Drawing:
    """Draw test accuracy against the batch size, for each kind of statistics."""
    table = rows_at_best_rates(table)
    sizes = sorted(values_of(table, "size"))
    if not sizes:
        return empty_figure("No training was started.")
    figure, (row,) = drawing.grid(1, 2, 2.8, sharey=True)
    left, right = row
    means = drawing.lines_and_crosses(left, table, "accuracy_exact", "size", (0.03, 0.06))
    ends: dict[Axes, list[tuple[float, str, str]]] = {right: []}
    ends[left] = [
        (drawing.mean_at(mean, sizes[-1]), name_of(arm), hue_of(arm)) for arm, mean in means.items()
    ]
    for (way, text), (hue, dashes) in zip(
        _ways(table).items(),
        ((HUES[1], "-"), (HUES[3], "-"), (HUES[2], "-"), (HUES[2], (0, (4, 2))), (FAINT, "-")),
        strict=False,
    ):
        wide = drawing.curves(table, f"accuracy_{way}", "size", arm="bn")
        drawn = drawing.lines(right, wide, hue, text, dashes=dashes, marker="o")
        ends[right].append((drawing.mean_at(drawn, sizes[-1]), text, hue))
    left.set_title("Test accuracy, exact statistics")
    right.set_title("Batch norm with other statistics")
    for axes in row:
        drawing.values_x(axes, sizes, "batch size")
        percent_axis(axes)
    for axes in row:  # whose limits are common
        label_ends(axes, ends[axes], drawing.LABEL / 2.2)
    return Drawing(
        figure,
        "Test accuracy by batch size",
        "Each network at its best rate for each size. Right: batch norm with other statistics.",
    )


def _ways(table: pd.DataFrame) -> dict[str, str]:
    """Return the kinds of statistics used in evaluation, with their names in the figure."""
    names = {"exact": "exact", "own": "own batch"}
    found = [m.removeprefix("accuracy_") for m in values_of(table, "measure") if "accuracy_" in m]
    return {way: names.get(way, f"moving {way}") for way in found}
