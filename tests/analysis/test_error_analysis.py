"""The closer look: confusion, scores, calibration, agreement, single images, and their figures.

Expected values are counted by hand or come from another formula in NumPy.
"""

import itertools
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from fixtures import svgcheck
from fixtures.runs import SUMMARY
from matplotlib import pyplot as plt

from fmstudy import runtime
from fmstudy.analysis import calibration, columns, error_analysis
from fmstudy.analysis.results import ModelPredictions, Runs
from fmstudy.checks import calibration_coverage
from fmstudy.figures import colors, errors, heatmaps, svg

CLASSES = SUMMARY["classes"]

pytestmark = pytest.mark.usefixtures("coarse")


def predictions(classes: list[int], confidence: float | list[float] = 0.91) -> np.ndarray:
    """Probabilities (10, n): `confidence` for these classes, the rest shared out."""
    n = len(classes)
    sure = np.broadcast_to(np.asarray(confidence, dtype=float), n)
    p = np.tile((1 - sure) / 9, (10, 1))
    p[classes, np.arange(n)] = sure
    return p.astype(np.float32)


def model(name: str, seeds: tuple[int, ...] = (1, 2), run: str = "", title: str = "") -> dict:
    return {
        "name": name,
        "title": title or f"Model {name}",
        "engine": "lowlevel",
        "run": run or f"run-{name}",
        "seeds": list(seeds),
        "spec": {"test_samples": 6, "hidden": []},
    }


def predicted(name: str, *classes: list[int], confidence=0.91, run: str = "") -> ModelPredictions:
    """A model whose seeds 1, 2, ... predict these classes."""
    seeds = tuple(range(1, len(classes) + 1))
    found = [predictions(c, confidence) for c in classes]
    return ModelPredictions(model(name, seeds, run), found, seeds)


LABELS = np.array([0, 0, 1, 1, 2, 3])
FIRST = [0, 1, 1, 1, 2, 2]  # wrong: images 1 and 5
SECOND = [0, 0, 1, 0, 2, 2]  # wrong: images 3 and 5


# ------------------------------------------------------------------------------------- classes
def test_confusion_has_labels_in_rows_and_is_the_mean_over_trainings():
    counts = error_analysis.confusion(LABELS, predicted("A", FIRST, SECOND))
    expected = np.zeros((10, 10))
    for classes in (FIRST, SECOND):
        for label, given in zip(LABELS, classes, strict=True):
            expected[label, given] += 0.5
    assert np.array_equal(counts, expected)
    assert counts[0, 1] == counts[1, 0] == 0.5
    assert counts[3, 2] == 1
    assert counts.sum() == 6


def test_scores_are_those_counted_by_hand():
    found = error_analysis.scores(LABELS, np.array(FIRST), 10)
    assert found["precision"][1] == pytest.approx(2 / 3)  # 3 were called 1, 2 rightly
    assert found["recall"][0] == 0.5
    assert found["f1"][1] == pytest.approx(0.8)  # 2 * 2 / (2 * 2 + 1 + 0)
    assert np.isnan(found["precision"][3])  # never predicted
    assert found["recall"][3] == found["f1"][3] == 0
    assert np.isnan(found["recall"][9])  # no image


def test_table_of_classes_gives_mean_and_range_and_support():
    table = error_analysis.classes_table(LABELS, predicted("A", FIRST, SECOND), SUMMARY).set_index(
        "label"
    )
    assert list(table["class"]) == CLASSES
    assert list(table["support"]) == [2, 2, 1, 1, 0, 0, 0, 0, 0, 0]
    row = table.loc[0]
    assert (row["recall"], row["recall_min"], row["recall_max"]) == (0.75, 0.5, 1.0)
    assert list(table["taken_for"])[:4] == [
        CLASSES[1],
        CLASSES[0],
        "",
        CLASSES[2],
    ]
    assert list(table["taken"])[:4] == [0.5, 0.5, 0, 1]
    assert pd.isna(table.loc[3, "precision"])
    assert pd.isna(table.loc[9, "f1"])
    assert set(table["seeds"]) == {2}


