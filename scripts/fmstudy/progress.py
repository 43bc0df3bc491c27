"""How far a run of the workflow has come, and how long the rest may take.

Each job notes its progress in its own log (`runtime.Progress`), where it is read while the job
runs.  What is left is estimated job by job, from what such a job typically takes on one core
(`estimates.seconds_of`) times a factor measured in this run, and then scheduled on the cores there
are.  Nothing here knows Snakemake: jobs are plain descriptions.  `fmstudy.terminal` shows the
result.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from fmstudy import estimates, runtime, schedule

BUILD = 1.0  # seconds of a training until TensorFlow has made its graph
START = estimates.START  # seconds around a training: to start, read the data, write the files

TAIL = 65_536  # bytes read from the end of a log
PATIENCE = 10.0  # seconds by which the clocks of two machines may differ

Kind = tuple[str, ...]
AROUND: Kind = ("around",)  # a training: START


@dataclass(frozen=True)
class Job:
    """A job that is to run.

    seconds      that it typically takes on one core; 0 if it runs nothing, as a target for people
    wildcards    what tells it from others of its rule
    needs        ids of the jobs that must be done before
    reason       why it is to run, in a few words: code changed
    """

    id: int
    rule: str
    seconds: float
    wildcards: Mapping[str, str] = field(default_factory=dict)
    log: str | None = None
    needs: frozenset[int] = frozenset()
    priority: float = 0.0
    threads: int = 1
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

    @property
    def kind(self) -> Kind:
        """Which jobs it is like: most like those of the whole path, less like those above."""
        if self.trains:
            return (self.rule,)
        if self.rule == "run_experiment":
            return (self.rule, self.wildcards.get("experiment", ""))
        return ("others", self.rule.partition("_")[0], self.rule)

    def typical(self, share: float = 1.0) -> float:
        """Typical seconds of its work, or of a training's first part; without START."""
        if self.trains:
            return BUILD + share * (self.seconds - START)
        return self.seconds


@dataclass(frozen=True)
class Run:
    """What a run of Snakemake is about to do.

    jobs        all that are to run
    slots       cores, or the number of concurrent jobs on a cluster
    targets     the files that were asked for
    pace        file of the factors that the last run has measured, for the estimates of this one
    keep_going  whether other jobs go on after one has failed
    finished, failed, retried   tell of a job, by its id, whether it is done, has failed for good,
                                will be tried again if it fails now
    """

    jobs: Sequence[Job]
    slots: int
    targets: Sequence[str] = ()
    pace: str | Path | None = None
    keep_going: bool = False
    finished: Callable[[int], bool] = lambda id: False
    failed: Callable[[int], bool] = lambda id: False
    retried: Callable[[int], bool] = lambda id: False


# ------------------------------------------------------------------------- what jobs say themselves
@dataclass(frozen=True)
class Stage:
    """How far a job says that it is, from its first to its last line on the same subject.

    Times are seconds since 1970, by the clock of the job's machine.
    """

    subject: str
    first: float
    done: float
    total: float
    unit: str
    began: float
    at: float

    @property
    def share(self) -> float:
        """Share of the work that is done."""
        return self.done / self.total

    @property
    def span(self) -> float:
        """Share of the work that was done between the first line and the last."""
        return (self.done - self.first) / self.total

    @property
    def seconds(self) -> float:
        """Seconds between the first line and the last."""
        return max(self.at - self.began, 0.0)


_LINE = re.compile(  # of runtime.job, with a message of runtime.Progress
    r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) INFO "
    r"(.+): ([\d,]+) of ([\d,]+) ([a-z][a-z ]*[a-z])(?:, .*)?$",
    re.MULTILINE,
)


def read_stage(log: str | Path, since: float = 0.0) -> Stage | None:
    """Read from a job's log how far it is; None if it does not say.

    What was written before `since` (seconds since 1970) is of an earlier run.
    """
    try:
        with open(log, "rb") as file:
            if os.fstat(file.fileno()).st_mtime < since - PATIENCE:
                return None
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    stage = None
    for date, thousandths, subject, *numbers, unit in _LINE.findall(text):
        at = datetime.fromisoformat(date).timestamp() + int(thousandths) / 1000
        done, total = (float(number.replace(",", "")) for number in numbers)
        if not total:
            continue
        if stage and (subject, total, unit) == (stage.subject, stage.total, stage.unit):
            stage = replace(stage, done=done, at=at)
        else:
            stage = Stage(subject, done, done, total, unit, at, at)
    return stage


