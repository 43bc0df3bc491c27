"""How loss and accuracy depend on the initial weights; exactness of the invariance."""

import pandas as pd

from fmstudy.experiments.reading import Quantities, Settings, groups, numbers, or_guessed, some


def quantities(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Loss range and accuracies over initial deviations at the common rate; the invariance."""
    found: Quantities = {}
    rate = settings["learning_rate"]
    trained = table[table["std"].notna()]
    for activation, arm in groups(trained, "activation", "arm"):
        losses = []
        for std in settings["deviations"]:
            keys = {"activation": activation, "arm": arm, "std": float(std), "rate": float(rate)}
            losses.append(or_guessed(trained, "validation_loss", **keys))
            found[f"accuracy/{activation}/{arm}/{std:g}"] = or_guessed(
                trained, "validation_accuracy", **keys
            )
        shared = set.intersection(*(set(loss) for loss in losses))
        found[f"loss_range/{activation}/{arm}"] = {
            seed: max(loss[seed] for loss in losses) - min(loss[seed] for loss in losses)
            for seed in sorted(shared)
        }
    for measure in ("invariance", "invariance_epsilon", "invariance_gradient"):
        found[measure] = numbers(some(table, measure=measure).groupby("seed")["value"].max())
    return found
