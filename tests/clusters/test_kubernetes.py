"""The study on Kubernetes, as far as the job that is sent to the cluster."""

import os
from pathlib import Path

import kubernetes_api
import pytest
from environments import python_with
from fixtures import run_command
from fixtures.workflow import clone

PROFILE = ("--profile", "workflow/profiles/kubernetes")


@pytest.mark.slow
def test_a_job_for_kubernetes_has_the_image_the_volume_and_what_the_rule_asks_for(tmp_path: Path):
    python = python_with("kubernetes")
    study, volume, commands = clone(tmp_path / "study"), tmp_path / "volume", tmp_path / "bin"
    volume.mkdir()
    commands.mkdir()
    rsync = commands / "rsync"  # puts the sources of the study onto the volume
    rsync.write_text('#!/bin/sh\nwhile [ $# -gt 2 ]; do shift; done\ncp "$1" "$2"\n')
    rsync.chmod(0o755)
    command = (python, "-m", "snakemake", "results/tables/settings.csv", *PROFILE)
    command += ("--default-storage-prefix", str(volume))
    command += ("--kubernetes-persistent-volumes", f"study:{volume}")
    command += ("--retries", "0", "--seconds-between-status-checks", "1")
    path = f"{commands}:{Path(python).parent}:{os.environ['PATH']}"
    with kubernetes_api.cluster(tmp_path / "kubeconfig") as jobs:
        environment = os.environ | {"PATH": path, "KUBECONFIG": str(tmp_path / "kubeconfig")}
        done = run_command(*command, cwd=study, env=environment)
    assert "Failed: a group of 1 jobs" in done.stdout + done.stderr  # the stand-in runs nothing
    [job] = jobs
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["image"] == "registry.example.org/fashion-mnist-study:latest"
    assert {"name": "study", "mountPath": str(volume)} in container["volumeMounts"]
    asked = {"cpu": "950m", "memory": "1000M", "ephemeral-storage": "2000M"}
    assert container["resources"]["requests"] == asked
    assert "--target-jobs 'collect_settings:'" in container["args"][1]
    [sources] = volume.iterdir()
    assert sources.name.startswith("snakemake-workflow-sources.")
