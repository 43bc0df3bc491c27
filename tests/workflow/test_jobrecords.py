"""What Snakemake has noted of jobs is read, put in order, and accounted for second by second."""

import base64
import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from fmstudy import jobrecords, spending
from fmstudy.jobrecords import Invocation, JobRecord
from fmstudy.runtime import StudyError

BEGIN = datetime(2026, 1, 2, 3, 4, 5, 500_000).timestamp()


def note(folder: Path, rule: str, log: str, start: float, outputs: dict, inputs: list[str]) -> None:
    """Leave what Snakemake notes of a job: a file an output, whose name is its path."""
    for output, end in outputs.items():
        name = base64.urlsafe_b64encode(output.encode()).decode()
        path = folder / "metadata" / (name if len(name) < 40 else f"@{name[:30]}/{name[30:]}")
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {"rule": rule, "input": inputs, "log": [log] if log else [], "starttime": start}
        path.write_text(json.dumps(told | {"endtime": end}), encoding="utf-8")


def log(folder: Path, stamp: str, text: str, end: float) -> None:
    path = folder / f"log/{stamp}.snakemake.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (end, end))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A study of two trainings on two cores, and something else that Snakemake made."""
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / ".snakemake"
    t = BEGIN
    note(kept, "prepare", "logs/prepare.log", t + 1, {"results/data/x_train.npy": t + 2}, [])
    for run, start, end in (("a", 2, 12), ("b", 2.5, 8)):
        place = f"results/runs/{run}/seed-1"
        note(
            kept, "train_lowlevel", f"logs/train_lowlevel/{run}/seed-1.log", t + start,
            {f"{place}/history.csv": t + end - 1, f"{place}/provenance.json": t + end},
            ["results/data/x_train.npy"],
        )  # fmt: skip
        told = {"seconds": {"whole": end - start - 0.5, "startup": 2.0, "training": 3.0}}
        path = tmp_path / f"{place}/provenance.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(told | {"processor_seconds": 4.5}), encoding="utf-8")
    both = [f"results/runs/{run}/seed-1/history.csv" for run in "ab"]
    note(kept, "collect", "logs/collect.log", t + 12.5, {"results/tables/runs.csv": t + 13}, both)
    table = ["results/tables/runs.csv"]
    note(kept, "export", "logs/export.log", t + 13, {"results/tables/runs.tex": t + 14}, table)
    note(kept, "render", "logs/render.log", t + 13, {"report/final.html": t + 15}, table)
    note(kept, "plot", "logs/plot/x.log", t + 8, {"results/elsewhere.svg": t + 9}, [])
    note(kept, "plot", "", t + 300, {"results/later.svg": t + 301}, [])
    text = (
        "Provided cores: 2\n"
        "localrule train_lowlevel:\n    output: x\n    log: logs/train_lowlevel/a/seed-1.log\n"
        "    priority: 40\n    resources: y\n"
        "rule train_lowlevel:\n    log: logs/train_lowlevel/b/seed-1.log\n    priority: 7\n"
        "localrule collect:\n    log: logs/collect.log\n    resources: y\n"
    )
    log(kept, "2026-01-02T030405.500000", text, t + 15.5)
    log(kept, "2026-01-02T030407.500000", "Building DAG of jobs...\n", t + 3)  # that drew the rules
    return kept


def test_jobs_have_their_times_over_all_outputs_and_names_of_their_logs(folder):
    jobs = {job.name: job for job in jobrecords.read_jobs(folder)}
    assert jobs["train_lowlevel/a/seed-1"].seconds == pytest.approx(10.0)
    assert jobs["train_lowlevel/a/seed-1"].inputs == {"results/data/x_train.npy"}
    assert {"prepare", "collect", "plot/x", "plot/results/later.svg"} <= set(jobs)
    assert len(jobs) == 8


def test_a_report_needs_what_leads_to_it_and_its_tables_for_papers(folder):
    jobs = jobrecords.of_report(jobrecords.read_jobs(folder), "report/final.html")
    names = [job.name for job in jobs]
    trainings = ["train_lowlevel/a/seed-1", "train_lowlevel/b/seed-1"]
    assert names == ["prepare", *trainings, "collect", "export", "render"]
    waits = jobrecords.before(jobs)
    assert waits["collect"] == set(trainings)
    assert waits["prepare"] == set()


def test_a_report_that_was_not_made_is_refused(folder):
    with pytest.raises(StudyError, match=r"report/other.html has not been made"):
        jobrecords.of_report(jobrecords.read_jobs(folder), "report/other.html")
    with pytest.raises(StudyError, match="missing"):
        jobrecords.of_report(jobrecords.read_jobs(folder / "nowhere"), "report/final.html")