# ------------------------------------------------------------------------------- how fast it goes
class Pace:
    """How long work takes here, as a factor on what is typical, by kind of work.

    `earlier` are the factors that another run has found; they say what is usual here, and what is
    measured is the change from that.  What was measured of a kind counts against the change of the
    wider kind around it, which has the weight of half a job.  Around all kinds is the machine: its
    change is the geometric mean of those of the widest kinds, each with one voice, because a slow
    engine is no slow machine; what is around a training has none, because many may share it.
    """

    WEIGHT = 0.5  # in jobs, of what is expected
    VOICE = 0.1  # of the machine being as it was, or typical

    def __init__(self, earlier: Mapping[Kind, float] | None = None) -> None:
        self.earlier = dict(earlier or {})
        self.sums: dict[Kind, tuple[float, float, float]] = {}  # jobs, seconds, usual seconds

    def learn(self, kind: Kind, seconds: float, typical: float, jobs: float = 1.0) -> None:
        """Note that work of so many typical seconds has taken `seconds`; `jobs` may be a part."""
        if typical <= 0.0 or seconds <= 0.0:
            return
        usual = typical * self._usual(kind)
        for length in range(1, len(kind) + 1):
            before = self.sums.get(kind[:length], (0.0, 0.0, 0.0))
            self.sums[kind[:length]] = (before[0] + jobs, before[1] + seconds, before[2] + usual)

    def factor(self, kind: Kind) -> float:
        """Give the factor for a kind of work; () is the machine."""
        return self._usual(kind) * self._change(kind)

    def _usual(self, kind: Kind) -> float:
        widening = (kind[:length] for length in range(len(kind), -1, -1))
        return next((self.earlier[it] for it in widening if it in self.earlier), 1.0)

    def _change(self, kind: Kind) -> float:
        if not kind:
            return self._machine()
        expected = self._change(kind[:-1])
        if kind not in self.sums:
            return expected
        jobs, seconds, usual = self.sums[kind]
        return (jobs * seconds / usual + self.WEIGHT * expected) / (jobs + self.WEIGHT)

    def _machine(self) -> float:
        logarithms, voices = 0.0, self.VOICE
        for kind, (jobs, seconds, usual) in self.sums.items():
            if len(kind) == 1 and kind != AROUND:
                voice = jobs / (jobs + self.WEIGHT)
                logarithms += voice * math.log(seconds / usual)
                voices += voice
        return math.exp(logarithms / voices)

    def known(self, kind: Kind) -> bool:
        """Tell whether a whole job of such work was measured, now or earlier."""
        return self.sums.get(kind[:1], (0.0,))[0] >= 1.0 or kind[:1] in self.earlier

    def factors(self) -> dict[Kind, float]:
        """Give the factors of every kind that was measured, now or earlier, for the next run."""
        return {kind: self.factor(kind) for kind in {(): 1.0, **self.earlier, **self.sums}}


