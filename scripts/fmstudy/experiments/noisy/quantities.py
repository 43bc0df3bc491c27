"""Validation loss and accuracy with and without noise."""

import pandas as pd

from fmstudy.experiments.reading import Quantities, groups, or_guessed


def quantities(table: pd.DataFrame) -> Quantities:
    """Validation loss and accuracy at the end, with exact statistics."""
    end = table[table["step"].isna()]
    return {
        f"{name}/{activation}/{arm}": or_guessed(
            end, f"validation_{name}", activation=activation, arm=arm
        )
        for activation, arm in groups(table, "activation", "arm")
        for name in ("loss", "accuracy")
    }
