"""Predictions on batch normalization are judged by the usual tests, claims by their hypotheses."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fmstudy.analysis import verdicts
from fmstudy.experiments import judging
from fmstudy.experiments.judging import (
    all_predictions,
    claims_table,
    predictions_table,
    quantities_table,
)
from fmstudy.study.quantities import unit_of

UP = [0.30, 0.34, 0.29, 0.36]
DOWN = [0.10, 0.13, 0.08, 0.11]
NOISE = [0.02, -0.03, 0.01, -0.01]


def by_seed(values: list[float]) -> dict[int, float]:
    return dict(enumerate(values, start=1))


QUANTITIES = {
    "loss/up": by_seed(UP),
    "loss/down": by_seed(DOWN),
    "loss/noise": by_seed(NOISE),
    "drift/noise": by_seed(NOISE),
    "loss/one": {1: 0.5},
    "loss/lost": {},
    "loss/later": {4: 0.1, 5: 0.3, 3: 0.2},
    "loss/elsewhere": {7: 0.1, 8: 0.2},
}


def prediction(expect: str = "supported", **test: Any) -> dict[str, Any]:
    return {"experiment": "shift", "says": "It  does\nso.", "test": test, "expect": expect}


def judged(**predictions: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of a table of predictions by name, as a table that was written gives them."""
    table = predictions_table(predictions, QUANTITIES)
    assert tuple(table.columns) == judging.PREDICTIONS
    return {row["prediction"]: row for row in table.to_dict("records")}


def p_of(t_test: Any) -> tuple[float, float, float]:
    interval = t_test.confidence_interval(0.95)
    return t_test.pvalue, interval.low, interval.high


# ------------------------------------------------------------------------------------ quantities
def test_a_quantity_has_its_mean_with_the_interval_of_students_t():
    table = quantities_table(QUANTITIES).set_index("quantity")
    row = table.loc["loss/up"]
    wanted = stats.ttest_1samp(UP, 0.0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx(tuple(wanted))
    assert (row["mean"], row["smallest"], row["largest"]) == pytest.approx((0.3225, 0.29, 0.36))
    assert (row["seeds"], row["unit"]) == (4, "nats")


def test_a_quantity_of_one_seed_has_no_interval_and_one_of_none_no_mean():
    table = quantities_table(QUANTITIES).set_index("quantity")
    assert table.loc["loss/one", "mean"] == 0.5
    assert table.loc["loss/one", ["low", "high"]].isna().all()
    assert table.loc["loss/lost", ["mean", "low", "high", "smallest"]].isna().all()
    assert list(table.loc[["loss/one", "loss/lost"], "seeds"]) == [1, 0]


def test_seeds_without_a_finite_value_are_left_out():
    found = {"train_loss/x": {1: 0.25, 2: np.nan, 3: np.inf}}
    [row] = quantities_table(found).to_dict("records")
    assert (row["seeds"], row["mean"], row["largest"]) == (1, 0.25, 0.25)
    asked = {"P": prediction(quantity="train_loss/x", more=0)}
    [row] = predictions_table(asked, found).to_dict("records")
    assert (row["seeds"], row["estimate"]) == (1, 0.25)


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        ("decades/relu/sgd/bn", "decades"),
        ("highest/relu/sgd/bn", "factor"),
        ("best_rate/relu/sgd/bn", "factor"),
        ("steps_85/relu/bn", "factor"),
        ("seconds_85/relu/bn", "factor"),
        ("step_seconds/relu/bn", ""),
        ("gradient_change_scaled/relu/bn", "factor"),
        ("test_accuracy_equal/relu/sgd/bn", "points"),
        ("accuracy_error/epoch/0.99", "points"),
        ("loss_range/relu/bn", "nats"),
        ("train_loss_50/B/bn", "nats"),
        ("growth/relu/bn", ""),
        ("shift_cosine/relu/bn", ""),
        ("invariance", ""),
    ],
)
def test_each_quantity_has_its_unit(quantity, unit):
    assert unit_of(quantity) == unit


