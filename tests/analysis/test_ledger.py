"""Every published number gets the verdict that its rule gives, and a reason with the numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import leave, left, model
from scipy import stats

from fmstudy.analysis.ledger import correct_images, ledger_table, rounding

ROW = {
    "id": "a1-test-acc",
    "part": "A",
    "model": "theirs",
    "published_setting": "200 epochs",
    "split": "test",
    "metric": "accuracy",
    "value": "80",
    "unit": "percent",
    "as_written": "80.00%",
}
ACCURACIES = (0.79, 0.80, 0.81)  # one more run lies within t(2) * 0.01 * sqrt(4/3) of 0.80
SPREAD = stats.t.ppf(0.975, 2) * np.sqrt(4 / 3)  # in points: 4.968


def printed(value: str, **change: str) -> dict[str, str]:
    return ROW | {"value": value.rstrip("%"), "as_written": value} | change


@pytest.fixture
def judged(tmp_path: Path):
    """Judges rows; by default three runs of 79, 80 and 81 %, and a loss of 0.5 exactly."""

    def judge(
        *rows: dict[str, str],
        accuracies: tuple[float, ...] = ACCURACIES,
        losses: tuple[float, ...] = (0.5, 0.5, 0.5),
        whole: bool = True,
        status: str = "finished",
    ) -> pd.DataFrame:
        for seed, (accuracy, loss) in enumerate(zip(accuracies, losses, strict=False), start=1):
            values = (loss, 0.1, accuracy)
            leave(tmp_path, "A", seed, train=values, test=values, status=status)
        models = [model("A", range(1, len(accuracies) + 1))]
        return ledger_table(rows, {"theirs": ["A"]}, models, whole, **left(tmp_path))

    return judge


def sentence(reason: str) -> bool:
    return reason[0].isupper() and reason.endswith(".") and "nan" not in reason


# The rules


@pytest.mark.parametrize(
    ("value", "verdict", "parts"),
    [
        ("80.00%", "reproduced", ["0.00 points", "4.97"]),
        ("80.99%", "reproduced", ["0.99 points below", "our mean by up to 4.97 points"]),
        ("79.01%", "reproduced", ["0.99 points above"]),
        ("81.01%", "within noise", ["1.01 points below", "vary too much"]),
        ("84.97%", "within noise", ["4.97 points below"]),
        ("84.98%", "not reproduced", ["4.98 points below", "our mean by up to 4.97 points"]),
        ("75.02%", "not reproduced", ["4.98 points above"]),
    ],
)
def test_verdict_and_reason_of_a_printed_number(judged, value, verdict, parts):
    row = judged(printed(value)).iloc[0]
    assert row["verdict"] == verdict
    assert sentence(row["reason"])
    for part in parts:
        assert part in row["reason"]
    assert row["reproduced"] == pytest.approx(80)
    assert row["difference"] == pytest.approx(80 - float(value.rstrip("%")))
    assert row["tolerance"] == pytest.approx(SPREAD + 0.005)
    low, high = stats.ttest_1samp([79, 80, 81], 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx((low, high))
    assert (row["reproduced_min"], row["reproduced_max"]) == pytest.approx((79, 81))


def test_wrong_published_number_is_not_reproduced(judged):
    right, wrong = judged(printed("80.00%")), judged(printed("90.00%"))
    assert (right["verdict"][0], wrong["verdict"][0]) == ("reproduced", "not reproduced")


def test_losses_are_in_nats_and_a_penalized_loss_has_the_penalty_in_it(judged):
    plain = printed("0.52", metric="loss", unit="nats")
    penalized = printed("0.62", id="x", metric="penalized loss", unit="nats")
    table = judged(plain, penalized, losses=(0.49, 0.5, 0.51))
    assert list(table["reproduced"]) == pytest.approx([0.5, 0.6])
    assert list(table["difference"]) == pytest.approx([-0.02, -0.02])
    assert set(table["verdict"]) == {"reproduced"}
    assert "0.020 nats below" in table["reason"][0]


# Rounding


@pytest.mark.parametrize(
    ("as_written", "half_a_digit"),
    [("0.55", 0.005), ("90%", 0.5), ("80.93666%", 5e-6), ("92.3%", 0.05), ("0.58843166", 5e-9)],
)
def test_rounding_hides_half_a_unit_of_the_last_digit(as_written, half_a_digit):
    assert rounding(as_written) == pytest.approx(half_a_digit, rel=1e-9)


def test_rounding_widens_what_counts_as_another_run(judged):
    same = {"losses": (0.5, 0.5, 0.5)}  # runs that do not scatter at all
    fine = judged(printed("0.504", metric="loss", unit="nats"), **same).iloc[0]
    coarse = judged(printed("0.50", metric="loss", unit="nats"), **same).iloc[0]
    assert fine["tolerance"] == pytest.approx(0.0005)
    assert coarse["tolerance"] == pytest.approx(0.005)
    assert (fine["verdict"], coarse["verdict"]) == ("not reproduced", "reproduced")


# What cannot be tested


def test_one_run_cannot_be_judged(judged):
    row = judged(printed("95.00%"), accuracies=(0.79,)).iloc[0]
    assert row["verdict"] == "not testable"
    assert "One run" in row["reason"]
    assert "79.00 %" in row["reason"]
    assert sentence(row["reason"])
    assert (row["reproduced"], row["seeds"]) == (79.0, 1)
    assert pd.isna(row["tolerance"])


def test_part_of_the_images_cannot_be_judged(judged):
    row = judged(printed("80.00%"), whole=False).iloc[0]
    assert row["verdict"] == "not testable"
    assert "only part of the images" in row["reason"]
    assert sentence(row["reason"])


def test_model_that_always_diverges_cannot_be_judged(judged):
    row = judged(printed("80.00%"), status="diverged").iloc[0]
    assert row["verdict"] == "not testable"
    assert "diverged" in row["reason"]
    assert pd.isna(row["reproduced"])


# The source against itself


def test_number_that_the_source_prints_otherwise_before_is_a_contradiction(judged):
    table = judged(printed("80.25%"), printed("79%", id="again"))
    assert list(table["verdict"]) == ["reproduced", "contradiction in the source"]
    reason = table["reason"][1]
    for part in ("80.25%", "79%", "a1-test-acc", "80.00 %"):
        assert part in reason
    assert sentence(reason)


@pytest.mark.parametrize(
    "second",
    [
        printed("80%", id="again"),  # 80.25 rounds to it
        printed("79%", id="again", split="train"),  # another thing
        printed("79", id="again", metric="loss", unit="nats"),
        printed("79%", id="again", model="others"),
    ],
)
def test_rounded_number_or_one_for_another_thing_is_no_contradiction(tmp_path, second):
    for seed, accuracy in enumerate(ACCURACIES, start=1):
        leave(tmp_path, "A", seed, train=(0.5, 0.0, accuracy), test=(0.5, 0.0, accuracy))
    redone_by = {"theirs": ["A"], "others": ["A"]}
    rows = [printed("80.25%"), second]
    table = ledger_table(rows, redone_by, [model("A")], True, **left(tmp_path))
    assert "contradiction in the source" not in set(table["verdict"])


# Two readings


def test_number_is_judged_as_written_and_for_an_alternative_reading(tmp_path: Path):
    for seed, noise in ((1, -0.001), (2, 0.0), (3, 0.001)):
        leave(tmp_path, "A", seed, test=(0.5, 0.0, 0.7 + noise))
        leave(tmp_path, "B", seed, test=(0.5, 0.0, 0.8 + noise))
    models = [model("A"), model("B")]
    again = printed("75%", id="again")
    rows = [printed("80.00%"), again]
    table = ledger_table(rows, {"theirs": ["A", "B"]}, models, True, **left(tmp_path))
    assert list(table["protocol"]) == ["as written", "alternative"] * 2
    assert list(table["model"]) == ["A", "B"] * 2
    assert list(table["verdict"]) == [
        "not reproduced",
        "reproduced",
        "contradiction in the source",
        "not reproduced",
    ]
    of_others = ledger_table(rows, {"theirs": ["A", "B"]}, models[1:], True, **left(tmp_path))
    assert list(of_others["protocol"]) == ["alternative"] * 2


def test_number_of_a_model_that_the_source_describes_in_part_says_what_was_assumed(tmp_path: Path):
    for name in "AB":
        for seed in (1, 2):
            leave(tmp_path, name, seed, test=(0.5, 0.0, 0.8))
    models = [model(name, [1, 2]) for name in "AB"]
    given = ([printed("80.00%")], {"theirs": ["A", "B"]}, models, True)
    table = ledger_table(*given, **left(tmp_path), assumed={"theirs": "widths"})
    assert list(table["protocol"]) == ["widths assumed", "alternative"]


# Whole images


@pytest.mark.parametrize(
    ("as_written", "split", "correct"),
    [
        ("79.89%", "test", 7989),
        ("90%", "test", 9000),
        ("80.93666%", "train", 48562),  # 80.936666..., cut off
        ("89.096664%", "train", 53458),  # 89.096666... in single precision
        ("79.895%", "test", None),
        ("80.937%", "train", 48562),
        ("80.9375%", "train", None),
        ("80.94%", "validation", None),
    ],
)
def test_printed_accuracy_is_a_whole_number_of_images_or_none(as_written, split, correct):
    assert correct_images(printed(as_written, split=split)) == correct


def test_loss_is_no_number_of_images():
    assert correct_images(printed("0.5", metric="loss", unit="nats")) is None
