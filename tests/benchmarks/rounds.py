"""Contestants side by side: each in a process of its own, one round at a time in turn.

A machine's speed changes from minute to minute, by its heat and by what else it does.  So nobody
is measured for long at once: rounds go A B C A B C ..., and what is compared are ratios within a
round.  Each process has one thread and is bound to the same core; those that wait use nothing.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.contestants import CONTESTANTS
from benchmarks.problem import Problem

WORKER = Path(__file__).with_name("worker.py")
ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    ),
    "1",
)
# A kernel of NumPy's library that was chosen for another machine would slow NumPy down.
CHOSEN_KERNELS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

Say = Callable[[str], None]


class NotMeasured(Exception):
    """A contestant that cannot take part; the message is the reason."""


@dataclass(frozen=True)
class Machine:
    """Where processes run: the core they are bound to, and the Python of each environment.

    core    None where the system binds no process to a core
    peers   Python of the environment of the optional peers; the study's own if there is none
    waits   seconds after which a process that does not answer is given up
    log     where the processes' own messages go
    clock   what rounds are timed by: the clock, or the processor's seconds, in which other work
            on the core is not counted
    """

    core: int | None
    peers: str
    log: Path
    waits: float = 1200.0
    clock: str = "clock"

    def python(self, contestant: str) -> str:
        """The interpreter for a contestant."""
        return self.peers if CONTESTANTS[contestant].peer else sys.executable


class Worker:
    """A process that does what it is asked, for one or several entries of a benchmark."""

    def __init__(self, contestant: str, machine: Machine) -> None:
        self.title, self.machine = CONTESTANTS[contestant].title, machine
        kept = {k: value for k, value in os.environ.items() if k not in CHOSEN_KERNELS}
        # What is bound to a core is seen by libraries that count cores when they are loaded.
        machine.log.parent.mkdir(parents=True, exist_ok=True)
        with open(machine.log, "a", encoding="utf-8") as log:
            log.write(f"--- {contestant}\n")
            log.flush()
            self.process = subprocess.Popen(
                [machine.python(contestant), str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=kept
                | ONE_THREAD
                | {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"}
                | dict(CONTESTANTS[contestant].environment),
                preexec_fn=lambda: bind(machine.core),  # noqa: PLW1509  there are no other threads
            )

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer; raises NotMeasured as `receive` does."""
        self.send(**request)
        return self.receive()

    def send(self, **request: Any) -> None:
        """Send a request; whether it has arrived, the answer tells."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Wait for the answer to a request.

        Raises NotMeasured if the answer is a reason why there is none, or if none comes.
        """
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], self.machine.waits)[0]:
            self.process.kill()
            raise NotMeasured(f"no answer within {self.machine.waits:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise NotMeasured(f"its process ended with {self.process.wait()}")
        reply: dict[str, Any] = json.loads(line)
        for reason in ("missing", "error"):
            if reason in reply:
                raise NotMeasured(reply[reason])
        return reply

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def cores() -> list[int | None]:
    """The cores that this process may use, or one without a number where that is not known."""
    if not hasattr(os, "sched_getaffinity"):
        return [None]
    return [*sorted(os.sched_getaffinity(0))]


def bind(core: int | None) -> None:
    """Bind this process to a core."""
    if core is not None:
        os.sched_setaffinity(0, {core})


class Entry(NamedTuple):
    """A contestant with the problem that it works at; entries of one contestant share a process.

    `units` is how many units make a round; without it, as many as take about a second.
    """

    key: str
    title: str
    contestant: str
    problem: Problem
    arithmetic: float  # floating-point operations of a unit
    units: int | None = None


@dataclass
class Measured:
    """What became of an entry: the seconds a unit of every round, or why there are none.

    forms    the seconds a unit of each form that was tried, or why it failed
    losses   what each form gave, from the initial weights on
    needed   floating-point operations of a unit, less those for blank pixels; 0 if not told
    busy     the share of all its rounds' time in which the core worked for it, and for nobody else
    """

    entry: Entry
    reason: str = ""
    form: str = ""
    forms: dict[str, Any] = field(default_factory=dict)
    losses: dict[str, list[float]] = field(default_factory=dict)
    needed: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    units: int = 1
    seconds: list[float] = field(default_factory=list)
    busy: float = math.nan
    clocks: list[dict[str, float]] = field(default_factory=list)


def alternate(
    entries: Sequence[Entry],
    rounds: int,
    machine: Machine,
    say: Say,
    losses: int = 1,
    lasts: float = 1.0,
) -> list[Measured]:
    """Start everybody, then let them work in turn, `rounds` times.

    losses  how many epochs from the initial weights on are told
    lasts   seconds that a round of an entry should take
    """
    workers: dict[str, Worker] = {}
    found = [Measured(entry) for entry in entries]
    try:
        for one in found:
            name = one.entry.contestant
            say(f"{one.entry.title}: starts")
            if name not in workers:
                workers[name] = Worker(name, machine)
            _start(one, workers[name], losses, lasts)
            if one.reason:
                say(f"{one.entry.title}: not measured: {one.reason}")
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}")
            for one in found:
                if not one.reason:
                    _take_round(one, workers[one.entry.contestant])
    finally:
        for worker in workers.values():
            worker.close()
    return found


