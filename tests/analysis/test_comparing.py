"""Differences are told where there are any, the right way round, and only where they show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import leave, left, measures, model
from scipy import stats

from fmstudy.analysis import comparing
from fmstudy.analysis.estimator import Estimator
from fmstudy.analysis.results import Runs

N = 400


def given(random: np.random.Generator, share: float) -> np.ndarray:
    """Probabilities that have about this share right; the first images are the easy ones."""
    return np.where(np.linspace(0, 1, N) + 0.05 * random.normal(size=N) < share, 0.9, 0.2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weak has 60 % right and no gap, strong 90 % and a large one, each with three seeds."""
    directory = tmp_path_factory.mktemp("runs")
    random = np.random.default_rng(2)
    for name, share, gap, seeds in (
        ("weak", 0.6, 0.0, (1, 2, 3)),
        ("strong", 0.9, 0.2, (1, 2, 3)),
        ("same", 0.9, 0.2, (1, 2, 3)),
        ("once", 0.9, 0.2, (3,)),
    ):
        for seed in seeds:
            p = given(random, share)
            accuracy, loss = float(np.mean(p > 0.5)), float(-np.log(p).mean())
            leave(directory, name, seed, p, train=(loss - gap, 0.0, accuracy + gap))
    for seed in (1, 2, 3):
        leave(directory, "broken", seed, status="diverged", test=(None, 0.0, None))
    return directory


MODELS = {name: model(name) for name in ("weak", "strong", "same", "broken")}
MODELS["once"] = model("once", [3])


def compared(runs: Path, *pairs: tuple[str, str]) -> pd.DataFrame:
    comparisons = [
        {"name": f"c{index}", "section": "part_a", "pairs": [pair]}
        for index, pair in enumerate(pairs)
    ]
    return comparing.comparisons_table(comparisons, list(MODELS.values()), **left(runs, N))


def verdicts(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["metric"], table["verdict"], strict=True))


def test_models_that_differ_are_told_apart_the_right_way_round(runs: Path):
    assert verdicts(compared(runs, ("weak", "strong"))) == {
        "test_accuracy": "better",
        "test_loss": "better",
        "test_gap_accuracy": "larger gap",
        "test_gap_loss": "larger gap",
    }
    assert verdicts(compared(runs, ("strong", "weak"))) == {
        "test_accuracy": "worse",
        "test_loss": "worse",
        "test_gap_accuracy": "smaller gap",
        "test_gap_loss": "smaller gap",
    }


def test_difference_is_second_minus_first_with_an_interval_that_agrees_with_p(runs: Path):
    table = compared(runs, ("weak", "strong"), ("strong", "same"))
    m = measures(runs, N)
    assert len(table) > 2
    for _, row in table.iterrows():
        first, second = (
            m.sample(MODELS[row[it]], row["metric"]).values.mean() for it in ("first", "second")
        )
        assert (row["first_value"], row["second_value"]) == (first, second)
        assert row["difference"] == pytest.approx(second - first, abs=1e-12)
        assert row["low"] < row["difference"] < row["high"]
        assert (row["low"] <= 0 <= row["high"]) == (row["p"] >= 0.05)


def test_seeds_of_one_model_are_not_told_apart(runs: Path):
    assert set(verdicts(compared(runs, ("strong", "same"))).values()) == {"not resolved"}


def test_one_shared_seed_is_too_few(runs: Path):
    table = compared(runs, ("strong", "once"))
    assert set(verdicts(table).values()) == {"not resolved (too few seeds)"}
    assert set(table["seeds"]) == {1}
    assert set(table["family"]) == {0}
    assert table["difference"].notna().all()
    assert table[["low", "high", "p", "p_holm", "resolution"]].isna().all().all()


def test_model_whose_trainings_all_diverged_has_no_value(runs: Path):
    table = compared(runs, ("weak", "strong"), ("weak", "broken"))
    broken = table[table["second"] == "broken"]
    assert set(broken["verdict"]) == {"no value"}
    assert broken[["second_value", "difference", "p_holm", "share"]].isna().all().all()
    assert set(table["family"]) == {1}  # it is not among what was tested


