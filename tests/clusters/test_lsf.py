"""The study on LSF, as far as stand-ins for its commands show it."""

import os
import re
from pathlib import Path

import lsf
import pytest
from environments import python_with
from fixtures import run_command
from fixtures.workflow import clone

PROFILE = ("--profile", "workflow/profiles/lsf")


@pytest.mark.slow
def test_a_study_runs_through_lsf_and_its_jobs_ask_for_what_the_rules_say(
    tmp_path: Path, data_folder: Path
):
    python = python_with("lsf")
    study, cluster = clone(tmp_path / "study", data_folder), tmp_path / "cluster"
    commands = lsf.install(cluster)
    path = f"{commands}:{Path(python).parent}:{os.environ['PATH']}"
    command = (python, "-m", "snakemake", "sweep_width", *PROFILE)
    command += ("--seconds-between-status-checks", "1")
    done = run_command(*command, cwd=study, env=os.environ | {"PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    assert (study / "results/figures/sweep_width.svg").exists()
    first, second, last = lsf.submitted(cluster)  # the data are fetched without a job
    assert {first.ended, second.ended, last.ended} == {"DONE"}
    for training in (first, second):
        assert "-J Snakemake_rule_train_lowlevel" in training.options
        asked = r"-P study -q normal -W 5 -n 1 -R rusage\[mem=1\d{3}.0\] -R span\[hosts=1\] -cwd"
        assert re.search(asked, training.options), training.options
    assert "-J Snakemake_group_report" in last.options  # table and figures are one job
    assert len(last.command) < 2**17, "what a shell takes as one argument"
