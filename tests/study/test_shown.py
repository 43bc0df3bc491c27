"""Which models the figures of a study show, in studies of several shapes."""

from typing import Any

import pytest
from fixtures.report import configured

from fmstudy.study import plan, shown


def study(**changes: Any) -> plan.Study:
    """The configured study with other comparisons, sweeps, or models with penalties."""
    found, problems = plan.build(configured() | changes)
    assert found is not None, problems
    return found


def names(models: list[plan.Model]) -> list[str]:
    return [model.name for model in models]


def test_the_configured_study_illustrates_every_lesson():
    lessons = shown.lessons(study())
    assert set(lessons) == {"width", "depth", "penalties", "dropout", "batchnorm", "noise"}
    assert lessons["width"] == {"sweep": "width"}
    assert lessons["penalties"]["base"] == "B"
    assert sorted(lessons["penalties"]["others"].values()) == ["l1", "l1_signed", "l2"]
    assert names_of(lessons["dropout"]) == ["keras-4", "keras-4r"]
    assert names_of(lessons["batchnorm"]) == ["B", "B-BN"]


def names_of(lesson: dict[str, Any]) -> list[str]:
    return [model["name"] for model in lesson["models"]]


def test_a_study_without_sweeps_and_comparisons_illustrates_depth_alone():
    bare = study(sweeps={}, comparisons={})
    assert shown.lessons(bare) == {"depth": {"groups": [["softmax", "A", "B"]]}}
    assert list(shown.by_depth(bare)) == ["depth"]
    assert shown.penalized(bare) == []


@pytest.mark.parametrize(
    ("models", "found"),
    [
        (["keras-5", "keras-2", "keras-1"], ["keras-1", "keras-2", "keras-5"]),
        (["keras-4", "keras-4r"], []),  # of one depth
        (["keras-1-long", "keras-2"], []),  # trained for other numbers of epochs
    ],
)
def test_keras_models_by_depth_differ_in_their_layers_only(models: list[str], found: list[str]):
    comparisons = {"mine": {"title": "Mine", "models": models}}
    assert names(shown.by_depth(study(comparisons=comparisons)).get("depth_keras", [])) == found


def test_curves_of_penalties_are_shown_together_and_other_comparisons_alone():
    figures = shown.curves_shown_by(study())
    assert figures["penalties"] == figures["penalties-alternative"] == "penalties_curves"
    assert figures["keras-depth"] == "compare_keras-depth"