# --------------------------------------------------------------------------------- calibration
def test_bins_hold_their_upper_edge_and_not_their_lower_one():
    edges = np.array([1 / 15, 2 / 15, 1.0])
    assert list(calibration.bin_of(edges)) == [0, 1, 14]
    assert list(calibration.bin_of(edges[:2] + 1e-9)) == [1, 2]
    assert calibration.bin_of(np.array([0.0]))[0] == 0


def test_confidence_that_float32_rounds_above_one_counts_as_one():
    p = np.full((10, 1), 0.0, dtype=np.float32)
    p[3] = np.nextafter(np.float32(1), np.float32(2))
    assert calibration.confidences(p)[0] == 1.0


def test_calibration_error_is_that_worked_out_by_hand():
    """Two bins: four images at 0.9 of which three are right, two at 0.5 of which both are."""
    confidence = np.array([[0.9, 0.9, 0.9, 0.9, 0.5, 0.5]])
    right = np.array([[1, 1, 1, 0, 1, 1]], dtype=bool)
    found = calibration.calibrate(confidence, right)
    assert found.ece == pytest.approx(4 / 6 * 0.15 + 2 / 6 * 0.5)
    assert found.gap == pytest.approx((4 * 0.9 + 2 * 0.5) / 6 - 5 / 6)
    assert found.accuracy == pytest.approx(5 / 6)
    excess = np.array([-0.1, -0.1, -0.1, 0.9, -0.5, -0.5])
    half = 1.959964 * np.sqrt(np.sum((excess - excess.mean()) ** 2) / 5 / 6)
    assert found.gap_high - found.gap_low == pytest.approx(2 * half, rel=1e-6)


def test_calibration_of_several_trainings_is_the_mean_of_their_errors():
    """And not the error of their mean: one is too sure by as much as the other too little."""
    confidence = np.array([[0.9] * 10, [0.5] * 10])
    right = np.array([[1] * 7 + [0] * 3] * 2, dtype=bool)
    found = calibration.calibrate(confidence, right)
    assert found.ece == pytest.approx(0.2)
    assert (found.ece_smallest, found.ece_largest) == pytest.approx((0.2, 0.2))
    assert found.gap == pytest.approx(0)


def test_the_mean_of_a_folded_normal_is_that_of_its_draws():
    random = np.random.default_rng(4)
    for mean, deviation in ((0.0, 1.0), (0.7, 1.0), (5.0, 2.0)):
        drawn = np.abs(random.normal(mean, deviation, 400_000)).mean()
        found = calibration.folded_mean(np.array([mean]), np.array([deviation]))
        assert found[0] == pytest.approx(drawn, abs=0.01)
    assert calibration.folded_mean(np.array([0.3]), np.array([0.0]))[0] == 0.3


