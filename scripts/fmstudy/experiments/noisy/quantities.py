"""Test metrics with and without noise, each net at its best learning rate."""

import pandas as pd

from fmstudy.experiments.reading import Quantities, at_best_rates


def quantities(table: pd.DataFrame) -> Quantities:
    """Test loss and accuracy of each net, at the rate that is best for it on validation data."""
    found = at_best_rates(table, "activation", "arm")
    return {name.removeprefix("test_"): seeds for name, seeds in found.items()}