def test_comparisons_of_one_metric_are_a_family_of_their_own(runs: Path):
    table = compared(runs, ("weak", "strong"), ("strong", "same"), ("strong", "once"))
    assert list(table["metric"].drop_duplicates()) == list(comparing.METRICS)
    for metric in comparing.METRICS:
        real, none = (row for _, row in table[table["metric"] == metric][:2].iterrows())
        assert real["p"] < none["p"]
        assert real["p_holm"] == pytest.approx(min(1.0, 2 * real["p"]))  # of two that are tested
        assert none["p_holm"] == pytest.approx(max(none["p"], real["p_holm"]))
        assert set(table[table["metric"] == metric]["family"]) == {2}


def test_difference_that_counts_by_itself_may_be_lost_among_others(tmp_path: Path):
    """Verdicts go by the corrected p."""
    for name, more in (("a", (0, 0, 0)), ("b", (6, 8, 10)), ("c", (0, 3, 6)), ("d", (6, 3, 0))):
        for seed, images in enumerate(more, start=1):
            p = np.where(np.arange(N) < 280 + images, 0.9, 0.2)
            leave(tmp_path, name, seed, p)
    models = {name: model(name) for name in "abcd"}

    def verdict_of(*names: str) -> pd.Series:
        pairs = [(names[0], other) for other in names[1:]]
        plan = [{"name": "x", "section": "part_a", "pairs": pairs}]
        return comparing.comparisons_table(plan, list(models.values()), **left(tmp_path, N)).iloc[0]

    alone, among = verdict_of("a", "b"), verdict_of("a", "b", "c", "d")
    assert 0.05 / 3 < alone["p"] < 0.05
    assert (alone["verdict"], alone["family"]) == ("better", 1)
    assert (among["verdict"], among["family"]) == ("not resolved", 3)


def test_resolution_is_half_the_width_at_the_level_that_the_family_shares(runs: Path):
    pairs = (("weak", "strong"), ("strong", "same"))
    table = compared(runs, *pairs)
    estimator = Estimator(measures(runs, N), MODELS.values(), pairs)
    assert len(table) > 2
    for _, row in table.iterrows():
        estimate = estimator.difference(row["first"], row["second"], row["metric"])
        assert row["resolution"] == pytest.approx(estimate.half_width(0.05 / 2))
        assert row["high"] - row["difference"] == pytest.approx(estimate.half_width(0.05))


def test_each_section_of_the_report_has_its_own_family(runs: Path):
    plan = [
        {"name": f"c{k}", "section": section, "pairs": [("weak", other)]}
        for k, (section, other) in enumerate(
            (("part_a", "strong"), ("part_b", "same"), ("part_b", "broken"))
        )
    ]
    table = comparing.comparisons_table(plan, list(MODELS.values()), **left(runs, N))
    family = table.drop_duplicates("section").set_index("section")["family"]
    assert family.to_dict() == {"part_a": 1, "part_b": 1}  # nothing is left of the broken one


def test_pair_that_is_planned_twice_stands_once(runs: Path):
    table = compared(runs, ("weak", "strong"), ("strong", "same"), ("weak", "strong"))
    assert len(table) == 2 * len(comparing.METRICS)
    assert set(table[table["second"] == "strong"]["comparisons"]) == {"c0 c2"}
    assert set(table["family"]) == {2}


def test_hypothesis_of_a_claim_is_tested_once(runs: Path):
    """It takes the claim's corrected p-value and family; the other pairs form another family."""
    plan = [
        {"name": "c", "section": "part_a", "pairs": [("weak", "strong"), ("strong", "same")]},
    ]
    claims = pd.DataFrame(
        {
            "claim": ["other-way", "late", "untested"],
            "comparison": ["test_accuracy strong weak", None, "test_loss weak strong"],
            "p_holm": [0.4, 0.001, None],
            "family": [12, 12, None],
        }
    )
    given = (plan, list(MODELS.values()))
    table = comparing.comparisons_table(*given, **left(runs, N), claims=claims)
    first = table.set_index(["metric", "second"])
    row = first.loc["test_accuracy", "strong"]
    assert (row["claim"], row["p_holm"], row["family"]) == ("other-way", 0.4, 12)
    assert row["verdict"] == "not resolved"
    assert first.loc["test_accuracy", "same"]["family"] == 1
    assert first.loc["test_loss", "strong"]["family"] == 2
    assert first["claim"].notna().sum() == 1


