"""The strengths of a penalty that fit printed numbers are found between the trained ones."""

from pathlib import Path

import pandas as pd
import pytest
from fixtures.runs import leave, left, model
from scipy import stats

from fmstudy.analysis.strength import strengths_table

DELTAS = (1e-4, 1e-3, 1e-2)
LOSSES = (0.30, 0.40, 0.50)  # a line in the logarithm, through which any monotone cubic goes


def published(number_id: str, loss: str, split: str = "train") -> dict[str, str]:
    return {
        "id": number_id,
        "model": "theirs",
        "split": split,
        "metric": "loss",
        "value": loss,
        "unit": "nats",
        "as_written": loss,
    }


@pytest.fixture
def located(tmp_path: Path):
    """Base trains with delta 1e-3; two of its runs may differ by a tolerance that is given."""

    def locate(*rows: dict[str, str], tolerance: float = 0.01, whole: bool = True) -> pd.DataFrame:
        swept = []
        for index, (delta, loss) in enumerate(zip(DELTAS, LOSSES, strict=True)):
            leave(tmp_path, f"run-{index}", 1, train=(loss, 0.0, 0.9), test=(loss + 0.1, 0.0, 0.8))
            swept.append(model(f"{delta}", [1], run=f"run-{index}"))
        # Two seeds at 0.4 -/+ d have the standard deviation d sqrt(2), and two runs t(1) d sqrt(4).
        d = tolerance / (stats.t.ppf(0.975, 1) * 2)
        for seed, sign in ((1, -1), (2, 1)):
            values = (0.4 + sign * d, 0.0, 0.9)
            leave(tmp_path, "base", seed, train=values, test=values)
        sweep = {"name": "l2", "base": "B", "values": list(DELTAS), "models": swept}
        models = [model("B", [1, 2], run="base")]
        return strengths_table(rows, {"theirs": ["B"]}, models, [sweep], whole, **left(tmp_path))

    return locate


def test_strengths_within_the_tolerance_of_a_number_are_compatible(located):
    """0.35 lies halfway between 1e-4 and 1e-3; 0.01 (and the rounding) is a tenth of a decade."""
    row = located(published("a", "0.3500")).iloc[0]
    assert row["tolerance"] == pytest.approx(0.01 + 0.00005)
    assert row["low"] == pytest.approx(10 ** (-3.5 - 0.1005), rel=0.003)
    assert row["high"] == pytest.approx(10 ** (-3.5 + 0.1005), rel=0.003)


def test_numbers_together_leave_what_fits_all_of_them(located):
    table = located(published("a", "0.3500"), published("b", "0.4650", split="test"))
    first, second, both = (row for _, row in table.iterrows())
    assert pd.isna(both["id"])
    assert first["low"] < second["low"]
    # Together, each at half the level, which widens a tolerance to t(1) at 0.0125, twice as much.
    wide = 0.01 * stats.t.ppf(1 - 0.025 / 2, 1) / stats.t.ppf(1 - 0.025, 1) + 0.00005
    assert both["low"] == pytest.approx(10 ** (-3.5 + 0.15 - 10 * wide), rel=0.003)
    assert both["high"] == pytest.approx(10 ** (-3.5 + 10 * wide), rel=0.003)


def test_part_of_the_images_is_not_compared(located):
    assert located(published("a", "0.3500"), whole=False).empty


@pytest.mark.parametrize("loss", ["0.2500", "0.6000"])
def test_number_outside_of_the_sweep_fits_no_strength(located, loss):
    table = located(published("a", loss))
    assert table[["low", "high"]].isna().all().all()


def test_one_seed_has_no_tolerance_and_so_no_strengths(located, tmp_path: Path):
    located(published("a", "0.3500"))
    sweep = {"name": "l2", "base": "B", "values": [1e-4, 1e-3]}
    sweep["models"] = [model("x", [1], run="run-0"), model("y", [1], run="run-1")]
    models = [model("B", [1], run="base")]
    rows = [published("a", "0.3500")]
    table = strengths_table(rows, {"theirs": ["B"]}, models, [sweep], True, **left(tmp_path))
    assert table[["tolerance", "low", "high"]].isna().all().all()
