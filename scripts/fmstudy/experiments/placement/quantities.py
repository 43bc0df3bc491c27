"""Test metrics of each placement at its best learning rate."""

import pandas as pd

from fmstudy.experiments.reading import Quantities, at_best_rates


def quantities(table: pd.DataFrame) -> Quantities:
    """Test metrics of each placement, at the rate that is best for it on validation data."""
    return at_best_rates(table, "activation", "arm")