# ----------------------------------------------------------------------------------- predictions
def test_differences_are_taken_seed_by_seed():
    row = judged(a=prediction(quantity="loss/up", minus="loss/down", more=0))["a"]
    wanted = stats.ttest_rel(UP, DOWN)
    assert (row["p"], row["low"], row["high"]) == pytest.approx(p_of(wanted))
    assert row["estimate"] == pytest.approx(np.mean(UP) - np.mean(DOWN))
    assert row["p"] != pytest.approx(stats.ttest_ind(UP, DOWN).pvalue)
    assert (row["seeds"], row["verdict"], row["outcome"]) == (4, "supported", "as expected")


def test_only_seeds_that_both_have_are_paired():
    row = judged(a=prediction(quantity="loss/up", minus="loss/later", more=0))["a"]
    wanted = stats.ttest_rel([UP[2], UP[3]], [0.2, 0.1])
    assert row["p"] == pytest.approx(wanted.pvalue)
    assert row["seeds"] == 2


def test_a_quantity_by_itself_is_held_against_its_value():
    row = judged(a=prediction(quantity="loss/up", less=0.4))["a"]
    assert row["p"] == pytest.approx(stats.ttest_1samp(UP, 0.4).pvalue)
    assert (row["low"], row["high"]) == pytest.approx(p_of(stats.ttest_1samp(UP, 0.4))[1:])
    assert row["verdict"] == "supported"


def test_about_is_supported_by_two_one_sided_tests():
    row = judged(a=prediction(quantity="loss/noise", about=0, within=0.1))["a"]
    sides = [
        stats.ttest_1samp(NOISE, -0.1, alternative="greater").pvalue,
        stats.ttest_1samp(NOISE, 0.1, alternative="less").pvalue,
    ]
    assert row["p"] == pytest.approx(2 * max(sides))
    assert row["verdict"] == "supported"


@pytest.mark.parametrize(
    ("test", "verdict"),
    [
        ({"quantity": "loss/up", "minus": "loss/down", "more": 0}, "supported"),
        ({"quantity": "loss/up", "minus": "loss/down", "less": 0}, "contradicted"),
        ({"quantity": "loss/noise", "more": 0}, "not resolved"),
        ({"quantity": "loss/up", "about": 0, "within": 0.05}, "contradicted"),
    ],
)
@pytest.mark.parametrize("expect", ["supported", "contradicted", "not resolved"])
def test_a_prediction_came_true_if_its_verdict_was_expected(test, verdict, expect):
    row = judged(a=prediction(expect, **test))["a"]
    assert row["verdict"] == verdict
    assert row["outcome"] == ("as expected" if expect == verdict else "not as expected")


def test_the_p_values_of_an_experiment_are_corrected_together():
    """Holm: three times the smallest, twice the next, once the largest."""
    rows = judged(
        a=prediction(quantity="loss/noise", more=0),
        b=prediction(quantity="loss/up", minus="loss/down", more=0),
        lost=prediction(quantity="loss/gone", more=0),
        one=prediction(quantity="loss/one", more=0),
        c=prediction(quantity="loss/down", more=0.07),
    )
    p = {name: rows[name]["p"] for name in ("a", "b", "c")}
    assert p["b"] < p["c"] < p["a"]
    assert rows["b"]["p_holm"] == pytest.approx(3 * p["b"])
    assert rows["c"]["p_holm"] == pytest.approx(2 * p["c"])
    assert rows["a"]["p_holm"] == pytest.approx(max(p["a"], 2 * p["c"]))
    assert {rows[name]["family"] for name in p} == {3}


def test_what_only_the_correction_takes_away_is_said():
    alone = judged(a=prediction(quantity="loss/down", more=0.0675))["a"]
    assert (alone["verdict"], alone["reason"]) == ("supported", "")
    assert 0.025 < alone["p"] < 0.05
    row = judged(
        a=prediction(quantity="loss/down", more=0.0675),
        b=prediction(quantity="drift/noise", more=0),
    )["a"]
    assert row["verdict"] == "not resolved"
    assert row["reason"] == (
        "On its own it would count as supported; corrected for the 2 predictions on this "
        "experiment it does not."
    )


