"""How gradients turn, distributions drift, and the loss varies during training."""

import numpy as np
import pandas as pd

from fmstudy.experiments.reading import Quantities, Settings, groups, numbers, or_guessed, some

_MEDIANS = ("shift_cosine", "shift_size", "drift", "loss_range", "loss_range_scaled")
_LOGARITHMS = ("gradient_change", "gradient_change_scaled", "effective_rate")


def quantities(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Medians over the measurements after the first, of means over layers."""
    found: Quantities = {}
    # A last evaluation that came early has a shorter way behind it, and so less drift.
    during = table[(table["step"] > 0) & (table["step"] % settings["every"] == 0)]
    for activation, arm in groups(table, "activation", "arm"):
        net = some(during, activation=activation, arm=arm)
        for measure in (*_MEDIANS, *_LOGARITHMS):
            rows = some(net, measure=measure)
            if measure == "effective_rate":  # of weights whose size means nothing
                hidden = len(settings["hidden"]) if arm == "bn" else 0
                rows = rows[rows["layer"] <= hidden]
            looks = rows.groupby(["seed", "step"])["value"].mean()
            medians = looks.groupby("seed").median()
            found[f"{measure}/{activation}/{arm}"] = numbers(
                np.log10(medians) if measure in _LOGARITHMS else medians
            )
        for measure in ("validation_accuracy", "validation_loss"):
            found[f"{measure}/{activation}/{arm}"] = or_guessed(
                table, measure, activation=activation, arm=arm
            )
    return found
