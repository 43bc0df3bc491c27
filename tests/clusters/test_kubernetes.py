"""The study on Kubernetes, as far as a stand-in for its API shows it."""

import os
from pathlib import Path

import kubernetes_api
import pytest
from environments import python_with
from fixtures import run_command
from fixtures.workflow import clone

# What is not installed everywhere: copying to the volume, and the installation in the container.
COMMANDS = {
    "rsync": 'while [ $# -gt 2 ]; do shift; done; mkdir -p "$(dirname "$2")"; cp "$1" "$2"',
    "pip": "exit 0",
}


@pytest.mark.slow
def test_a_job_runs_in_a_container_that_has_nothing_but_the_sources_and_the_volume(tmp_path: Path):
    python = python_with("kubernetes")
    study, volume, commands = clone(tmp_path / "study"), tmp_path / "volume", tmp_path / "bin"
    volume.mkdir()
    commands.mkdir()
    for name, body in COMMANDS.items():
        (commands / name).write_text(f"#!/bin/sh\n{body}\n")
        (commands / name).chmod(0o755)
    for arguments in (
        ("init", "--quiet"),
        ("add", "--all"),
    ):  # which is what is sent
        run_command("git", *arguments, cwd=study)
    path = f"{commands}:{Path(python).parent}:{os.environ['PATH']}"
    command = (python, "-m", "snakemake", "results/tables/settings.csv")
    command += ("--profile", "workflow/profiles/kubernetes", "--retries", "0")
    command += ("--default-storage-prefix", str(volume), "--seconds-between-status-checks", "1")
    command += ("--kubernetes-persistent-volumes", f"study:{volume}")
    with kubernetes_api.cluster(tmp_path, path) as jobs:
        environment = os.environ | {"PATH": path, "KUBECONFIG": str(tmp_path / "kubeconfig")}
        done = run_command(*command, cwd=study, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    [job] = jobs
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.org/fashion-mnist-study:latest"
    assert {"name": "study", "mountPath": str(volume)} in container["volumeMounts"]
    asked = {"cpu": "950m", "memory": "1000M", "ephemeral-storage": "2000M"}
    assert container["resources"]["requests"] == asked
    assert (volume / "results/tables/settings.csv").exists()
