"""The cost of a job: its time, memory and arithmetic."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmstudy import runtime


@dataclass
class Work:
    """The work of a process so far.

    steps        training steps of all nets
    arithmetic   floating-point operations of the matrix products, by formula
    """

    steps: int = 0
    arithmetic: float = 0.0

    def add(self, samples: float, arithmetic: float, steps: int = 0) -> None:
        """Add samples, with the number of operations for each, and training steps."""
        self.steps += steps
        self.arithmetic += samples * arithmetic


TOTAL = Work()  # of mini-batch training in this process


class Laps:
    """The seconds of a job's consecutive parts.

    The first part, startup, lasts from the start of the process to the creation of this object.
    """

    def __init__(self) -> None:
        self.began = self.last = time.monotonic() - process_age()
        self.seconds: dict[str, float] = {}
        self.end("startup")

    def end(self, part: str) -> None:
        """End a part, which began when the previous part ended."""
        now = time.monotonic()
        self.seconds[part] = now - self.last
        self.last = now

    @property
    def whole(self) -> float:
        """The seconds from the start of the process to the end of the last part."""
        return self.last - self.began


def process_age() -> float:
    """Return the seconds since this process started; if unknown, since `runtime` was imported."""
    try:
        with open("/proc/self/stat", encoding="ascii") as file:
            # The name may contain spaces and ends at the last parenthesis; field 22 is the start.
            ticks = int(file.read().rpartition(")")[2].split()[19])
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        return since_boot - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):  # not Linux
        return time.monotonic() - runtime.STARTED


def record(
    laps: Laps,
    threads: int,
    arithmetic: float,
    parts: Mapping[str, float] | None = None,
    machine: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the cost of a job, for its provenance.

    seconds             of the whole process, of its parts, and of the subordinate `parts`
    processor_seconds   CPU time of the process, user and system
    peak_memory_mb      peak memory of the process
    machine             what computed, if it was more than processors (see `device.machine`)
    """
    seconds = {"whole": laps.whole, **laps.seconds, **(parts or {})}
    return {
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": {part: round(value, 3) for part, value in seconds.items()},
        "processor_seconds": round(time.process_time(), 3),
        "peak_memory_mb": runtime.peak_memory_mb(),
        "threads": threads,
        "arithmetic": arithmetic,
        "machine": dict(machine or runtime.machine()),
    }
