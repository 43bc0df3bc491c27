"""The figures of the experiments on batch normalization, drawn from their raw results.

They look as those of `figures.plots` do; each says in a sentence what it shows.  The same hue means
the same everywhere: blue a net without batch normalization, orange one with it before the
activation, green and purple what else is compared.  Strong lines are means over the seeds that
finished, thin ones single seeds, crosses trainings that diverged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fmstudy.analysis.formats import brief, fixed, signed, significant
from fmstudy.experiments.quantities import (
    SMALLEST,
    decades,
    growth,
    quantities,
    step_seconds,
    steps_to,
    usable_rates,
)
from fmstudy.figures.colors import FAINT, HUES, INK, readable
from fmstudy.figures.plots import (
    BAND,
    DARKER,
    SEED_POINTS,
    WIDTH,
    empty_figure,
    label_ends,
    limit,
    nats,
    percent,
    percent_axis,
    power_axis,
    show_tick_labels,
    subsample,
)
from fmstudy.figures.svg import Drawing, style
from fmstudy.study.spec import number

HUE = {
    "plain": HUES[0],
    "bn": HUES[1],
    "before": HUES[1],
    "noisy": HUES[2],
    "after": HUES[2],
    "both": HUES[2],
    "dropout": HUES[3],
}
NAMES = {
    "bn": "batch norm",
    "noisy": "noisy batch norm",
    "sigmoid": "Sigmoid",
    "relu": "ReLU",
    "sgd": "SGD",
    "adam": "Adam",
}
LABEL = 0.16  # inches, the height of a line of text
# How many points a mean and a seed are drawn with; fewer where a figure has many panels.
POINTS, FEW_POINTS, FEWEST_POINTS = (100, SEED_POINTS), (50, 15), (40, 8)

Settings = Mapping[str, Any]


def draw(
    experiment: str,
    table: pd.DataFrame,
    settings: Settings,
    times: pd.DataFrame | None = None,
) -> Drawing:
    """Draw the figure of an experiment from its results of all seeds, and its times.

    `table` has the columns of the experiment's rows, and `seed`; `times` the same of what was
    timed, where the experiment times something.
    """
    with style():
        if experiment in _TIMED:
            return _TIMED[experiment](table, settings, times)
        return _UNTIMED[experiment](table, settings)


# ------------------------------------------------------------------------------------- helpers
def _name(key: str) -> str:
    return NAMES.get(key, key)


def _hue(arm: str) -> str:
    return HUE.get(arm, FAINT)


def _some(table: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """The rows in which each of these columns has this value."""
    chosen = np.ones(len(table), dtype=bool)
    for column, value in where.items():
        chosen &= (table[column] == value).to_numpy()
    return table[chosen]


def _keys(table: pd.DataFrame, column: str) -> list[Any]:
    """The values of a column, in the order in which they come."""
    return list(table[column].dropna().unique())


def _by_seed(table: pd.DataFrame, measure: str, over: str, **where: Any) -> pd.DataFrame:
    """A measure's values, a row a value of the column `over`, a column a seed; the mean of many."""
    rows = _some(table, measure=measure, **where)
    values = rows["value"].replace([math.inf, -math.inf], math.nan)
    return values.groupby([rows[over], rows["seed"]]).mean().unstack("seed").sort_index()


def _mean(wide: pd.DataFrame) -> pd.Series:
    """Means over the seeds that have a value."""
    return wide.mean(axis=1)


def _geometric(wide: pd.DataFrame) -> pd.Series:
    """Geometric means over the seeds that have a value above zero."""
    return np.exp(np.log(wide.where(wide > SMALLEST)).mean(axis=1))


def _at(means: pd.Series, place: float) -> float:
    """The mean at a place, NaN if all trainings had diverged by then."""
    return float(means.get(place, math.nan))


def _best(means: pd.Series) -> float:
    """Where the highest mean is."""
    return float(means.index[int(means.to_numpy().argmax())])


def _said_seeds(table: pd.DataFrame) -> str:
    count = table["seed"].nunique()
    return f"mean of {count} seeds" if count > 1 else "1 seed"


def _marks(table: pd.DataFrame, strong: str = "Strong lines", thin: str = "thin lines") -> str:
    """What the marks of single seeds, and crosses, mean where there are any."""
    said = ""
    if table["seed"].nunique() > 1:
        said += f"{strong}: means over seeds; {thin}: single seeds. "
    if (_some(table, measure="finished")["value"] < 1).any():
        said += "Crosses: trainings that diverged, faint where only some seeds did. "
    return said


def _together(parts: Sequence[str], last: str = "and") -> str:
    """Words with commas, and a word before the last."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def _factor(value: float) -> str:
    """Write a factor with two or three digits that count."""
    if not math.isfinite(value):
        return "unknown"
    return fixed(value) if 0.01 <= abs(value) < 100 else significant(value, 2)


def _grid(
    rows: int, columns: int, height: float, **given: Any
) -> tuple[Figure, np.ndarray[Any, np.dtype[np.object_]]]:
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(WIDTH, 0.25 + height * rows),
        squeeze=False,
        layout=ConstrainedLayoutEngine(w_pad=0.08),
        **given,
    )
    show_tick_labels(grid.ravel())
    return figure, grid


def _draw(
    axes: Axes,
    wide: pd.DataFrame,
    hue: str,
    name: str,
    means: pd.Series | None = None,
    dashes: Any = "-",
    width: float = 1.8,
    marker: str = "",
    kind: str | None = None,
    points: tuple[int, int] = POINTS,
) -> pd.Series:
    """Draw the seeds and their means over the index, as series of this name; give the means."""
    means = _mean(wide) if means is None else means
    if wide.shape[1] > 1:
        few = wide.iloc[subsample(len(wide), points[1])]
        axes.plot(few.index, few.to_numpy(), color=hue, linewidth=0.6, alpha=0.35, linestyle=dashes,
                  label=_seed_names(name, wide))  # fmt: skip
    shown = means.iloc[subsample(len(means), points[0])]
    axes.plot(
        shown.index,
        shown.to_numpy(),
        color=hue,
        linewidth=width,
        linestyle=dashes,
        marker=marker,
        markersize=4,
        label=name,
        gid=kind,
    )
    return means


def _seed_names(name: str, wide: pd.DataFrame) -> list[str]:
    """The names of the lines of single seeds, one a column."""
    return [f"{name} seed {seed:g}" for seed in wide.columns]


def _crosses(
    axes: Axes, table: pd.DataFrame, over: str, hue: str, height: float, name: str
) -> None:
    """A cross at the bottom where trainings diverged, at this share of the axes' height."""
    for place, share in _lost(table, over).items():
        axes.plot(
            [place],
            [height],
            "x",
            transform=axes.get_xaxis_transform(),
            color=hue,
            alpha=1.0 if share == 1.0 else 0.45,
            markersize=5.5,
            markeredgewidth=1.6,
            clip_on=False,
            zorder=5,
            label=f"{name} diverged",
        )


def _lost(table: pd.DataFrame, over: str) -> dict[float, float]:
    """The shares of the trainings that diverged, where any did."""
    finished = _some(table, measure="finished")
    shares = 1.0 - finished.groupby(over)["value"].mean()
    lost = shares[shares > 0]
    return {float(p): float(s) for p, s in zip(lost.index, lost.to_numpy(), strict=True)}


