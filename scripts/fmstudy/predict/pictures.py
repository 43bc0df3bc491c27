"""Draws how a picture was prepared, above the probabilities of each model."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fmstudy.figures.axes import percent
from fmstudy.figures.colors import FAINT, HUES, INK
from fmstudy.figures.svg import style
from fmstudy.predict.classify import Answer
from fmstudy.predict.models import Study
from fmstudy.runtime import atomic_write

WIDTH = 10.0  # inches
ACROSS = 4  # models side by side
MOST_CLASSES = 12  # shown of a model
FEWEST_STEPS = 6  # side by side; fewer leave room
DPI = 150


def save(answer: Answer, study: Study, path: str | Path) -> None:
    """Draw an answer, and write it as PNG."""
    picture = io.BytesIO()
    # It warns of names in a script that the font does not have, whose letters become boxes.
    with style(), warnings.catch_warnings(action="ignore", category=UserWarning):
        FigureCanvasAgg(draw(answer, study)).print_png(picture, metadata={"Software": None})
    with atomic_write(path) as file:
        file.write(picture.getvalue())


def draw(answer: Answer, study: Study) -> Figure:
    """Draw the steps of the preparation, and a panel of bars for each model, most probable on top.

    Of many classes, those that are most probable to some model are shown.
    """
    places = shown_classes(answer)
    columns = min(ACROSS, max(2, len(study.models)))
    rows = math.ceil(len(study.models) / columns)
    steps = max(FEWEST_STEPS, len(answer.prepared.steps))
    heights = WIDTH / steps + 1.1, rows * (0.19 * len(places) + 0.65)  # inches
    figure = Figure(figsize=(WIDTH, sum(heights)), dpi=DPI, layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=heights, squeeze=False).flat
    name = textwrap.shorten(Path(answer.name).name, 90, placeholder="…")
    upper.suptitle(name, x=0.01, ha="left", fontsize=11, fontweight="bold")
    _draw_steps(upper.subplots(1, steps), answer)
    panels = lower.subplots(rows, columns, squeeze=False, sharey=True)
    for panel in panels.flat[len(study.models) :]:
        panel.set_axis_off()
    for panel, model in zip(panels.flat, study.models, strict=False):
        _draw_bars(panel, model.title, answer.probabilities[model.name][places])
    for panel in panels[:, 0]:
        panel.set_yticks(range(len(places)), [study.classes[place] for place in places])
    panels[0, 0].set_ylim(len(places) - 0.5, -0.6)
    return figure


def shown_classes(answer: Answer) -> np.ndarray:
    """Return the labels of the classes to show, in their order."""
    highest = np.max(list(answer.probabilities.values()), axis=0)
    return np.sort((-highest).argsort(kind="stable")[:MOST_CLASSES])


def _draw_steps(panels: Sequence[Axes], answer: Answer) -> None:
    """Draw the steps side by side, each picture in the middle of a square."""
    for axes in panels:
        axes.set_axis_off()
    for place, (axes, step) in enumerate(zip(panels, answer.prepared.steps, strict=False), 1):
        axes.imshow(step.pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        high, wide = step.pixels.shape[:2]
        axes.add_patch(Rectangle((-0.5, -0.5), wide, high, fill=False, color="#b9bec5", lw=0.8))
        half = 0.51 * max(high, wide)
        axes.set_xlim((wide - 1) / 2 - half, (wide - 1) / 2 + half)
        axes.set_ylim((high - 1) / 2 + half, (high - 1) / 2 - half)
        axes.set_title(f"{place}. {step.name}", fontsize=9)
        axes.text(
            *(0.01, -0.04, textwrap.fill(step.words, 23)),
            transform=axes.transAxes, va="top", fontsize=8, color=FAINT,
        )  # fmt: skip


def _draw_bars(axes: Axes, title: str, p: np.ndarray) -> None:
    best = int(p.argmax())
    colors = [HUES[0] if place == best else "#9fb6c6" for place in range(len(p))]
    axes.barh(range(len(p)), p, color=colors, height=0.72)
    axes.grid(visible=False)
    axes.set(xlim=(0, 1.28), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.set_title(textwrap.fill(textwrap.shorten(title, 60, placeholder="…"), 30))
    axes.tick_params(axis="y", colors=INK)
    for place in range(len(p)):
        if place == best or p[place] >= 0.01:
            axes.text(
                *(p[place] + 0.02, place, percent(float(p[place]))),
                va="center", fontsize=8, color=INK if place == best else FAINT,
            )  # fmt: skip
