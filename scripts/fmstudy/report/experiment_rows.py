"""Rows of the tables on batch normalization that the appendix shows, from quantities and models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from fmstudy.analysis.formats import count, percent, seconds
from fmstudy.report.experiments import Experiment, named

Row = dict[str, Any]

NETS = {"plain": "plain", "bn": "batch norm"}
NEVER = "never"


@dataclass(frozen=True)
class Table:
    """Rows with the keys of their columns, and headings that replace those in `columns.py`."""

    rows: list[Row]
    keys: list[str]
    heads: dict[str, str] = field(default_factory=dict)


def rates(it: Experiment) -> Table:
    """Usable learning rates and the best one with its test accuracy: a row per grid and network."""
    found = []
    for grid in it.settings["grids"]:
        optimizer = "SGD" if grid["optimizer"] == "sgd" else grid["optimizer"].capitalize()
        for arm, title in NETS.items():
            net = f"{grid['activation']}/{grid['optimizer']}/{arm}"
            found.append(
                {"title": f"{_capital(named(grid['activation']))}, {optimizer}, {title}"}
                | _with_interval(it, "decades", f"decades/{net}")
                | {"highest_usable_rate": _power(it.mean(f"highest/{net}"))}
                | {"best_rate": _power(it.mean(f"best_rate/{net}"))}
                | _with_interval(it, "at_best", f"test_accuracy/{net}")
                | _with_interval(it, "at_equal", f"test_accuracy_equal/{net}")
            )
    keys = ["title", "decades", "highest_usable_rate", "best_rate", "at_best", "at_equal"]
    heads = {"at_best": f"Test accuracy there after {it.settings['epochs']} epochs, %"}
    return Table(found, keys, heads)


def speed(it: Experiment) -> Table:
    """Steps to each level of validation accuracy, with seconds as notes: a row per network."""
    levels = {f"steps_{place}": level for place, level in enumerate(it.settings["levels"], 1)}
    found = []
    for activation, arm, title in _nets(it):
        net = f"{activation}/{arm}"
        row: Row = {"title": title, "milliseconds": _thousand(it.mean(f"step_seconds/{net}"))}
        for key, level in levels.items():
            row |= {key: NEVER, f"{key}_note": ""}
            share = it.mean(f"reached_{100 * level:g}/{net}")
            if share:
                steps, spent = (
                    _power(it.mean(f"{kind}_{100 * level:g}/{net}"))
                    for kind in ("steps", "seconds")
                )
                row[key] = count(steps) + (" (not always)" if share < 1 else "")
                row[f"{key}_note"] = seconds(spent)
        found.append(row)
    heads = {key: f"Steps to {percent(level, 0)}" for key, level in levels.items()}
    return Table(found, ["title", "milliseconds", *heads], heads)


def evaluation(it: Experiment) -> Table:
    """What moving averages change of the validation metrics: a row per training and momentum."""
    epoch, full = it.settings["epoch"], it.settings["full"]
    cases = {
        "epoch": f"One epoch of {_hidden(epoch)}, batches of {epoch['batch_size']}",
        "full": f"{count(full['steps'])} full-batch steps of {_hidden(full)} "
        f"on {count(full['samples'])} images",
    }
    found = [
        {"title": title, "momentum": momentum}
        | _with_interval(it, "loss_error", f"loss_error/{case}/{momentum:g}")
        | _with_interval(it, "accuracy_error", f"accuracy_error/{case}/{momentum:g}")
        for case, title in cases.items()
        for momentum in it.settings["momenta"]
    ]
    return Table(found, ["title", "momentum", "loss_error", "accuracy_error"])


def shift(it: Experiment) -> Table:
    """Shift, drift, and smoothness inside the networks: a row per network."""
    means = ("shift_cosine", "shift_size", "drift", "loss_range", "loss_range_scaled")
    factors = ("gradient_change", "gradient_change_scaled", "effective_rate")
    found = []
    for activation, arm, title in _nets(it):
        net = f"{activation}/{arm}"
        row: Row = {"title": title} | {key: it.mean(f"{key}/{net}") for key in means}
        found.append(row | {key: _power(it.mean(f"{key}/{net}")) for key in factors})
    return Table(found, ["title", *means, *factors])


def equality(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Deviations of both engines from NumPy: a row per quantity."""
    found: dict[str, Row] = {}
    for row in rows:
        title = row["quantity"].replace("_", " ").capitalize()
        new: Row = {"title": title, "lowlevel": None, "keras": None}
        found.setdefault(row["quantity"], new)[row["engine"]] = row["deviation"]
    return Table(list(found.values()), ["title", "lowlevel", "keras"])


