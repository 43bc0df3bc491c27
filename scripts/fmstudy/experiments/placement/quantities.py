"""Accuracy and loss of each placement at its best learning rate."""

import pandas as pd

from fmstudy.experiments.best_rates import best_rate
from fmstudy.experiments.reading import Quantities, by_seed, groups, some


def quantities(table: pd.DataFrame) -> Quantities:
    """Test accuracies, each placement at the rate that is best for it on the validation set."""
    found: Quantities = {}
    for activation, arm in groups(table, "activation", "arm"):
        net = some(table, activation=activation, arm=arm)
        rate = best_rate(net)
        if rate is not None:
            found[f"test_accuracy/{activation}/{arm}"] = by_seed(net, "test_accuracy", rate=rate)
            found[f"validation_loss/{activation}/{arm}"] = by_seed(
                net, "validation_loss", rate=rate
            )
    return found