def all_pairs(runs: Path, table: pd.DataFrame, **more: object) -> pd.DataFrame:
    return comparing.pairs_table(list(MODELS.values()), **left(runs, N), comparisons=table, **more)


def test_every_pair_has_a_verdict_and_a_planned_one_keeps_its_own(runs: Path):
    planned = compared(runs, ("strong", "weak"))
    pairs = all_pairs(runs, planned, pairs=[("strong", "weak")])
    assert len(pairs) == len(comparing.METRICS) * 10  # of five models
    kept = pairs[pairs["planned"] == "yes"].reset_index(drop=True)
    shared = list(comparing.PAIR_COLUMNS[:5]) + list(comparing.PAIR_COLUMNS[6:])
    pd.testing.assert_frame_equal(kept[shared], planned[shared], check_dtype=False)
    told = pairs[pairs["metric"] == "test_accuracy"].set_index(["first", "second"])["verdict"]
    assert told["weak", "same"] == "better"
    assert told["strong", "same"] == "not resolved"
    assert told["strong", "once"] == "not resolved (too few seeds)"
    assert told["weak", "broken"] == "no value"


def test_unplanned_pairs_of_a_metric_are_one_family(runs: Path):
    pairs = all_pairs(runs, compared(runs, ("strong", "weak")))
    for _, of_metric in pairs[pairs["planned"] == "no"].groupby("metric"):
        tested = of_metric[of_metric["p"].notna()]
        assert set(of_metric["family"]) == {len(tested)} == {2}
        smallest = tested["p"].min()
        assert tested["p_holm"].min() == pytest.approx(min(1.0, 2 * smallest))


def test_pair_of_a_claim_has_the_verdict_of_the_claim(runs: Path):
    claims = pd.DataFrame(
        {"claim": ["x"], "comparison": ["test_loss weak same"], "p_holm": [0.4], "family": [12]}
    )
    pairs = all_pairs(runs, compared(runs, ("strong", "weak")), claims=claims)
    rows = pairs.set_index(["metric", "first", "second"])
    row = rows.loc["test_loss", "weak", "same"]
    assert tuple(row[["planned", "p_holm", "family", "verdict"]]) == (
        "yes",
        0.4,
        12,
        "not resolved",
    )
    assert rows.loc["test_accuracy", "weak", "same"]["planned"] == "no"


def test_pair_across_engines_borrows_from_keras_pairs_whichever_comes_first(tmp_path: Path):
    shares = {"a": (0, 1, 2), "b": (3, 4, 5), "k": (10, 14, 18), "l": (0, 14, 10)}
    for name, more in shares.items():
        for seed, images in enumerate(more, start=1):
            leave(tmp_path, name, seed, np.where(np.arange(N) < 300 + images, 0.9, 0.2))
    engines = {"a": "lowlevel", "b": "lowlevel", "k": "keras", "l": "keras"}
    models = [model(name) | {"engine": engine} for name, engine in engines.items()]
    estimator = Estimator(measures(tmp_path, N), models, [("a", "b"), ("k", "l")])
    there, back = (estimator.difference(*it, "test_accuracy") for it in (("a", "k"), ("k", "a")))
    assert there == -back
    without = Estimator(measures(tmp_path, N), models, [("a", "b")])
    assert there.freedom > without.difference("a", "k", "test_accuracy").freedom == 2