def drawn(seed: int, excess: float, n: int = 4000) -> calibration.Calibration:
    """A model whose accuracy lies below its confidence by `excess` everywhere."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.5, 1.0, (1, n))
    return calibration.calibrate(confidence, random.random((1, n)) < confidence - excess)


def test_a_perfectly_calibrated_model_is_not_found_to_be_off():
    found = [drawn(seed, 0.0) for seed in range(40)]
    assert np.mean([one.ece for one in found]) > 0.012  # noise alone
    assert sum(one.ece_low == 0 for one in found) >= 36
    assert all(one.ece_corrected < one.ece for one in found)


def test_the_interval_of_the_error_holds_the_truth_about_as_often_as_it_says():
    """100 intervals around 0.05: from 88 to 99 are within four standard errors of 95."""
    found = [drawn(seed, 0.05) for seed in range(100)]
    assert 88 <= sum(one.ece_low <= 0.05 <= one.ece_high for one in found) <= 99
    assert np.mean([one.ece_corrected for one in found]) == pytest.approx(0.05, abs=0.003)


def test_equal_trainings_tell_no_more_about_the_images_than_one():
    random = np.random.default_rng(1)
    confidence = random.uniform(0.5, 1.0, (1, 3000))
    right = random.random((1, 3000)) < confidence - 0.05
    one = calibration.calibrate(confidence, right)
    three = calibration.calibrate(np.repeat(confidence, 3, axis=0), np.repeat(right, 3, axis=0))
    assert three == pytest.approx(one, rel=1e-9)


def test_the_interval_of_several_trainings_is_that_of_resampled_images():
    """Its width against a bootstrap that draws images, each with all of its trainings."""
    random = np.random.default_rng(6)
    n = 3000
    confidence = random.uniform(0.5, 1.0, (2, n))
    right = random.random((2, n)) < confidence - 0.1
    found = calibration.calibrate(confidence, right)
    again = []
    for _ in range(300):
        chosen = random.integers(0, n, n)
        again.append(calibration.calibrate(confidence[:, chosen], right[:, chosen]).ece)
    half = 1.96 * np.std(again)
    assert (found.ece_high - found.ece_low) / 2 == pytest.approx(half, rel=0.15)


def test_simulated_models_have_the_error_that_the_check_says():
    """The truth by summing over quantiles, held against one very large simulated test set."""
    scenario = calibration_coverage.Scenario("middle", 0.75, 0.0)
    share, sure, unsure = calibration_coverage._quantiles("middle")
    random = np.random.default_rng(3)
    n = 1_000_000
    pick = random.integers(0, len(sure), n)
    confidence = np.where(random.random(n) < share, sure[pick], unsure[pick])
    odds = (confidence / (1 - confidence)) ** 0.75
    right = random.random(n) < odds / (1 + odds)
    ece = sum(
        abs(np.sum(confidence[inside] - right[inside])) / n
        for low, high in itertools.pairwise(np.linspace(0, 1, 16))
        if (inside := (confidence > low) & (confidence <= high)).any()
    )
    assert calibration_coverage.true_ece(scenario) == pytest.approx(ece, abs=0.001)


def test_the_check_reports_coverage_of_each_made_up_model(monkeypatch):
    few = calibration_coverage.SCENARIOS[:2]
    monkeypatch.setattr(calibration_coverage, "SCENARIOS", few)
    found = calibration_coverage.simulate_ece_coverage(20, seed=2)
    assert found == calibration_coverage.simulate_ece_coverage(20, seed=2)
    assert len(found) == 2
    assert all(0.7 < covered <= 1 for covered in found)
    assert all(0.01 < calibration_coverage.true_ece(scenario) < 0.06 for scenario in few)


# ----------------------------------------------------------------------------------- agreement
def test_agreement_is_that_counted_by_hand():
    found = error_analysis.agree(LABELS, np.array(FIRST), np.array(SECOND))
    assert found.agreement == pytest.approx(4 / 6)
    assert found.shared_errors == pytest.approx(1 / 3)  # image 5 of images 1, 3, 5
    # Both right or both wrong: 4 of 6; by chance (4/6)^2 + (2/6)^2 = 5/9.
    assert found.kappa == pytest.approx((4 / 6 - 5 / 9) / (1 - 5 / 9))


def test_agreement_without_mistakes_has_nothing_to_share():
    found = error_analysis.agree(LABELS, LABELS, LABELS)
    assert found.agreement == 1
    assert np.isnan(found.shared_errors)
    assert np.isnan(found.kappa)


def test_trainings_of_different_seeds_are_compared_and_none_with_itself():
    a, b = predicted("A", FIRST, SECOND), predicted("B", FIRST, list(LABELS))
    table = error_analysis.agreement_table(LABELS, [a, b]).set_index(["model", "other"])
    assert table.loc[("A", "A"), "pairs"] == 1
    assert table.loc[("A", "A"), "agreement"] == pytest.approx(4 / 6)
    # A 1 with B 2: 4 of 6; A 2 with B 1: 4 of 6.  A 1 and B 1, equal in all, are not compared.
    assert table.loc[("A", "B"), "pairs"] == 2
    assert table.loc[("A", "B"), "agreement"] == pytest.approx(4 / 6)


def test_equal_seeds_are_compared_where_there_are_no_others():
    a, b = predicted("A", FIRST), predicted("B", SECOND)
    table = error_analysis.agreement_table(LABELS, [a, b])
    assert list(zip(table["model"], table["other"], strict=True)) == [("A", "B")]
    shared_run = error_analysis.agreement_table(LABELS, [a, predicted("C", FIRST, run="run-A")])
    assert shared_run.empty  # one training, by two names


# ------------------------------------------------------------------------------- single images
def test_hardest_images_are_those_that_every_training_gets_wrong():
    a = predicted("A", [0, 1, 1, 1, 2, 2], [0, 1, 1, 1, 2, 2])
    b = predicted("B", [0, 1, 0, 1, 2, 4], confidence=0.5)
    lost = ModelPredictions(model("C", (1,)), [], [])
    table = error_analysis.hardest_table(LABELS, [a, b, lost], SUMMARY)
    assert list(table["image"]) == [1, 5]  # by how many agree on another class
    assert list(table["votes"]) == [3, 2]
    assert set(table["trainings"]) == {3}
    assert set(table["models"]) == {2}
    assert list(table["predicted"]) == [CLASSES[1], CLASSES[2]]
    assert list(table["given"]) == [CLASSES[0], CLASSES[3]]
    assert table["confidence"][0] == pytest.approx((0.91 + 0.91 + 0.5) / 3)
    assert table["confidence"][1] == pytest.approx(0.91)  # of those that vote for it


def test_a_run_that_two_models_share_votes_once():
    a, b = predicted("A", FIRST), predicted("B", FIRST, run="run-A")
    assert set(error_analysis.hardest_table(LABELS, [a, b], SUMMARY)["trainings"]) == {1}


@pytest.mark.parametrize("count", [1, 2, 9, 24])
def test_words_below_images_stand_apart_from_all_images(count: int, tmp_path: Path):
    images = np.random.default_rng(1).random((784, count))
    row = {"given": "T-shirt/top", "predicted": "Ankle boot", "votes": 3, "trainings": 3}
    hard = pd.DataFrame([row | {"image": image, "models": 2} for image in range(count)])
    root = saved(errors.hardest(hard, images, SUMMARY), tmp_path / "hardest.svg")
    _, _, width, height = map(float, root.get("viewBox", "").split())
    pictures = [
        [float(element.get(key, "")) for key in ("x", "y", "width", "height")]
        for element in root.iter(f"{svgcheck.NS}image")
    ]
    looks = [(e, look) for e, look in svgcheck.looked(root) if e.tag == f"{svgcheck.NS}text"]
    assert len(pictures) == count
    assert len(looks) == 3 * count
    for element, look in looks:
        x, y, size = float(look["x"]), float(look["y"]), float(look["font-size"])
        half = 0.3 * size * len(str(element.text))
        assert x - half >= 0
        assert x + half <= width
        assert y + 0.2 * size <= height
        for left, top, across, down in pictures:
            aside = x + half <= left or left + across <= x - half
            assert aside or y + 0.2 * size <= top or top + down <= y - 0.75 * size


def test_no_image_may_be_hard_for_all(tmp_path: Path):
    table = error_analysis.hardest_table(LABELS, [predicted("A", list(LABELS))], SUMMARY)
    runtime.write_table(tmp_path / "hardest.csv", table)
    again = columns.read(tmp_path / "hardest.csv")
    assert again.empty
    drawing = errors.hardest(again, np.zeros((784, 6)), SUMMARY)
    assert "No test image" in drawing.title
    assert error_analysis.hardest_table(
        LABELS, [ModelPredictions(model("A"), [], [])], SUMMARY
    ).empty


def test_confident_mistakes_are_those_of_all_seeds_in_order_of_their_mean_confidence():
    first = predictions([1, 1, 1, 0, 2, 2], [0.6, 0.9, 0.9, 0.99, 0.9, 0.8])
    second = predictions([1, 1, 1, 2, 2, 2], [0.7, 0.6, 0.9, 0.99, 0.9, 0.9])
    table = error_analysis.confident_mistakes(
        LABELS, ModelPredictions(model("A"), [first, second], [1, 2]), 4
    )
    # Image 3 is wrong in both, but differently.
    assert list(table["image"]) == [5, 1, 0]
    assert table["confidence"].to_numpy() == pytest.approx([0.85, 0.75, 0.65])
    assert list(table["predicted"]) == [2, 1, 1]
    assert len(error_analysis.confident_mistakes(LABELS, predicted("A", FIRST), 1)) == 1


# ------------------------------------------------------------------------------------ on disk
def leave(directory: Path, run: str, seed: int, classes: list[int], status: str) -> list[str]:
    place = directory / run / f"seed-{seed}"
    runtime.write_json(place / "metrics.json", {"status": status})
    p = predictions(classes) if status == "finished" else np.full((10, 6), np.nan, np.float32)
    runtime.write_array(place / "predictions.npy", p)
    runtime.write_arrays(
        place / "weights.npz",
        {"coefficients0": np.arange(7840.0).reshape(10, 784) - 3920, "bias0": np.float32(0)},
    )
    return [str(place / "predictions.npy")]


def test_a_diverged_training_is_counted_and_left_out(tmp_path: Path):
    leave(tmp_path, "run-A", 1, FIRST, "finished")
    leave(tmp_path, "run-A", 2, FIRST, "diverged")
    leave(tmp_path, "run-B", 1, FIRST, "diverged")
    found = [Runs(tmp_path).predicted(it) for it in (model("A"), model("B", (1,)))]
    assert [list(one.seeds) for one in found] == [[1], []]
    table = calibration.calibration_table(LABELS, found).set_index("model")
    assert list(table["diverged"]) == [1, 1]
    assert table.loc["A", "accuracy"] == pytest.approx(4 / 6)
    assert pd.isna(table.loc["B", "ece"])
    assert "diverged" in errors.confusion_map(LABELS, found[1], SUMMARY).title
    assert error_analysis.classes_table(LABELS, found[1], SUMMARY)["f1"].isna().all()


# ------------------------------------------------------------------------------------- figures
def saved(drawing: svg.Drawing, path: Path) -> ET.Element:
    """Save a figure whose words and lines can be read on light and on dark paper."""
    root = svgcheck.saved(drawing, path)
    assert not svgcheck.unreadable(root)
    return root


IMAGES = np.random.default_rng(0).random((784, 8)).astype(np.float32)


@pytest.fixture
def drawings(tmp_path: Path) -> dict[str, svg.Drawing]:
    directory, a = tmp_path / "runs", predicted("A", FIRST, SECOND)
    b = predicted("B", FIRST)
    leave(directory, "run-A", 1, FIRST, "finished")
    agreement = error_analysis.agreement_table(LABELS, [a, b])
    return {
        "classes": errors.classes(
            [error_analysis.classes_table(LABELS, one, SUMMARY) for one in (a, b)]
        ),
        "confusion_A": errors.confusion_map(LABELS, a, SUMMARY),
        "mistakes_A": errors.mistakes(LABELS, a, IMAGES, SUMMARY),
        "calibration": errors.calibration_overview(calibration.calibration_table(LABELS, [a, b])),
        "agreement": errors.agreement(agreement, [a.model, b.model]),
        "hardest": errors.hardest(
            error_analysis.hardest_table(LABELS, [a, b], SUMMARY), IMAGES, SUMMARY
        ),
        "weights_A": errors.weight_images(model("A", (1,)), Runs(directory), SUMMARY),
    }


def test_figures_leave_what_they_show(tmp_path: Path, drawings: dict[str, svg.Drawing]):
    shown = {}
    for name, drawing in drawings.items():
        root = saved(drawing, tmp_path / f"{name}.svg")
        assert "nan" not in root.findtext(f"{svgcheck.NS}title", "nan")
        shown[name] = pd.read_csv(tmp_path / f"{name}.csv", dtype=str, keep_default_na=False)
        assert len(shown[name])

    def cell(name: str, series: str, x: str) -> str:
        rows = shown[name].query("series == @series and x == @x")
        return str(rows["y"].iloc[0])

    # Class 0 is got wrong by the first of two trainings, once; class 3 by both, as class 2.
    assert cell("confusion_A", CLASSES[0], CLASSES[0]) == "1.5"
    assert cell("confusion_A", CLASSES[2], CLASSES[2]) == "1"
    assert cell("confusion_A", CLASSES[3], CLASSES[2]) == "1"
    assert len(shown["confusion_A"]) == 100
    assert cell("mistakes_A", "5", "predicted") == CLASSES[2]
    assert float(cell("mistakes_A", "5", "probability")) == pytest.approx(0.91)
    assert cell("hardest", "5", "trainings") == "3"
    assert cell("weights_A", "lowest", "row 1, column 1") == "-3920"
    row = shown["classes"].query(f"series == 'Model A' and y == '{SUMMARY['classes'][0]}'").iloc[0]
    assert (row["x"], row["low"], row["high"]) == ("0.75", "0.5", "1")


@pytest.mark.parametrize("palette", [heatmaps.BLUES, heatmaps.ORANGES])
def test_words_in_a_map_are_readable_in_every_shade(palette):
    values = np.linspace(0.0, 1.0, 60).reshape(6, 10)
    _, axes = plt.subplots()
    words = heatmaps.fill_cells(axes, values, palette, 0.0, 1.0)
    shades = {mpl.colors.to_hex(patch.get_facecolor()) for patch in axes.patches}
    assert len(shades) == heatmaps.SHADES - 1
    for (row, column), word in np.ndenumerate(words):
        behind = "#ffffff"
        for patch in axes.patches:
            if patch.get_path().contains_point((column, row)):
                behind = mpl.colors.to_hex(patch.get_facecolor())
        assert svgcheck.contrast(word, behind) >= 4.5, (word, behind)
        assert svgcheck.contrast(colors.dark(word), colors.dark(behind)) >= 4.48, (word, behind)


def test_agreement_is_a_triangle_of_families_with_a_name_per_model(tmp_path: Path):
    given = {"softmax": [], "dropout": [3], "A": [3], "norm": [3], "B": [3]}
    models = [
        {"name": name, "title": f"Model {name}"}
        | {"spec": {"hidden": hidden, "dropout": 0.3 * (name == "dropout")}}
        for name, hidden in given.items()
    ]
    for one in models:
        one["spec"]["batch_norm"] = "before" if one["name"] == "norm" else "none"
    pairs = itertools.combinations_with_replacement(given, 2)
    likeness = pd.DataFrame(
        {"model": a, "other": b, "agreement": 0.5 + 0.1 * (a == b)} for a, b in pairs
    )
    drawing = errors.agreement(likeness, models)
    saved(drawing, tmp_path / "agreement.svg")
    names = [text.get_text() for text in drawing.figure.axes[0].texts if len(text.get_text()) > 2]
    assert names == [f"Model {it}" for it in ("softmax", "A", "B", "dropout", "norm")]
    assert len(drawing.rows) == 15
    rows = {(row, column) for _, row, column, _ in drawing.rows}
    assert ("dropout", "A") in rows
    assert ("A", "dropout") not in rows


def test_a_model_without_mistakes_has_figures_too(tmp_path: Path):
    perfect = predicted("A", list(LABELS))
    saved(errors.confusion_map(LABELS, perfect, SUMMARY), tmp_path / "confusion_A.svg")
    assert "no image" in errors.mistakes(LABELS, perfect, IMAGES, SUMMARY).title


def test_weights_of_both_engines_become_one_row_a_class():
    matrix = np.arange(7840.0).reshape(10, 784)
    lowlevel = {"coefficients0": matrix, "bias0": np.float32(1)}
    keras = {"dense0-kernel": matrix.T, "dense0-bias": np.zeros(10)}
    assert np.array_equal(errors.layer_weights(lowlevel), matrix)
    assert np.array_equal(errors.layer_weights(keras), matrix)
