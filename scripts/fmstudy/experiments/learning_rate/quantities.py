"""The range of usable learning rates, and accuracies at the best one."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmstudy.experiments.best_rates import best_rate
from fmstudy.experiments.reading import (
    Quantities,
    Settings,
    at_best_rates,
    by_seed,
    groups,
    some,
    values_of,
)


def quantities(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Decades of usable rates, the highest of them, and accuracies at the best and at equal rates.

    A rate is usable if training finishes with the configured validation accuracy at least; `step`
    is the grid's, in decades.
    """
    found: Quantities = {}
    for activation, optimizer in groups(table, "activation", "optimizer"):
        nets = some(table, activation=activation, optimizer=optimizer)
        for arm, net in nets.groupby("arm"):
            name = f"{activation}/{optimizer}/{arm}"
            usable = usable_rates(net, settings["usable"])
            step = grid_step(values_of(net, "rate"))
            found[f"step/{name}"] = dict.fromkeys(usable, step)
            found[f"decades/{name}"] = {seed: decades(it, step) for seed, it in usable.items()}
            found[f"highest/{name}"] = {
                seed: float(np.log10(max(rates))) for seed, rates in usable.items() if rates
            }
        plain = best_rate(some(nets, arm="plain"))
        if plain is not None:
            found[f"test_accuracy_equal/{activation}/{optimizer}/bn"] = by_seed(
                nets, "test_accuracy", arm="bn", rate=plain
            )
    return found | at_best_rates(table, "activation", "optimizer", "arm")


def usable_rates(table: pd.DataFrame, usable: float) -> dict[int, list[float]]:
    """The rates that end with this validation accuracy at least, by seed, from a net's rows."""
    reached = table[(table["measure"] == "validation_accuracy") & (table["value"] >= usable)]
    return {
        int(seed): sorted(reached[reached["seed"] == seed]["rate"])
        for seed in sorted(table["seed"].unique())
    }


def decades(rates: Sequence[float], step: float) -> float:
    """How many powers of ten usable rates cover, on a grid with this step in decades.

    Each rate covers half a step to either side, so a single one covers a step; none covers 0.
    """
    return float(np.log10(max(rates) / min(rates))) + step if rates else 0.0


def grid_step(rates: Sequence[float]) -> float:
    """The widest step between neighboring rates of a grid, in decades; 0 for a single rate."""
    steps = np.diff(np.sort(np.log10(rates)))
    return float(steps.max()) if steps.size else 0.0
