"""Stand-ins for the commands of LSF that Snakemake's plugin calls: jobs run on this machine.

`install(folder)` makes the commands; `submitted(folder)` says what was submitted, and how it ended.
"""

import stat
from dataclasses import dataclass
from pathlib import Path

COMMANDS = {
    # Snakemake submits one job at a time, so numbers are not taken twice.
    "bsub": """
        job=$(ls jobs | wc -l)
        printf '%s\\0' "$@" >"jobs/$job"
        for command; do :; done
        while [ "$1" != -cwd ]; do [ "$1" != -o ] || log=$2; shift; done
        directory=$2
        (cd "$directory" && sh -c "$command" >"$log" 2>&1 && echo DONE || echo EXIT) >"ended/$job" &
        echo "Job <$job> is submitted to queue <normal>."
    """,
    "bjobs": """
        for job in $(ls jobs); do
            how=$(cat "ended/$job"); echo "$job ${how:-RUN}"
        done
    """,
    "bkill": "exit 0",
    "bhist": "echo 'Job <1>, Project <study>'",
    "badmin": """
        echo "MBD configuration at $(date)"
        echo "LSB_SHAREDIR = $PWD"
        echo "LSF_CONFDIR = $PWD"
        echo "LSF_UNIT_FOR_LIMITS = MB"
    """,
    "lsclusters": "echo CLUSTER_NAME STATUS; echo here ok",
}


@dataclass
class Job:
    """A submitted job: the options of bsub, the command, and DONE or EXIT."""

    options: str
    command: str
    ended: str


def install(folder: Path) -> Path:
    """Make the commands in a new folder, and return the folder to put into PATH."""
    commands = folder / "bin"
    configuration = folder / "lsbatch/here/configdir"
    for it in (commands, configuration, folder / "jobs", folder / "ended"):
        it.mkdir(parents=True)
    (configuration / "lsb.params").write_text("DEFAULT_QUEUE = normal\n")
    for name, body in COMMANDS.items():
        path = commands / name
        path.write_text(f"#!/bin/sh\ncd '{folder}' || exit\n{body}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return commands


def submitted(folder: Path) -> list[Job]:
    """Return the submitted jobs, in that order."""
    found = []
    for path in sorted((folder / "jobs").iterdir(), key=lambda path: int(path.name)):
        *options, command = path.read_text().removesuffix("\0").split("\0")
        ended = (folder / "ended" / path.name).read_text().strip()
        found.append(Job(" ".join(options), command, ended))
    return found