def test_one_seed_gives_a_value_and_no_verdict():
    row = judged(a=prediction(quantity="loss/one", minus="loss/up", more=0))["a"]
    assert row["estimate"] == pytest.approx(0.2)
    assert (row["seeds"], row["verdict"]) == (1, "not resolved (too few seeds)")
    assert row["outcome"] == "open"
    assert row["reason"] == "One seed does not show how much runs vary."
    assert pd.isna(row["p"])


def test_without_a_shared_seed_there_is_no_value_either():
    row = judged(a=prediction(quantity="loss/up", minus="loss/elsewhere", more=0))["a"]
    assert (row["seeds"], row["verdict"]) == (0, "not resolved (too few seeds)")
    assert row["reason"] == "No seed has both values."
    assert pd.isna(row["estimate"])


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ({"quantity": "loss/gone"}, "This study has no loss/gone."),
        ({"quantity": "loss/up", "minus": "loss/gone"}, "This study has no loss/gone."),
        ({"quantity": "loss/lost", "minus": "loss/gone"},
         "This study has no loss/lost and no loss/gone."),
    ],
)  # fmt: skip
def test_a_quantity_that_the_study_does_not_have_is_named(test, reason):
    row = judged(a=prediction(**test, more=0))["a"]
    assert (row["verdict"], row["outcome"], row["reason"]) == ("not tested", "open", reason)


def test_equal_differences_in_all_seeds_leave_no_doubt():
    """Ranges of rates lie on a grid, so that this happens."""
    predictions = {"a": prediction(quantity="x", minus="y", more=0)}
    [row] = predictions_table(
        predictions, {"x": by_seed([2.5, 3.0, 2.5]), "y": by_seed([1.5, 2.0, 1.5])}
    ).to_dict("records")
    assert (row["estimate"], row["low"], row["high"]) == (1.0, 1.0, 1.0)
    assert (row["verdict"], row["p"]) == ("supported", 0.0)


@pytest.mark.parametrize(
    ("test", "hypothesis", "unit"),
    [
        ({"quantity": "test_accuracy/a", "minus": "test_accuracy/b", "more": 0.01},
         "test_accuracy/a − test_accuracy/b: above 1 point", "points"),
        ({"quantity": "test_accuracy/a", "more": 0.5}, "test_accuracy/a: above 50 %", "%"),
        ({"quantity": "steps_85/a", "minus": "steps_85/b", "less": -0.3},
         "steps_85/a − steps_85/b: below a factor of 0.501", "factor"),
        ({"quantity": "growth/a", "about": 1.21, "within": 0.05},
         "growth/a: 1.21 to within 0.05", ""),
    ],
)  # fmt: skip
def test_hypotheses_are_written_with_their_units(test, hypothesis, unit):
    row = judged(a=prediction(**test))["a"]
    assert (row["hypothesis"], row["unit"]) == (hypothesis, unit)


def test_a_prediction_says_what_it_says_in_one_line_and_whether_its_runs_were_seen():
    seen = prediction(quantity="loss/up", more=0) | {"seen": True, "claim": "C1"}
    rows = judged(a=seen, b=prediction(quantity="loss/up", more=0))
    assert rows["a"]["says"] == "It does so."
    assert (rows["a"]["seen"], rows["a"]["claim"]) == ("yes", "C1")
    assert (rows["b"]["seen"], rows["b"]["claim"]) == ("no", "")


def test_what_was_written_after_results_were_seen_is_tested_on_other_seeds():
    """On the others, it would be tested on what suggested it."""
    old, new = dict(zip((1, 2, 3), UP, strict=False)), {101: -0.3, 102: -0.31, 103: -0.29}
    test = prediction(quantity="loss/x", more=0)
    before, after = (
        predictions_table({"x": given}, {"loss/x": old | new}, seen_seeds=(1, 2, 3)).iloc[0]
        for given in (test, test | {"seen": True})
    )
    wanted = stats.ttest_1samp(list(new.values()), 0.0)
    assert (after["seeds"], after["p"]) == (3, pytest.approx(wanted.pvalue))
    assert after["verdict"] == "contradicted"
    assert before["seeds"] == 6


