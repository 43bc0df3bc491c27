"""How far a run of the workflow has come, and how long the rest may take.

The time left is the work left, in the seconds that it typically takes on one core
(`estimates.seconds_of`), times how much slower than typical the work of this run has been, divided
by the cores.  A training notes its progress in its log (`runtime.Progress`), where it is read while
the job runs.  Nothing here knows Snakemake: jobs are plain descriptions.  `terminal` shows the
result.
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
PATIENCE = 10.0  # seconds by which the clocks of two machines may differ
TRUST = 5.0  # seconds of typical speed that are assumed before anything was measured


@dataclass(frozen=True)
class Job:
    """A job that is to run.

    seconds      that it typically takes on one core; 0 if it runs nothing, as a target for people
    wildcards    what tells it from others of its rule
    reason       why it is to run, in a few words: code changed
    """

    id: int
    rule: str
    seconds: float
    wildcards: Mapping[str, str] = field(default_factory=dict)
    log: str | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """The job for people: plot_curves A, or train_keras keras-mlp-8 seed 1."""
        values = (f"{key} {it}" if it.isdigit() else it for key, it in self.wildcards.items())
        return " ".join([self.rule, *values])

    @property
    def trains(self) -> bool:
        """Whether it trains a model, and says so epoch by epoch."""
        return self.rule in estimates.TRAININGS


@dataclass(frozen=True)
class Run:
    """What a run of Snakemake is about to do.

    jobs        all that are to run
    slots       cores, or the number of concurrent jobs on a cluster
    targets     the files that were asked for
    keep_going  whether other jobs go on after one has failed
    finished, failed, retried   tell of a job, by its id, whether it is done, has failed for good,
                                will be tried again if it fails now
    """

    jobs: Sequence[Job]
    slots: int
    targets: Sequence[str] = ()
    keep_going: bool = False
    finished: Callable[[int], bool] = lambda id: False
    failed: Callable[[int], bool] = lambda id: False
    retried: Callable[[int], bool] = lambda id: False


class Stage(NamedTuple):
    """What a job says last: its subject, the share that is done, and when (seconds since 1970)."""

    subject: str
    share: float
    at: float


_LINE = re.compile(  # of runtime.job, with a message of runtime.Progress
    r"^\d{4}-\d\d-\d\d [\d:,]+ INFO (.+): ([\d,]+) of ([\d,]+) [a-z][a-z ]*[a-z](?:, .*)?$",
    re.MULTILINE,
)


def read_tail(log: str | Path, since: float) -> tuple[str, float]:
    """Read the end of a log and when it was written; nothing if that was before `since`."""
    try:
        with open(log, "rb") as file:
            at = os.fstat(file.fileno()).st_mtime
            if at < since - PATIENCE:  # of an earlier run
                return "", 0.0
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL, 0))
            return file.read().decode("utf-8", "replace"), at
    except OSError:
        return "", 0.0


def read_stage(log: str | Path, since: float = 0.0) -> Stage | None:
    """Read from a job's log how far it is; None if it has not said so since then."""
    text, at = read_tail(log, since)
    said = _LINE.findall(text)
    if not said:
        return None
    subject, done, total = said[-1]
    return Stage(subject, float(done.replace(",", "")) / float(total.replace(",", "")), at)


@dataclass(frozen=True)
class Outlook:
    """What is left of a run.

    seconds  until its end
    share    of its work that is done, in [0, 1]
    rough    less than a tenth of the work was measured yet
    left     seconds that each job needs yet, by its id
    """

    seconds: float
    share: float
    rough: bool
    left: Mapping[int, float]


class State:
    """What is known of a run: its jobs, which run and are done, how fast they are.

    jobs   all that are to be run
    slots  cores, or the number of concurrent jobs on a cluster
    Times are seconds since 1970.
    """

    def __init__(self, jobs: Iterable[Job], slots: int) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.slots = slots
        self.running: dict[int, float] = {}  # since when
        self.grouped: set[int] = set()  # jobs that share their time with others
        self.done: set[int] = set()
        self.failed: set[int] = set()
        self.stages: dict[int, Stage] = {}
        self.took = self.typical = 0.0  # seconds of the jobs that are done, and what is typical
        self.share = 0.0

    def start(self, ids: Iterable[int], now: float, grouped: bool = False) -> None:
        """Note that jobs have started."""
        known = {id for id in ids if id in self.jobs}
        self.running |= dict.fromkeys(known, now)
        self.failed -= known
        if grouped:
            self.grouped |= known

    def finish(self, id: int, now: float) -> None:
        """Note that a job has finished, and how long it took."""
        began = self.running.pop(id, None)
        if id not in self.jobs or id in self.done:
            return
        self.done.add(id)
        if began is not None and id not in self.grouped:
            self.took += now - began
            self.typical += self.jobs[id].seconds

    def fail(self, id: int) -> None:
        """Note that a job has failed; it may be tried again."""
        if self.running.pop(id, None) is not None:
            self.failed.add(id)

    def look(self) -> None:
        """Read the logs of the jobs that run."""
        found = {
            id: read_stage(log, began)
            for id, began in self.running.items()
            if (log := self.jobs[id].log)
        }
        self.stages = {id: stage for id, stage in found.items() if stage}

    def outlook(self, now: float) -> Outlook:
        """Estimate what is left, from what was noted and read so far."""
        took, typical = self.took, self.typical
        for id, stage in self.stages.items():
            if id in self.running and self.jobs[id].trains:
                took += max(stage.at - self.running[id], 0.0)
                typical += stage.share * self.jobs[id].seconds
        slower = (took + TRUST) / (typical + TRUST)
        over = self.done | self.failed
        left = {
            id: self._left(id, slower * job.seconds, now)
            for id, job in self.jobs.items()
            if id not in over
        }
        total = sum(job.seconds for job in self.jobs.values())
        waiting = sum(left.values())
        if total:
            self.share = max(self.share, 1.0 - waiting / (slower * total))
        # No number of cores is faster than the longest job.
        seconds = max(waiting / self.slots, *left.values(), 0.0)
        return Outlook(seconds, self.share, typical < total / 10, left)

    def _left(self, id: int, expected: float, now: float) -> float:
        if id not in self.running:
            return expected
        stage, elapsed = self.stages.get(id), max(now - self.running[id], 0.0)
        if stage and self.jobs[id].trains:
            return expected * (1.0 - stage.share)
        # What takes longer than expected is expected to take a little longer still.
        return max(expected - elapsed, 0.1 * elapsed)
