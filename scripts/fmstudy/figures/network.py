"""A small net without and with batch normalization, side by side."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from fmstudy.figures.axes import ARROW, SMALL, WIDTH
from fmstudy.figures.colors import FAINT, HUES, INK
from fmstudy.figures.svg import Drawing, style

PLAIN, NORMALIZED = HUES[:2]
MIDDLE = 5.0
STEPS = {
    "without": ("W x", "+ b", "activation", "output layer, softmax"),
    "with": (
        "W x",
        "(W x − mean) / deviation",
        "γ · (…) + β",
        "activation",
        "output layer, softmax",
    ),
}


@style()
def draw() -> Drawing:
    """A small net without and with batch normalization, side by side."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 5.0), layout="constrained")
    for axes, hue in ((left, PLAIN), (right, NORMALIZED)):
        axes.set_axis_off()
        axes.set_xlim(0, 10)
        axes.set_ylim(0, 13)
        _net(axes, hue)
    left.set_title("Without batch normalization", color=PLAIN)
    right.set_title("With batch normalization", color=NORMALIZED)
    return Drawing(
        figure,
        "A network without and with batch normalization",
        "From the image at the top to the class at the bottom.",
        [
            (f"{way} batch normalization", f"step {place}", "", step)
            for way, steps in STEPS.items()
            for place, step in enumerate(steps, 1)
        ],
    )


def _net(axes: Axes, hue: str) -> None:
    """Draw a net with one hidden layer from the top down."""
    _units_row(axes, 12.6, 5, FAINT, "x: pixels of an image")
    _arrow(axes, 12.25, 11.5)
    _box(axes, 11.0, 4.6, 0.9, "W x", INK)
    if hue == PLAIN:
        _arrow(axes, 10.5, 8.4)
        _box(axes, 7.9, 4.6, 0.9, "+ b", hue)
        _arrow(axes, 7.4, 5.3)
    else:
        panel = FancyBboxPatch((1.0, 6.0), 8.0, 3.8, "round,pad=0.1", edgecolor=hue)
        panel.set(facecolor="#fbf1e9", linewidth=1.4)
        axes.add_patch(panel)
        axes.text(1.2, 9.45, "batch normalization, per unit", color=hue, fontsize=SMALL,
                  va="center")  # fmt: skip
        _arrow(axes, 10.5, 9.95)
        _box(axes, 8.4, 7.4, 0.95, "(W x − mean) / deviation", hue, "of the batch")
        _arrow(axes, 7.87, 7.28)
        _box(axes, 6.75, 7.4, 0.95, "γ · (…) + β", hue, "γ and β: learned")
        _arrow(axes, 5.87, 5.3)
    _box(axes, 4.8, 4.6, 0.9, "activation", INK)
    _arrow(axes, 4.3, 3.65)
    _units_row(axes, 3.3, 4, hue, "h: hidden units")
    _arrow(axes, 2.95, 2.3)
    _box(axes, 1.8, 6.2, 0.9, "output layer, softmax", INK)
    _arrow(axes, 1.3, 0.7)
    axes.text(MIDDLE, 0.35, "probabilities of the classes", color=FAINT, ha="center", va="center",
              fontsize=SMALL)  # fmt: skip


def _units_row(axes: Axes, y: float, count: int, hue: str, text: str) -> None:
    x = MIDDLE + 0.62 * (np.arange(count) - (count - 1) / 2)
    axes.plot(x, [y] * count, "o", markersize=11, markerfacecolor="white", markeredgecolor=hue,
              markeredgewidth=1.4)  # fmt: skip
    axes.text(x[-1] + 0.55, y, text, color=FAINT, va="center", fontsize=SMALL)


def _box(
    axes: Axes, y: float, width: float, height: float, text: str, hue: str, note: str = ""
) -> None:
    corner = (MIDDLE - width / 2, y - height / 2)
    box = FancyBboxPatch(corner, width, height, "round,pad=0.05", edgecolor=hue)
    axes.add_patch(box).set(facecolor="white", linewidth=1.4)
    place, align = (corner[0] + 0.25, "left") if note else (MIDDLE, "center")
    axes.text(place, y, text, color=hue, ha=align, va="center", fontsize=9.5)
    if note:
        axes.text(MIDDLE + width / 2 - 0.2, y, note, color=FAINT, ha="right", va="center",
                  fontsize=SMALL)  # fmt: skip


def _arrow(axes: Axes, top: float, bottom: float) -> None:
    axes.annotate("", (MIDDLE, bottom), xytext=(MIDDLE, top), arrowprops=ARROW)
