"""What a job cost: the record that it leaves of its time, its memory and its arithmetic."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmstudy import runtime


@dataclass
class Work:
    """What a process has computed so far.

    steps        of training, of all its nets
    arithmetic   floating-point operations of the matrix products, by formula
    """

    steps: int = 0
    arithmetic: float = 0.0

    def add(self, samples: float, arithmetic: float, steps: int = 0) -> None:
        """Count so many samples at so many operations each, and the steps that took them."""
        self.steps += steps
        self.arithmetic += samples * arithmetic


DONE = Work()  # by the nets of this process that are trained in mini-batches


class Laps:
    """The seconds of a job's parts, which follow one another without a gap.

    The first, start-up, began with the process: it is over when this is made.
    """

    def __init__(self) -> None:
        self.began = self.last = time.monotonic() - process_age()
        self.seconds: dict[str, float] = {}
        self.end("startup")

    def end(self, part: str) -> None:
        """End a part: it took the seconds since the part before it ended."""
        now = time.monotonic()
        self.seconds[part] = now - self.last
        self.last = now

    @property
    def whole(self) -> float:
        """The seconds from the beginning of the process to the end of the last part."""
        return self.last - self.began


def process_age() -> float:
    """Seconds since this process began; where the system does not tell, since it came here."""
    try:
        with open("/proc/self/stat", encoding="ascii") as file:
            # The name, which may hold spaces, ends with the last bracket; field 22 is the start.
            ticks = int(file.read().rpartition(")")[2].split()[19])
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        return since_boot - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):  # not Linux
        return time.monotonic() - runtime.STARTED


def record(
    laps: Laps, threads: int, arithmetic: float, parts: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Give what a job's provenance tells of its cost.

    seconds             of the whole job from the beginning of its process, of its parts, and of
                        `parts` that lie within one of them
    processor_seconds   that the process has computed, for itself and in the system
    peak_memory_mb      the most memory that it held
    """
    seconds = {"whole": laps.whole, **laps.seconds, **(parts or {})}
    return {
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": {part: round(value, 3) for part, value in seconds.items()},
        "processor_seconds": round(time.process_time(), 3),
        "peak_memory_mb": runtime.peak_memory_mb(),
        "threads": threads,
        "arithmetic": arithmetic,
        "machine": runtime.machine(),
    }
