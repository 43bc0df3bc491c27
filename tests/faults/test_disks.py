"""A full disk stops a run with a message that says so; with more room, the same run continues."""

import os
import shutil
from pathlib import Path

import pytest
from fixtures import run_command
from fixtures.disturbed import PART, TRAININGS, Disturbed, assert_same

pytestmark = pytest.mark.workflow

# bytes that a file may have: too few for the images, for the tensors, and for some results
LIMITS = (1_000_000, 100_000_000)


def limited(size: int) -> tuple[str, ...]:
    return ("prlimit", f"--fsize={size}", "--")


@pytest.mark.faults
def test_files_that_cannot_be_written_whole_are_not_there_and_the_run_continues(
    finished: Path, data_folder: Path, tmp_path: Path
):
    study = Disturbed(tmp_path / "study", finished, data_folder)
    for size, file in zip(
        LIMITS, ("resources", "results/data/fashion-mnist/x_train.npy"), strict=True
    ):
        done = study.run(*TRAININGS, before=limited(size))
        assert done.returncode != 0
        assert file in done.stderr
        assert "Then run the same command again" in done.stderr
        assert "bug" not in done.stderr
        assert "Traceback" not in done.stderr
        assert not [it for it in study.folder.glob("re*/**/.*") if it.is_file()]
    study.finish(*TRAININGS)
    assert_same(study.folder, finished)


# In a separate namespace, a process needs no privileges to mount a small disk.
OWN_DISK = ("unshare", "--map-root-user", "--mount", "sh", "-c")


@pytest.mark.faults
def test_a_full_disk_is_named_and_a_run_continues_when_it_has_room(
    finished: Path, data_folder: Path, tmp_path: Path
):
    study = Disturbed(tmp_path / "study", finished, data_folder)
    (disk := tmp_path / "disk").mkdir()
    if run_command(*OWN_DISK, 'mount -t tmpfs tmpfs "$1"', "sh", disk).returncode:
        pytest.skip("This system does not allow mounting a disk in a separate namespace.")
    run = " ".join(f"'{word}'" for word in study.command(*PART))
    script = f"""
        mount -t tmpfs -o size=20k tmpfs "$1" && cp -r "$2/." "$1" && cd "$1" || exit 1
        for size in 20k 1m 30m 120m 268800k 269m 1g; do
            mount -o remount,size=$size "$1"
            echo "DISK $size"
            {run}
            echo "ENDED $?"
        done
        cp -r results resources report "$3"
    """
    (kept := tmp_path / "kept").mkdir()
    done = run_command(*OWN_DISK, script, "sh", disk, study.folder, kept, env=os.environ)
    said = done.stdout + done.stderr
    assert "ENDED 0" in done.stdout.splitlines()[-1], said
    assert "No space left on device. Free some space on this disk." in done.stderr
    assert "Traceback" not in said
    assert "bug" not in said
    assert_same(kept, finished)


@pytest.fixture
def unwritable(tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """A folder without permission to write, and words before a command that root has to obey."""
    (folder := tmp_path / "unwritable").mkdir()
    folder.chmod(0o500)
    drop = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
    assert os.geteuid() or shutil.which(drop[0])
    return folder, (() if os.geteuid() else drop)


def test_a_folder_that_cannot_be_written_is_named(
    finished: Path, data_folder: Path, tmp_path: Path, unwritable: tuple[Path, tuple[str, ...]]
):
    _, drop = unwritable
    study = Disturbed(tmp_path / "study", finished, data_folder)
    study.folder.chmod(0o500)
    done = study.run("data", before=drop)
    assert done.returncode != 0
    assert f"{study.folder}/.snakemake: Permission denied. Change the permissions" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.faults
@pytest.mark.parametrize("variable", ["TMPDIR", "MPLCONFIGDIR", "XDG_CONFIG_HOME"])
def test_a_run_does_without_a_folder_of_the_system_that_cannot_be_written(
    finished: Path,
    data_folder: Path,
    tmp_path: Path,
    unwritable: tuple[Path, tuple[str, ...]],
    variable: str,
):
    folder, drop = unwritable
    study = Disturbed(tmp_path / "study", finished, data_folder)
    study.finish("bn_evaluation", before=drop, **{variable: str(folder)})
    assert_same(study.folder, finished)
