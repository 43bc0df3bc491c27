"""Killed runs continue: a restart ends with the files of an undisturbed run, and with no others."""

from pathlib import Path
from random import Random

import pytest
from fixtures.disturbed import PART, TRAININGS, Disturbed, assert_same

pytestmark = pytest.mark.workflow


def survive(study: Disturbed, targets: tuple[str, ...], random: Random, kills: int) -> int:
    """Start a run and kill it, again and again, then let it end; return how often it was killed."""
    killed = 0
    while killed < kills and study.kill(
        study.start(*targets), files=random.randint(0, 12), pause=random.uniform(0, 1)
    ):
        killed += 1
        study.unlock()
        assert not study.is_locked
    study.finish(*targets)
    return killed


def test_a_run_that_is_killed_continues(finished: Path, data_folder: Path, tmp_path: Path):
    study = Disturbed(tmp_path / "study", finished, data_folder)
    assert survive(study, TRAININGS, Random(0), 2) > 0
    assert_same(study.folder, finished)


@pytest.mark.faults
def test_a_run_that_is_killed_twenty_times_continues(
    finished: Path, data_folder: Path, tmp_path: Path
):
    random, killed, attempt = Random(18), 0, 0
    while killed < 20:
        attempt += 1
        study = Disturbed(tmp_path / f"study-{attempt}", finished, data_folder)
        killed += survive(study, PART, random, min(5, 20 - killed))
        assert_same(study.folder, finished)


def test_a_second_run_in_the_same_folder_is_refused_and_harms_nothing(
    finished: Path, data_folder: Path, tmp_path: Path
):
    study = Disturbed(tmp_path / "study", finished, data_folder)
    first = study.start(*TRAININGS)
    while not study.is_locked:
        assert first.poll() is None
    study.unlock()
    assert study.is_locked, "of a live run"
    second = study.run(*TRAININGS)
    assert second.returncode != 0
    assert "Another run is using" in second.stderr
    assert "snakemake --unlock" in second.stderr
    said, _ = first.communicate()
    assert first.returncode == 0, said
    assert_same(study.folder, finished)
