"""What moving statistics change, compared with exact ones."""

import pandas as pd

from fmstudy.experiments.reading import Quantities, by_seed, groups


def quantities(table: pd.DataFrame) -> Quantities:
    """What moving statistics change in validation loss and accuracy, compared with exact ones."""
    found: Quantities = {}
    measures = ("loss", "accuracy")
    for case, way in groups(table[table["measure"].isin(measures)], "case", "way"):
        for measure in measures:
            exact = by_seed(table, measure, case=case, way="exact")
            moving = by_seed(table, measure, case=case, way=way)
            found[f"{measure}_error/{case}/{way}"] = {
                seed: moving[seed] - exact[seed] for seed in moving
            }
    return found