def _start(one: Measured, worker: Worker, losses: int, lasts: float) -> None:
    entry = one.entry
    try:
        told = worker.ask(
            do="start",
            key=entry.key,
            contestant=entry.contestant,
            problem=entry.problem.as_dict(),
            count=losses,
        )
    except NotMeasured as reason:
        one.reason = str(reason)
        return
    one.form, one.forms = told["form"], told["forms"]
    one.losses, one.versions = told["losses"], told["versions"]
    one.needed = told["needed"]
    one.units = entry.units or max(1, round(lasts / one.forms[one.form]))


def _take_round(one: Measured, worker: Worker) -> None:
    try:
        told = worker.ask(do="round", key=one.entry.key, units=one.units)
    except NotMeasured as reason:
        one.reason = f"in round {len(one.seconds) + 1}: {reason}"
        return
    one.clocks.append(told)
    one.seconds.append(told[worker.machine.clock] / one.units)
    one.busy = sum(it["processor"] for it in one.clocks) / sum(it["clock"] for it in one.clocks)


# ------------------------------------------------------------------------- what rounds tell
class Spread(NamedTuple):
    """A median over rounds, and the smallest and largest value."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Raises ValueError if there are no values."""
        values = list(values)
        if not values:
            raise ValueError("no round was measured")
        return cls(float(np.median(values)), min(values), max(values))


def rate(one: Measured) -> list[float]:
    """Floating-point operations a second of every round."""
    return [one.entry.arithmetic / seconds for seconds in one.seconds]


def share(one: Measured, yardstick: Measured) -> Spread:
    """The rate as a share of the yardstick's in the same round."""
    return Spread.of(a / b for a, b in zip(rate(one), rate(yardstick), strict=False))


def times(one: Measured, other: Measured) -> Spread:
    """How many times as long as the other's a unit took in the same round."""
    pairs = zip(one.seconds, other.seconds, strict=False)
    return Spread.of(a / b for a, b in pairs)


def deviation(losses: Sequence[float], expected: Sequence[float]) -> tuple[float, int]:
    """The largest relative deviation of losses from the expected ones, and of how many.

    NaN among `losses` means that it was not told; NaN comes out if none was.
    """
    told = [(a, b) for a, b in zip(losses, expected, strict=True) if not math.isnan(a)]
    if not told:
        return math.nan, 0
    return max(abs(a - b) / abs(b) for a, b in told), len(told)


def by_key(found: Iterable[Measured]) -> Mapping[str, Measured]:
    """What was measured, by the key of its entry."""
    return {one.entry.key: one for one in found}
