"""How gradients grow through deep nets, and what accuracy such nets reach."""

import numpy as np
import pandas as pd

from fmstudy.experiments.reading import SMALLEST, Quantities, Settings, groups, or_guessed, some


def quantities(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Growth of the gradient per layer towards the input, in the deepest net; test accuracies.

    The size of a growth is its |log10|.
    """
    found: Quantities = {}
    deepest = some(table, measure="gradient_norm", depth=max(settings["depths"]))
    for activation, arm in groups(table, "activation", "arm"):
        name = f"{activation}/{arm}"
        net = some(deepest, activation=activation, arm=arm)
        factors = {
            int(seed): growth(some(net, seed=seed).set_index("layer")["value"])
            for seed in net["seed"].unique()
        }
        found[f"growth/{name}"] = factors
        found[f"growth_size/{name}"] = {s: abs(float(np.log10(f))) for s, f in factors.items()}
        for layers in settings["trained"]:
            found[f"test_accuracy/{name}/{layers}"] = or_guessed(
                table, "test_accuracy", activation=activation, arm=arm, depth=layers
            )
    return found


def growth(norms: pd.Series) -> float:
    """The factor by which gradients grow from a layer to the one below it, from norms by layer.

    Comes from a line fitted to the logarithms.  Layers whose gradient all but vanishes or overflows
    are left out; NaN if fewer than two remain.
    """
    known = norms[(norms > SMALLEST) & np.isfinite(norms)]
    if len(known) < 2:
        return float("nan")
    slope = np.polyfit(known.index.to_numpy(dtype=float), np.log10(known.to_numpy()), 1)[0]
    return float(10.0**-slope)
