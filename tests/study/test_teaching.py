"""The exercises stay true: they fit the study that they change, and its report."""

import re
from pathlib import Path

import pytest
from fixtures import REPOSITORY, find

from fmstudy.study import reader
from fmstudy.study.plan import Study
from fmstudy.study.resolved import resolve

TEXT = (REPOSITORY / "docs/how-to/teach-with-it.md").read_text(encoding="utf-8")
STUDY = (REPOSITORY / "config/studies/digits/config.yaml").read_text(encoding="utf-8")
EXERCISES = re.findall(r"^```diff\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def side(change: str, sign: str) -> str:
    """The lines of a change before ("-") or after it ("+"), with those that stay."""
    return "\n" + "".join(it[1:] for it in change.splitlines(keepends=True) if it[0] in f" {sign}")


def read(file: Path, text: str) -> Study:
    file.write_text(text, encoding="utf-8")
    return resolve(*reader.read_study([file], find), find, "mine").study


@pytest.mark.parametrize("change", EXERCISES)
def test_an_exercise_changes_one_line_and_the_study_is_accepted(change, tmp_path):
    assert len(re.findall(r"^\+", change, re.MULTILINE)) == 1
    assert STUDY.count(side(change, "-")) == 1
    changed = STUDY.replace(side(change, "-"), side(change, "+"))
    file = tmp_path / "config.yaml"
    assert read(file, changed) != read(file, STUDY)


def test_each_exercise_names_headings_of_the_report():
    files = [*REPOSITORY.glob("report/text/*.md")]
    known = STUDY + "".join(file.read_text(encoding="utf-8") for file in files)
    known = known.replace("{{ score.trainings|count }}", "18")
    places = re.findall(r"^\*\*Look at\*\*.*?\n\n", TEXT, re.MULTILINE | re.DOTALL)
    assert len(places) == len(EXERCISES) == 6
    for place in places:
        names = [" ".join(it.split()) for it in re.findall(r"“(.*?)”", place, re.DOTALL)]
        assert names
        assert not [it for it in names if it not in known]
