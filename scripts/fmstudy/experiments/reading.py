"""Read an experiment's table of results: rows by their keys, values by seed.

A quantity is one number per seed; an experiment's `quantities` are what its predictions are about,
by names such as decades/relu/sgd/bn: the kind, then the net.  Accuracies are shares, losses in
nats; rates, steps, seconds, and changes of gradients are logarithms to base 10 (decades), so that a
difference of 0.3 is a factor of two.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.experiments.best_rates import best_rate

Quantities = dict[str, dict[int, float]]  # one number per seed, by name
Settings = Mapping[str, Any]

GUESSED = {"accuracy": 0.1, "loss": float(np.log(10.0))}  # of ten classes, knowing nothing
SMALLEST = 1e-30  # of gradients: below it single precision loses digits


def some(table: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """The rows in which each of these columns has this value."""
    chosen = np.ones(len(table), dtype=bool)
    for column, value in where.items():
        given = table[column]
        same = np.isclose(given, value) if isinstance(value, float) else given == value
        chosen &= np.asarray(same)
    return table[chosen]


def values_of(table: pd.DataFrame, column: str) -> list[Any]:
    """The distinct values of a column, in order of appearance."""
    return list(table[column].dropna().unique())


def groups(table: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """The distinct combinations of values of columns, in order of appearance."""
    return list(table[list(columns)].drop_duplicates().itertuples(index=False, name=None))


def numbers(by_seed: pd.Series) -> dict[int, float]:
    """A series over seeds as plain numbers by seed."""
    return dict(zip(map(int, by_seed.index), map(float, by_seed), strict=True))


def by_seed(table: pd.DataFrame, measure: str, **where: Any) -> dict[int, float]:
    """A measure in each seed, over the rows with these values; the mean if there are several."""
    return numbers(some(table, measure=measure, **where).groupby("seed")["value"].mean())


def or_guessed(table: pd.DataFrame, measure: str, **where: Any) -> dict[int, float]:
    """As `by_seed`, with the metric of a guess for each seed whose training diverged.

    For accuracy or loss under fixed conditions (a batch size, a depth, initial weights): to leave
    diverged trainings out would flatter what made them diverge.
    """
    guess = GUESSED["loss" if "loss" in measure else "accuracy"]
    finished = by_seed(table, "finished", **where)
    diverged = [seed for seed, done in finished.items() if not done]
    return by_seed(table, measure, **where) | dict.fromkeys(diverged, guess)


def at_best_rates(table: pd.DataFrame, *keys: str) -> Quantities:
    """Test metrics of each net at the rate that is best for it on validation data, and that rate.

    Nets are the distinct values of the columns `keys`.  One that finishes at no rate with every
    seed has no quantities.
    """
    found: Quantities = {}
    for values in groups(table, *keys):
        net, name = some(table, **dict(zip(keys, values, strict=True))), "/".join(map(str, values))
        rate = best_rate(net)
        if rate is None:
            continue
        for measure in ("test_accuracy", "test_loss"):
            found[f"{measure}/{name}"] = by_seed(net, measure, rate=rate)
        found[f"best_rate/{name}"] = dict.fromkeys(
            map(int, net["seed"].unique()), float(np.log10(rate))
        )
    return found


def finite(found: Quantities) -> Quantities:
    """The quantities without the seeds whose value is not finite."""
    return {
        name: {seed: float(value) for seed, value in seeds.items() if np.isfinite(value)}
        for name, seeds in found.items()
    }
