"""Near-duplicates: the right neighbors are found, and accuracies are told apart by them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures.runs import SUMMARY

from fmstudy import runtime
from fmstudy.analysis import duplicates
from fmstudy.analysis.results import ModelPredictions
from fmstudy.figures import errors, svg

RANDOM = np.random.default_rng(8)
TRAIN = RANDOM.random((784, 50)).astype(np.float32)


def test_the_neighbor_is_the_one_with_the_highest_correlation(monkeypatch):
    """Held against NumPy's own coefficient, with pieces smaller than the training set."""
    monkeypatch.setattr(duplicates, "CHUNK", 7)
    test = RANDOM.random((784, 9)).astype(np.float32)
    found = duplicates.find_neighbors(test, TRAIN)
    every = np.corrcoef(test.T.astype(float), TRAIN.T.astype(float))[:9, 9:]
    assert np.array_equal(found.train, every.argmax(axis=1))
    assert found.correlation == pytest.approx(every.max(axis=1), abs=1e-12)
    assert not found.exact.any()


def test_brightness_and_contrast_do_not_matter_but_are_not_the_same_pixels():
    test = np.stack([0.3 + 0.5 * TRAIN[:, 31], TRAIN[:, 12]], axis=1).astype(np.float32)
    found = duplicates.find_neighbors(test, TRAIN)
    assert list(found.train) == [31, 12]
    assert found.correlation == pytest.approx([1, 1], abs=1e-6)
    assert list(found.exact) == [False, True]
    assert found.correlation[1] == 1.0


def test_an_exact_copy_is_found_beside_one_that_only_correlates_fully(monkeypatch):
    monkeypatch.setattr(duplicates, "CHUNK", 2)
    image = TRAIN[:, :1]
    train = np.hstack([(0.5 * image), image, image]).astype(np.float32)
    found = duplicates.find_neighbors(image, train)
    assert list(found.train) == [1]  # the first that is equal
    assert found.exact[0]


def test_an_image_without_contrast_is_like_none():
    test = np.full((784, 1), 0.5, dtype=np.float32)
    found = duplicates.find_neighbors(test, TRAIN)
    assert found.correlation[0] == 0
    assert duplicates.find_neighbors(test, np.hstack([TRAIN, test])).exact[0]


def test_the_table_of_neighbors_holds_both_labels(tmp_path: Path):
    found = duplicates.Neighbors(np.array([2, 0]), np.array([0.99, 0.5]), np.array([False, False]))
    table = duplicates.neighbors_table(found, np.array([7, 8]), np.array([1, 5, 9]))
    runtime.write_table(tmp_path / "neighbors.csv", table)
    again = pd.read_csv(tmp_path / "neighbors.csv")
    expected = {"test": [0, 1], "train": [2, 0], "correlation": [0.99, 0.5], "exact": [0, 0]}
    assert again.to_dict("list") == expected | {"test_label": [7, 8], "train_label": [9, 1]}


def neighbors(correlations: list[float], train_labels: list[int]) -> pd.DataFrame:
    places, exact = range(len(correlations)), [int(r == 1) for r in correlations]
    labels = {"test_label": LABELS, "train_label": train_labels}
    found = {"test": places, "train": places, "correlation": correlations, "exact": exact}
    return pd.DataFrame(found | labels)


LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 2])
NEAR = neighbors([0.99, 0.98, 0.1, 1.0, 0.2, 0.1, 0.3, 0.97], [0, 1, 0, 1, 2, 1, 1, 2])
# Near-duplicates at 0.98: images 0, 1 and 3.


