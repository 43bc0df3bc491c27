"""Steps and seconds that each net needs to reach an accuracy."""

import numpy as np
import pandas as pd

from fmstudy.experiments.reading import Quantities, Settings, groups, numbers, some

TIMED = "step_seconds"  # the measure, by turns


def quantities(table: pd.DataFrame, settings: Settings, times: pd.DataFrame) -> Quantities:
    """Steps and seconds to the configured accuracies, in decades.

    A net that never gets there counts as if it had at the last evaluation: its difference to one
    that does is then too small, not too large.  `times` are what the jobs timed, which differs
    when they are repeated.
    """
    found: Quantities = {}
    accuracies, timed = some(table, measure="validation_accuracy"), some(times, measure=TIMED)
    for activation, arm in groups(accuracies, "activation", "arm"):
        name = f"{activation}/{arm}"
        net = some(accuracies, activation=activation, arm=arm)
        seconds = step_seconds(times, activation, arm)
        for level in settings["levels"]:
            first = steps_to(net, level)
            steps = {s: max(1.0, min(first[s], float(net["step"].max()))) for s in first}
            percent = f"{100 * level:g}"
            found[f"reached_{percent}/{name}"] = {s: float(np.isfinite(first[s])) for s in first}
            found[f"steps_{percent}/{name}"] = {s: float(np.log10(steps[s])) for s in first}
            found[f"seconds_{percent}/{name}"] = {
                s: float(np.log10(steps[s] * seconds)) for s in first
            }
        found[f"step_seconds/{name}"] = dict.fromkeys(first, seconds)
    for (activation,) in groups(timed, "activation"):
        turns = some(timed, activation=activation).pivot_table(
            index=["seed", "turn"], columns="arm", values="value"
        )
        if {"plain", "bn"} <= set(turns):
            factors = (turns["bn"] / turns["plain"]).groupby("seed").median()
            found[f"step_factor/{activation}"] = numbers(factors)
    return found


def steps_to(table: pd.DataFrame, level: float) -> dict[int, float]:
    """The first step with this validation accuracy, by seed; infinite if there is none."""
    seen = some(table, measure="validation_accuracy")
    reached = seen[seen["value"] >= level].groupby("seed")["step"].min()
    return {int(seed): float(reached.get(seed, np.inf)) for seed in sorted(seen["seed"].unique())}


def step_seconds(times: pd.DataFrame, activation: str, arm: str) -> float:
    """The seconds of a step of a net: the fewest that were timed.

    Whatever else the machine does can only add to them, whatever the seed.
    """
    net = some(times, measure=TIMED, activation=activation, arm=arm)
    return float(net["value"].min())
