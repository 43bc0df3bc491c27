"""Results that were copied, touched, edited, or made by nobody knows what, in a small workflow."""

import gzip
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures import REPOSITORY
from fixtures.workflow import Planner

from fmstudy.workflow import made

pytestmark = pytest.mark.workflow

SNAKEFILE = f"""
import sys
sys.path.insert(0, "{REPOSITORY}/scripts")
from fmstudy.workflow import made
rule all:
    input: "results/last.txt", "results/alone.txt"
rule first:
    output: "results/{{name}}/first.txt"
    params: text=config.get("text", "one")
    shell: "echo {{params.text}} > {{output}}; head -c 1100000 /dev/zero >> {{output}}"
rule last:
    input: first="results/a/first.txt", source="source.txt", note=ancient("note.txt")
    output: "results/last.txt"
    params: text="last"
    shell: "cat {{input.source}} > {{output}}"
rule alone:
    output: "results/alone.txt"
    shell: "echo alone > {{output}}"
made.check_results(workflow, logger.warning)
onsuccess: made.check_results(workflow, logger.warning)
onerror: made.check_results(workflow, logger.warning)
"""
EVERYTHING = {"all": 1, "first": 1, "last": 1, "alone": 1}
AFTER_FIRST = {"all": 1, "first": 1, "last": 1}


