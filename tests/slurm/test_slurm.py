"""The study on a cluster: a real SLURM of one node, started for these tests (slurmcluster)."""

import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import slurmcluster
import yaml
from fixtures import REPOSITORY
from fixtures.rules import rules
from fixtures.workflow import clone, snakemake

pytestmark = pytest.mark.workflow

PROFILE = "workflow/profiles/slurm"


# ---------------------------------------------------------------------------- what jobs ask for
def test_a_rule_outside_the_group_says_what_it_needs():
    """Rules with a priority are outside the group, see hooks.smk."""
    profile = yaml.safe_load((REPOSITORY / PROFILE / "profile.yaml").read_text())
    assert list(profile["group-components"]) == ["report"]
    outside = {name: body for name, body in rules().items() if "    priority: " in body}
    assert {"train_lowlevel", "run_experiment", "collect_arms"} <= set(outside)
    for name, body in outside.items():
        needs = r"    resources:\n(        \*\*GPUS,\n)?        mem_mb=.+\n        runtime=.+\n"
        assert re.search(needs, body), f"{name}: resources"


# ----------------------------------------------------------------------------- the study, run
@dataclass
class Run:
    """What is left of a run on the cluster, of which one training was canceled."""

    directory: Path
    exit_code: int
    said: str
    jobs: list[dict[str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data_folder: Path) -> Run:
    """A sweep on the cluster: the data, two trainings, and what is made of them (a minute)."""
    directory = clone(tmp_path_factory.mktemp("cluster"), data_folder)
    command = [sys.executable, "-m", "snakemake", "sweep_width", "--profile", PROFILE]
    command += ["--slurm-status-command", "squeue", "--cores", "2"]  # which the node has
    command += ["--slurm-init-seconds-before-status-checks", "1"]
    said = directory / "said"
    try:
        with slurmcluster.cluster() as cluster, open(said, "w", encoding="utf-8") as out:
            process = subprocess.Popen(
                command, cwd=directory, env=cluster.environment, stdout=out, stderr=out
            )
            try:
                while process.poll() is None:
                    if number := cluster.training_at_work(directory):
                        cluster.run("scancel", number)
                        break
                    time.sleep(0.1)
                process.wait(600)
            finally:
                process.kill()
            return Run(directory, process.returncode, said.read_text("utf-8"), cluster.completed())
    except slurmcluster.ClusterError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.mark.slurm
def test_a_canceled_training_is_tried_again_with_more_and_the_study_goes_on(run: Run):
    assert run.exit_code == 0, run.said
    assert "SLURM status is: 'CANCELLED'" in run.said
    # two trainings, one of them again, and one job for a table and two figures
    assert Counter(job["JobState"] for job in run.jobs) == {"COMPLETED": 3, "CANCELLED": 1}
    [canceled] = [job for job in run.jobs if job["JobState"] == "CANCELLED"]
    assert [2 * amount for amount in asked(canceled)] in [asked(job) for job in run.jobs]


def asked(job: dict[str, str]) -> list[int]:
    """The megabytes and minutes that a job asked for."""
    return [int(re.search(r"mem=(\d+)M", job["Tres"])[1]), int(job["TimeLimit"])]


@pytest.mark.slurm
def test_results_have_the_same_bytes_as_without_a_cluster(
    run: Run, data_folder: Path, tmp_path: Path
):
    local = clone(tmp_path, data_folder)
    done = snakemake(local, "--cores", "2", "sweep_width")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(contents(local)) == 6 + 2 * 4 + 1 + 2 * 3  # data, trainings, table, figures
    assert contents(run.directory) == contents(local)


def contents(directory: Path) -> dict[str, bytes]:
    """What each file of the results holds, but for those that say when and for how long."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.glob("results/**/*")
        if path.is_file() and path.name not in ("provenance.json", "made.json.gz")
    }


@pytest.mark.slurm
def test_nothing_is_left_half_made(run: Run):
    assert list(run.directory.rglob("results/**/.*")) == []
    done = snakemake(run.directory, "sweep_width", "--cores", "1")
    assert "Nothing to be done" in done.stdout + done.stderr, done.stdout + done.stderr


def test_a_machine_without_slurm_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slurmcluster, "find", lambda command: None)
    missing = pytest.raises(slurmcluster.ClusterError, match="install munge slurmctld slurmd")
    with missing, slurmcluster.cluster():
        pass
