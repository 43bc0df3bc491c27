"""Where, when, and in which language a study runs changes no byte of its results."""

import os
import stat
from pathlib import Path

import pytest
from fixtures.disturbed import PART, TRAININGS, Disturbed, assert_same
from fixtures.workflow import clone

pytestmark = [pytest.mark.workflow, pytest.mark.faults]


def test_one_core_makes_the_same_files_as_two(finished: Path, data_folder: Path, tmp_path: Path):
    study = Disturbed(tmp_path / "study", finished, data_folder)
    study.finish(*PART, cores=1)
    assert_same(study.folder, finished)


@pytest.mark.parametrize(
    "name",
    [
        "with  spaces ",
        "größe 数据 🎽",
        'it\'s "quoted" `x` $HOME & co; #1 %s',
        "-n",
        "back\\slash*?[a]",
    ],
)
def test_the_path_of_the_folder_does_not_matter(
    finished: Path, data_folder: Path, tmp_path: Path, name: str
):
    """The clone itself lies there, and is reached by a symbolic link."""
    folder = clone(tmp_path / name, data_folder)
    (tmp_path / "link").symlink_to(folder)
    Disturbed(tmp_path / "link", folder).finish(*TRAININGS, "sweep_width")
    assert_same(folder, finished)


@pytest.mark.parametrize(
    "environment",
    [
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "1"},
        {"TZ": "America/St_Johns", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TZ": "nowhere", "LC_ALL": "de_DE.ISO-8859-1", "PYTHONHASHSEED": "1", "COLUMNS": "20"},
    ],
    ids=lambda it: it["LC_ALL"],
)
def test_time_zone_locale_and_umask_do_not_matter(
    finished: Path, data_folder: Path, tmp_path: Path, environment: dict[str, str]
):
    study = Disturbed(tmp_path / "study", finished, data_folder)
    mask = os.umask(0o077)
    try:
        study.finish(*PART, **environment)
    finally:
        os.umask(mask)
    assert_same(study.folder, finished)
    results = [it for it in (study.folder / "results").rglob("*") if not it.is_symlink()]
    assert {stat.S_IMODE(it.stat().st_mode) for it in results} == {0o600, 0o700}
