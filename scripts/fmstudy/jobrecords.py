"""What Snakemake has kept of the jobs of a study: their times, their order, and its own runs.

Beside each output Snakemake notes, in .snakemake/metadata, the rule, the inputs, and when the job
started and the file was written; each run of it leaves a log.  Both are there after any run, and
cover every job, also those that measure nothing themselves.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fmstudy import runtime
from fmstudy.runtime import StudyError

UNKNOWN = "what Snakemake has noted of it (.snakemake/metadata) is missing"


@dataclass(frozen=True)
class JobRecord:
    """A job that has run: times are seconds since 1970.

    name    the rule and what tells its jobs apart, such as train_lowlevel/mlp-300/seed-1
    log     the path of its log, or nothing
    end     when the last output was written; the end of the process is not noted
    """

    name: str
    rule: str
    log: str
    start: float
    end: float
    inputs: frozenset[str]
    outputs: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """How long the job took."""
        return self.end - self.start

    def cost(self) -> dict[str, Any] | None:
        """What the job told of its own cost, if it did; see `fmstudy.cost.record`."""
        for path in self.outputs:
            if Path(path).name == "provenance.json" and Path(path).exists():
                told = runtime.read_json(path)
                return told if "processor_seconds" in told else None  # else of older code
        return None


@dataclass(frozen=True)
class Invocation:
    """A run of Snakemake: from its start to its end, in seconds since 1970, on so many cores."""

    start: float
    end: float
    cores: int


def read_jobs(folder: str | Path = ".snakemake") -> list[JobRecord]:
    """Read every job whose outputs Snakemake knows, by their starts."""
    metadata = Path(folder) / "metadata"
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for path in sorted(path for path in metadata.rglob("*") if path.is_file()):
        note = json.loads(path.read_text(encoding="utf-8"))
        if note.get("starttime") and note.get("endtime"):
            output = _output_of(path.relative_to(metadata))
            found.setdefault(_name_of(note, output), []).append((output, note))
    jobs = [
        JobRecord(
            name=name,
            rule=notes[0][1]["rule"],
            log="".join(notes[0][1]["log"][:1]),
            start=min(note["starttime"] for _, note in notes),
            end=max(note["endtime"] for _, note in notes),
            inputs=frozenset(path for _, note in notes for path in note["input"]),
            outputs=tuple(sorted(output for output, _ in notes)),
        )
        for name, notes in found.items()
    ]
    return sorted(jobs, key=lambda job: (job.start, job.name))


def _output_of(path: Path) -> str:
    """The file that a note is about: its name is the path, in base 64 and in pieces if long."""
    return base64.urlsafe_b64decode("".join(part.lstrip("@") for part in path.parts)).decode()


def _name_of(note: dict[str, Any], output: str) -> str:
    """The rule, and what its log's path adds to that: every job has a log of its own."""
    if not note.get("log"):
        return f"{note['rule']}/{output}"
    stem = Path(note["log"][0]).with_suffix("")
    parts = stem.parts[stem.parts.index(note["rule"]) :] if note["rule"] in stem.parts else ()
    return "/".join(parts or (note["rule"], *stem.parts))


def of_report(jobs: Iterable[JobRecord], page: str) -> list[JobRecord]:
    """The jobs behind a report: those of its page, its PDF and its LaTeX, and all that they need.

    Raises StudyError if the page has not been made.
    """
    jobs = list(jobs)
    maker = {path: job for job in jobs for path in job.outputs}
    if page not in maker:
        raise StudyError(f"{page} has not been made in this folder, or {UNKNOWN}.")
    wanted: set[str] = set()

    def need(paths: Iterable[str]) -> None:
        waiting = [path for path in paths if path in maker]
        while waiting:
            job = maker[waiting.pop()]
            if job.name not in wanted:
                wanted.add(job.name)
                waiting += [path for path in job.inputs if path in maker]

    need([page, str(Path(page).with_suffix(".pdf"))])
    made = [path for job in jobs if job.name in wanted for path in job.outputs]
    need([str(Path(path).with_suffix(".tex")) for path in made if path.endswith(".csv")])
    return [job for job in jobs if job.name in wanted]


def before(jobs: Sequence[JobRecord]) -> dict[str, frozenset[str]]:
    """For each job by name, the names of those among the jobs whose outputs it took."""
    maker = {path: job.name for job in jobs for path in job.outputs}
    return {
        job.name: frozenset(maker[path] for path in job.inputs if path in maker) - {job.name}
        for job in jobs
    }


def read_priorities(folder: str | Path = ".snakemake") -> dict[str, int]:
    """Read the priority with which each job last started, by its log's path, from the logs.

    A job that started with none has 0; of one whose log is gone nothing is known.
    """
    found: dict[str, int] = {}
    for path in sorted((Path(folder) / "log").glob("*.snakemake.log")):
        for job in re.split(r"^(?:local)?rule \w+:$", path.read_text(encoding="utf-8"), flags=re.M):
            log = re.search(r"^    log: (\S+)", job, re.M)
            priority = re.search(r"^    priority: (\d+)", job, re.M)
            if log:
                found[log[1].rstrip(",")] = int(priority[1]) if priority else 0
    return found


def read_invocations(folder: str | Path = ".snakemake") -> Iterator[Invocation]:
    """Read when Snakemake ran jobs in this folder, from its logs: a second one only plans."""
    for path in sorted((Path(folder) / "log").glob("*.snakemake.log")):
        started = re.match(r"\d{4}-\d\d-\d\dT\d{6}\.\d+", path.name)
        cores = re.search(r"^Provided cores: (\d+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        if started and cores:
            moment = datetime.strptime(started[0], "%Y-%m-%dT%H%M%S.%f").timestamp()
            yield Invocation(moment, path.stat().st_mtime, int(cores[1]))