def test_models_borrow_variance_from_others_of_the_same_engine(tmp_path: Path):
    """Half of the two degrees of freedom of the other; Keras models are apart."""
    losses = {"a": (0.1, 0.2, 0.3), "b": (0.1, 0.5, 0.9), "k": (0.1, 5.0, 9.0)}
    for name, values in losses.items():
        for seed, loss in enumerate(values, start=1):
            leave(tmp_path, name, seed, train=(loss, 0.0, 0.9))
    models = [model("a"), model("b"), model("k") | {"engine": "keras"}]
    table = comparing.intervals_table(models, **left(tmp_path, 2))
    row = table.set_index(["model", "metric"]).loc["a", "train_loss"]
    variance = (2 * 0.01 + 1 * (0.01 + 0.16) / 2) / 3
    t = stats.t.ppf(0.975, 3)
    assert row["high"] - row["value"] == pytest.approx(t * np.sqrt(variance / 3))
    assert row["another"] == pytest.approx(t * np.sqrt(variance * 4 / 3))


def test_runs_are_compared_by_mcnemar_seed_by_seed_and_the_median_is_given(tmp_path: Path):
    """Discordant images (only the first right, only the second): (0, 3), (2, 3), (1, 1)."""
    right = {1: ("10000000", "11110000"), 2: ("11100000", "10011100"), 3: ("11000000", "10100000")}
    for seed, rows in right.items():
        for name, row in zip("ab", rows, strict=True):
            leave(tmp_path, name, seed, [0.9 if it == "1" else 0.2 for it in row])
    plan = [{"name": "x", "section": "part_a", "pairs": [("a", "b")]}]
    models = {name: model(name) for name in "ab"}
    table = comparing.comparisons_table(plan, list(models.values()), **left(tmp_path, 8))
    row = table.iloc[0]
    assert (row["only_first"], row["only_second"]) == (1, 3)
    p_values = [stats.binomtest(k, n).pvalue for k, n in ((3, 3), (3, 5), (1, 2))]
    assert row["mcnemar_p"] == pytest.approx(sorted(p_values)[1])
    assert row["share"] == pytest.approx(0.6)  # of 1, 0.6, 0.5
    assert table["mcnemar_p"][1:].isna().all()  # of the accuracy alone


# Single models


def test_intervals_of_a_model_are_those_for_three_questions(tmp_path: Path):
    given = {1: [0.9] * 6 + [0.2] * 4, 2: [0.9] * 8 + [0.2] * 2, 3: [0.2] * 3 + [0.9] * 7}
    for seed, p in given.items():
        leave(tmp_path, "B", seed, p, train=(0.1 * seed, 0.0, 0.9 + 0.01 * seed))
    table = comparing.intervals_table([model("B")], **left(tmp_path, 10))
    table = table.set_index("metric")
    assert list(table.index) == list(comparing.ESTIMATED)
    train = table.loc["train_loss"]
    interval = (0, stats.ttest_1samp([0.1, 0.2, 0.3], 0).confidence_interval(0.95).high)
    assert train["value"] == pytest.approx(0.2)
    assert (train["low"], train["high"]) == pytest.approx(interval)  # no images to count
    assert (train["seeds_low"], train["seeds_high"]) == pytest.approx(interval)
    assert train["another"] == pytest.approx(stats.t.ppf(0.975, 2) * 0.1 * np.sqrt(4 / 3))
    assert pd.isna(train["one_low"])
    accuracy = table.loc["test_accuracy"]
    interval = stats.ttest_1samp([0.6, 0.8, 0.7], 0).confidence_interval(0.95)
    assert (accuracy["seeds_low"], accuracy["seeds_high"]) == pytest.approx(tuple(interval))
    one = stats.binomtest(6, 10).proportion_ci(0.95, method="wilson")  # of the first seed
    assert (accuracy["one_low"], accuracy["one_high"]) == pytest.approx(tuple(one))
    assert table.drop("test_accuracy")[["one_low", "one_high"]].isna().all().all()


def test_intervals_have_no_impossible_values(tmp_path: Path):
    for seed, right in ((1, 4), (2, 10), (3, 10)):
        leave(tmp_path, "B", seed, np.where(np.arange(10) < right, 0.9, 0.2))
    table = comparing.intervals_table([model("B")], **left(tmp_path, 10)).set_index("metric")
    for key in ("", "seeds_"):
        assert tuple(table.loc["test_accuracy", [f"{key}low", f"{key}high"]]) == (0, 1)
        assert table.loc["test_loss", f"{key}low"] == 0
        assert table.loc["test_gap_loss", f"{key}low"] < 0 < table.loc["test_loss", f"{key}high"]