def _log_x(axes: Axes, values: Sequence[float], label: str) -> None:
    """A logarithmic axis that spans these values."""
    axes.set_xscale("log")
    low, high = min(values), max(values)
    room = max((high / low) ** 0.04, 1.05)
    axes.set_xlim(low / room, high * room)
    axes.set_xticks(_log_ticks(*axes.get_xlim()))
    power_axis(axes, "x")
    axes.set_xlabel(label)


def _values_x(axes: Axes, values: Sequence[float], label: str) -> None:
    """A logarithmic axis on which just these values are written."""
    _log_x(axes, values, label)
    axes.set_xticks(list(values), [number(value) for value in values])
    axes.minorticks_off()


def _log_y(axes: Axes) -> None:
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.set_yticks(_log_ticks(low, high))
    axes.set_ylim(low, high)
    power_axis(axes, "y")


def _log_ticks(low: float, high: float) -> list[float]:
    """Round numbers of a logarithmic axis: three at least where it can be, and six at most."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for marks in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)):
        ticks = [m * 10.0**p for p in powers for m in marks if low <= m * 10.0**p <= high]
        if len(ticks) >= 3:
            break
    return ticks[:: math.ceil(len(ticks) / 6) or 1]


def _steps_x(axes: Axes, bins: int = 4, label: str = "step") -> None:
    axes.xaxis.set_major_locator(MaxNLocator(bins, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: fixed(value, 0)))
    axes.set_xlabel(label)


def _legend(figure: Figure, arms: Sequence[str], dashes: Mapping[str, Any] | None = None) -> None:
    """Names of arms at the top, in their hues, where the lines end at one place."""
    handles = [
        mpl.lines.Line2D([], [], color=_hue(arm), linewidth=1.8, linestyle=(dashes or {}).get(arm))
        for arm in arms
    ]
    figure.legend(
        handles,
        [_name(arm) for arm in arms],
        loc="outside upper left",
        ncols=len(arms),
        labelcolor="linecolor",
        fontsize=8.5,
        handlelength=1.6,
        borderaxespad=0.2,
    )


# -------------------------------------------------------------------------------------- curves
def _curves(table: pd.DataFrame, settings: Settings, times: pd.DataFrame | None) -> Drawing:
    """Loss against epochs and against seconds, without and with batch normalization."""
    rows = table[table["epoch"].notna()]
    if rows.empty:
        return empty_figure("No training left any curves.")
    models = list(dict.fromkeys(arm.rpartition("/")[0] for arm in _keys(rows, "arm")))
    seconds: dict[str, dict[int, float]] = {}
    if times is not None:
        for row in _some(times, measure="seconds").to_dict("records"):
            seconds.setdefault(row["arm"], {})[int(row["seed"])] = float(row["value"])
    timed = bool(seconds)
    figure, grid = _grid(2 if timed else 1, len(models), 2.4)
    findings = []
    for column, model in zip(grid.T, models, strict=True):
        arms = [arm for arm in _keys(rows, "arm") if arm.rpartition("/")[0] == model]
        name = _model_name(model, arms, settings)
        findings.append(_curve_panels(column, rows, arms, seconds, name))
        column[0].set_title(f"{name}: loss against epochs, nats")
        if timed:
            column[1].set_title(f"{name}: loss against seconds, nats")
    return Drawing(
        figure,
        f"{'; '.join(findings)} ({_said_seeds(rows)}).",
        "Loss over epochs"
        + (", and over seconds of training without its evaluations" if timed else "")
        + ". Solid: held-out data; dashed: training data. Blue: without batch normalization; "
        f"orange: with it. {_marks(table)}The first epochs lie outside the axes.",
    )


def _model_name(model: str, arms: Sequence[str], settings: Settings) -> str:
    """The name of an arm's model without batch normalization, where the settings give it."""
    given = settings.get("arms", {})
    name = given.get(next((arm for arm in arms if arm.endswith("/plain")), ""))
    return name if isinstance(name, str) else model


def _curve_panels(
    column: Sequence[Axes],
    rows: pd.DataFrame,
    arms: Sequence[str],
    seconds: Mapping[str, Mapping[int, float]],
    name: str,
) -> str:
    """Draw the panels of one model, and say its finding."""
    last = float(rows[rows["arm"].isin(list(arms))]["epoch"].max())
    ends: list[tuple[float, str, str]] = []
    drawn: list[np.ndarray] = []
    losses, durations = [], []
    for arm in arms:
        kind = arm.rpartition("/")[2]
        for split, dashes, width in (("held_out", "-", 1.8), ("train", "--", 1.1)):
            wide = _by_seed(rows, f"{split}_loss", "epoch", arm=arm)
            if wide.empty:
                continue
            said = _name(kind) if split == "held_out" else f"{_name(kind)}, train"
            role = split.replace("_", "-")
            means = _draw(
                column[0],
                wide,
                _hue(kind),
                said,
                dashes=dashes,
                width=width,
                kind=role,
                points=FEWEST_POINTS,
            )
            drawn.append(wide.to_numpy())
            loss = _at(means, last)
            ends.append((loss, f"{said} {nats(loss)}", _hue(kind)))
            if split == "held_out":
                losses.append(f"{nats(loss)} ({_name(kind)})")
            if arm in seconds:
                _draw_timed(column[1], wide, seconds[arm], _hue(kind), said, role)
        if arm in seconds:
            mean = float(np.mean(list(seconds[arm].values())))
            durations.append(f"{brief(mean, 3)} ({_name(kind)})")
    for panel in column:
        limit(panel, drawn, rising=False)
        label_ends(panel, ends, LABEL / 1.9)
    _steps_x(column[0], label="epoch")
    if seconds:
        _steps_x(column[1], label="seconds")
    finding = f"{name}: held-out loss after {last:g} epochs {_together(losses)}"
    return f"{finding}, in seconds {_together(durations)}" if durations else finding


def _draw_timed(
    axes: Axes,
    wide: pd.DataFrame,
    seconds: Mapping[int, float],
    hue: str,
    name: str,
    kind: str,
) -> None:
    """A loss over the seconds since the start, if all epochs of a training took equally long."""
    dashes, width = ("--", 1.1) if kind == "train" else ("-", 1.8)
    paces = {}
    for seed in map(int, wide.columns.to_numpy()):
        line = wide[seed].dropna()
        if seed not in seconds or line.empty or line.index[-1] == 0:
            continue
        paces[seed] = float(seconds[seed]) / float(line.index[-1])
        if wide.shape[1] > 1:
            few = line.iloc[subsample(len(line), FEWEST_POINTS[1])]
            axes.plot(
                few.index * paces[seed],
                few.to_numpy(),
                color=hue,
                linewidth=0.6,
                alpha=0.35,
                linestyle=dashes,
                label=f"{name} seed {seed}",
            )
    if paces:
        means = _mean(wide)
        means = means.iloc[subsample(len(means), FEWEST_POINTS[0])]
        pace = float(np.mean(list(paces.values())))
        axes.plot(
            means.index * pace,
            means.to_numpy(),
            color=hue,
            linewidth=width,
            linestyle=dashes,
            label=name,
            gid=kind,
        )


