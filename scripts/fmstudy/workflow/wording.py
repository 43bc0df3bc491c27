"""The texts of `terminal`: reasons for jobs and failures, plans, results and durations.

Pure functions of plain descriptions and of Snakemake's log records.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from fmstudy import runtime
from fmstudy.analysis import formats
from fmstudy.workflow import progress, warmstart
from fmstudy.workflow.progress import Outlook, Run

# Set it to "full" to see all of Snakemake's output.
VARIABLE = "FMSTUDY_OUTPUT"
LISTED = 3  # files of a folder that are listed one by one

# Snakemake's reasons for jobs (`Reason.get_names`), the most informative first.
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


def run_reason(
    names: Iterable[str],
    changed: Collection[str] = (),
    code: str | None = None,
    is_unknown: bool = False,
) -> str:
    """Describe briefly why a job runs, from Snakemake's reasons and the changed parameters.

    `code` is the job's parameter with the code digest, if it has one; `is_unknown` is whether a
    result of unknown origin exists (`made`).
    """
    if is_unknown:
        return "unknown or changed result"
    found = {REASONS.get(name, name) for name in names}
    if changed and set(changed) <= {repr(code), code}:
        found = found - {"parameters changed"} | {"code changed"}
    order = list(REASONS.values())
    return min(found, key=lambda it: order.index(it) if it in order else -1, default="")


# ----------------------------------------------------------------------------------------- failures
_ERROR = re.compile(  # a message of runtime.job, possibly of several lines
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:,\d{3})? ERROR (.*?)"
    r"(?=^Traceback |^\d{4}-\d\d-\d\d \d\d:|\Z)",
    re.MULTILINE | re.DOTALL,
)


_EXIT_STATUS = re.compile(r"returned non-zero exit status (\d+)")


def last_error(logs: Iterable[str], began: float) -> str:
    """Return the last error in the first of a job's logs with an error since it began, or ''."""
    found = (_ERROR.findall(progress.read_tail(log, began)[0]) for log in logs)
    return next((errors[-1].strip() for errors in found if errors), "")


def ending_signal(text: str) -> int:
    """Return the signal that ended a job, from Snakemake's message; 0 if there was none."""
    if found := re.search(r"died with <Signals\.\w+: (\d+)>", text):
        return int(found[1])
    found = _EXIT_STATUS.search(text)
    return int(found[1]) - 128 if found and 128 < int(found[1]) < 160 else 0


_SYSTEM_ERROR = re.compile(r"\[Errno (\d+)\][^:\n]*(?:: '([^'\n]+)')?")


def system_error(text: str) -> str:
    """Describe a full or unwritable disk that stopped Snakemake itself, with what to do, or ''."""
    found = _SYSTEM_ERROR.search(text)
    return runtime.remedy(int(found[1]), found[2] or os.getcwd()) if found else ""


def failure_cause(details: Mapping[str, Any], text: str, began: float) -> str:
    """Describe why a job failed whose log has no error since it began.

    `details` is Snakemake's record of the failure, `text` the preceding exception, if any.
    """
    if details.get("rule_msg"):
        return str(details["rule_msg"])
    logs = "\n".join(progress.read_tail(log, began)[0] for log in details["log"])
    last = [line for line in logs.splitlines() if line.strip()][-3:]
    if number := ending_signal(text):
        return "\n".join([*last, warmstart.signal_message(number)])
    if found := _EXIT_STATUS.search(text):
        command = str(details.get("shellcmd") or "").strip().partition("\n")[0]
        where = "" if last else "; its output is above"
        ending = f"Exit status {found[1]}{where}" + (f". Command: {command}" if command else "")
        return "\n".join([*last, ending])
    return (
        system_error(text)
        or text
        or "\n".join(last)
        or "The job reported no reason; see its output above."
    )


# ------------------------------------------------------------------------- plans and results
def plan(run: Run, outlook: Outlook) -> str:
    """Describe the plan: the numbers of jobs and of trainings, and the estimated duration."""
    trainings = sum(job.trains for job in run.jobs)
    part = f", {trainings} of them trainings" if trainings else ""
    return f"{count(len(run.jobs))} to run{part}: {_length(outlook, run)}."


def count(number: int) -> str:
    """Format a number of jobs."""
    return f"{number} job" if number == 1 else f"{number} jobs"


def _length(outlook: Outlook, run: Run) -> str:
    rough = "roughly" if outlook.rough else "about"
    return f"{rough} {rough_duration(outlook.seconds)} with {run.slots} at a time"


def table(run: Run, outlook: Outlook, order: Sequence[str] = ()) -> list[str]:
    """Describe a dry run: one line per rule, with the number of jobs and their reasons."""
    planned = {job.rule for job in run.jobs}
    reasons: dict[str, Counter[str]] = {rule: Counter() for rule in order if rule in planned}
    for job in run.jobs:
        reasons.setdefault(job.rule, Counter())[job.reason] += 1
    width = max(map(len, [*reasons, "total"]))
    lines = [f"{'rule':<{width}}  jobs  why"]
    for rule, counts in reasons.items():
        several = len(counts) > 1
        parts = [f"{why} {n}" if several else why for why, n in counts.most_common()]
        lines.append(f"{rule:<{width}}  {counts.total():>4}  {', '.join(parts)}".rstrip())
    lines.append(f"{'total':<{width}}  {len(run.jobs):>4}  {_length(outlook, run)}")
    return [*lines, f"Nothing was run. {VARIABLE}=full snakemake -n ... shows every job."]


def group_files(files: Sequence[str]) -> Iterator[str]:
    """List files; many of one kind in a folder as a pattern: tables/*.tex (72 files)."""

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
def rough_duration(seconds: float) -> str:
    """Format an estimated duration: 45 s, 12 min, 1 h 40 min."""
    if seconds < 57.5:
        return f"{max(5 * round(seconds / 5), 5)} s"
    minutes = seconds / 60
    if minutes < 29.5:
        return f"{round(minutes)} min"
    if minutes < 87.5:
        return f"{5 * round(minutes / 5)} min"
    whole = 10 * round(minutes / 10)
    return f"{whole // 60} h {whole % 60:02d} min" if whole % 60 else f"{whole // 60} h"


def exact_duration(seconds: float) -> str:
    """Format a measured duration, with ASCII spaces."""
    return formats.seconds(seconds).replace(formats.THIN, " ")