def test_without_fresh_seeds_what_was_written_afterwards_is_not_tested():
    given = {"a": prediction(quantity="loss/up", more=0) | {"seen": True}}
    [row] = predictions_table(given, QUANTITIES, seen_seeds=range(9)).to_dict("records")
    assert (row["verdict"], row["outcome"]) == ("not tested", "open")
    assert row["reason"].startswith("It was written after we had seen results")
    assert pd.isna(row["estimate"])


def test_predictions_on_quantities_of_one_kind_borrow_variance_from_each_other():
    """One degree of freedom from the other's two; another net or quantity is apart."""
    wide = {1: 0.0, 2: 1.0, 3: 2.0}
    found = {
        "loss/relu/a": dict(zip((1, 2, 3), UP, strict=False)),
        "loss/relu/b": wide,
        "loss/sigmoid/a": wide,
    }
    names = {"a": "loss/relu/a", "b": "loss/relu/b", "c": "loss/sigmoid/a"}
    given = {key: prediction(quantity=name, more=0) for key, name in names.items()}
    rows = predictions_table(given, found).set_index("prediction")
    own = np.var(list(found["loss/relu/a"].values()), ddof=1)
    variance = (2 * own + (own + 1.0) / 2) / 3
    half = stats.t.ppf(0.975, 3) * np.sqrt(variance / 3)
    assert (rows.loc["a", "high"] - rows.loc["a", "low"]) / 2 == pytest.approx(half)
    alone = stats.ttest_1samp([0.0, 1.0, 2.0], 0.0)
    assert rows.loc["c", "p"] == pytest.approx(alone.pvalue)


def test_seeds_that_agree_on_a_grid_do_not_make_its_steps_certain():
    """Two ends each, all four within half a decade."""
    found = {
        f"{kind}/relu/sgd/{arm}": dict.fromkeys((1, 2, 3), value)
        for arm, decades in (("bn", 3.0), ("plain", 2.0))
        for kind, value in (("decades", decades), ("step", 0.5))
    }
    test = {"quantity": "decades/relu/sgd/bn", "minus": "decades/relu/sgd/plain"}
    [row] = predictions_table({"a": prediction(**test, more=0)}, found).to_dict("records")
    error = np.sqrt(4 * 0.5**2 / 12)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(1.959964 * error)
    assert row["p"] == pytest.approx(2 * stats.norm.sf(1.0 / error))


# ------------------------------------------------------------------------------- all experiments
def test_predictions_of_all_experiments_stand_in_their_order_and_none_is_lost():
    shift = {
        "second": prediction(quantity="loss/up", more=0) | {"claim": "C2"},
        "fourth": prediction(quantity="loss/gone", more=0),
    }
    depth = prediction(quantity="growth/relu/bn", more=1) | {"experiment": "depth"}
    noisy = prediction(quantity="loss/one", more=0) | {"experiment": "noisy"}
    judged_ = [predictions_table(given, QUANTITIES) for given in ({"third": noisy}, shift)]
    every = {"first": depth, "second": shift["second"], "third": noisy, "fourth": shift["fourth"]}
    table = all_predictions(judged_, every)
    assert list(table["prediction"]) == ["first", "second", "third", "fourth"]
    assert list(table["verdict"]) == [
        *("not tested", "supported", "not resolved (too few seeds)", "not tested"),
    ]
    assert list(table["outcome"]) == ["open", "as expected", "open", "open"]
    assert table.loc[0, "reason"] == "The experiment depth is not run in this study."
    assert table.loc[3, "reason"] == "This study has no loss/gone."
    assert table.loc[1, "p"] == pytest.approx(stats.ttest_1samp(UP, 0.0).pvalue)


def test_a_study_without_experiments_tests_no_prediction():
    table = all_predictions([], {"a": prediction(quantity="loss/up", more=0)})
    assert list(table["reason"]) == ["The experiment shift is not run in this study."]
    assert tuple(table.columns) == judging.PREDICTIONS


