"""How long a set of jobs takes on so many cores, if the one of highest rank always starts first.

That is how Snakemake goes about it: whenever a core is free, the job of highest priority starts
among those whose inputs are there (R. L. Graham, Bounds on multiprocessing timing anomalies, SIAM
Journal on Applied Mathematics 17, 1969).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Job:
    """A job: its seconds, the names of those it waits for, its rank, and how many cores it takes.

    What ranks higher starts sooner; what runs already has the highest rank there is.
    """

    name: str
    seconds: float
    after: frozenset[str] = frozenset()
    rank: float = 0.0
    threads: int = 1


@dataclass
class Schedule:
    """When each job starts and ends, in seconds from the start of the first."""

    cores: int
    starts: dict[str, float] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)

    @property
    def wall(self) -> float:
        """The seconds until all are done."""
        return max(self.ends.values(), default=0.0)


def simulate(jobs: Sequence[Job], cores: int) -> Schedule:
    """Run jobs on so many cores, those of highest rank first; of equal ones in the given order.

    A job that asks for more cores than there are takes all.  One that has to wait for cores holds
    back those that rank lower, which is where Snakemake fills gaps.
    Raises ValueError where jobs wait for one another in a circle, or for one that is not there.
    """
    waiting = {job.name: set(job.after) for job in jobs}
    ready = [(-job.rank, i) for i, job in enumerate(jobs) if not job.after]
    heapq.heapify(ready)
    followers = _followers(jobs)
    schedule = Schedule(cores)
    running: list[tuple[float, int]] = []  # by the end
    now, free = 0.0, cores
    threads = [min(job.threads, cores) for job in jobs]
    while ready or running:
        while ready and threads[ready[0][1]] <= free:
            _, i = heapq.heappop(ready)
            job = jobs[i]
            free -= threads[i]
            schedule.starts[job.name], schedule.ends[job.name] = now, now + job.seconds
            heapq.heappush(running, (now + job.seconds, i))
        now = running[0][0]
        while running and running[0][0] <= now:  # all that end at this time, before any starts
            _, i = heapq.heappop(running)
            free += threads[i]
            for j in followers[jobs[i].name]:
                waiting[jobs[j].name].discard(jobs[i].name)
                if not waiting[jobs[j].name]:
                    heapq.heappush(ready, (-jobs[j].rank, j))
    if len(schedule.ends) < len(jobs):
        left = next(job.name for job in jobs if job.name not in schedule.ends)
        raise ValueError(f"{left} waits for a job that never ends")
    return schedule


def _followers(jobs: Sequence[Job]) -> dict[str, list[int]]:
    followers: dict[str, list[int]] = {job.name: [] for job in jobs}
    for i, job in enumerate(jobs):
        for name in job.after:
            followers.setdefault(name, []).append(i)
    return followers


def chains(jobs: Sequence[Job]) -> dict[str, float]:
    """For each job, the seconds from its start to the end of the longest chain that it begins.

    Ranks for a good order: what holds up the most starts first.
    """
    followers = _followers(jobs)
    found: dict[str, float] = {}
    for name in reversed(list(_in_order(jobs))):
        job = jobs[name]
        behind = (found[jobs[j].name] for j in followers[job.name])
        found[job.name] = job.seconds + max(behind, default=0.0)
    return {job.name: found[job.name] for job in jobs}


def _in_order(jobs: Sequence[Job]) -> list[int]:
    """The places of jobs in an order in which each stands behind all that it waits for."""
    order = simulate([Job(job.name, 1.0, job.after) for job in jobs], max(1, len(jobs))).ends
    return sorted(range(len(jobs)), key=lambda i: order[jobs[i].name])


def longest_chain(jobs: Sequence[Job]) -> list[Job]:
    """The jobs that, one after the other, take longest: no number of cores is faster than they."""
    length = chains(jobs)
    by_name = {job.name: job for job in jobs}
    followers = _followers(jobs)
    names = [job.name for job in jobs if not job.after]
    found: list[Job] = []
    while names:
        first = max(names, key=lambda name: length[name])
        found.append(by_name[first])
        names = [jobs[j].name for j in followers[first]]
    return found


def bound(jobs: Sequence[Job], cores: int) -> float:
    """The seconds that no order of the jobs undercuts: all cores busy, or the longest chain."""
    whole = sum(job.seconds * min(job.threads, cores) for job in jobs)
    return max(whole / cores, sum(job.seconds for job in longest_chain(jobs)))


def enough_cores(jobs: Sequence[Job], within: float = 0.02) -> int:
    """The least number of cores from which on more of them save no more than a share `within`."""
    least = simulate(jobs, max(1, len(jobs))).wall * (1.0 + within)
    low, high = 1, max(1, len(jobs))
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if simulate(jobs, middle).wall <= least else (middle + 1, high)
    return low


def ranked(jobs: Sequence[Job], ranks: Mapping[str, float]) -> list[Job]:
    """The same jobs with other ranks."""
    return [replace(job, rank=ranks[job.name]) for job in jobs]
