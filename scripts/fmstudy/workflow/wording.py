"""The words of `terminal`: why jobs run and fail, what is planned, how long it takes.

Pure functions of plain descriptions and of what Snakemake's logger tells.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from fmstudy.analysis import formats
from fmstudy.workflow import progress, warmstart
from fmstudy.workflow.progress import Outlook, Run

# Set it to "full" to see everything that Snakemake says.
VARIABLE = "FMSTUDY_OUTPUT"
LISTED = 3  # files of a folder that are listed one by one

# Why Snakemake runs a job (`Reason.get_names`), the most telling first.
REASONS = {
    "forced": "forced",
    "code has changed since last execution": "code changed",
    "params have changed since last execution": "parameters changed",
    "software environment definition has changed since last execution": "environment changed",
    "incomplete output files": "incomplete output",
    "output files have to be generated": "missing output",
    "set of input files has changed since last execution": "set of inputs changed",
    "updated input files": "input updated",
    "input files updated by another job": "upstream job",
}


def why(names: Iterable[str], changed: Collection[str] = (), code: str | None = None) -> str:
    """Say in a few words why a job is run.

    names    Snakemake's reasons
    changed  parameters that are new, as Snakemake notes them
    code     the parameter among them that stands for the code, if the job has one
    """
    found = {REASONS.get(name, name) for name in names}
    if changed and set(changed) <= {repr(code), code}:
        found = found - {"parameters changed"} | {"code changed"}
    order = list(REASONS.values())
    return min(found, key=lambda it: order.index(it) if it in order else -1, default="")


# ------------------------------------------------------------------------------------ why it failed
_ERROR = re.compile(  # of runtime.job: a message of several lines ends where the next one begins
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:,\d{3})? ERROR (.*?)"
    r"(?=^Traceback |^\d{4}-\d\d-\d\d \d\d:|\Z)",
    re.MULTILINE | re.DOTALL,
)


def last_error(logs: Iterable[str], began: float) -> str:
    """Give the last error in the first log of a job that holds one since it began; or nothing."""
    found = (_ERROR.findall(progress.read_tail(log, began)[0]) for log in logs)
    return next((errors[-1].strip() for errors in found if errors), "")


def ended_by(text: str) -> int:
    """Give the signal that ended a job, from Snakemake's message; 0 if none did."""
    if found := re.search(r"died with <Signals\.\w+: (\d+)>", text):
        return int(found[1])
    found = re.search(r"returned non-zero exit status (\d+)", text)
    return int(found[1]) - 128 if found and 128 < int(found[1]) < 160 else 0


def cause(said: Mapping[str, Any], text: str, began: float) -> str:
    """Say why a job failed whose log holds no error.

    said   Snakemake's record of the failure
    text   the exception that came before, which may be empty
    began  when the job began, in seconds since 1970
    """
    if said.get("rule_msg"):
        return str(said["rule_msg"])
    logs = "\n".join(progress.read_tail(log, began)[0] for log in said["log"])
    last = "\n".join([line for line in logs.splitlines() if line.strip()][-3:])
    if number := ended_by(text):
        return "\n".join(filter(None, [last, warmstart.ending(number)]))
    if found := re.search(r"returned non-zero exit status (\d+)", text):
        command = str(said.get("shellcmd") or "").strip().partition("\n")[0]
        where = "" if last else "; its output is above"
        ending = f"Exit status {found[1]}{where}" + (f". Command: {command}" if command else "")
        return "\n".join(filter(None, [last, ending]))
    return text or last or "The job gave no reason; see its output above."


# ------------------------------------------------------------------------- plans and results
def plan(run: Run, outlook: Outlook) -> str:
    """Say in one line what will be done, and how long it may take."""
    trainings = sum(job.trains for job in run.jobs)
    some = f", {trainings} of them trainings" if trainings else ""
    return f"{count(len(run.jobs))} to run{some}: {_length(outlook, run)}."


def count(number: int) -> str:
    """Write a number of jobs."""
    return f"{number} job" if number == 1 else f"{number} jobs"


def _length(outlook: Outlook, run: Run) -> str:
    rough = "roughly" if outlook.rough else "about"
    return f"{rough} {about(outlook.seconds)} with {run.slots} at a time"


def table(run: Run, outlook: Outlook, order: Sequence[str] = ()) -> list[str]:
    """Say what would be done: a line per rule, with how many jobs and why."""
    reasons: dict[str, Counter[str]] = {
        rule: Counter() for rule in order if any(job.rule == rule for job in run.jobs)
    }
    for job in run.jobs:
        reasons.setdefault(job.rule, Counter())[job.reason] += 1
    width = max(map(len, [*reasons, "total"]))
    lines = [f"{'rule':<{width}}  jobs  why"]
    for rule, counts in reasons.items():
        parts = [
            reason if len(counts) == 1 else f"{reason} {n}" for reason, n in counts.most_common()
        ]
        lines.append(f"{rule:<{width}}  {counts.total():>4}  {', '.join(parts)}".rstrip())
    lines.append(f"{'total':<{width}}  {len(run.jobs):>4}  {_length(outlook, run)}")
    return [*lines, f"Nothing was run. {VARIABLE}=full snakemake -n ... shows every job."]


def grouped(files: Sequence[str]) -> Iterator[str]:
    """Name files; many of one kind in one folder by a pattern: tables/*.tex (72 files)."""

    def kind(file: str) -> tuple[str, str]:
        return os.path.dirname(file), os.path.splitext(file)[1]

    places = {key: i for i, key in reversed(list(enumerate(map(kind, files))))}
    for key, group in groupby(sorted(files, key=lambda file: places[kind(file)]), kind):
        members = list(group)
        if len(members) > LISTED:
            yield f"{os.path.join(key[0], '*' + key[1])} ({len(members)} files)"
        else:
            yield from members


# --------------------------------------------------------------------------------- durations
def about(seconds: float) -> str:
    """Write a duration no more exactly than it can be known: 45 s, 12 min, 1 h 40 min."""
    if seconds < 57.5:
        return f"{max(5 * round(seconds / 5), 5)} s"
    minutes = seconds / 60
    if minutes < 29.5:
        return f"{round(minutes)} min"
    if minutes < 87.5:
        return f"{5 * round(minutes / 5)} min"
    whole = 10 * round(minutes / 10)
    return f"{whole // 60} h {whole % 60:02d} min" if whole % 60 else f"{whole // 60} h"


def measured(seconds: float) -> str:
    """Write a duration that was measured, with spaces that every terminal can show."""
    return formats.seconds(seconds).replace(formats.THIN, " ")
