"""Summaries of the trainings' results, the data, and the stages of the study."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from fmstudy.analysis.formats import count, fixed
from fmstudy.analysis.results import Runs
from fmstudy.analysis.tables import NEAR_ZERO, near_zero
from fmstudy.figures.axes import (
    ARROW,
    BESIDE_ROW,
    DIAMOND,
    GRAY,
    NARROW,
    SMALL,
    WIDTH,
    draw_summary,
    empty_figure,
    finished_seeds,
    gap_between,
    name_rows,
    nats,
    percent,
    percent_axis,
    plain,
    power_axis,
    roomy,
    row_of_panels,
    show_tick_labels,
    swept_axis,
    swept_values,
    write,
)
from fmstudy.figures.colors import FAINT, HUES, INK, PAPER
from fmstudy.figures.curves import FAR_BELOW, held_out_split
from fmstudy.figures.svg import Drawing, style
from fmstudy.study.spec import FINISHED


# ------------------------------------------------------------------------------------- all models
def models_overview(
    tables: Sequence[pd.DataFrame],
    trainings: pd.DataFrame,
    published: Mapping[str, Mapping[str, float]],
    comparisons: pd.DataFrame | None = None,
    *,
    sections: Mapping[str, str],
) -> Drawing:
    """Draw the test accuracy of every model: seeds, their mean, and the published value, if any.

    One column per engine.  `tables` are from `tables.models_table`, `trainings` from
    `tables.runs_table`; `comparisons` determine the length of a ruler, the smallest difference that
    the seeds can resolve; `sections` are the titles of the sections by name.
    """
    table = pd.concat(tables, ignore_index=True)
    table = table[table["seeds"] > table["diverged"]]
    if table.empty:
        return empty_figure("No model finished its training.")
    columns = [table[table["engine"] == engine] for engine in table["engine"].unique()]
    is_near = table["test_accuracy"] > table["test_accuracy"].median() - FAR_BELOW
    near = set(table.loc[is_near, "model"])
    rulers = [
        None if comparisons is None else _resolved(comparisons, models["model"])
        for models in columns
    ]
    rows = max(map(len, columns)) + any(ruler is not None for ruler in rulers)
    with style():
        width = WIDTH if len(columns) > 1 else NARROW
        figure, grid = plt.subplots(
            1, len(columns), figsize=(width, 0.8 + 0.26 * rows), sharex=True, squeeze=False,
            layout=roomy(),
        )  # fmt: skip
        for axes, models in zip(grid[0], columns, strict=True):
            _draw_models(axes, models, near, trainings, published, sections)
            axes.set_title(ENGINES[models["engine"].iloc[0]])
            axes.set_xlabel("test accuracy")
            percent_axis(axes, "x", 4)
        low, high = grid[0, 0].get_xlim()
        for axes, models, ruler in zip(grid[0], columns, rulers, strict=True):
            names = [textwrap.shorten(title, 34) for title in models["title"]]
            if ruler is not None:
                middle, place = (low + high) / 2, len(names)
                names.append(RULER)
                ends = [middle - ruler / 2, middle + ruler / 2]
                axes.plot(ends, [place] * 2, "-|", color=FAINT, linewidth=1.6, markersize=7)
                text = f"{fixed(100 * ruler, 1)} points"
                write(axes, text, (ends[1], place), (6, 0), "data", color=FAINT)
            name_rows(axes, names)
            axes.set_xlim(low, high)
    far = [
        ("test accuracy", sections[row["section"]], row["test_accuracy"], row["title"])
        for row in table[~is_near].to_dict("records")
    ]
    far += [
        ("test accuracy", "smallest difference that seeds resolve", ruler, RULER)
        for ruler in rulers
        if ruler is not None
    ]
    parts = {
        "Dots: seeds; bars: means; diamonds: published values.": bool(published),
        "Dots: seeds; bars: means.": not published,
        "The ruler shows the smallest difference that our comparisons can typically resolve.": any(
            ruler is not None for ruler in rulers
        ),
    }
    text = " ".join(text for text, applies in parts.items() if applies)
    return Drawing(figure, "Test accuracy of all models", text, far)


ENGINES = {"lowlevel": "Low-level TensorFlow", "keras": "Keras"}
RULER = "Resolvable difference"


def _draw_models(
    axes: Axes,
    models: pd.DataFrame,
    near: Collection[str],
    trainings: pd.DataFrame,
    published: Mapping[str, Mapping[str, float]],
    sections: Mapping[str, str],
) -> None:
    hues = dict(zip(sections, HUES, strict=False))
    for place, row in enumerate(models.to_dict("records")):
        hue, mean = hues[row["section"]], row["test_accuracy"]
        if row["model"] not in near:
            write(axes, f"◂ {percent(mean)}", (0, place), (4, 0), BESIDE_ROW, color=hue)
            continue
        value = published.get(row["model"], {}).get("test_accuracy")
        if value is not None:
            axes.plot(value, place, **DIAMOND, markeredgecolor=INK, label="published")
        name = sections[row["section"]]
        seeds = finished_seeds(trainings, row["run"])["test_accuracy"]
        axes.plot(seeds, [place] * len(seeds), "o", color=hue, alpha=0.5, markersize=4,
                  markeredgewidth=0, label=f"{name}, single seeds", gid="seed")  # fmt: skip
        axes.plot([mean], [place], "|", color=hue, markersize=11, markeredgewidth=2, label=name,
                  gid="held-out")  # fmt: skip


def _resolved(comparisons: pd.DataFrame, models: Collection[str]) -> float | None:
    """Return the median of the smallest resolvable differences in test accuracy of the models."""
    is_own = (comparisons["metric"] == "test_accuracy") & comparisons["first"].isin(set(models))
    sizes = comparisons.loc[is_own, "resolution"].astype(float).dropna().to_numpy()
    return float(np.median(sizes)) if len(sizes) else None


# -------------------------------------------------------------------------------------- summaries
def sweep_summary(table: pd.DataFrame, sweep: Mapping[str, Any]) -> Drawing:
    """Draw final accuracy, loss and gap over the varied key; for delta also the weights.

    Values that are words or layers stand side by side, without lines between them.
    """
    weights = sweep["vary"] == "delta"
    values, joined = swept_values(sweep)
    held_out = held_out_split({"engine": table["engine"].iloc[0]})
    with style():
        figure, axes = row_of_panels(4 if weights else 3)
        for panel, metric in zip(axes, ("accuracy", "loss"), strict=False):
            for split in ("train", held_out):
                draw_summary(panel, values, table, f"{split}_{metric}", HUES[0], split, joined)
        draw_summary(axes[2], values, table, "gap_accuracy", HUES[1], "gap", joined)
        _finish_finals(axes, held_out)
        if weights:
            axes[3].plot(values, table["near_zero_share"], "-o", color=HUES[2], markersize=5,
                         label="share")  # fmt: skip
            axes[3].set_title("Weights near zero")
            percent_axis(axes[3])
        for panel in axes:
            swept_axis(panel, values, sweep["vary"])
    return Drawing(
        figure,
        f"{sweep['title']}: final metrics",
        f"{'Dashed' if joined else 'Hollow'}: training; {'solid' if joined else 'filled'}: "
        f"{held_out}. Bars span the seeds, if there are several.",
    )


def depth(
    tables: Sequence[pd.DataFrame], trainings: pd.DataFrame, models: Sequence[str]
) -> Drawing:
    """Draw final accuracy, loss and gap against the number of hidden layers, for these models.

    `tables` are from `tables.models_table`, `trainings` from `tables.runs_table`.
    """
    table = pd.concat(tables, ignore_index=True).set_index("model").loc[list(models)]
    engine = table["engine"].iloc[0]
    held_out = held_out_split({"engine": engine})
    layers = [hidden_layers(hidden) for hidden in table["hidden"]]
    splits = dict.fromkeys(("train", held_out, "test"))
    finished = trainings[trainings["status"] == FINISHED].set_index("run")
    with style():
        figure, axes = row_of_panels(3)
        for panel, metric in zip(axes, ("accuracy", "loss"), strict=False):
            for split in splits:
                name = f"{split}_{metric}"
                hue = HUES[1] if split == "test" and held_out != "test" else HUES[0]
                dashes, width = ("--", 1.1) if split == "train" else ("-", 1.8)
                _seed_dots(panel, layers, table, finished[name], hue)
                panel.plot(layers, table[name], color=hue, label=split, linestyle=dashes,
                           linewidth=width)  # fmt: skip
        gaps = finished["train_accuracy"] - finished[f"{held_out}_accuracy"]
        _seed_dots(axes[2], layers, table, gaps, HUES[0])
        axes[2].plot(layers, table["gap_accuracy"], color=HUES[0], linewidth=1.8, label="gap")
        _finish_finals(axes, held_out)
        for panel in axes:
            panel.set_xticks(layers)
            panel.set_xlabel("hidden layers")
            panel.margins(x=0.12)
    return Drawing(
        figure,
        f"Final metrics by depth, {ENGINES[engine]}",
        "Lines: means over seeds; dots: single seeds.",
    )


def hidden_layers(hidden: Any) -> int:
    """Return the number of hidden layers of a model, such as 2 for the text 300-100."""
    return len(str(hidden).split("-")) if isinstance(hidden, str) and hidden else 0


def _seed_dots(
    axes: Axes, places: Sequence[float], table: pd.DataFrame, values: pd.Series, hue: str
) -> None:
    """Draw a dot for each seed of each model; `values` are those of single seeds, by run."""
    for place, run in zip(places, table["run"], strict=True):
        own = values[values.index == run]
        axes.plot([place] * len(own), own, "o", color=hue, alpha=0.45, markersize=4,
                  markeredgewidth=0, label="single seeds", gid="seed")  # fmt: skip


def _finish_finals(axes: Sequence[Axes], held_out: str) -> None:
    """Title and scale panels of final accuracy, loss and gap."""
    for panel, title in zip(axes, ("Accuracy", "Loss, nats"), strict=False):
        panel.set_title(title)
        handles, names = panel.get_legend_handles_labels()
        shown = dict(zip(names, handles, strict=True))
        shown.pop("single seeds", None)
        panel.legend(shown.values(), shown.keys(), loc="best", fontsize=SMALL)
    axes[2].set_title(f"Gap: train − {held_out}")
    axes[2].axhline(0, color=FAINT, linewidth=0.8)
    percent_axis(axes[0])
    percent_axis(axes[2])


def epochs_bars(table: pd.DataFrame, title: str) -> Drawing:
    """Draw test accuracy and loss after each number of epochs, as bars."""
    labels = [count(epochs) for epochs in table["epochs"]]
    with style():
        figure, axes = row_of_panels(2)
        for panel, metric, name, form in (
            (axes[0], "test_accuracy", "Test accuracy", percent),
            (axes[1], "test_loss", "Test loss, nats", nats),
        ):
            bars = panel.bar(labels, table[metric], width=0.6, color=HUES[0], label="test")
            panel.bar_label(bars, [form(value) for value in table[metric]], padding=2)
            panel.set_title(name)
            panel.set_xlabel("epochs")
            panel.margins(y=0.12)
        percent_axis(axes[0])
    return Drawing(
        figure,
        f"{title}: test metrics by number of epochs",
        "Evaluated along the way; means over seeds.",
    )


def weight_histograms(models: Sequence[Mapping[str, Any]], runs: Runs) -> Drawing:
    """Draw histograms of all weights of each model, on shared axes."""
    edges = np.linspace(-0.3, 0.3, 121)
    with style():
        columns = min(3, len(models))
        rows = math.ceil(len(models) / columns)
        figure, grid = plt.subplots(
            rows, columns, figsize=(WIDTH, 0.4 + 1.9 * rows), sharey=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        for axes, model in zip(grid.ravel(), models, strict=False):
            seeds = runs.finished(model)
            weights = np.concatenate(
                [np.empty(0, np.float32), *(runs.weights(model["run"], s) for s in seeds)]
            )
            counts, _ = np.histogram(np.clip(weights, edges[0], edges[-1]), edges)
            share = float(near_zero(weights).mean()) if weights.size else math.nan
            axes.stairs(counts / max(1, weights.size), edges, fill=True, color=HUES[0], alpha=0.85,
                        label="share")  # fmt: skip
            axes.set_yscale("log")
            axes.set_title(textwrap.fill(model["title"], 30), fontsize=SMALL)
            axes.set_xlabel(f"{percent(share)} near zero")
            power_axis(axes, "y")
        for axes in grid.ravel()[len(models) :]:
            axes.set_axis_off()
        for axes in grid[:, 0]:
            axes.set_ylabel("share of weights")
        show_tick_labels(grid.ravel()[: len(models)])
    return Drawing(
        figure,
        "Weights after training, by penalty",
        f"On a logarithmic scale. Near zero: at most {100 * NEAR_ZERO:g} % of the root mean square "
        "of all weights.",
    )


def data_pictures(pictures: Mapping[str, np.ndarray], summary: Mapping[str, Any]) -> Drawing:
    """Draw examples and the mean image of each class, and the overall mean and variance."""
    samples, means = pictures["sample_images"], pictures["class_mean_images"]
    names, counts = summary["classes"], summary["train"]["class_counts"]
    high, wide = summary["shape"]
    gap = gap_between(high)
    apart = (0, gap), (0, gap)
    tall, broad = high + gap, wide + gap
    with style():
        size = (WIDTH, min(0.46 * len(names) * high / wide, 16.0))
        figure = plt.figure(figsize=size, layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[3.6, 1])
        rows = [
            np.hstack([np.pad(image, apart) for image in (*row / summary["white"], mean)])
            for row, mean in zip(samples, means, strict=True)
        ]
        left.imshow(1 - np.vstack(rows), **GRAY)
        centers = np.arange(len(names)) * tall + high / 2
        left.set_yticks(
            centers, [f"{name} ({count:,})" for name, count in zip(names, counts, strict=True)]
        )
        left.set_xticks([broad * samples.shape[1] / 2, broad * (samples.shape[1] + 0.5)])
        left.set_xticklabels(["first training images", "mean"])
        left.axvline(broad * samples.shape[1] - gap - 0.5, color=HUES[1], linewidth=1)
        between = np.zeros((high // 4, wide))
        variance = pictures["variance_image"] / (pictures["variance_image"].max() or 1)
        right.imshow(1 - np.vstack([pictures["mean_image"], between, variance]), **GRAY)
        right.set_yticks([high / 2, high * 1.75], ["mean", "variance"])
        right.set_xticks([])
        for axes in (left, right):
            plain(axes, "y")
    return Drawing(
        figure,
        "The training set",
        "Per class: its number of images, examples, and the mean image. Right: mean and variance "
        "of each pixel.",
        [
            ("number of training images", name, "", count)
            for name, count in zip(names, counts, strict=True)
        ],
    )


STAGES = {
    "Fetch": "{files} files",
    "Prepare": "{images} images",
    "Train": "{trainings} trainings, {experiments} experiments",
    "Collect": "{tables} tables",
    "Plot": "{figures} figures",
    "Render": "a page and a PDF",
}


def stages(counts: Mapping[str, int], figures: int) -> Drawing:
    """Draw the stages of the study, from the data to the report, with what they make."""
    made = {key: count(value) for key, value in {**counts, "figures": figures}.items()}
    texts = {stage: text.format(**made) for stage, text in STAGES.items()}
    if not counts["files"]:
        del texts["Fetch"]
    with style():
        figure, grid = plt.subplots(1, len(texts), figsize=(WIDTH, 0.95), layout="constrained")
        for axes, (stage, text) in zip(grid, texts.items(), strict=True):
            axes.set_axis_off()
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1)
            look = "round,pad=0,rounding_size=0.08"
            box = FancyBboxPatch((0.02, 0.05), 0.82, 0.9, look, linewidth=1.2)
            hue = HUES[0] if stage == "Train" else "#b9bec5"
            axes.add_patch(box).set(facecolor=PAPER, edgecolor=hue)
            axes.text(0.08, 0.8, stage, color=INK, weight="bold", va="center")
            for line, words in enumerate(textwrap.wrap(text, 14)):
                axes.text(0.08, 0.55 - 0.2 * line, words, color=FAINT, va="center", fontsize=SMALL)
            if stage != next(reversed(texts)):
                axes.annotate("", (1.0, 0.5), xytext=(0.86, 0.5), arrowprops=ARROW)
    return Drawing(
        figure,
        "The stages of the study",
        "Each stage reads what the stages before it made.",
        [("", stage, place, text) for place, (stage, text) in enumerate(texts.items(), 1)],
    )
