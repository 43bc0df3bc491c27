"""How loss and accuracy depend on the initial weights; exactness of the invariance."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fmstudy.experiments.reading import Quantities, Settings, groups, numbers, or_guessed, some


def quantities(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Loss range and accuracies over initial deviations at the common rate; the invariance.

    A common rate may suit one net and not the other.  So `loss_range_best` is the range of the test
    loss at the rate that is best for a net: the one with the smallest mean validation loss over
    deviations and seeds.
    """
    found: Quantities = {}
    rate = settings["learning_rate"]
    trained = table[table["std"].notna()]
    for activation, arm in groups(trained, "activation", "arm"):
        net = some(trained, activation=activation, arm=arm)
        for std in settings["deviations"]:
            found[f"accuracy/{activation}/{arm}/{std:g}"] = or_guessed(
                net, "validation_accuracy", std=float(std), rate=float(rate)
            )
        losses = _losses(net, settings, rate, "validation_loss")
        found[f"loss_range/{activation}/{arm}"] = _ranges(losses)
        best = min(settings["rates"], key=functools.partial(_mean_loss, net, settings))
        found[f"loss_range_best/{activation}/{arm}"] = _ranges(
            _losses(net, settings, best, "test_loss")
        )
    for measure in ("invariance", "invariance_epsilon", "invariance_gradient"):
        found[measure] = numbers(some(table, measure=measure).groupby("seed")["value"].max())
    return found


def _losses(
    net: pd.DataFrame, settings: Settings, rate: float, measure: str
) -> list[dict[int, float]]:
    """A loss of a net at a rate by seed, for each initial deviation."""
    return [
        or_guessed(net, measure, std=float(std), rate=float(rate)) for std in settings["deviations"]
    ]


def _mean_loss(net: pd.DataFrame, settings: Settings, rate: float) -> float:
    """Mean validation loss of a net at a rate over deviations and seeds."""
    losses = _losses(net, settings, rate, "validation_loss")
    return float(np.mean([value for by_seed in losses for value in by_seed.values()]))


def _ranges(losses: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """The largest loss minus the smallest, in each seed that has all of them."""
    shared = set.intersection(*(set(loss) for loss in losses))
    return {
        seed: max(loss[seed] for loss in losses) - min(loss[seed] for loss in losses)
        for seed in sorted(shared)
    }
