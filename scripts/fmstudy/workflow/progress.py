"""The progress of a run of the workflow, and an estimate of the time left.

The time left is the remaining work, in typical seconds on one core (`estimates.job_seconds`), times
the slowdown measured in this run, divided by the number of cores.  Trainings log their progress
(`runtime.Progress`), and these logs are read while they run.  This module is independent of
Snakemake; `terminal` shows the result.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fmstudy.workflow import estimates

TAIL = 65_536  # bytes read from the end of a log
CLOCK_TOLERANCE = 10.0  # seconds by which clocks of two machines may differ
PRIOR_SECONDS = 5.0  # at typical speed, assumed before the first measurement


@dataclass(frozen=True)
class Job:
    """A planned job."""

    id: int
    rule: str
    seconds: float  # typical duration on one core; 0 for target rules
    wildcards: Mapping[str, str] = field(default_factory=dict)
    log: str | None = None
    reason: str = ""  # why it runs, such as "code changed"

    @property
    def name(self) -> str:
        """A readable name: plot_curves A, or train_keras keras-mlp-8 seed 1."""
        values = (f"{key} {it}" if it.isdigit() else it for key, it in self.wildcards.items())
        return " ".join([self.rule, *values])

    @property
    def trains(self) -> bool:
        """Whether it trains a model and logs each epoch."""
        return self.rule in estimates.TRAININGS


@dataclass(frozen=True)
class Run:
    """A planned run of Snakemake.

    slots       cores, or the number of concurrent jobs on a cluster
    targets     the requested files
    keep_going  whether other jobs continue after a failure
    finished, failed, retried   whether a job, by its id, is done, has finally failed, or will be
                                retried if it fails now
    """

    jobs: Sequence[Job]
    slots: int
    targets: Sequence[str] = ()
    keep_going: bool = False
    finished: Callable[[int], bool] = lambda id: False
    failed: Callable[[int], bool] = lambda id: False
    retried: Callable[[int], bool] = lambda id: False


class Stage(NamedTuple):
    """A job's last progress: its subject, the fraction done, and the time (seconds since 1970)."""

    subject: str
    share: float
    at: float


_LINE = re.compile(  # a line of runtime.job with a message of runtime.Progress
    r"^\d{4}-\d\d-\d\d [\d:,]+ INFO (.+): ([\d,]+) of ([\d,]+) [a-z][a-z ]*[a-z](?:, .*)?$",
    re.MULTILINE,
)


def read_tail(log: str | Path, since: float) -> tuple[str, float]:
    """Read the end of a log and its modification time; empty if that is before `since`."""
    try:
        with open(log, "rb") as file:
            at = os.fstat(file.fileno()).st_mtime
            if at < since - CLOCK_TOLERANCE:  # from an earlier run
                return "", 0.0
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL, 0))
            return file.read().decode("utf-8", "replace"), at
    except OSError:
        return "", 0.0


def read_stage(log: str | Path, since: float = 0.0) -> Stage | None:
    """Read a job's progress from its log; None if it logged none since then."""
    text, at = read_tail(log, since)
    messages = _LINE.findall(text)
    if not messages:
        return None
    subject, done, total = messages[-1]
    return Stage(subject, float(done.replace(",", "")) / float(total.replace(",", "")), at)


@dataclass(frozen=True)
class Outlook:
    """The estimated rest of a run."""

    seconds: float  # until its end
    share: float  # of the work done
    rough: bool  # less than a tenth of the work has been measured
    left: Mapping[int, float]  # seconds by job id


class State:
    """The state of a run: its jobs, those running and done, and their speed.

    Times are seconds since 1970.
    """

    def __init__(self, jobs: Iterable[Job], slots: int) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.slots = slots
        self.running: dict[int, float] = {}  # start times
        self.grouped: set[int] = set()  # jobs that share their time with others
        self.done: set[int] = set()
        self.failed: set[int] = set()
        self.stages: dict[int, Stage] = {}
        self.took = self.typical = 0.0  # actual and typical seconds of finished jobs
        self.share = 0.0

    def start(self, ids: Iterable[int], now: float, grouped: bool = False) -> None:
        """Record that jobs have started."""
        known = {id for id in ids if id in self.jobs}
        self.running |= dict.fromkeys(known, now)
        self.failed -= known
        if grouped:
            self.grouped |= known

    def finish(self, id: int, now: float) -> None:
        """Record that a job has finished, and its duration."""
        began = self.running.pop(id, None)
        if id not in self.jobs or id in self.done:
            return
        self.done.add(id)
        if began is not None and id not in self.grouped:
            self.took += now - began
            self.typical += self.jobs[id].seconds

    def fail(self, id: int) -> None:
        """Record that a job has failed; it may be retried."""
        if self.running.pop(id, None) is not None:
            self.failed.add(id)

    def read_logs(self) -> None:
        """Read the logs of running jobs."""
        self.stages = {
            id: stage
            for id, began in self.running.items()
            if (log := self.jobs[id].log) and (stage := read_stage(log, began))
        }

    def outlook(self, now: float) -> Outlook:
        """Estimate the rest of the run from what was recorded and read."""
        took, typical = self.took, self.typical
        for id, stage in self.stages.items():
            if id in self.running and self.jobs[id].trains:
                took += max(stage.at - self.running[id], 0.0)
                typical += stage.share * self.jobs[id].seconds
        slower = (took + PRIOR_SECONDS) / (typical + PRIOR_SECONDS)
        over = self.done | self.failed
        remaining = (job for id, job in self.jobs.items() if id not in over)
        left = {job.id: self._left(job.id, slower * job.seconds, now) for job in remaining}
        total = sum(job.seconds for job in self.jobs.values())
        waiting = sum(left.values())
        if total:
            self.share = max(self.share, 1.0 - waiting / (slower * total))
        # With any number of cores, the longest job is a lower bound.
        seconds = max(waiting / self.slots, *left.values(), 0.0)
        return Outlook(seconds, self.share, typical < total / 10, left)

    def _left(self, id: int, expected: float, now: float) -> float:
        if id not in self.running:
            return expected
        stage, elapsed = self.stages.get(id), max(now - self.running[id], 0.0)
        if stage and self.jobs[id].trains:
            return expected * (1.0 - stage.share)
        # An overdue job is expected to take another tenth of its time.
        return max(expected - elapsed, 0.1 * elapsed)