def _arm_curves(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Held-out and training loss over epochs of the arms of an experiment with Keras."""
    rows = table[table["epoch"].notna()]
    if rows.empty:
        return empty_figure("No training left any curves.")
    last = float(rows["epoch"].max())
    figure, grid = _grid(1, 2, 2.7)
    finals: dict[str, float] = {}
    for axes, split, title, dashes in (
        (grid[0, 0], "held_out", "Held-out loss, nats", "-"),
        (grid[0, 1], "train", "Training loss, nats", "--"),
    ):
        ends, drawn = [], []
        for arm in _keys(rows, "arm"):
            wide = _by_seed(rows, f"{split}_loss", "epoch", arm=arm)
            if wide.empty:
                continue
            kind = split.replace("_", "-")
            loss = _at(_draw(axes, wide, _hue(arm), _name(arm), dashes=dashes, kind=kind), last)
            ends.append((loss, f"{_name(arm)} {nats(loss)}", _hue(arm)))
            drawn.append(wide.to_numpy())
            if split == "held_out":
                finals[arm] = loss
        axes.set_title(title)
        limit(axes, drawn, rising=False)
        label_ends(axes, ends, LABEL / 2.2)
        _steps_x(axes, label="epoch")
    ranked = sorted(finals, key=lambda arm: (math.isnan(finals[arm]), finals[arm]))
    return Drawing(
        figure,
        f"Held-out loss after {last:g} epochs, lowest first: "
        f"{', '.join(f'{_name(arm)} {nats(finals[arm])}' for arm in ranked)} "
        f"({_said_seeds(rows)}).",
        f"Loss over epochs, a line an arm, named at its right end. {_marks(table)}"
        "Left: held-out data; right, dashed: training data in inference mode. The first epochs "
        "lie outside the axes.",
    )


# --------------------------------------------------------------------------------------- rates
def _learning_rate(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Validation accuracy against the rate, and which rates are usable, in each grid."""
    usable = settings["usable"]
    grids = list(table[["activation", "optimizer"]].drop_duplicates().itertuples(index=False))
    if not grids:
        return empty_figure("No training was started.")
    arms = _keys(table, "arm")
    figure, panels = _grid(
        2, len(grids), 1.75, height_ratios=[2.6, 0.33 * len(arms)], sharex="col", sharey="row"
    )
    findings = []
    for column, (activation, optimizer) in enumerate(grids):
        axes, strip = panels[:, column]
        rows = _some(table, activation=activation, optimizer=optimizer)
        spans = []
        for place, arm in enumerate(arms):
            own = _some(rows, arm=arm)
            wide = _by_seed(own, "validation_accuracy", "rate")
            _draw(axes, wide, _hue(arm), _name(arm), marker="o")
            by_seed = usable_rates(own, usable)
            _usable_bars(strip, by_seed, place, _hue(arm), _name(arm))
            height = 1.0 - (place + 0.5) / len(arms)
            _crosses(strip, own, "rate", _hue(arm), height, _name(arm))
            span = float(np.mean([decades(rates) for rates in by_seed.values()]))
            spans.append(f"{fixed(span, 1) if any(by_seed.values()) else 'none'} ({_name(arm)})")
        findings.append(f"{_name(activation)} with {_name(optimizer)} {_together(spans)}")
        axes.axhline(usable, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_title(f"{_name(activation)}, {_name(optimizer)}")
        strip.set_label(f"{_name(activation)}, {_name(optimizer)}: usable rates")
        axes.tick_params(axis="x", length=0, labelbottom=False)
        percent_axis(axes)
        strip.set_ylim(len(arms) - 0.5, -0.5)
        strip.grid(visible=False)
        strip.set_yticks(range(len(arms)), [_name(arm) for arm in arms])
        _log_x(strip, _keys(rows, "rate"), "learning rate")
        axes.tick_params(axis="x", length=0, labelbottom=False)
    panels[0, 0].set_ylabel("validation accuracy")
    for strip in panels[1]:
        for label, arm in zip(strip.get_yticklabels(), arms, strict=True):
            label.set_color(_hue(arm))
            label.set_fontsize(8.5)
    return Drawing(
        figure,
        f"Learning rates that end with a validation accuracy of {percent(usable)} or more span "
        f"so many decades: {'; '.join(findings)} ({_said_seeds(table)}).",
        "Validation accuracy against the learning rate, both nets, one panel an activation and "
        "optimizer; dashed: the accuracy from which on a rate counts as usable. "
        "Below: bars from the lowest to the highest usable rate, strong with every seed, pale with "
        f"some. {_marks(table)}Blue: without batch normalization; orange: with it.",
    )


def _usable_bars(
    axes: Axes, by_seed: Mapping[int, Sequence[float]], place: int, hue: str, name: str
) -> None:
    """From the lowest to the highest usable rate: pale of any seed, strong of all of them."""
    some = [rates for rates in by_seed.values() if rates]
    if not some:
        return
    wide = min(min(rates) for rates in some), max(max(rates) for rates in some)
    axes.plot(wide, [place] * 2, color=hue, linewidth=5, alpha=0.3, solid_capstyle="round",
              label=f"{name} usable with any seed", gid="other")  # fmt: skip
    narrow = max(min(rates) for rates in some), min(max(rates) for rates in some)
    if len(some) == len(by_seed) and narrow[0] <= narrow[1]:
        axes.plot(narrow, [place] * 2, color=hue, linewidth=5, solid_capstyle="round",
                  label=f"{name} usable with every seed", gid="other")  # fmt: skip


def _placement(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Validation accuracy against the rate, before and after the activation."""
    activations, arms = _keys(table, "activation"), _keys(table, "arm")
    if not activations:
        return empty_figure("No training was started.")
    figure, grid = _grid(1, len(activations), 2.7, sharey=True)
    findings = []
    for axes, activation in zip(grid[0], activations, strict=True):
        rows = _some(table, activation=activation)
        rates = _keys(rows, "rate")
        best, means = [], {}
        for arm in arms:
            own = _some(rows, arm=arm)
            wide = _by_seed(own, "validation_accuracy", "rate")
            means[arm] = _draw(axes, wide, _hue(arm), _name(arm), marker="o").dropna()
            if means[arm].empty:
                best.append(f"diverged {arm}")
                continue
            highest = float(means[arm].max())
            best.append(f"{percent(highest)} {arm} (at {number(_best(means[arm]))})")
        findings.append(f"{_name(activation)} {_together(best)}")
        axes.set_title(f"{_name(activation)}: validation accuracy")
        percent_axis(axes)
        _values_x(axes, rates, "learning rate")
        for place, arm in enumerate(arms):
            height = 0.04 + 0.07 * place
            _crosses(axes, _some(rows, arm=arm), "rate", _hue(arm), height, _name(arm))
    for axes, activation in zip(grid[0], activations, strict=True):  # the limits are common
        rows = _some(table, activation=activation)
        found = [_mean(_by_seed(rows, "validation_accuracy", "rate", arm=a)).dropna() for a in arms]
        ends = [  # where the line ends: beyond, all trainings may have diverged
            (float(means.iloc[-1]), arm, _hue(arm))
            for arm, means in zip(arms, found, strict=True)
            if len(means)
        ]
        label_ends(axes, ends, LABEL / 2.2)
    return Drawing(
        figure,
        f"Highest mean validation accuracy with batch normalization before and after the "
        f"activation: {'; '.join(findings)} ({_said_seeds(table)}).",
        "Validation accuracy against the learning rate, a panel an activation. Orange: batch "
        f"normalization before the activation; green: after it. {_marks(table)}".strip(),
    )


# --------------------------------------------------------------------------------------- speed
def _speed(table: pd.DataFrame, settings: Settings, times: pd.DataFrame | None) -> Drawing:
    """Validation accuracy against steps, each net at its best rate, with the levels."""
    rows = _some(table, measure="validation_accuracy")
    if rows.empty:
        return empty_figure("No training left any values.")
    levels = sorted(settings["levels"])
    activations = _keys(rows, "activation")
    figure, grid = _grid(1, len(activations), 2.9, sharey=True)
    findings = []
    ends: dict[Axes, list[tuple[float, str, str]]] = {}
    for axes, activation in zip(grid[0], activations, strict=True):
        own = _some(rows, activation=activation)
        last = float(own["step"].max())
        ends[axes] = []
        needed: dict[str, dict[float, float]] = {}
        for arm in _keys(own, "arm"):
            wide = _by_seed(own, "validation_accuracy", "step", arm=arm)
            means = _draw(axes, wide[wide.index > 0], _hue(arm), _name(arm), kind="held-out")
            rate = _some(table, measure="rate", activation=activation, arm=arm)["value"].unique()
            text = f"{_name(arm)}\nrate {number(rate[0])}" if len(rate) == 1 else _name(arm)
            ends[axes].append((_at(means, last), text, _hue(arm)))
            needed[arm] = {
                level: _geometric_mean(steps_to(_some(own, arm=arm), level).values())
                for level in levels
            }
            for level, steps in needed[arm].items():
                if 0 < steps < math.inf:
                    axes.plot([steps], [level], "o", color=_hue(arm), markersize=5, zorder=5,
                              label=f"{_name(arm)} reaches a level")  # fmt: skip
        for level in levels:
            axes.axhline(level, color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
        findings.append(
            f"{_name(activation)} {_speed_finding(needed, levels, _step_costs(times, activation))}"
        )
        axes.set_title(f"{_name(activation)}: validation accuracy")
        percent_axis(axes)
        _log_x(axes, [s for s in _keys(own, "step") if s > 0] or [1.0], "step")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: fixed(value, 0)))
    low = max(0.0, 2.0 * min(levels) - 1.0)  # as much below the lowest level as is above it
    high = max(float(rows["value"].max()), *levels)
    for axes, labels in ends.items():
        axes.set_ylim(low, high + 0.05 * (high - low))
        label_ends(axes, labels, 2 * LABEL / 2.3)
    return Drawing(
        figure,
        "Steps to a validation accuracy, geometric means of seeds, each net at its best rate: "
        f"{'; '.join(findings)} ({_said_seeds(rows)}).",
        "Validation accuracy against steps on a logarithmic axis, a panel an activation, each net "
        "at its own best learning rate, which stands at its end. Dashed: the levels; dots: where "
        f"all seeds have reached one, on average. {_marks(table)}What lies below the axes is left "
        "out.",
    )


def _geometric_mean(values: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(np.maximum(list(values), 1.0)))))


def _speed_finding(
    needed: Mapping[str, Mapping[float, float]],
    levels: Sequence[float],
    costs: Mapping[str, float],
) -> str:
    """The steps to the highest level that every net, or else any, reaches with every seed."""
    count = {x: sum(steps[x] < math.inf for steps in needed.values()) for x in levels}
    level = max(x for x in levels if count[x] == max(count.values()))
    said = []
    for arm, by_level in needed.items():
        if by_level[level] == math.inf:
            said.append(f"not with every seed ({_name(arm)})")
            continue
        seconds = f", {brief(by_level[level] * costs[arm], 2)} seconds" if arm in costs else ""
        said.append(f"{fixed(by_level[level], 0)} ({_name(arm)}{seconds})")
    return f"to {percent(level)} {_together(said)}"


def _step_costs(times: pd.DataFrame | None, activation: str) -> dict[str, float]:
    """The seconds of a step by arm."""
    if times is None:
        return {}
    rows = _some(times, measure="step_seconds", activation=activation)
    return {arm: step_seconds(rows, activation, arm) for arm in _keys(rows, "arm")}


def _noisy(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Validation loss over steps: without, with, and with noise behind the normalization."""
    rows = table[(table["measure"] == "validation_loss") & table["step"].notna()]
    if rows.empty:
        return empty_figure("No training left any values.")
    activations = _keys(rows, "activation")
    figure, grid = _grid(1, len(activations), 2.7)
    findings = []
    for axes, activation in zip(grid[0], activations, strict=True):
        own = _some(rows, activation=activation)
        last = float(own["step"].max())
        ends, drawn, said = [], [], []
        for arm in _keys(own, "arm"):
            wide = _by_seed(own, "validation_loss", "step", arm=arm)
            loss = _at(_draw(axes, wide, _hue(arm), _name(arm), kind="held-out"), last)
            ends.append((loss, f"{_name(arm)} {nats(loss)}", _hue(arm)))
            said.append(f"{nats(loss)} ({_name(arm)})")
            drawn.append(wide.to_numpy())
        findings.append(f"{_name(activation)} {_together(said)}")
        axes.set_title(f"{_name(activation)}: validation loss, nats")
        limit(axes, drawn, rising=False)
        label_ends(axes, ends, LABEL / 2.2)
        _steps_x(axes)
    return Drawing(
        figure,
        f"Validation loss after {fixed(float(rows['step'].max()), 0)} steps: {'; '.join(findings)} "
        f"({_said_seeds(rows)}).",
        "Validation loss over steps, a panel an activation. Blue: without batch normalization; "
        "orange: with it; green: with it and with random scales and shifts behind it in every "
        f"step of training. {_marks(table)}The first steps lie outside the axes.",
    )


# ------------------------------------------------------------------------------------- batches
def _batch_size(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Validation accuracy against the batch size, and with which statistics."""
    sizes = sorted(_keys(table, "size"))
    if not sizes:
        return empty_figure("No training was started.")
    figure, (row,) = _grid(1, 2, 3.3, sharey=True)
    left, right = row
    means = {}
    ends: dict[Axes, list[tuple[float, str, str]]] = {left: [], right: []}
    arms = _keys(table, "arm")
    for place, arm in enumerate(arms):
        wide = _by_seed(table, "accuracy_exact", "size", arm=arm)
        means[arm] = _draw(left, wide, _hue(arm), _name(arm), marker="o")
        ends[left].append((_at(means[arm], sizes[-1]), _name(arm), _hue(arm)))
        height = 0.03 + 0.06 * place
        _crosses(left, _some(table, arm=arm), "size", _hue(arm), height, _name(arm))
    for (way, text), (hue, dashes) in zip(
        _ways(table).items(),
        ((HUES[1], "-"), (HUES[3], "-"), (HUES[2], "-"), (HUES[2], (0, (4, 2))), (FAINT, "-")),
        strict=False,
    ):
        wide = _by_seed(table, f"accuracy_{way}", "size", arm="bn")
        drawn = _draw(right, wide, hue, text, dashes=dashes, marker="o")
        ends[right].append((_at(drawn, sizes[-1]), text, hue))
    left.set_title("Validation accuracy, exact statistics")
    right.set_title("Batch norm with other statistics")
    for axes in row:
        _values_x(axes, sizes, "batch size")
        percent_axis(axes)
    for axes in row:
        label_ends(axes, ends[axes], LABEL / 2.7)
    return Drawing(
        figure,
        f"{_batch_finding(means)} ({_said_seeds(table)}).",
        "Validation accuracy against the batch size of training, on a logarithmic axis, after "
        "equally many examples and at one learning rate. Left: without batch normalization and "
        "with it, by exact statistics of the training set. Right: the nets with batch "
        "normalization, by exact statistics, by those of each batch of validation images, and by "
        f"moving averages of each momentum. {_marks(table)}".strip(),
    )


def _ways(table: pd.DataFrame) -> dict[str, str]:
    """The kinds of statistics that nets were evaluated with, and how they are called."""
    names = {"exact": "exact", "own": "own batch"}
    found = [m.removeprefix("accuracy_") for m in _keys(table, "measure") if "accuracy_" in m]
    return {way: names.get(way, f"moving {way}") for way in found}


def _batch_finding(means: Mapping[str, pd.Series]) -> str:
    parts = []
    for arm, mean in means.items():
        known = mean.dropna()
        if known.empty:
            parts.append(f"{_name(arm)} diverged at every size")
            continue
        parts.append(
            f"{_name(arm)} {percent(float(known.iloc[0]))} in batches of {known.index[0]:g}, at "
            f"most {percent(float(known.max()))} in batches of {_best(known):g}, "
            f"{percent(float(known.iloc[-1]))} in batches of {known.index[-1]:g}"
        )
    finding = f"Validation accuracy: {'; '.join(parts)}"
    if {"plain", "bn"} <= set(means):
        gain = (means["bn"] - means["plain"]).dropna()
        better = [f"{size:g}" for size in gain.index[gain > 0]]
        of = f"of {len(gain)} sizes" if better else "at no size"
        finding += f"; batch norm is higher {of}"
        finding += f" at {_together(better)}" if better else ""
    return finding


def _evaluation(table: pd.DataFrame, settings: Settings) -> Drawing:
    """The loss of the same nets with exact and with moving statistics."""
    rows = _some(table, measure="loss")
    rows = rows.assign(way=rows["way"].astype(str))
    cases, ways = _keys(rows, "case"), _keys(rows, "way")
    if not cases:
        return empty_figure("No training left any values.")
    figure, grid = _grid(1, len(cases), 0.75 + 0.3 * len(ways), sharex=True, sharey=True)
    findings = []
    for axes, case in zip(grid[0], cases, strict=True):
        wide = _by_seed(rows, "loss", "way", case=case).reindex(ways)
        means = _mean(wide)
        for place, way in enumerate(ways):
            hue = HUES[1] if way == "exact" else HUES[2]
            if wide.shape[1] > 1:
                axes.plot(wide.loc[way], [place] * wide.shape[1], "o", color=hue, alpha=0.35,
                          markersize=3.5, label="single seeds", gid="seed")  # fmt: skip
            if math.isfinite(means[way]):
                axes.plot([means[way]], [place], "o", color=hue, markersize=7, label="mean")
                axes.annotate(
                    nats(means[way]),
                    (means[way], place),
                    xytext=(0, 7),
                    textcoords="offset points",
                    ha="center",
                    color=hue,
                    fontsize=8.5,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
                )
        if "exact" in ways and math.isfinite(means["exact"]):
            axes.axvline(means["exact"], color=HUES[1], linewidth=0.9, linestyle=(0, (4, 3)))
            changes = [
                f"{signed(float(means[way] - means['exact']), 3)} (momentum {way})"
                for way in ways
                if way != "exact" and math.isfinite(means[way])
            ]
            findings.append(f"{_case(case, table, settings)[0]} {_together(changes)}")
        axes.set_title("\n".join(_case(case, table, settings)), fontsize=8.5)
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
        f"Moving averages in place of exact statistics change the validation loss by: "
        f"{'; '.join(findings)} ({_said_seeds(rows)}).",
        "Validation loss of the same trained nets with exact statistics of the training set and "
        f"with moving averages of each momentum. {_marks(table, 'Large dots', 'small dots')}"
        "Dashed: exact statistics.",
    )


def _case(case: str, table: pd.DataFrame, settings: Settings) -> tuple[str, str]:
    """What a case of the evaluation is, shortly and in full."""
    steps = _some(table, measure="steps", case=case)["value"]
    count = fixed(steps.iloc[0], 0) if len(steps) else "some"
    given = settings.get(case, {})
    net = "-".join(str(units) for units in given.get("hidden", ()))
    if case == "epoch":
        return f"after one epoch ({count} steps)", f"{net}, batches of {given.get('batch_size')}"
    if case == "full":
        return f"after {count} full-batch steps", f"{net}, {given.get('samples', 0):,} samples"
    return case, ""


# --------------------------------------------------------------------------------------- shift
def _judged(experiment: str, table: pd.DataFrame, settings: Settings) -> dict[str, float]:
    """Means over seeds of the quantities that predictions are judged by."""
    found = quantities(experiment, table, pd.DataFrame(), settings)
    return {name: float(np.mean(list(each.values()))) for name, each in found.items() if each}


def _shift(table: pd.DataFrame, settings: Settings) -> Drawing:
    """What one unit's activation receives, and how gradients turn and distributions drift."""
    rows = table[table["measure"].isin(["percentile_50", "shift_cosine", "drift"])]
    if rows.empty:
        return empty_figure("No training left any values.")
    activations, arms = _keys(rows, "activation"), _keys(rows, "arm")
    figure, grid = _grid(len(activations), len(arms) + 2, 2.05, sharex=True)
    judged = _judged("shift", table, settings)
    findings = []
    for line, activation in zip(grid, activations, strict=True):
        own = _some(table, activation=activation)
        for axes, arm in zip(line, arms, strict=False):
            _percentiles(axes, _some(own, arm=arm))
            axes.set_title(f"{_name(activation)}, {_name(arm)}", color=_hue(arm))
            axes.set_label(f"{_name(activation)}, {_name(arm)}: percentiles")
        _same_height(line[: len(arms)])
        said = {}
        for axes, measure in zip(line[len(arms) :], ("shift_cosine", "drift"), strict=True):
            for arm in arms:
                wide = _by_seed(own, measure, "step", arm=arm)
                if wide.empty:
                    continue
                means = _geometric(wide) if measure == "drift" else _mean(wide)
                _draw(axes, wide, _hue(arm), _name(arm), means, points=FEW_POINTS)
                said[measure, arm] = judged.get(f"{measure}/{activation}/{arm}", math.nan)
            if measure == "drift":
                _log_y(axes)
        line[-2].set_title("Cosine of gradients")
        line[-1].set_title("Drift, deviations")
        line[-2].set_label(f"{_name(activation)}: cosine of gradients")
        line[-1].set_label(f"{_name(activation)}: drift, deviations")
        texts = [
            f"{_factor(said.get(('shift_cosine', arm), math.nan))} and "
            f"{_factor(said.get(('drift', arm), math.nan))} ({_name(arm)})"
            for arm in arms
        ]
        findings.append(f"{_name(activation)} {_together(texts, 'against')}")
    for axes in grid[-1]:
        _steps_x(axes, 2)
    return Drawing(
        figure,
        "Cosine between the gradients of the upper layers before and after the layers below are "
        "updated, and drift of what the activations receive between two looks, in standard "
        f"deviations: {'; '.join(findings)} (means over layers, medians over steps, "
        f"{_said_seeds(rows)}).",
        "A row an activation. First columns: the 15th, 50th and 85th percentile of what one unit "
        "of the last hidden layer gives to its activation, over steps; the band spans from the "
        "15th to the 85th of the first seed, the strong line is its median, and thin lines are "
        "the medians of other seeds. Then, blue without and orange with batch normalization: the "
        "cosine of the angle by which a layer's gradient turns when the layers below are updated "
        "(1: it does not turn), and, on a logarithmic axis, how far the distributions drift "
        f"between two looks, means over layers. {_marks(table)}".strip(),
    )


def _percentiles(axes: Axes, rows: pd.DataFrame) -> None:
    """The percentiles of one unit of the last hidden layer over steps, of the first seed."""
    layers = _some(rows, measure="percentile_50")["layer"]
    if layers.empty:
        return
    low, middle, high = (
        _by_seed(rows, f"percentile_{p}", "step", layer=layers.max()) for p in (15, 50, 85)
    )
    hue, first = _hue(_keys(rows, "arm")[0]), middle.columns[0]
    some = subsample(len(middle), POINTS[0])
    low, middle, high = (wide.iloc[some] for wide in (low, middle, high))
    axes.fill_between(middle.index, low[first], high[first], color=hue, alpha=BAND, linewidth=0)
    few = subsample(len(middle), FEW_POINTS[1])
    for seed in middle.columns[1:]:
        axes.plot(middle.index[few], middle[seed].iloc[few], color=hue, linewidth=0.6, alpha=0.45,
                  label=f"50 seed {seed:g}")  # fmt: skip
    for edge, name in ((low, "15"), (high, "85")):
        axes.plot(edge.index, edge[first], color=hue, linewidth=0.9, label=name)
    axes.plot(middle.index, middle[first], color=hue, linewidth=1.8, label="50")
    for percentile, wide in ((15, low), (50, middle), (85, high)):
        known = wide[first].dropna()
        if known.empty:
            continue
        axes.annotate(
            str(percentile),
            (1, float(known.iloc[-1])),
            xycoords=("axes fraction", "data"),
            xytext=(2, 0),
            textcoords="offset points",
            color=hue,
            va="center",
            fontsize=7.5,
            annotation_clip=False,
        )


def _same_height(panels: Sequence[Axes]) -> None:
    limits = [panel.get_ylim() for panel in panels if panel.lines]
    for panel in panels:
        if limits:
            panel.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


LANDSCAPE = {
    "loss_range": "Range of loss",
    "loss_range_scaled": "Range, scaled",
    "gradient_change": "Change of gradient",
    "gradient_change_scaled": "Change, scaled",
}


def _landscape(table: pd.DataFrame, settings: Settings) -> Drawing:
    """How much loss and gradient change along the gradient, raw and scaled by the weights."""
    rows = table[table["measure"].isin(list(LANDSCAPE))]
    if rows.empty:
        return empty_figure("No training left any values.")
    activations, arms = _keys(rows, "activation"), _keys(rows, "arm")
    figure, grid = _grid(len(activations), len(LANDSCAPE), 2.0, sharex=True)
    judged = _judged("shift", table, settings)
    findings = []
    for line, activation in zip(grid, activations, strict=True):
        said = []
        for axes, (measure, title) in zip(line, LANDSCAPE.items(), strict=True):
            typical = {}
            for arm in arms:
                wide = _by_seed(rows, measure, "step", activation=activation, arm=arm)
                if wide.empty:
                    continue
                means = _geometric(wide)
                known = wide.where(wide > SMALLEST)
                _draw(axes, known, _hue(arm), _name(arm), means, points=FEW_POINTS)
                value = judged.get(f"{measure}/{activation}/{arm}", math.nan)
                typical[arm] = 10.0**value if measure.startswith("gradient") else value
            _log_y(axes)
            axes.set_title(title, fontsize=8.5)
            axes.set_label(f"{_name(activation)}: {title}")
            if {"plain", "bn"} <= set(typical):
                said.append(_factor(typical["bn"] / typical["plain"]))
        if len(said) == len(LANDSCAPE):
            findings.append(
                f"{_name(activation)} {said[0]} times the range of loss ({said[1]} scaled) and "
                f"{said[2]} times the change of gradient ({said[3]} scaled)"
            )
        line[0].set_ylabel(_name(activation), color=INK, fontweight="bold")
    for axes in grid[-1]:
        _steps_x(axes, 2)
    _legend(figure, arms)
    finding = (
        f"Along the gradient, with batch norm against plain: {'; '.join(findings)}"
        if findings
        else "Loss and gradient along the gradient, of one kind of net only"
    )
    return Drawing(
        figure,
        f"{finding} (medians over steps, {_said_seeds(rows)}).",
        "Over steps of training, on logarithmic axes, a row an activation: how much the loss "
        "varies within 1/4 to 4 steps along the gradient, and how much the gradient changes "
        "there for the length of the way; scaled: the same on ways in units of the norm of the "
        f"weights. Blue: without batch normalization; orange: with it. {_marks(table)}".strip(),
    )


# ---------------------------------------------------------------------------------- gamma, beta
TRAINED = {
    "all": "everything",
    "affine": "gamma, beta",
    "output": "output layer",
    "nothing": "nothing",
}


def _gamma_beta(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Gamma against the deviation and beta against the mean; what is reached by which part."""
    arms = _keys(table, "arm")
    if not arms:
        return empty_figure("No training was started.")
    units = _units(table)
    figure, (panels,) = _grid(1, 3, 2.9)
    pairs = (("deviation", "gamma", panels[0]), ("mean", "beta", panels[1]))
    for given, learned, axes in pairs:
        _scatter(axes, units, given, learned)
    _reached(panels[2], table, arms)
    differences = (units["gamma"] - units["deviation"]).abs()
    finding = []
    if len(units):
        gamma = float((differences / units["deviation"]).mean())
        beta = float(((units["beta"] - units["mean"]).abs() / units["deviation"]).mean())
        finding.append(
            f"gamma differs from the deviation by {percent(gamma)} of it and beta from the mean "
            f"by {_factor(beta)} deviations, on average over units"
        )
    means = _mean(_by_seed(table, "test_accuracy", "arm"))
    accuracies = [f"{percent(_at(means, arm))} ({TRAINED.get(arm, arm)})" for arm in arms]
    finding.append(f"test accuracy by what is trained: {_together(accuracies)}")
    text = "; ".join(finding)
    return Drawing(
        figure,
        f"{text[0].upper()}{text[1:]} ({_said_seeds(table)}).",
        "First two panels: a dot a hidden unit of the first seed, gamma against the standard "
        "deviation and beta against the mean of what is normalized; dashed: where they would be "
        "equal; later layers are darker. Third: test accuracy after everything, gamma and beta "
        "alone, the output layer alone, or nothing was trained. "
        f"{_marks(table, 'Large dots', 'small dots')}".strip(),
    )


def _units(table: pd.DataFrame) -> pd.DataFrame:
    """A row a unit, seed and layer, with gamma, beta, deviation and mean."""
    names = ["gamma", "beta", "deviation", "mean"]
    rows = table[table["measure"].isin(names) & table["unit"].notna()]
    wide = rows.pivot_table(index=["seed", "layer", "unit"], columns="measure", values="value")
    return wide.reindex(columns=names).dropna().reset_index()


def _scatter(axes: Axes, units: pd.DataFrame, given: str, learned: str) -> None:
    first = units[units["seed"] == units["seed"].min()]
    layers = sorted(first["layer"].unique())
    colors = mpl.colormaps["viridis"](np.linspace(0.0, DARKER, len(layers)))[::-1]
    for place, (layer, color) in enumerate(zip(layers, colors, strict=True)):
        own = first[first["layer"] == layer]
        hue = mpl.colors.to_hex(color)
        axes.plot(own[given], own[learned], "o", color=hue, markersize=3, markeredgewidth=0,
                  label=f"layer {layer:g}")  # fmt: skip
        if given == "deviation":
            axes.text(
                0.97, 0.97 - 0.075 * place, f"layer {layer:g}", transform=axes.transAxes,
                color=readable(hue), ha="right", va="top", fontsize=8.5,
            )  # fmt: skip
    if len(first):
        low, high = (f(first[[given, learned]].to_numpy()) for f in (np.min, np.max))
        x, y = axes.get_xlim(), axes.get_ylim()
        axes.plot([low, high], [low, high], color=FAINT, linewidth=1.1, linestyle=(0, (4, 3)))
        axes.set_xlim(*x)
        room = 0.25 * (y[1] - y[0])  # the line goes on far above and below the dots
        axes.set_ylim(y[0] - room, y[1] + room)
    axes.set_xlabel(given)
    axes.set_title(f"{learned.capitalize()} against {given}")


def _reached(axes: Axes, table: pd.DataFrame, arms: Sequence[str]) -> None:
    wide = _by_seed(table, "test_accuracy", "arm").reindex(list(arms))
    means = _mean(wide)
    for place, arm in enumerate(arms):
        if wide.shape[1] > 1:
            axes.plot(wide.loc[arm], [place] * wide.shape[1], "o", color=HUES[1], alpha=0.35,
                      markersize=3.5, label="single seeds", gid="seed")  # fmt: skip
        if math.isfinite(means[arm]):
            axes.plot([means[arm]], [place], "o", color=HUES[1], markersize=7, label="mean")
        axes.annotate(
            percent(float(means[arm])),
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            color=HUES[1],
            va="center",
            fontsize=8.5,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(arms)), [TRAINED.get(arm, arm) for arm in arms])
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.grid(visible=True, axis="x")
    percent_axis(axes, "x", 2)
    axes.set_title("Test accuracy")
    axes.set_xlabel("by what is trained")


# ------------------------------------------------------------------------------- depth, weights
def _depth(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Norms of the gradients by layer in the deepest net, and accuracy against the depth."""
    norms = _some(table, measure="gradient_norm")
    activations, arms = _keys(table, "activation"), _keys(table, "arm")
    if norms.empty:
        return empty_figure("No net was built.")
    deepest = norms["depth"].max()
    figure, grid = _grid(len(activations), 2, 2.3)
    findings = []
    for (left, right), activation in zip(grid, activations, strict=True):
        own = _some(table, activation=activation)
        ends, grown = [], []
        for arm in arms:
            wide = _by_seed(own, "gradient_norm", "layer", arm=arm, depth=deepest)
            if wide.empty:
                continue
            known = wide.where(wide > SMALLEST)
            means = _draw(left, known, _hue(arm), _name(arm), _geometric(wide))
            factor = growth(means)
            grown.append(f"{_factor(factor)} ({_name(arm)})")
            ends.append((float(means.iloc[-1]), _name(arm), _hue(arm)))
        if grown:
            _log_y(left)
            label_ends(left, ends, LABEL / 1.75)
        left.set_title(f"{_name(activation)}: norm of gradients")
        _steps_x(left, 5, f"layer of {deepest:g}")
        accuracies = _accuracy_by_depth(right, own, arms)
        right.set_title(f"{_name(activation)}: test accuracy")
        said = f"gradients {_together(grown)}" if grown else "no gradients"
        findings.append(
            f"{_name(activation)} {said}" + (f", test accuracy {accuracies}" if accuracies else "")
        )
    return Drawing(
        figure,
        "Factors by which gradients change from a layer to the one below it at the start, in nets "
        f"of {deepest:g} layers, and test accuracy of the deepest nets that were trained: "
        f"{'; '.join(findings)} ({_said_seeds(table)}).",
        "A row an activation. Left, on a logarithmic axis: the norm of the gradient by what each "
        "hidden layer sends on, before any training; layers count from the images; what is zero "
        "is left out. Right: test accuracy against the number of hidden layers. Blue: without "
        f"batch normalization; orange: with it. {_marks(table)}".strip(),
    )


def _accuracy_by_depth(axes: Axes, rows: pd.DataFrame, arms: Sequence[str]) -> str:
    """Draw the accuracy over depth, and say that of the deepest nets."""
    trained = sorted(_keys(rows[rows["measure"].isin(["finished", "test_accuracy"])], "depth"))
    if not trained:
        axes.set_axis_off()
        return ""
    ends, said = [], []
    for place, arm in enumerate(arms):
        own = _some(rows, arm=arm)
        wide = _by_seed(own, "test_accuracy", "depth")
        means = _draw(axes, wide, _hue(arm), _name(arm), marker="o")
        _crosses(axes, own, "depth", _hue(arm), 0.04 + 0.08 * place, _name(arm))
        accuracy = _at(means, trained[-1])
        ends.append((accuracy, f"{_name(arm)} {percent(accuracy)}", _hue(arm)))
        said.append(f"{percent(accuracy)} ({_name(arm)})")
    percent_axis(axes)
    axes.set_ylim(0, 1)
    axes.set_xticks(trained, [f"{depth:g}" for depth in trained])
    axes.set_xlabel("hidden layers")
    axes.margins(x=0.1)
    label_ends(axes, ends, LABEL / 1.75)
    return f"of {trained[-1]:g} layers {_together(said)}"


def _init(table: pd.DataFrame, settings: Settings) -> Drawing:
    """Validation loss against the deviation of the initial weights, at each rate."""
    rows = table[table["rate"].notna() & table["std"].notna()]
    if rows.empty:
        return empty_figure("No training was started.")
    activations, arms = _keys(rows, "activation"), _keys(rows, "arm")
    rates = sorted(_keys(rows, "rate"))
    usual = settings.get("learning_rate", math.nan)
    chosen = float(usual) if usual in rates else rates[len(rates) // 2]
    figure, grid = _grid(len(activations), len(rates), 2.0, sharex=True, sharey=True)
    findings = []
    for line, activation in zip(grid, activations, strict=True):
        for axes, rate in zip(line, rates, strict=True):
            own = _some(rows, activation=activation, rate=rate)
            spans = []
            for place, arm in enumerate(arms):
                net = _some(own, arm=arm)
                wide = _by_seed(net, "validation_loss", "std")
                means = _draw(axes, wide, _hue(arm), _name(arm), marker="o")
                _crosses(axes, net, "std", _hue(arm), 0.05 + 0.09 * place, _name(arm))
                spans.append(_span(means, net, arm))
            if rate == chosen:
                findings.append(f"{_name(activation)} {_together(spans)}")
            axes.set_title(f"{_name(activation)}, rate {number(rate)}", fontsize=8.5)
            _values_x(axes, sorted(_keys(rows, "std")), "")
    for axes in grid[-1]:
        axes.set_xlabel("initial deviation")
    for line in grid:
        line[0].set_ylabel("validation loss, nats")
    _legend(figure, arms)
    return Drawing(
        figure,
        f"Lowest and highest validation loss over initial deviations of the weights, at rate "
        f"{number(chosen)}: {'; '.join(findings)} ({_said_seeds(rows)}).",
        "Validation loss after training against the standard deviation of the initial weights, on "
        "a logarithmic axis; a row an activation, a column a learning rate. Blue: without batch "
        f"normalization; orange: with it. {_marks(table)}".strip(),
    )


def _span(means: pd.Series, rows: pd.DataFrame, arm: str) -> str:
    known = means.dropna()
    lost = [number(place) for place in _lost(rows, "std")]
    also = f", diverged at {_together(lost)}" if lost else ""
    if known.empty:
        return f"none ({_name(arm)}{also})"
    return f"{nats(float(known.min()))} to {nats(float(known.max()))} ({_name(arm)}{also})"


# --------------------------------------------------------------------------------- the networks
NET_STEPS = {
    "without": ("W x", "+ b", "activation", "output layer, softmax"),
    "with": (
        "W x",
        "(W x − mean) / deviation",
        "γ · (…) + β",
        "activation",
        "output layer, softmax",
    ),
}


def network_picture() -> Drawing:
    """A small net without and with batch normalization, side by side."""
    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 5.0), layout="constrained")
        for axes, arm in ((left, "plain"), (right, "bn")):
            axes.set_axis_off()
            axes.set_xlim(0, 10)
            axes.set_ylim(0, 13)
            _net(axes, arm)
        left.set_title("Without batch normalization", color=HUE["plain"])
        right.set_title("With batch normalization", color=HUE["bn"])
    return Drawing(
        figure,
        "Batch normalization stands between the weighted sums of a layer and its activation, and "
        "its beta takes the place of the bias.",
        "Two nets, from the image at the top to the class at the bottom. Left: weighted sums W x, "
        "plus a bias b, then the activation. Right: weighted sums W x; then each unit's sums are "
        "centered by their mean over the batch and divided by their standard deviation over the "
        "batch; then they are scaled by gamma and shifted by beta, which are learned; then the "
        "activation. Both end with an output layer and softmax.",
        [
            (f"{way} batch normalization", f"step {place}", "", step)
            for way, steps in NET_STEPS.items()
            for place, step in enumerate(steps, 1)
        ],
    )


def _net(axes: Axes, arm: str) -> None:
    """Draw a net with one hidden layer from the top down."""
    hue, middle = _hue(arm), 5.0
    _units_row(axes, middle, 12.6, 5, FAINT, "x: pixels of an image")
    _arrow(axes, middle, 12.25, 11.5)
    _box(axes, middle, 11.0, 4.6, 0.9, "W x", INK)
    if arm == "plain":
        _arrow(axes, middle, 10.5, 8.4)
        _box(axes, middle, 7.9, 4.6, 0.9, "+ b", hue)
        _arrow(axes, middle, 7.4, 5.3)
    else:
        panel = FancyBboxPatch((1.0, 6.0), 8.0, 3.8, "round,pad=0.1", edgecolor=hue)
        panel.set(facecolor="#fbf1e9", linewidth=1.4)
        axes.add_patch(panel)
        axes.text(1.2, 9.45, "batch normalization, each unit for itself", color=hue, fontsize=8.5,
                  va="center")  # fmt: skip
        _arrow(axes, middle, 10.5, 9.95)
        _box(axes, middle, 8.4, 7.4, 0.95, "(W x − mean) / deviation", hue, "of the batch")
        _arrow(axes, middle, 7.87, 7.28)
        _box(axes, middle, 6.75, 7.4, 0.95, "γ · (…) + β", hue, "γ and β: learned")
        _arrow(axes, middle, 5.87, 5.3)
    _box(axes, middle, 4.8, 4.6, 0.9, "activation", INK)
    _arrow(axes, middle, 4.3, 3.65)
    _units_row(axes, middle, 3.3, 4, hue, "h: hidden units")
    _arrow(axes, middle, 2.95, 2.3)
    _box(axes, middle, 1.8, 6.2, 0.9, "output layer, softmax", INK)
    _arrow(axes, middle, 1.3, 0.7)
    axes.text(middle, 0.35, "probabilities of the classes", color=FAINT, ha="center", va="center",
              fontsize=8.5)  # fmt: skip


def _units_row(axes: Axes, middle: float, y: float, count: int, hue: str, text: str) -> None:
    x = middle + 0.62 * (np.arange(count) - (count - 1) / 2)
    axes.plot(x, [y] * count, "o", markersize=11, markerfacecolor="white", markeredgecolor=hue,
              markeredgewidth=1.4)  # fmt: skip
    axes.text(x[-1] + 0.55, y, text, color=FAINT, va="center", fontsize=8.5)


def _box(
    axes: Axes,
    middle: float,
    y: float,
    width: float,
    height: float,
    text: str,
    hue: str,
    note: str = "",
) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (middle - width / 2, y - height / 2),
            width,
            height,
            "round,pad=0.05",
            facecolor="white",
            edgecolor=hue,
            linewidth=1.4,
        )
    )
    inside = (middle - width / 2 + 0.25, "left") if note else (middle, "center")
    axes.text(inside[0], y, text, color=hue, ha=inside[1], va="center", fontsize=9.5)
    if note:
        axes.text(middle + width / 2 - 0.2, y, note, color=FAINT, ha="right", va="center",
                  fontsize=8.5)  # fmt: skip


def _arrow(axes: Axes, x: float, top: float, bottom: float) -> None:
    axes.annotate(
        "",
        (x, bottom),
        xytext=(x, top),
        arrowprops={"arrowstyle": "-|>", "color": FAINT, "shrinkA": 0, "shrinkB": 0},
    )


_TIMED: dict[str, Callable[[pd.DataFrame, Settings, pd.DataFrame | None], Drawing]] = {
    "curves": _curves,
    "speed": _speed,
}
_UNTIMED: dict[str, Callable[[pd.DataFrame, Settings], Drawing]] = {
    "learning-rate": _learning_rate,
    "batch-size": _batch_size,
    "evaluation": _evaluation,
    "shift": _shift,
    "shift-landscape": _landscape,
    "noisy": _noisy,
    "gamma-beta": _gamma_beta,
    "depth": _depth,
    "init": _init,
    "placement": _placement,
    "placement-keras": _arm_curves,
    "dropout": _arm_curves,
}