def test_pairs_and_differing_labels_are_counted_at_each_limit_and_at_the_studys_own():
    table = duplicates.similarity_table(NEAR, 0.975).set_index("correlation")
    assert set(table.index) == {*duplicates.LIMITS, 0.975}
    assert list(table.index[table["chosen"] == 1]) == [0.975]
    assert dict(table["pairs"])[0.97] == 4
    assert dict(table["pairs"])[0.98] == 3  # the limit itself counts
    assert table.loc[0.98, "labels_differ"] == 1
    assert table.loc[0.98, "differ_share"] == pytest.approx(1 / 3)
    assert table.loc[0.98, "exact"] == 1
    assert len(duplicates.similarity_table(NEAR, 0.97)) == len(duplicates.LIMITS)
    assert pd.isna(duplicates.similarity_table(NEAR[:1], 1.0).iloc[-1]["differ_share"])


def predicted(*classes: list[int], seeds: int | None = None) -> ModelPredictions:
    finished = list(range(1, len(classes) + 1))
    asked = list(range(1, (seeds or len(classes)) + 1))
    model = {"name": "A", "title": "A", "engine": "keras", "run": "a", "seeds": asked}
    return ModelPredictions(model, [np.eye(10)[:, c] for c in classes], finished)


def wilson(share: float, n: int) -> tuple[float, float]:
    z = 1.959963984540054
    center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return center - half, center + half


def test_accuracies_with_and_without_near_duplicates():
    first = [0, 0, 0, 1, 1, 0, 0, 2]  # wrong: 5 and 6
    second = [0, 1, 0, 1, 0, 0, 0, 2]  # wrong: 1, 4, 5 and 6
    row = duplicates.duplicates_table(LABELS, NEAR, [predicted(first, second)], 0.98).iloc[0]
    assert (row["all_images"], row["without_images"], row["only_images"]) == (8, 5, 3)
    assert row["all"] == pytest.approx(10 / 16)
    assert row["without"] == pytest.approx(5 / 10)
    assert row["only"] == pytest.approx(5 / 6)
    assert (row["all_low"], row["all_high"]) == pytest.approx(wilson(10 / 16, 8))
    assert (row["only_low"], row["only_high"]) == pytest.approx(wilson(5 / 6, 3))
    # Others of class 0: image 2, right twice; of class 1: images 4 to 6, right once in six.
    assert row["matched"] == pytest.approx((2 * 1 + 1 * (1 / 6)) / 3)


def test_groups_without_images_or_trainings_have_no_accuracy():
    none = duplicates.duplicates_table(LABELS, NEAR[:0].reindex(range(8)), [predicted([0] * 8)], 1)
    assert none.iloc[0]["only_images"] == 0
    assert pd.isna(none.iloc[0]["only"])
    assert pd.isna(none.iloc[0]["matched"])
    lost = duplicates.duplicates_table(LABELS, NEAR, [predicted(seeds=2)], 0.98).iloc[0]
    assert (lost["seeds"], lost["diverged"]) == (2, 2)
    assert pd.isna(lost["all"])
    everything = duplicates.duplicates_table(LABELS, NEAR, [predicted([0] * 8)], 0.05).iloc[0]
    assert pd.isna(everything["without"])
    assert pd.isna(everything["matched"])


def test_interval_of_several_seeds_is_no_narrower_than_images_allow():
    """The mean over seeds as if it were one training: simulated, it covers at least 95 %."""
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        easy = random.beta(2, 0.5, 400)  # how often a training gets an image right
        right = random.random((3, 400)) < easy
        found = duplicates.accuracy_of(right, "x")
        covered += found["x_low"] <= 0.8 <= found["x_high"]
    assert covered >= 186


def test_pairs_are_drawn_with_differing_labels_named(tmp_path: Path):
    x = RANDOM.random((784, 8)).astype(np.float32)
    drawing = errors.duplicates(NEAR, 0.97, x, x, SUMMARY)
    svg.save(drawing, tmp_path / "duplicates.svg")
    text = (tmp_path / "duplicates.svg").read_text(encoding="utf-8")
    assert "(Trouser)" in text
    assert "No test image" in errors.duplicates(NEAR[1:3], 0.99, x, x, SUMMARY).title
