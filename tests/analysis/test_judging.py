"""Claims are measured as they say, and their verdicts follow from intervals and families."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import leave, measures, model
from scipy import stats

from fmstudy.analysis.estimator import Estimator
from fmstudy.analysis.judging import (
    Evidence,
    Expectation,
    Quantity,
    UnavailableQuantity,
    claims_table,
    written,
)
from fmstudy.analysis.statistics import Estimate

N = 20
# Losses on training data after epochs 0, 1, 2, 4: seed by seed.
COURSE = {1: (2.0, 1.0, 0.8, 0.75), 2: (2.2, 1.1, 0.8, 0.70), 3: (2.1, 1.2, 0.9, 0.80)}
TRAIN = {"A": (0.50, 0.52, 0.54), "B": (0.40, 0.43, 0.43), "noisy": (0.3, 0.6, 0.5)}
DELTAS = (0.0, 0.01, 0.1, 1.0)


def history(losses: tuple[float, ...]) -> dict[int, dict[str, Any]]:
    return {
        epoch: {"train": (loss, 0.0, 0.5), "test": (loss + 0.1, 0.0, 0.4)}
        for epoch, loss in zip((0, 1, 2, 4), losses, strict=True)
    }


@pytest.fixture
def study(tmp_path: Path) -> Evidence:
    for name, losses in TRAIN.items():
        for seed, loss in enumerate(losses, start=1):
            leave(tmp_path, name, seed, [0.9] * N, train=(loss, 0.0, 0.9),
                  history=history(COURSE[seed]))  # fmt: skip
    for seed in (1, 2, 3):
        leave(tmp_path, "broken", seed, status="diverged", test=(None, 0.0, None))
    models = {name: model(name) for name in (*TRAIN, "broken")}
    models["once"] = model("once", [2], run="A")
    swept = []
    for index, loss in enumerate((0.9, 0.5, 0.6, 0.75)):
        leave(tmp_path, f"swept-{index}", 1, [0.9] * N, train=(loss, 0.0, 0.9))
        swept.append(model(f"swept-{index}", [1]))
    sweep = {
        "title": "Strength of L2",
        "vary": "delta",
        "base": "B",
        "values": list(DELTAS),
        "models": swept,
    }
    longer = {"base": "A", "at": [1, 2, 4], "model": model("A-4-epochs", run="A")}
    return Evidence(Estimator(measures(tmp_path, N), models.values()), {"l2": sweep}, longer)


def claim(test: dict[str, Any] | None = None, topic: str = "t", **more: Any) -> dict[str, Any]:
    given = {"part": "A", "topic": topic, "place": "Question 1", "says": "It is so."} | more
    return given | ({} if test is None else {"test": test})


def judge(
    study: Evidence,
    published: list[dict[str, str]] | None = None,
    pairs: Sequence[tuple[str, str]] = (),
    **claims: Any,
):
    models, m = list(study.models.values()), study.m
    given = (published or [], models, pairs, study.sweeps, study.longer, m.runs, m.labels)
    table = claims_table(claims, *given)
    return table.set_index("claim", drop=False)


# What is measured


def measured(study: Evidence, **test: Any) -> Quantity:
    return study.quantity({**test, "more": 0})


def is_the_t_test_of(quantity: Quantity, values: list[float]) -> None:
    interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert quantity.value == pytest.approx(np.mean(values))
    assert quantity.estimate.value == pytest.approx(np.mean(values))
    assert (quantity.estimate.low, quantity.estimate.high) == pytest.approx(tuple(interval))


def test_comparison_is_the_model_minus_the_one_it_is_compared_with(study: Evidence):
    found = measured(study, compare={"metric": "train_loss", "model": "B", "with": "A"})
    is_the_t_test_of(found, [-0.10, -0.09, -0.11])
    assert (found.models, found.seeds, found.unit) == (("A", "B"), 3, "nats")
    assert found.words == "train loss: Model B minus Model A"


def test_comparison_after_an_epoch_reads_the_histories(study: Evidence, tmp_path: Path):
    for seed, loss in enumerate((0.1, 0.2, 0.4), start=1):
        leave(tmp_path, "fast", seed, history={1: {"train": (loss, 0, 0.5), "test": (1, 0, 0.5)}})
    study.models["fast"] = model("fast")
    given = {"metric": "train_loss", "model": "fast", "with": "A", "epoch": 1}
    found = measured(study, compare=given)
    is_the_t_test_of(found, [0.1 - 1.0, 0.2 - 1.1, 0.4 - 1.2])
    assert "after epoch 1" in found.words


def borrowed_variance(name: str) -> float:
    """The variance that a level borrows: two parts its own, two parts the pooled one."""
    own = {other: float(np.var(losses, ddof=1)) for other, losses in TRAIN.items()}
    return max(own[name], (2 * own[name] + 2 * np.mean(list(own.values()))) / 4)


def test_level_is_the_metric_itself(study: Evidence):
    found = measured(study, level={"metric": "train_loss", "model": "A"})
    assert found.value == pytest.approx(np.mean(TRAIN["A"]))
    assert found.estimate.error == pytest.approx(math.sqrt(borrowed_variance("A") / 3))
    assert found.estimate.freedom == 4  # its 2, and half of the 4 of B and noisy
    share = measured(study, level={"metric": "test_accuracy", "model": "A"})
    assert (share.unit, share.value) == ("%", 1.0)
    after = measured(study, level={"metric": "train_loss", "model": "A", "epoch": 2})
    is_the_t_test_of(after, [0.8, 0.8, 0.9])


def test_course_is_the_change_from_one_epoch_to_another(study: Evidence):
    given = {"metric": "train_loss", "model": "A", "from": 1, "to": 4}
    found = measured(study, course=given)
    is_the_t_test_of(found, [0.75 - 1.0, 0.70 - 1.1, 0.80 - 1.2])
    assert found.words == "train loss of Model A: change from epoch 1 to 4"


def test_course_minus_another_takes_off_its_change(study: Evidence):
    given = {"metric": "train_loss", "model": "A", "from": 0, "to": 1, "minus": [1, 4]}
    found = measured(study, course=given)
    is_the_t_test_of(found, [-1.0 + 0.25, -1.1 + 0.40, -0.9 + 0.40])
    assert found.words.endswith("minus the change from epoch 1 to 4")


def test_longer_training_is_read_off_at_its_first_and_last_epoch(study: Evidence):
    found = measured(study, longer={"metric": "test_loss"})
    is_the_t_test_of(found, [0.75 - 1.0, 0.70 - 1.1, 0.80 - 1.2])
    assert found.models == ("A-4-epochs",)


@pytest.mark.parametrize(
    ("bounds", "x", "y"),
    [
        ({}, DELTAS, (0.9, 0.5, 0.6, 0.75)),
        ({"from": 0.01}, (0.01, 0.1, 1.0), (0.5, 0.6, 0.75)),
        ({"to": 0.1}, (0.0, 0.01, 0.1), (0.9, 0.5, 0.6)),
        ({"scale": "log"}, (math.log(0.01), math.log(0.1), 0.0), (0.5, 0.6, 0.75)),  # without 0
    ],
)
def test_trend_is_the_change_along_the_line_fitted_to_a_part_of_a_sweep(study, bounds, x, y):
    found = measured(study, trend={"metric": "train_loss", "sweep": "l2", **bounds})
    line, span = stats.linregress(x, y), max(x) - min(x)
    assert found.value == pytest.approx(line.slope * span)
    # Its own variance and that of A, B and noisy, with two degrees of freedom each.
    freedom, per_variance = len(x) - 2, 1 / np.sum(np.square(x - np.mean(x)))
    own = line.stderr**2 / per_variance
    levels = sum(2 * np.var(losses, ddof=1) for losses in TRAIN.values())
    pooled = (freedom * own + levels) / (freedom + 6)
    variance = max(own, (freedom * own + 3 * pooled) / (freedom + 3))
    assert found.estimate.error == pytest.approx(math.sqrt(variance * per_variance) * span)
    assert found.estimate.freedom == freedom + 3
    assert found.models == ("B",)


def test_trend_says_from_where_to_where_and_on_which_scale(study: Evidence):
    given = {"metric": "train_loss", "sweep": "l2", "from": 0.01, "scale": "log"}
    words = measured(study, trend=given).words
    assert words == "train loss, fitted line of the logarithm: delta 1 minus 0.01"


# Expectations


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ({"more": 0.5}, 0.6, True),
        ({"more": 0.5}, 0.5, False),
        ({"less": 0.5}, 0.4, True),
        ({"less": 0.5}, 0.5, False),
        ({"about": 0.5, "within": 0.25}, 0.75, True),
        ({"about": 0.5, "within": 0.25}, 0.76, False),
        ({"about": 0.5, "within": 0.25}, 0.24, False),
    ],
)
def test_exact_value_fulfils_an_expectation_or_not(test, value, holds):
    assert Expectation.of(test).holds(value) is holds


@pytest.mark.parametrize(
    ("test", "nearly"), [({"more": 1}, 0.9), ({"less": 1}, 1.1), ({"about": 0, "within": 1}, 1.1)]
)
def test_slack_makes_an_expectation_easier_and_negative_slack_harder(test, nearly):
    expectation = Expectation.of(test)
    assert not expectation.holds(nearly)
    assert expectation.holds(nearly, 0.2)
    within = 2 - nearly if "about" not in test else 0.9
    assert expectation.holds(within)
    assert not expectation.holds(within, -0.2)


@pytest.mark.parametrize(
    ("test", "for_it"),
    [
        ({"more": 0.01}, lambda e: e.p_above(0.01)),
        ({"less": 0.01}, lambda e: e.p_below(0.01)),
        ({"about": 0.02, "within": 0.005}, lambda e: max(e.p_above(0.015), e.p_below(0.025))),
    ],
)
@pytest.mark.parametrize("value", [-0.05, 0.012, 0.02, 0.05])
def test_evidence_for_an_expectation_and_against_it(test, for_it, value):
    estimate = Estimate(value, 0.004, 3.0)
    supporting, contradicting = Expectation.of(test).p_values(estimate)
    assert supporting == pytest.approx(for_it(estimate))
    assert supporting + contradicting == pytest.approx(1.0)


# Verdicts


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        # B has 0.10 less than A, with an error of 0.0058
        ({"less": 0}, "supported"),
        ({"more": 0}, "contradicted"),
        ({"less": -0.11}, "not resolved"),
        ({"less": -0.2}, "contradicted"),
        ({"about": -0.1, "within": 0.05}, "supported"),
        ({"about": 0, "within": 0.05}, "contradicted"),
        ({"about": -0.05, "within": 0.06}, "not resolved"),
        ({"about": -0.1, "within": 0.001}, "not resolved"),
    ],
)
def test_verdict_follows_from_the_evidence(study: Evidence, test: dict[str, float], verdict: str):
    given = {"compare": {"metric": "train_loss", "model": "B", "with": "A"}, **test}
    row = judge(study, c=claim(given)).loc["c"]
    assert row["verdict"] == verdict
    assert row["estimate"] == pytest.approx(-0.1)
    interval = stats.ttest_1samp([-0.10, -0.09, -0.11], 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx(tuple(interval))
    if "about" not in test:
        [threshold] = test.values()
        p = stats.ttest_1samp([-0.10, -0.09, -0.11], threshold).pvalue
        assert row["p"] == pytest.approx(p)


def test_hypothesis_is_written_in_words_and_units(study: Evidence):
    compare = {"metric": "test_accuracy", "model": "B", "with": "A"}
    table = judge(
        study,
        points=claim({"compare": compare, "less": -0.05}),
        about=claim({"compare": compare, "about": 0, "within": 0.01}),
        nats=claim({"level": {"metric": "train_loss", "model": "A"}, "more": 0.5}),
    )
    assert list(table["hypothesis"]) == [
        "test accuracy: Model B minus Model A: below −5 points",
        "test accuracy: Model B minus Model A: 0 points to within 1 point",
        "train loss of Model A: above 0.5 nats",
    ]
    assert written(0.07, "%") == "7 %"


A_TO_B = {"compare": {"metric": "train_loss", "model": "B", "with": "A"}}
TO_NOISY = {"compare": {"metric": "train_loss", "model": "noisy", "with": "A"}, "more": 0}


def test_claims_of_a_topic_are_corrected_together_and_others_apart(study: Evidence):
    """Holm by hand."""
    near = claim(A_TO_B | {"less": -0.066})
    differences = [-0.10, -0.09, -0.11]
    p = stats.ttest_1samp(differences, -0.066).pvalue
    noisy = stats.ttest_1samp(np.subtract(TRAIN["noisy"], TRAIN["A"]), 0).pvalue
    assert 0.025 < p < 0.05 < noisy
    together = judge(study, a=near, b=claim(TO_NOISY))
    assert list(together["p"]) == pytest.approx([p, noisy])
    assert list(together["p_holm"]) == pytest.approx([2 * p, max(noisy, 2 * p)])
    assert set(together["family"]) == {2}
    assert together.loc["a", "verdict"] == "not resolved"
    reason = together.loc["a", "reason"]
    assert reason.startswith("On its own it would count as supported;")
    assert "2 claims of its topic" in reason
    assert together.loc["b", "reason"] == ""
    apart = judge(study, a=near, b=claim(TO_NOISY, topic="other"))
    assert list(apart["p_holm"]) == pytest.approx([p, noisy])
    assert apart.loc["a", "verdict"] == "supported"
    assert apart.loc["a", "reason"] == ""


def test_claim_that_is_not_tested_is_not_among_its_topic_s_family(study: Evidence):
    table = judge(
        study,
        a=claim(A_TO_B | {"less": 0}),
        b=claim(untested="Nobody\n can show it."),
        c=claim({"level": {"metric": "train_loss", "model": "A", "epoch": 9}, "less": 0}),
        d=claim({"level": {"metric": "train_loss", "model": "once"}, "less": 0}),
    )
    assert table.loc["a", "family"] == 1
    assert table.loc["a", "p_holm"] == table.loc["a", "p"]
    assert table.loc["b", "verdict"] == "not tested"
    assert table.loc["b", "reason"] == "Nobody can show it."


def test_compared_pairs_borrow_from_each_other(study: Evidence):
    """Two of the four degrees of freedom of the two other pairs."""
    pairs = [("A", "B"), ("A", "noisy"), ("noisy", "B"), ("B", "A")]
    row = judge(study, None, pairs, c=claim(A_TO_B | {"less": 0})).loc["c"]
    variances = [
        np.var(np.subtract(TRAIN[second], TRAIN[first]), ddof=1) for first, second in pairs[:3]
    ]
    error = math.sqrt((2 * variances[0] + 2 * np.mean(variances)) / 4 / 3)
    half = stats.t.ppf(0.975, 4) * error
    assert (row["low"], row["high"]) == pytest.approx((-0.1 - half, -0.1 + half))
    turned = {"compare": {"metric": "train_loss", "model": "A", "with": "B"}, "more": 0}
    assert judge(study, None, pairs, c=claim(turned)).loc["c", "p"] == pytest.approx(row["p"])


def test_changes_over_the_same_epochs_of_training_borrow_from_each_other(study: Evidence):
    noisy = {seed: (2.0, 1.0, 0.8, 0.7 - 0.1 * seed) for seed in (1, 2, 3)}
    for seed, losses in noisy.items():
        leave(study.m.runs.directory, "B", seed, history=history(losses))
    given = {"metric": "train_loss", "from": 1, "to": 4}
    claims = {name: claim({"course": given | {"model": name}, "less": 0}) for name in ("A", "B")}
    row = judge(study, **claims).loc["A"]
    own, other = (
        np.var([losses[3] - losses[1] for losses in losses_of.values()], ddof=1)
        for losses_of in (COURSE, noisy)
    )
    variance = max(own, (2 * own + (own + other) / 2) / 3)
    half = stats.t.ppf(0.975, 3) * math.sqrt(variance / 3)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(half)


def test_claims_on_one_quantity_do_not_lend_to_each_other_nor_untrained_nets_to_trained_ones(study):
    given = {"metric": "train_loss", "model": "A"}
    after = {"course": given | {"from": 1, "to": 4}}
    table = judge(
        study,
        a=claim(after | {"less": 0}),
        b=claim(after | {"about": 0, "within": 1}),
        untrained=claim({"course": given | {"from": 0, "to": 4}, "less": 0}),
    )
    interval = stats.ttest_1samp([0.75 - 1.0, 0.70 - 1.1, 0.80 - 1.2], 0).confidence_interval(0.95)
    for name in ("a", "b"):
        assert tuple(table.loc[name, ["low", "high"]]) == pytest.approx(tuple(interval))


def test_difference_above_or_below_0_is_named_for_the_comparison_of_the_same_pair(study):
    compare = A_TO_B["compare"]
    table = judge(
        study,
        a=claim(A_TO_B | {"less": 0}),
        margin=claim(A_TO_B | {"less": -0.05}),
        about=claim(A_TO_B | {"about": 0, "within": 1}),
        early=claim({"compare": compare | {"epoch": 1}, "less": 0}),
        level=claim({"level": {"metric": "train_loss", "model": "A"}, "more": 0}),
    )
    assert table.loc["a", "comparison"] == "train_loss A B"
    assert table.drop("a")["comparison"].isna().all()


# What cannot be tested


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ({"level": {"metric": "train_loss", "model": "A", "epoch": 9}},
         "Model A has no train loss after epoch 9 here."),
        ({"course": {"metric": "test_accuracy", "model": "A", "from": 0, "to": 200}},
         "Model A has no test accuracy after epoch 200 here."),
        ({"level": {"metric": "gamma_one", "model": "A"}},
         "Model A has no mean distance of gamma from 1 here."),
        ({"level": {"metric": "test_loss", "model": "broken"}},
         "Every training of Model broken diverged."),
        ({"trend": {"metric": "test_loss", "sweep": "l2", "from": 0.1}},
         "The sweep Strength of L2 has fewer than three values there."),
        ({"trend": {"metric": "test_loss", "sweep": "l2", "from": 7}},
         "The sweep Strength of L2 has fewer than three values there."),
    ],
)  # fmt: skip
def test_what_this_study_does_not_have_is_not_tested_with_the_reason(study, test, reason):
    with pytest.raises(UnavailableQuantity, match=reason):
        study.quantity(test | {"more": 0})
    row = judge(study, c=claim(test | {"more": 0})).loc["c"]
    assert (row["verdict"], row["reason"]) == ("not tested", reason)
    assert pd.isna(row["p"])


def test_one_seed_is_too_few_and_its_value_is_given(study: Evidence):
    level = claim({"level": {"metric": "train_loss", "model": "once"}, "less": 9})
    given = {"metric": "train_loss", "model": "B", "with": "once"}
    table = judge(study, level=level, compare=claim({"compare": given, "less": 9}))
    assert set(table["verdict"]) == {"not resolved (too few seeds)"}
    assert set(table["reason"]) == {"One seed does not show how much runs vary."}
    assert table.loc["level", "estimate"] == 0.52
    assert table[["low", "p", "p_holm"]].isna().all().all()
    assert set(table["seeds"]) == {1}


def test_models_without_a_seed_in_common_are_too_few_for_another_reason(study: Evidence):
    study.models["twice"] = model("twice", [8])
    study.models["other"] = model("other", [9])
    for name, seed in (("twice", 8), ("other", 9)):
        leave(study.m.runs.directory, name, seed, [0.9] * N)
    given = {"metric": "train_loss", "model": "twice", "with": "other"}
    row = judge(study, c=claim({"compare": given, "less": 9})).loc["c"]
    assert row["verdict"] == "not resolved (too few seeds)"
    assert row["reason"] == "The two models have no seed in common."


# What the source prints


def number(number_id: str, as_written: str, unit: str = "percent") -> dict[str, str]:
    return {
        "id": number_id,
        "value": as_written.rstrip("%"),
        "as_written": as_written,
        "unit": unit,
    }


PUBLISHED = [
    number("a-acc", "87.01%"),
    number("b-acc", "86.93%"),
    number("c-acc", "87%"),
    number("a-loss", "0.47", "nats"),
    number("b-loss", "0.46", "nats"),
]


@pytest.mark.parametrize(
    ("printed", "value", "verdict"),
    [
        ({"add": ["a-acc"], "subtract": ["b-acc"], "more": 0}, 0.0008, "supported"),
        ({"add": ["a-acc"], "subtract": ["b-acc"], "less": 0}, 0.0008, "contradicted"),
        ({"add": ["a-acc"], "subtract": ["c-acc"], "more": 0}, 0.0001, "not resolved"),  # 87 %
        ({"add": ["a-acc"], "subtract": ["b-acc"], "about": 0, "within": 0.01}, 0.0008,
         "supported"),
        ({"add": ["a-acc"], "subtract": ["b-acc"], "about": 0, "within": 0.0005}, 0.0008,
         "contradicted"),
        ({"add": ["a-acc"], "subtract": ["b-acc"], "about": 0, "within": 0.00075}, 0.0008,
         "not resolved"),  # both are rounded, by 0.00005 each
        ({"add": ["a-loss"], "subtract": ["b-loss"], "more": 0}, 0.01, "not resolved"),
        ({"add": ["a-loss"], "subtract": ["b-loss"], "more": -0.001}, 0.01, "supported"),
        ({"add": ["a-acc"], "more": 0.87}, 0.8701, "supported"),
        ({"add": ["c-acc"], "less": 0.8}, 0.87, "contradicted"),
    ],
)  # fmt: skip
def test_printed_numbers_tell_as_much_as_their_digits(study, printed, value, verdict):
    row = judge(study, PUBLISHED, c=claim(A_TO_B | {"less": 0}, printed=printed)).loc["c"]
    assert row["printed_value"] == pytest.approx(value)
    assert row["printed_verdict"] == verdict
    assert row["verdict"] == "supported"  # of our runs, which is apart


def test_printed_hypothesis_names_its_numbers(study: Evidence):
    difference = {"add": ["a-acc", "c-acc"], "subtract": ["b-acc"], "more": 0.01}
    table = judge(
        study,
        PUBLISHED,
        points=claim(printed=difference),
        share=claim(printed={"add": ["a-acc"], "more": 0.8}),
        nats=claim(printed={"add": ["a-loss"], "less": 0.5}),
    )
    assert list(table["printed_hypothesis"]) == [
        "a-acc + c-acc − b-acc: above 1 point",
        "a-acc: above 80 %",
        "a-loss: below 0.5 nats",
    ]
    assert list(table["printed_unit"]) == ["points", "%", "nats"]


# The table


def test_claim_that_is_added_adds_a_row_and_changes_no_other(study: Evidence):
    before = judge(study, a=claim(A_TO_B | {"less": 0}), b=claim(TO_NOISY))
    added = claim(A_TO_B | {"more": 0}, topic="new")
    after = judge(study, a=claim(A_TO_B | {"less": 0}), b=claim(TO_NOISY), c=added)
    pd.testing.assert_frame_equal(before, after.iloc[:2], check_dtype=False)
    assert list(after.index) == ["a", "b", "c"]
    assert after.loc["c", "verdict"] == "contradicted"


def test_row_says_what_the_claim_says_on_one_line(study: Evidence):
    given = claim(says="It\n  is so.\n", untested="No.", literature=["a2001", "b2002"])
    row = judge(study, c=given).loc["c"]
    assert row["says"] == "It is so."
    assert row["literature"] == "a2001 b2002"
    assert (row["part"], row["topic"], row["place"]) == ("A", "t", "Question 1")
