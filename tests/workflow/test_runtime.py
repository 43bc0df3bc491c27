"""Files appear whole or not at all, and jobs end in order with what they said in their log."""

import errno
import json
import logging
import os
import platform
import resource
import signal
import stat
import zipfile

import numpy as np
import pytest

from fmstudy import runtime
from fmstudy.runtime import StudyError


# ---------------------------------------------------------------------------------------- files
@pytest.fixture
def umask():
    """Sets the umask of the process for one test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_new_files_have_the_permissions_that_the_umask_leaves(tmp_path, umask, mask, mode):
    umask(mask)
    runtime.write_text(tmp_path / "x.txt", "x")
    assert stat.S_IMODE((tmp_path / "x.txt").stat().st_mode) == mode
    assert umask(mask) == mask  # writing did not change it


def test_readers_see_the_old_file_until_the_new_one_is_complete(tmp_path):
    path, other_name = tmp_path / "x.txt", tmp_path / "link.txt"
    path.write_text("old")
    other_name.hardlink_to(path)
    with runtime.atomic_write(path, "w") as file:
        file.write("new, and longer")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new, and longer"
    assert other_name.read_text() == "old"  # replaced by a rename, not overwritten in place


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(error, match="stop"), runtime.atomic_write(path, "w") as file:
        file.write("half of the new")
        raise error("stop")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_when_the_file_is_written_again(tmp_path):
    path = tmp_path / "x[1].txt"
    others = {tmp_path / name for name in (".x[1].txt.original", ".x1.txt.part-12345678")}
    for other in others:
        other.touch()
    if (child := os.fork()) == 0:
        with runtime.atomic_write(path, "w"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(list(tmp_path.iterdir())) == 3
    runtime.write_text(path, "new")
    assert set(tmp_path.iterdir()) == {path, *others}


def test_missing_folders_are_made_and_text_is_utf8_with_unix_line_ends(tmp_path):
    path = tmp_path / "a/b/x.txt"
    runtime.write_text(path, "é\n")
    assert path.read_bytes() == "é\n".encode()


def test_json_survives_a_round_trip_and_marks_numbers_that_are_not_finite(tmp_path):
    path = tmp_path / "x.json"
    content = {"name": "é", "list": [1, 2.5], "inner": {"flag": True, "none": None}}
    runtime.write_json(path, content)
    assert runtime.read_json(path) == content
    runtime.write_json(path, {"a": float("nan"), "b": [float("inf")], "c": (-float("inf"), 1)})
    strict = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert strict == {"a": None, "b": [None], "c": [None, 1]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"run,value\nA,0.5\nB", "the last line is cut off"),
        (b"run,value\nA,0.5\nB\n", "row 3 has 1 cells, the header 2"),
        (b"run,value\nA,0.5,1\n", "row 2 has 3 cells, the header 2"),
        (b"run,value\nA,0.5\nB,0.x\n", "the column value has '0.x', not a number"),
        (b'run,value\n"A,0.5\n', "unexpected end of data"),
        (b"run,values\nA,0.5\n", "'value' is missing"),
        (b"run,value\nA,\xff\n", "'utf-8' codec can't decode"),
        (b"", "the last line is cut off"),
        (bytes(20), "the last line is cut off"),
    ],
)
def test_a_damaged_table_is_refused_with_the_reason_and_the_remedy(tmp_path, content, reason):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(StudyError) as error:
        runtime.read_table(path, numbers=["value"], text=["run"])
    assert str(error.value).startswith(f"{path}: damaged: {reason}")
    assert str(error.value).endswith(". Delete it and run the same command again.")


def test_tables_hold_numbers_booleans_and_nothing(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('run,value,right\nA,0.5,True\n"7, 8",,\n')
    table = runtime.read_table(path, numbers=["value", "right"], text=["run"])
    assert table["run"].tolist() == ["A", "7, 8"]
    assert table["value"].isna().tolist() == [False, True]


def test_what_cannot_be_read_is_not_called_damaged(tmp_path):
    with pytest.raises(StudyError, match=r"x.json: not found. Run the same command again"):
        runtime.read_json(tmp_path / "x.json")
    with pytest.raises(StudyError, match=r"cannot be read: Is a directory"):
        runtime.read_json(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}}', "\0\0"])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(StudyError, match=r"x.json: damaged: .* Delete it and run the same"):
        runtime.read_json(tmp_path / "x.json")


def test_a_pickle_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=np.array([{}], dtype=object))
    with pytest.raises(StudyError, match=r"x.npy: damaged: .*object.* Delete it"):
        runtime.read_array(tmp_path / "x.npy")
    with pytest.raises(StudyError, match=r"x.npz: damaged: Object arrays .* Delete it"):
        runtime.read_arrays(tmp_path / "x.npz")


def test_a_file_must_have_the_digest_in_its_provenance(tmp_path):
    path, record = tmp_path / "results.csv", tmp_path / "provenance.json"
    path.write_text("a\n1\n")
    runtime.verify_digest(path)  # a table has no provenance
    runtime.write_json(record, {"digests": runtime.file_digests([path])})
    runtime.verify_digest(path)
    runtime.verify_digest(record)
    path.write_text("a\n2\n")
    with pytest.raises(StudyError, match=r"results.csv: changed since it was made.* Delete it"):
        runtime.verify_digest(path)
    runtime.write_json(record, {})
    with pytest.raises(StudyError, match=r"provenance.json: damaged: 'digests' is missing. Delete"):
        runtime.verify_digest(path)


def test_arrays_are_read_back_without_pickle(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b/c": np.array([True, False])}
    runtime.write_array(tmp_path / "a.npy", arrays["a"].T)
    runtime.write_arrays(tmp_path / "all.npz", arrays)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), arrays["a"].T)
    with np.load(tmp_path / "all.npz", allow_pickle=False) as found:
        assert set(found) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
    with zipfile.ZipFile(tmp_path / "all.npz") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_objects_that_would_need_pickle_are_refused(tmp_path):
    objects = np.array([{}], dtype=object)
    with pytest.raises(ValueError, match="pickle"):
        runtime.write_array(tmp_path / "x.npy", objects)
    with pytest.raises(ValueError, match="pickle"):
        runtime.write_arrays(tmp_path / "x.npz", {"x": objects})
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------------------------------- jobs
def test_a_job_writes_its_messages_and_standard_error_to_its_log(tmp_path):
    path = tmp_path / "logs/job.log"
    with runtime.job(path) as log:
        log.info("Reading %s", "the data")
        os.write(2, b"a remark of a library\n")
    text = path.read_text()
    assert " INFO Reading the data\n" in text
    assert "a remark of a library\n" in text
    assert logging.getLogger("fmstudy").handlers == []


def test_an_expected_error_ends_the_job_with_its_message_and_no_traceback(tmp_path):
    with pytest.raises(SystemExit) as ended, runtime.job(tmp_path / "job.log"):
        raise runtime.StudyError("x.npy is missing: run make data")
    assert ended.value.code == 1
    text = (tmp_path / "job.log").read_text()
    assert "x.npy is missing: run make data" in text
    assert "Traceback" not in text


def test_an_unexpected_error_ends_the_job_and_leaves_its_traceback_in_the_log(tmp_path):
    with pytest.raises(SystemExit) as ended, runtime.job(tmp_path / "job.log"):
        raise ZeroDivisionError("by hand")
    assert ended.value.code == 1
    text = (tmp_path / "job.log").read_text()
    assert "Traceback" in text
    assert "ZeroDivisionError: by hand" in text


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "No space left on device. Free some space on this disk."),
        (errno.EEXIST, "File exists. Move it away"),
        (errno.EROFS, "Read-only file system. Make the disk writable"),
        (errno.EACCES, "Permission denied. Change the permissions"),
        (None, "No space left on device. Free some space on this disk."),  # by NumPy
    ],
)
def test_a_disk_that_cannot_be_written_is_named_with_what_to_do(tmp_path, number, advice):
    path = tmp_path / "results/x.csv"
    with (
        pytest.raises(SystemExit) as ended,
        runtime.job(tmp_path / "job.log"),
        runtime.atomic_write(path, "w") as file,
    ):
        file.write("half")
        raise OSError(number, "by hand") if number else OSError("by hand")
    assert ended.value.code == 1
    assert list(path.parent.iterdir()) == []
    text = (tmp_path / "job.log").read_text()
    assert f"{path}: {advice}" in text
    assert "Then run the same command again" in text
    assert "Traceback" not in text


def test_an_array_that_does_not_fit_on_the_disk_leaves_nothing_and_says_so(tmp_path):
    """A limit on the size of files stands for a full disk."""
    before, path = resource.getrlimit(resource.RLIMIT_FSIZE), tmp_path / "results/x.npy"
    with pytest.raises(SystemExit), runtime.job(tmp_path / "job.log"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        try:
            runtime.write_array(path, np.zeros(100_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert f"{path}: " in (tmp_path / "job.log").read_text()
    assert "This is a bug" not in (tmp_path / "job.log").read_text()
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("quiet", ["", "1"])
def test_an_error_that_the_log_has_no_room_for_is_shown_instead(monkeypatch, capfd, quiet):
    monkeypatch.setenv(runtime.QUIET, quiet)
    with pytest.raises(SystemExit) as ended, runtime.job("/dev/full"):
        raise runtime.StudyError("x.npy is missing")
    assert ended.value.code == 1
    assert capfd.readouterr().err == "x.npy is missing\n"


def test_a_log_that_cannot_be_written_ends_the_job_with_a_message(tmp_path):
    (tmp_path / "logs").write_text("a file where a folder should be")
    with pytest.raises(SystemExit, match="logs") as ended, runtime.job(tmp_path / "logs/job.log"):
        pytest.fail("the body must not run")
    assert isinstance(ended.value.code, str)  # which Python prints, with exit code 1


def test_a_terminated_job_leaves_no_partial_file(tmp_path):
    (tmp_path / "results").mkdir()
    with (
        pytest.raises(SystemExit) as ended,
        runtime.job(tmp_path / "job.log"),
        runtime.atomic_write(tmp_path / "results/x.csv", "w") as file,
    ):
        file.write("half")
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM
    assert list((tmp_path / "results").iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


# -------------------------------------------------------------------------------------- machine
def test_versions_name_python_and_the_packages_asked_for():
    assert runtime.versions(["numpy"]) == {
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def test_the_machine_is_described_by_what_it_is_and_not_by_its_name():
    machine = runtime.machine()
    assert set(machine) == {"system", "processor", "cores"}
    assert machine["cores"] >= 1
    assert machine["processor"]


def test_peak_memory_is_told_in_megabytes():
    assert 10 < runtime.peak_memory_mb() < 100_000