# ---------------------------------------------------------------------------------------- claims
CLAIM = {"says": "It\nworks.", "literature": ["ioffe2015", "wu2018"], "literature_says": "So\nso."}


def claimed(*words: str) -> pd.Series:
    """The row of a claim with hypotheses of these verdicts, beside those of another claim."""
    rows = [{"prediction": f"p{i}", "claim": "C1", "verdict": word} for i, word in enumerate(words)]
    rows += [
        {"prediction": "other", "claim": "C2", "verdict": verdicts.CONTRADICTED},
        {"prediction": "none", "claim": "", "verdict": verdicts.SUPPORTED},
    ]
    table = claims_table({"C1": CLAIM, "C2": CLAIM}, pd.DataFrame(rows).assign(seen="no"))
    assert tuple(table.columns) == judging.CLAIMS
    assert table.loc[1, "verdict"] == verdicts.CONTRADICTED
    return table.iloc[0]


S, C, U = verdicts.SUPPORTED, verdicts.CONTRADICTED, verdicts.UNRESOLVED
FEW, NOT = verdicts.TOO_FEW, verdicts.UNTESTED


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ([S], "supported"),
        ([S, S], "supported"),
        ([C, C], "contradicted"),
        ([S, U, NOT], "supported"),
        ([U, C, FEW], "contradicted"),
        ([S, C], "supported in part"),
        ([U, C, S, S], "supported in part"),
        ([U, U], "not resolved"),
        ([NOT, U], "not resolved"),
        ([FEW, U], "not resolved"),
        ([FEW, FEW], "not resolved (too few seeds)"),
        ([FEW, NOT], "not resolved (too few seeds)"),
        ([NOT, FEW], "not resolved (too few seeds)"),
        ([NOT], "not tested"),
        ([], "literature only"),
    ],
)
def test_the_verdict_on_a_claim_follows_from_its_hypotheses(words, verdict):
    assert claimed(*words)["verdict"] == verdict


def test_a_claim_names_its_hypotheses_and_its_literature():
    row = claimed(S, C)
    assert row["predictions"] == "p0 p1"
    assert row["literature"] == "ioffe2015 wu2018"
    assert (row["says"], row["literature_says"]) == ("It works.", "So so.")


def test_a_hypothesis_that_is_set_aside_has_no_vote_and_is_still_there():
    rows = [{"prediction": "a", "claim": "C1", "verdict": S}]
    rows += [{"prediction": "b", "claim": "C1", "verdict": C}]
    given = pd.DataFrame(rows).assign(seen="no")
    aside = CLAIM | {"set_aside": {"b": "it is about something else"}}
    row = claims_table({"C1": aside}, given).iloc[0]
    assert (row["verdict"], row["predictions"], row["set_aside"]) == (S, "a", "b")
    both = CLAIM | {"set_aside": {"a": "why", "b": "why"}}
    assert claims_table({"C1": both}, given).loc[0, "verdict"] == "literature only"


def test_how_many_hypotheses_have_which_verdict_is_said_where_they_differ():
    rows = [
        {"prediction": n, "claim": "C1", "verdict": v}
        for n, v in zip("abc", (U, S, U), strict=True)
    ]
    given = pd.DataFrame(rows).assign(seen="no")
    assert claims_table({"C1": CLAIM}, given).loc[0, "count"] == "2 not resolved, 1 supported"
    assert claims_table({"C1": CLAIM}, given[:1]).loc[0, "count"] == ""


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [("no", "no"), ("yes", "yes"), ("yes no", "in part"), ("no yes yes", "in part"), ("", "no")],
)
def test_a_claim_says_whether_its_hypotheses_were_written_after_results_were_seen(seen, wanted):
    words = [*seen.split(), "no"]  # the last one is set aside and does not count
    rows = [
        {"prediction": f"p{i}", "claim": "C1", "verdict": S, "seen": word}
        for i, word in enumerate(words)
    ]
    claim = CLAIM | {"set_aside": {f"p{len(words) - 1}": "why"}}
    assert claims_table({"C1": claim}, pd.DataFrame(rows)).loc[0, "seen"] == wanted