def test_interval_for_other_images_too_is_wider_where_images_count(tmp_path: Path):
    """Seeds of 359, 360 and 361 right images of 400 hardly differ; 400 others might."""
    for seed, right in ((1, 359), (2, 360), (3, 361)):
        leave(tmp_path, "B", seed, np.where(np.arange(N) < right, 0.9, 0.2))
    table = comparing.intervals_table([model("B")], **left(tmp_path, N)).set_index("metric")
    row = table.loc["test_accuracy"]
    of_images = 1.97 * np.sqrt(0.9 * 0.1 / N)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(of_images, rel=0.02)
    of_seeds = stats.t.ppf(0.975, 2) * (1 / 400) / np.sqrt(3)
    assert (row["seeds_high"] - row["seeds_low"]) / 2 == pytest.approx(of_seeds)


def test_one_seed_has_a_value_and_the_interval_of_one_run(tmp_path: Path):
    leave(tmp_path, "B", 1, [0.9, 0.9, 0.2])
    table = comparing.intervals_table([model("B", [1])], **left(tmp_path, 3))
    row = table.set_index("metric").loc["test_accuracy"]
    assert row["value"] == pytest.approx(2 / 3)
    assert pd.isna(row[["low", "high", "seeds_low", "seeds_high", "another"]]).all()
    assert row["one_low"] < 2 / 3 < row["one_high"]


def test_diverged_model_has_a_row_without_values(runs: Path):
    table = comparing.intervals_table([MODELS["broken"]], **left(runs, N))
    assert set(table["seeds"]) == {0}
    assert table[["value", "low", "one_low"]].isna().all().all()


def test_gaps_over_epochs_have_a_mean_and_an_interval_over_seeds(tmp_path: Path):
    """The gap in accuracy is 0.02 and 0.04 after epoch 1; the second seed ends there."""
    for seed, gap, last in ((1, 0.02, 2), (2, 0.04, 1)):
        epochs = {
            epoch: {"train": (0.5, 0.0, 0.8), "test": (0.5 + 2 * gap, 0.0, 0.8 - gap)}
            for epoch in range(1, last + 1)
        }
        leave(tmp_path, "B", seed, history=epochs)
    table = comparing.gaps_table([model("B", [1, 2])], Runs(tmp_path)).set_index("epoch")
    interval = tuple(stats.ttest_1samp([0.02, 0.04], 0).confidence_interval(0.95))
    assert table.loc[1, "gap_accuracy"] == pytest.approx(0.03)
    assert table.loc[1, "gap_loss"] == pytest.approx(0.06)
    low_and_high = tuple(table.loc[1, ["gap_accuracy_low", "gap_accuracy_high"]])
    assert low_and_high == pytest.approx(interval)
    assert table.loc[1, "gap_loss_low"] == pytest.approx(2 * interval[0])
    assert list(table["seeds"]) == [2, 1]
    assert table.loc[2, "gap_accuracy"] == pytest.approx(0.02)
    assert pd.isna(table.loc[2, "gap_accuracy_low"])


@pytest.mark.parametrize("loss", [None, float("inf")])
def test_gap_of_an_epoch_with_a_loss_that_is_not_finite_does_not_count(tmp_path: Path, loss):
    """Neither its accuracy, so that both gaps are over the seeds that the row tells."""
    good = {"train": (0.5, 0.0, 0.9), "test": (0.6, 0.0, 0.8)}
    broken = {"train": (0.5, 0.0, 0.1), "test": (loss, 0.0, 0.1)}
    leave(tmp_path, "B", 1, history={1: good, 2: good})
    leave(tmp_path, "B", 2, history={1: good, 2: broken})
    table = comparing.gaps_table([model("B", [1, 2])], Runs(tmp_path)).set_index("epoch")
    assert list(table["seeds"]) == [2, 1]
    assert table.loc[2, "gap_accuracy"] == pytest.approx(0.1)
    assert table.loc[2, "gap_loss"] == pytest.approx(0.1)
    assert pd.isna(table.loc[2, "gap_accuracy_low"])