def steps(
    it: Experiment,
    net: Mapping[str, Any],
    pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> Table:
    """Milliseconds of a training step without and with batch normalization: a row per network.

    `it` is the experiment `speed`, `net` the network of the experiments, `pairs` are compared
    models without and with batch normalization.
    """
    found = []
    for activation in it.settings.get("activations", ()):
        plain, bn = (it.mean(f"step_seconds/{activation}/{arm}") for arm in NETS)
        if plain and bn:
            factor = it.mean(f"step_factor/{activation}")
            title = f"{_hidden(net)} {named(activation)}"
            found.append(_step(title, str(net["batch_size"]), plain, bn, factor))
    for first, second in pairs:
        if first["seconds"] and second["seconds"]:
            spec = first["spec"]
            size = spec["batch_size"] or spec["train_samples"]
            fitted = int(spec["train_samples"] * (1 - spec["validation_split"]))
            taken = spec["epochs"] * ceil(fitted / size)
            plain, bn = (model["seconds"] / taken for model in (first, second))
            found.append(_step(first["title"], count(size), plain, bn))
    return Table(found, ["title", "batch", "plain", "bn", "factor"])


def collect(
    context: Mapping[str, Any], experiment: Callable[[str], Experiment], pairs: Sequence[Any]
) -> Callable[[str], Table]:
    """Return a function that makes a table by its name."""
    net, tables = context["config"].get("batchnorm", {}).get("net", {}), context["tables"]
    made: dict[str, Callable[[], Table]] = {
        "bn-rates": lambda: rates(experiment("learning-rate")),
        "bn-speed": lambda: speed(experiment("speed")),
        "bn-evaluation": lambda: evaluation(experiment("evaluation")),
        "bn-shift": lambda: shift(experiment("shift")),
        "bn-equality": lambda: equality(tables.get("bn_equality", [])),
        "bn-steps": lambda: steps(experiment("speed"), net, pairs),
    }
    return lambda name: made[name]()


def _nets(it: Experiment) -> list[tuple[str, str, str]]:
    """Return activation, arm and title of each network of an experiment."""
    return [
        (activation, arm, f"{_capital(named(activation))}, {title}")
        for activation in it.settings["activations"]
        for arm, title in NETS.items()
    ]


def _with_interval(it: Experiment, key: str, name: str) -> Row:
    """Return the cells of a quantity's mean and of its interval."""
    row = it.quantity(name)
    if row is None:
        return {key: None}
    return {key: row["mean"], f"{key}_low": row["low"], f"{key}_high": row["high"]}


def _step(title: str, batch: str, plain: float, bn: float, factor: float | None = None) -> Row:
    """Return a row of `steps`; times are in seconds."""
    row = {"title": title, "batch": batch, "plain": 1000 * plain, "bn": 1000 * bn}
    return row | {"factor": bn / plain if factor is None else factor}


def _hidden(net: Mapping[str, Any]) -> str:
    return "-".join(map(str, net["hidden"]))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _power(value: float | None) -> float | None:
    return None if value is None else 10.0**value


def _thousand(value: float | None) -> float | None:
    return None if value is None else 1000 * value