def test_runs_of_snakemake_are_those_that_had_cores(folder):
    [run] = jobrecords.read_invocations(folder)
    assert run == Invocation(BEGIN, BEGIN + 15.5, 2)


def test_priorities_are_those_with_which_jobs_started(folder):
    found = jobrecords.read_priorities(folder)
    assert found == {
        "logs/train_lowlevel/a/seed-1.log": 40,
        "logs/train_lowlevel/b/seed-1.log": 7,
        "logs/collect.log": 0,
    }
    planned = spending.to_schedule(jobrecords.read_jobs(folder), found)
    ranks = {job.name: job.rank for job in planned}
    assert (ranks["train_lowlevel/a/seed-1"], ranks["collect"], ranks["plot/x"]) == (40, 0, 0)


def profile(folder: Path) -> dict[str, float]:
    everything = jobrecords.read_jobs(folder)
    jobs = jobrecords.of_report(everything, "report/final.html")
    runs = jobrecords.read_invocations(folder)
    found = spending.spending(jobs, everything, runs)
    assert found.capacity == pytest.approx(31.0)
    text = spending.as_text(found, "report/final.html", len(jobs))
    assert "6 jobs, made in 1 run of Snakemake on 2 cores in 15.5 s: 31.0 core-seconds" in text
    whole = sum(line.seconds for line in found.lines if line.depth == 0)
    assert whole == pytest.approx(found.capacity)  # nothing is lost, nothing counted twice
    return {line.what: line.seconds for line in found.lines}


def test_every_core_second_is_accounted_for(folder):
    found = profile(folder)
    assert found["trainings"] == pytest.approx(10.0 + 5.5)
    assert found[spending.PARTS["training"]] == pytest.approx(6.0)
    assert found[spending.PARTS["startup"]] == pytest.approx(4.0)
    assert found[spending.LAUNCH] == pytest.approx(1.0)
    assert found[spending.BESIDE] == pytest.approx(15.5 - 6.0 - 4.0 - 1.0)
    assert found["other jobs"] == pytest.approx(1.0 + 0.5 + 1.0 + 2.0)
    assert found["jobs for something else than this report"] == pytest.approx(1.0)


def test_free_cores_are_snakemakes_where_a_job_could_have_started_and_idle_else(folder):
    found = profile(folder)
    assert found["before the first job"] == pytest.approx(2 * 1.0)
    assert found["after the last job"] == pytest.approx(2 * 0.5)
    # 1 to 2: prepare runs, the plot could.  2 to 2.5: b could; to 8: none free.  8 to 9: none.
    # 9 to 12: nothing could start.  12 to 12.5: collect could, one core idle.  12.5 to 13: one
    # idle.  13 to 14: none free.  14 to 15: one idle.
    could = "between jobs, while another could have started"
    assert found[could] == pytest.approx(1.0 + 0.5 + 0.5)
    assert found["idle: nothing could start"] == pytest.approx(3.0 + 0.5 + 0.5 + 1.0)


def test_without_its_logs_a_study_has_no_idle_cores_to_tell_of(folder):
    everything = jobrecords.read_jobs(folder)
    jobs = jobrecords.of_report(everything, "report/final.html")
    found = spending.spending(jobs, everything, [])
    assert found.capacity is None
    assert "idle: nothing could start" not in {line.what for line in found.lines}
    assert "Not known: idle cores" in spending.as_text(found, "report/final.html", len(jobs))


def test_predictions_tell_the_bound_and_when_more_cores_do_not_help():
    jobs = [JobRecord("a", "r", "", 0.0, 10.0, frozenset(), ("x",))]
    jobs += [JobRecord("b", "r", "", 0.0, 5.0, frozenset({"x"}), ("y",))]
    jobs += [JobRecord(f"c{i}", "r", "", 0.0, 5.0, frozenset(), (f"{i}",)) for i in range(3)]
    text = spending.predictions(spending.to_schedule(jobs), [1, 2, 64])
    assert [line.split()[:2] for line in text.splitlines()[1:4]] == [
        ["1", "30.0"], ["2", "15.0"], ["64", "15.0"],
    ]  # fmt: skip
    assert "The longest, a, takes 10.0 s." in text
    assert "The longest chain takes 15.0 s: a (10.0 s), b (5.0 s)." in text
    assert "More than 2 cores save no more than 2 %." in text
