"""How far a run of the workflow is and how long the rest may take: said while it runs.

Each job notes its progress in its own log (`runtime.Progress`).  A thread of the main process
reads the logs of the running jobs, hears from Snakemake's logger which jobs start and finish, and
says what follows through the same logger: its lines come whole, between those of Snakemake, and
are as quiet as Snakemake is asked to be.

What is left is estimated job by job, from what such a job typically takes on one core
(`estimates.seconds_of`) times a factor that is measured in this run, and then scheduled on the
cores there are.  There is no Snakemake in here: jobs are plain descriptions, records of its logger
are known by their attributes.
"""

from __future__ import annotations

import logging
import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from fmstudy import estimates, runtime, schedule

BUILD = 1.0  # seconds of a training until TensorFlow has made its graph
START = estimates.START  # seconds around a training: to start, read the data, write the files

POLL, LOOK = 1.0, 5.0  # seconds between two looks at Snakemake's jobs, and at their logs
ON_TERMINAL, ELSEWHERE, NOTED = 15.0, 300.0, 60.0  # seconds between two messages
SHOWN = 8  # running jobs in one message
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
    """

    id: int
    rule: str
    seconds: float
    wildcards: Mapping[str, str] = field(default_factory=dict)
    log: str | None = None
    needs: frozenset[int] = frozenset()
    priority: float = 0.0
    threads: int = 1

    @property
    def name(self) -> str:
        """The job for people: plot_curves A."""
        return " ".join([self.rule, *map(str, self.wildcards.values())])

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
    slots  cores, or jobs at a time where each has a machine of its own
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
        """What was learnt from jobs that are done, and of those that run from what they say."""
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


# --------------------------------------------------------------------------------- what is said
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


def summary(state: State, outlook: Outlook) -> str:
    """Say in one line how far the run is."""
    left = f"{'roughly' if outlook.rough else 'about'} {about(outlook.seconds)} left"
    # Not 100 before the end.
    share = min(int(100 * outlook.share), 99)
    return (
        f"{share} % of the work done ({len(state.done)} of {len(state.jobs)} jobs), {left} "
        f"with {state.slots} at a time"
    )


def table(state: State, outlook: Outlook, now: float, most: int | None = None) -> list[str]:
    """Say of each running job how far it is, a line each: the longest first, `most` at most."""
    rows: list[tuple[float, tuple[str, ...]]] = []
    for id, began in state.running.items():
        job, stage, left = state.jobs[id], state.stages.get(id), outlook.left[id]
        if stage:
            where = f"{stage.done:,.0f} of {stage.total:,.0f} {stage.unit}"
            share = f"{int(100 * stage.share)} %"
        else:
            where, share = f"for {about(now - began)}", ""
        whole = f"about {about(left)} left" if stage and job.trains else ""
        rows.append((left, (stage.subject if stage else job.name, where, share, whole)))
    rows.sort(reverse=True)
    shown = rows if most is None or len(rows) <= most else rows[: most - 1]
    widths = [max((len(row[i]) for _, row in shown), default=0) for i in range(3)]
    lines = [
        f"  {name:<{widths[0]}}  {where:>{widths[1]}}  {share:>{widths[2]}}  {whole}".rstrip()
        for _, (name, where, share, whole) in shown
    ]
    return lines + ([f"  and {len(rows) - len(shown)} more"] if len(shown) < len(rows) else [])


class Follower(logging.Handler):
    """Follows a run and says now and then how far it is.

    As a handler of Snakemake's logger it hears what starts and finishes; its thread writes

      progress.txt   the present state, with a line for each running job
      progress.log   the same once a minute, since the run began
      pace.json      how fast what went, for the estimates of the next run

    into `directory`, and says it through the logger: on a terminal with the running jobs,
    elsewhere a line every few minutes.  It never stops a run: what goes wrong in here is told in
    one warning, and is the end of it.
    """

    def __init__(self, directory: str | Path) -> None:
        super().__init__()
        self.directory = Path(directory)
        self.guard = threading.RLock()  # of the state, which two threads change
        self.over = threading.Event()
        self.thread: threading.Thread | None = None

    def begin(
        self,
        logger: logging.Logger,
        describe: Callable[[], tuple[list[Job], int, Callable[[int], bool]]],
        terminal: bool = False,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Follow a run from now on.

        logger    Snakemake's; what is said goes there, marked with `extra`
        describe  gives the jobs of the run, how many run at a time, and what tells of an id
                  whether that job is done, because a logger told to be quiet does not
        terminal  whether a person looks on
        """
        self.logger, self.terminal, self.extra = logger, terminal, extra
        with self._harmless():
            self.began = time.time()
            jobs, slots, self.finished = describe()
            self.state = State(jobs, slots, Pace(read_factors(self.directory / "pace.json")))
            self.directory.mkdir(parents=True, exist_ok=True)
            (self.directory / "progress.log").write_text("", encoding="utf-8")
            logger.addHandler(self)
            self.thread = threading.Thread(target=self._follow, name="progress", daemon=True)
            self.thread.start()

    def end(self) -> None:
        """Stop following, and leave what was learnt for the next run."""
        if self.over.is_set() or self.thread is None:
            return
        self.over.set()
        with self._harmless():
            self.logger.removeHandler(self)
            self.thread.join(timeout=5.0)  # it may hang in a file system
            self._ask(time.time())
            done, planned = len(self.state.done), len(self.state.jobs)
            text = f"Over after {about(time.time() - self.began)}: {done} of {planned} jobs done"
            self._note(text)
            runtime.write_text(self.directory / "progress.txt", f"{text}\n")

    def emit(self, record: logging.LogRecord) -> None:
        """Hear from Snakemake that jobs start, finish or fail."""
        event, now = getattr(record, "event", None), time.time()
        if event is None or self.over.is_set():
            return
        said = vars(record)
        with self._harmless(), self.guard:
            if event == "job_started":
                self.state.start((id for id in said["jobs"] if isinstance(id, int)), now)
            elif event == "group_info":
                self.state.start((job.jobid for job in said["jobs"]), now, alone=False)
            elif event == "job_finished":
                self.state.finish(said["job_id"], now)
            elif event == "job_error":
                self.state.fail(said["jobid"])

    def _follow(self) -> None:
        looked = noted = said = self.began
        look, pause = LOOK, ON_TERMINAL if self.terminal else NOTED
        with self._harmless():
            while not self.over.wait(POLL):
                now = time.time()
                self._ask(now)
                if now - looked < look:
                    continue
                spent = time.thread_time()
                short, whole = self._tell(now)
                runtime.write_text(self.directory / "progress.txt", whole)
                if now - noted >= NOTED:
                    noted = now
                    self._note(short)
                if now - said >= pause:
                    said, pause = now, ON_TERMINAL if self.terminal else ELSEWHERE
                    self.logger.info(
                        short if self.terminal else short.partition("\n")[0], extra=self.extra
                    )
                # A hundredth of a core at most, however many jobs there are.
                spent = time.thread_time() - spent
                looked, look = now, max(LOOK, 100.0 * spent)

    def _ask(self, now: float) -> None:
        """Take note of what has finished unheard."""
        with self.guard:
            for id in [id for id in self.state.running if self.finished(id)]:
                self.state.finish(id, now)

    def _tell(self, now: float) -> tuple[str, str]:
        """Give the present state with some running jobs, and with all."""
        self.state.look()
        with self.guard:
            outlook = self.state.outlook(now)
            said = summary(self.state, outlook)
            some, rows = (table(self.state, outlook, now, most) for most in (SHOWN, None))
        return "\n".join([f"Progress: {said}", *some]), "\n".join([said, *rows, ""])

    def _note(self, text: str) -> None:
        """Add to the log, and keep what was learnt."""
        with open(self.directory / "progress.log", "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        with self.guard:
            factors = self.state.pace.factors()
        named = {"/".join(kind): round(factor, 4) for kind, factor in factors.items()}
        runtime.write_json(self.directory / "pace.json", named)

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not self.over.is_set():
                self.over.set()
                self.logger.warning(f"Progress is not shown ({type(error).__name__}: {error}).")