def read_factors(path: str | Path) -> dict[Kind, float]:
    """Read the factors that an earlier run has written; none if it has not."""
    try:
        return {
            tuple(key.split("/")) if key else (): float(factor)
            for key, factor in runtime.read_json(path).items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


# ------------------------------------------------------------------------------------ what is left
@dataclass(frozen=True)
class Outlook:
    """What is left of a run.

    seconds  until its end
    share    of its core-seconds that are done, in [0, 1]
    rough    a third of what is left is of a kind of which no whole job was measured yet
    left     core-seconds that each job needs yet, by its id
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

    def __init__(self, jobs: Iterable[Job], slots: int, pace: Pace | None = None) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.slots = slots
        self.pace = pace or Pace()
        self.running: dict[int, float] = {}  # since when
        self.alone: set[int] = set()  # those that do not share their time with a group of jobs
        self.done: set[int] = set()
        self.failed: set[int] = set()
        self.stages: dict[int, Stage] = {}
        self.share = 0.0

    def start(self, ids: Iterable[int], now: float, alone: bool = True) -> None:
        """Note that jobs have started."""
        known = [id for id in ids if id in self.jobs]
        self.running |= dict.fromkeys(known, now)
        self.failed -= set(known)
        self.alone = self.alone | set(known) if alone else self.alone - set(known)

    def finish(self, id: int, now: float) -> None:
        """Note that a job has finished, and learn from how long it took."""
        began = self.running.pop(id, None)
        job = self.jobs.get(id)
        if job is None or id in self.done:
            return
        self.done.add(id)
        if began is None or id not in self.alone or not job.seconds:
            return
        took = now - began
        stage = read_stage(job.log, began) if job.log and job.trains else None
        if stage and stage.span:
            self.pace.learn(job.kind, stage.seconds, job.typical(stage.span), stage.span)
            inside = stage.seconds / stage.span * stage.share
            self.pace.learn(AROUND, max(took - inside, 0.1), START)
        elif job.trains:
            whole = START + job.typical()
            for kind, part in ((job.kind, job.typical()), (AROUND, START)):
                self.pace.learn(kind, took * part / whole, part)
        else:
            self.pace.learn(job.kind, took, job.typical())

    def fail(self, id: int) -> None:
        """Note that a job has failed; it may be tried again."""
        if self.running.pop(id, None) is not None:
            self.failed.add(id)

    def look(self) -> None:
        """Read the logs of the jobs that run."""
        found = {
            id: read_stage(log, began)
            for id, began in list(self.running.items())
            if (log := self.jobs[id].log)
        }
        self.stages = {id: stage for id, stage in found.items() if stage}

    def outlook(self, now: float) -> Outlook:
        """Estimate what is left, from what was noted and read so far."""
        pace = self._pace()
        whole = {job.id: _seconds(job, pace) for job in self.jobs.values()}
        over = self.done | self.failed
        left = {
            id: self._left(id, seconds, now) if id in self.running else seconds
            for id, seconds in whole.items()
            if id not in over
        }
        total, waiting = sum(whole.values()), sum(left.values())
        unknown = sum(left[id] for id in left if not pace.known(self.jobs[id].kind))
        if total:
            self.share = max(self.share, 1.0 - waiting / total)
        seconds = schedule.simulate(list(self._to_schedule(left)), self.slots).wall
        return Outlook(seconds, self.share, unknown > waiting / 3, left)

    def _to_schedule(self, left: Mapping[int, float]) -> Iterator[schedule.Job]:
        """What is still to be done: not what needs a job that has failed, for it will not run.

        Among jobs of equal priority the longest stand first.
        """
        lost = set(self.failed)
        jobs = [self.jobs[id] for id in left if id not in self.running]
        while found := {job.id for job in jobs if job.id not in lost and job.needs & lost}:
            lost |= found
        for id in self.running:
            yield schedule.Job(f"{id}", left[id], rank=math.inf, threads=self.jobs[id].threads)
        for job in sorted(jobs, key=lambda job: -left[job.id]):
            if job.id not in lost:
                after = frozenset(f"{id}" for id in job.needs if id in left)
                yield schedule.Job(f"{job.id}", left[job.id], after, job.priority, job.threads)

    def _pace(self) -> Pace:
        """What was learned from jobs that are done, and of those that run from what they say."""
        pace = Pace(self.pace.earlier)
        pace.sums = dict(self.pace.sums)
        for id, stage in self.stages.items():
            if id in self.running and (job := self.jobs[id]).trains and stage.span:
                pace.learn(job.kind, stage.seconds, job.typical(stage.span), stage.span)
        return pace

    def _left(self, id: int, expected: float, now: float) -> float:
        stage, elapsed = self.stages.get(id), max(now - self.running[id], 0.0)
        if stage and self.jobs[id].trains and stage.span > 0.02:
            # The epochs of a training take equally long; since its last line it has gone on.
            whole = stage.seconds / stage.span
            return max(whole * (1.0 - stage.share) - max(now - stage.at, 0.0), 0.5)
        # What takes longer than expected is expected to take a little longer still.
        return max(expected - elapsed, 0.1 * elapsed)


def _seconds(job: Job, pace: Pace) -> float:
    start = START * pace.factor(AROUND) if job.trains else 0.0
    return start + job.typical() * pace.factor(job.kind)
