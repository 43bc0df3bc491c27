"""Contestants side by side: each in its own process, one round at a time in turn.

A machine's speed changes from minute to minute, so nobody is measured for long at once: rounds go
A B C A B C ..., and ratios are taken within a round.  Each process has one thread and is bound to
the same core; those that wait use nothing.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.contestants import CONTESTANTS
from benchmarks.problem import Problem

WORKER = Path(__file__).with_name("worker.py")
_LIBRARIES = ("OMP", "MKL", "OPENBLAS", "NUMEXPR")
ONE_THREAD = dict.fromkeys([f"{name}_NUM_THREADS" for name in _LIBRARIES], "1")
ONE_THREAD |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
# A kernel of NumPy's library that was chosen for another machine would slow NumPy down.
CHOSEN_KERNELS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

Row = dict[str, Any]
Say = Callable[[str], None]


class NotMeasured(Exception):
    """A contestant that cannot take part; the message is the reason."""


@dataclass(frozen=True)
class Machine:
    """Where processes run.

    core    the core they are bound to; None where the system cannot bind them
    peers   the Python of the optional peers
    log     where the processes' own messages go
    clock   "clock", or "processor" for the processor's seconds, which leave other work out
    """

    core: int | None
    peers: str
    log: Path
    clock: str = "clock"


class Worker:
    """A process that answers requests for one contestant (see worker.py)."""

    def __init__(self, contestant: str, machine: Machine) -> None:
        it, self.machine = CONTESTANTS[contestant], machine
        kept = {k: value for k, value in os.environ.items() if k not in CHOSEN_KERNELS}
        more = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"} | dict(it.environment)
        machine.log.parent.mkdir(parents=True, exist_ok=True)
        with open(machine.log, "a", encoding="utf-8") as log:
            print(f"--- {contestant}", file=log, flush=True)
            self.process = subprocess.Popen(
                [machine.peers if it.peer else sys.executable, str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=kept | ONE_THREAD | more,
                # Before libraries are loaded, some of which count the cores they may use.
                preexec_fn=lambda: bind(machine.core),  # noqa: PLW1509  there are no other threads
            )

    def ask(self, **request: Any) -> Row:
        """Send a request and wait for its answer; raises NotMeasured as `receive` does."""
        self.send(**request)
        return self.receive()

    def start(self, entry: Entry, losses: int) -> Row:
        """Ask for the start of an entry."""
        problem = entry.problem.as_dict()
        more = {"contestant": entry.contestant, "problem": problem, "count": losses}
        return self.ask(do="start", key=entry.key, **more)

    def send(self, **request: Any) -> None:
        """Send a request; only the answer tells whether it arrived."""
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(request), file=self.process.stdin, flush=True)

    def receive(self) -> Row:
        """Wait for an answer. Raises NotMeasured if it is an error, or if the process has ended."""
        line = self.process.stdout.readline()
        if not line:
            raise NotMeasured(f"its process ended with {self.process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise NotMeasured(reply["error"])
        return reply

    def close(self) -> None:
        """End the process."""
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


def cores() -> list[int | None]:
    """The cores that this process may use, or [None] where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        return [None]
    return [*sorted(os.sched_getaffinity(0))]


def bind(core: int | None) -> None:
    """Bind this process to a core."""
    if core is not None:
        os.sched_setaffinity(0, {core})


class Entry(NamedTuple):
    """A contestant and its problem; entries of one contestant share a process.

    `units` is how many units make a round; without it, as many as take about a second.
    """

    key: str
    title: str
    contestant: str
    problem: Problem
    arithmetic: float  # floating-point operations per unit
    units: int | None = None


@dataclass
class Measured:
    """The seconds per unit of every round of an entry, or the reason why there are none.

    forms    the seconds per unit of each form that was tried, or why it failed
    losses   the losses of each form, from the initial weights on
    needed   floating-point operations per unit without those for blank pixels; 0 if unknown
    busy     the share of the rounds' time in which the core worked for this entry
    """

    entry: Entry
    reason: str = ""
    form: str = ""
    forms: Row = field(default_factory=dict)
    losses: dict[str, list[float]] = field(default_factory=dict)
    needed: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    units: int = 1
    seconds: list[float] = field(default_factory=list)
    busy: float = math.nan
    clocks: list[dict[str, float]] = field(default_factory=list)

    def start(self, worker: Worker, losses: int, lasts: float) -> None:
        """Start the entry in its process."""
        told = worker.start(self.entry, losses)
        self.form, self.forms, self.losses = told["form"], told["forms"], told["losses"]
        self.needed, self.versions = told["needed"], told["versions"]
        self.units = self.entry.units or max(1, round(lasts / self.forms[self.form]))

    def take_round(self, worker: Worker) -> None:
        """Measure one more round."""
        told = worker.ask(do="round", key=self.entry.key, units=self.units)
        self.clocks.append(told)
        self.seconds.append(told[worker.machine.clock] / self.units)
        clock, processor = (sum(it[of] for it in self.clocks) for of in ("clock", "processor"))
        self.busy = processor / clock


def alternate(
    entries: Sequence[Entry],
    rounds: int,
    machine: Machine,
    say: Say,
    losses: int = 1,
    lasts: float = 1.0,
) -> list[Measured]:
    """Start every entry, then let them work in turn, `rounds` times.

    losses  how many epochs, from the initial weights on, are reported
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
            try:
                one.start(workers[name], losses, lasts)
            except NotMeasured as reason:
                one.reason = str(reason)
                say(f"{one.entry.title}: not measured: {reason}")
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}")
            for one in found:
                if not one.reason:
                    try:
                        one.take_round(workers[one.entry.contestant])
                    except NotMeasured as reason:
                        one.reason = f"in round {number}: {reason}"
    finally:
        for worker in workers.values():
            worker.close()
    return found


# ------------------------------------------------------------------------- what rounds tell
def spread(name: str, values: Iterable[float]) -> Row:
    """The median of some values as the column `name`, with {name}_low and {name}_high."""
    values = list(values)
    return {name: float(np.median(values)), f"{name}_low": min(values), f"{name}_high": max(values)}


def ratios(ones: Iterable[float], others: Iterable[float]) -> list[float]:
    """The ratios within each round that both have."""
    return [a / b for a, b in zip(ones, others, strict=False)]


def rates(one: Measured) -> list[float]:
    """Floating-point operations per second of every round."""
    return [one.entry.arithmetic / seconds for seconds in one.seconds]


def deviation(losses: Sequence[float], expected: Sequence[float]) -> tuple[float, int]:
    """The largest relative deviation from the expected losses, and how many were compared.

    A loss that is NaN was not reported; the deviation is NaN if none was.
    """
    told = [(a, b) for a, b in zip(losses, expected, strict=True) if not math.isnan(a)]
    return max((abs(a - b) / abs(b) for a, b in told), default=math.nan), len(told)