@pytest.fixture(scope="module")
def original(planner: Planner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where everything was made."""
    directory = tmp_path_factory.mktemp("original")
    for name, text in {"Snakefile": SNAKEFILE, "source.txt": "s", "note.txt": "n"}.items():
        (directory / name).write_text(text)
    run(planner, directory)
    return directory


@pytest.fixture
def copied(original: Path, tmp_path: Path) -> Path:
    """A fresh clone to which the results were copied, without times, the last ones first."""
    for name in ("Snakefile", "source.txt", "note.txt"):
        shutil.copyfile(original / name, tmp_path / name)
        os.utime(tmp_path / name, (0, 0))
    shutil.copytree(original / "results", tmp_path / "results", copy_function=shutil.copyfile)
    for age, path in enumerate(sorted(tmp_path.glob("results/**/*.txt"), reverse=True)):
        os.utime(path, (age, 1e9 + age))  # all in the wrong order
    return tmp_path


def test_snakemake_still_has_what_the_module_relies_on():
    from snakemake import jobs, persistence
    from snakemake.persistence.file import FilePersistence

    methods = ("_read_record", "_write_record", "_filter_incomplete_keys", "_clear_cache")
    needed = {jobs: ("get_script_mtime",), FilePersistence: methods}
    needed[persistence] = ("MetadataRecord", "RECORD_FORMAT_VERSION")
    missing = [
        name for owner, names in needed.items() for name in names if not hasattr(owner, name)
    ]
    assert not missing, "Snakemake has changed; adapt workflow/made.py"


def run(planner: Planner, directory: Path, *arguments: str) -> str:
    done = planner.snakemake(directory, "--cores", "1", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def plan(planner: Planner, directory: Path, *arguments: str) -> dict[str, int]:
    return planner.plan(directory, "all", *arguments).counts()


def said(planner: Planner, directory: Path) -> str:
    return run(planner, directory, "--dry-run")


def test_copied_results_are_accepted(planner: Planner, original: Path, copied: Path):
    assert "Nothing to be done" in said(planner, copied)
    for name in ("results/last.txt", "results/a/first.txt"):
        assert (copied / name).stat().st_mtime == (original / name).stat().st_mtime


def test_a_changed_parameter_plans_in_the_copy_what_it_plans_in_the_original(
    planner: Planner, original: Path, copied: Path
):
    changed = ("--config", "text=two")
    assert plan(planner, copied, *changed) == plan(planner, original, *changed) == AFTER_FIRST


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("results/a/first.txt", AFTER_FIRST),
        ("results/alone.txt", {"all": 1, "alone": 1}),
        ("source.txt", {"all": 1, "last": 1}),  # older than the result, but another one
        ("note.txt", {}),  # does not matter: ancient
    ],
)
def test_what_depends_on_an_edited_file_is_rebuilt_in_a_copy(
    planner: Planner, copied: Path, file: str, jobs: dict[str, int]
):
    (copied / file).write_text("edited")
    os.utime(copied / file, (0, 0))
    assert plan(planner, copied) == jobs


def test_an_edited_result_is_rebuilt_where_it_was_made_and_named(
    planner: Planner, original: Path, tmp_path: Path
):
    folder = shutil.copytree(original, tmp_path / "copy")  # with .snakemake and times
    assert plan(planner, folder) == {}
    (folder / "results/alone.txt").write_text("edited")
    assert "results/alone.txt" in said(planner, folder)
    assert (folder / "results/alone.txt").read_text() == "edited", "left alone until it is rebuilt"
    run(planner, folder)
    assert (folder / "results/alone.txt").read_text() == "alone\n"
    assert plan(planner, folder) == {}


@pytest.mark.parametrize("put_back", [shutil.copy2, shutil.copyfile])
def test_an_edited_result_that_was_put_back_is_accepted_again(
    planner: Planner, original: Path, tmp_path: Path, put_back: Callable[[Path, Path], object]
):
    folder = shutil.copytree(original, tmp_path / "copy")
    (folder / "results/alone.txt").write_text("edited")
    assert plan(planner, folder) == {"all": 1, "alone": 1}
    put_back(original / "results/alone.txt", folder / "results/alone.txt")
    assert plan(planner, folder) == {}


def test_a_touched_result_gets_its_time_back(planner: Planner, original: Path, tmp_path: Path):
    folder = shutil.copytree(original, tmp_path / "copy")
    os.utime(folder / "results/a/first.txt")  # too large for Snakemake to compare
    assert plan(planner, folder) == {}


@pytest.mark.parametrize(
    "content", [None, b"", b"text", b"cut", b"[1]", b'{"results/last.txt": 3}']
)
def test_without_a_readable_record_everything_is_rebuilt(
    planner: Planner, copied: Path, content: bytes | None
):
    records = copied / made.RECORDS
    match content:
        case None:
            records.unlink()
        case b"cut":
            records.write_bytes(records.read_bytes()[:200])
        case b"" | b"text":
            records.write_bytes(content)
        case _:
            records.write_bytes(gzip.compress(content))
    if content is not None:
        assert f"{made.RECORDS} is damaged and ignored." in said(planner, copied)
    assert plan(planner, copied) == plan(planner, copied) == EVERYTHING
    run(planner, copied)
    assert plan(planner, copied) == {}


def test_a_record_of_another_version_of_snakemake_counts_for_nothing(
    planner: Planner, copied: Path
):
    records = copied / made.RECORDS
    content = json.loads(gzip.decompress(records.read_bytes()))
    content["results/alone.txt"]["record"]["record_format_version"] -= 1
    content["results/last.txt"]["record"]["input"] = 7  # no list
    first = content["results/a/first.txt"]["record"]
    first["input_checksums"] = {".": "sha256:0"}  # no file
    records.write_bytes(gzip.compress(json.dumps(content).encode()))
    assert plan(planner, copied) == {"all": 1, "alone": 1, "last": 1}


@pytest.mark.parametrize(("first", "last", "jobs"), [(10, 20, {}), (20, 10, {"all": 1, "last": 1})])
def test_results_of_a_machine_whose_clock_is_ahead_keep_their_order(
    planner: Planner, copied: Path, first: float, last: float, jobs: dict[str, int]
):
    records = copied / made.RECORDS
    content = json.loads(gzip.decompress(records.read_bytes()))
    for name, later in {"results/a/first.txt": first, "results/last.txt": last}.items():
        content[name]["record"]["endtime"] = time.time() + 1e6 + later
    records.write_bytes(gzip.compress(json.dumps(content).encode()))
    assert plan(planner, copied) == jobs
    for path in copied.glob("results/**/*.txt"):
        assert path.stat().st_mtime <= time.time()


def test_touch_accepts_what_nobody_knows(planner: Planner, copied: Path):
    (copied / made.RECORDS).unlink()
    (copied / "results/alone.txt").write_text("mine")
    assert "unknown origin" not in run(planner, copied, "--touch")
    assert plan(planner, copied) == {}
    assert (copied / "results/alone.txt").read_text() == "mine"


@pytest.mark.parametrize("lost", [(made.RECORDS,), (made.RECORDS, made.INDEX)])
def test_records_that_were_lost_or_never_written_are_written_by_the_next_run(
    planner: Planner, original: Path, tmp_path: Path, lost: tuple[str | Path, ...]
):
    folder = shutil.copytree(original, tmp_path / "copy")
    for path in lost:
        (folder / path).unlink()
    assert plan(planner, folder) == {}
    assert (folder / made.RECORDS).read_bytes() == (original / made.RECORDS).read_bytes()


def test_files_of_a_running_job_are_left_to_snakemake(
    planner: Planner, original: Path, tmp_path: Path
):
    folder = shutil.copytree(original, tmp_path / "copy")
    metadata = folder / ".snakemake/metadata"
    [record] = (it for it in metadata.iterdir() if '"alone"' in it.read_text())
    shutil.copy(record, folder / ".snakemake/incomplete")  # as Snakemake marks it
    before = record.read_text()
    (folder / "results/alone.txt").write_text("half")
    planner.snakemake(folder, "--dry-run")
    assert record.read_text() == before


def test_files_that_no_rule_makes_are_nobodys_business(planner: Planner, copied: Path):
    (copied / "results/notes.txt").write_text("mine")
    (copied / "results/circle").symlink_to(copied)
    assert "notes.txt" not in said(planner, copied)
    assert plan(planner, copied) == {}


def test_without_metadata_nothing_is_checked(planner: Planner, copied: Path):
    (copied / made.RECORDS).unlink()
    assert "unknown origin" not in run(planner, copied, "--drop-metadata")


def test_nothing_is_read_when_nothing_changed(
    planner: Planner, original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each start of Snakemake passes here: sizes and times must do."""
    folder = shutil.copytree(original, tmp_path / "copy")
    plan(planner, folder)
    (folder / made.RECORDS).chmod(0)
    shutil.rmtree(folder / ".snakemake/metadata")
    monkeypatch.chdir(folder)
    warnings: list[str] = []
    assert made.check([], warnings.append) == []
    assert not warnings
    assert not (folder / ".snakemake/metadata").exists()
