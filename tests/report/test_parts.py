"""Facts for the texts of the report, from made-up results."""

from itertools import combinations

import pytest

from fmstudy.analysis.verdicts import TOO_FEW, UNRESOLVED
from fmstudy.report import parts
from fmstudy.report.outcomes import without_signs
from fmstudy.report.pages import article


def model(name: str, accuracy: float | None, parameters: int) -> dict:
    return {"name": name, "result": {"test_accuracy": accuracy, "parameters": parameters}}


MODELS = [model("small", 0.8, 10), model("large", 0.81, 99), model("best", 0.82, 50)]
MODELS += [model("poor", 0.5, 5), model("diverged", None, 1)]


def pairs(alike: set[str], other: str = "better") -> list[dict]:
    """All pairs of models; those in `alike` cannot be told from the best one."""
    return [
        {"metric": metric, "first": first, "second": second}
        | {
            "verdict": UNRESOLVED
            if metric[5:] == "loss" or {first, second} - alike == {"best"}
            else other
        }
        for metric in ("test_accuracy", "test_loss")
        for first, second in combinations([it["name"] for it in MODELS], 2)
    ]


def test_the_smallest_model_that_cannot_be_told_from_the_best_one_is_named():
    found = parts.choice(MODELS, pairs({"small", "large"}))
    assert (found.best["name"], found.small["name"]) == ("best", "small")
    assert (found.alike, found.others) == (2, 3)
    alone = parts.choice(MODELS, pairs(set()))
    assert (alone.alike, alone.small["name"]) == (0, "best")
    assert parts.choice(MODELS, pairs({"large"})).small["name"] == "best"


def test_nothing_is_recommended_where_nothing_can_be_judged():
    assert parts.choice(MODELS, pairs(set(), TOO_FEW)) is None
    assert parts.choice(MODELS, []) is None
    assert parts.choice([MODELS[-1]], []) is None


def test_the_interval_of_a_size_has_no_signs_unless_zero_is_within():
    assert without_signs("−2.72 to −1.71") == "1.71 to 2.72"
    assert without_signs("+0.2 to +0.3") == "0.2 to 0.3"
    assert without_signs("−0.1 to +0.3") == "−0.1 to +0.3"
    assert without_signs("") == ""


def test_the_usual_settings_of_an_engine_are_the_most_frequent_ones_of_its_models():
    models = [
        {"engine": engine, "spec": {"hidden": [3], "epochs": epochs}}
        for engine, epochs in (("keras", 5), ("keras", 20), ("keras", 20), ("lowlevel", 5))
    ]
    assert parts.usual(models, "keras") == {"epochs": 20}
    assert parts.usual(models[:3], "lowlevel") == {}


def test_a_study_uses_all_images_unless_it_says_otherwise():
    data = {"train": {"samples": 600}, "test": {"samples": 120}}
    used = parts.images_used({"data": {"train_samples": 50}}, data)
    assert (used.train, used.test) == (50, 120)


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        *(("digit", "a digit"), ("image", "an image"), ("Ankle boot", "an Ankle boot")),
        *(("8", "an 8"), ("18", "an 18"), ("180", "a 180"), ("F", "an F"), ("Fox", "a Fox")),
    ],
)
def test_a_noun_has_the_article_that_it_is_read_with(noun: str, expected: str):
    assert article(noun) == expected
