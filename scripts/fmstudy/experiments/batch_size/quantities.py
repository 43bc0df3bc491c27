"""Validation loss and accuracy by batch size and kind of statistics."""

import pandas as pd

from fmstudy.experiments.reading import Quantities, groups, or_guessed, some


def quantities(table: pd.DataFrame) -> Quantities:
    """Validation loss and accuracy for each net, batch size, and kind of statistics."""
    return {
        f"{measure}/{arm}/{size}": or_guessed(table, measure, arm=arm, size=size)
        for arm, size in groups(table, "arm", "size")
        for (measure,) in groups(some(table, arm=arm), "measure")
        if measure.startswith(("loss", "accuracy"))
    }
