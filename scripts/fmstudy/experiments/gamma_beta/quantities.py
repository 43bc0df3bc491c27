"""How gamma and beta compare with deviation and mean, and how far they get alone."""

import pandas as pd

from fmstudy.experiments.reading import Quantities, by_seed, groups, numbers, or_guessed


def quantities(table: pd.DataFrame) -> Quantities:
    """Distances of gamma and beta from deviation and mean, accuracies, shapes of distributions."""
    found = {
        f"test_accuracy/{arm}": or_guessed(table, "test_accuracy", arm=arm)
        for (arm,) in groups(table, "arm")
    }
    units = table[table["unit"].notna()].pivot_table(
        index=["seed", "layer", "unit"], columns="measure", values="value"
    )
    if units.empty:  # every training of the whole net diverged
        return found
    gamma = ((units["gamma"] - units["deviation"]).abs() / units["deviation"]).groupby("seed")
    beta = ((units["beta"] - units["mean"]).abs() / units["deviation"]).groupby("seed")
    gaussian = units["gaussian_distance"].groupby("seed")
    return found | {
        "gamma_from_deviation": numbers(gamma.mean()),
        "beta_from_mean": numbers(beta.mean()),
        "gaussian_distance": numbers(gaussian.mean()),
        "example_mean": by_seed(table, "example_mean"),
    }
