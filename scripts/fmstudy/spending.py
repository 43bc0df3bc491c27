"""Where the core-seconds of a finished study went, and how long it would take on other cores."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fmstudy import schedule
from fmstudy.estimates import TRAININGS
from fmstudy.jobrecords import Invocation, JobRecord, before

EXPERIMENT = "run_experiment"
BESIDE = "building and compiling nets, last predictions"
PARTS = {  # of a job, as its provenance names them
    "training": "training",
    "evaluation": "evaluation",
    "experiment": "training and evaluation",
    "startup": "start-up: Python, TensorFlow, other packages",
    "reading": "reading the data",
    "writing": "writing results",
}
RULES = 12  # of other jobs that get a line of their own
LAUNCH = "being launched, before the process began"


@dataclass(frozen=True)
class Line:
    """Core-seconds spent on something; lines within the line above have a depth of 1."""

    what: str
    seconds: float
    jobs: int | None = None
    depth: int = 0


@dataclass
class Spending:
    """What a study's core-seconds went to.

    capacity   core-seconds that Snakemake had while it ran; None where its logs are gone
    wall       seconds that it ran
    """

    lines: list[Line] = field(default_factory=list)
    capacity: float | None = None
    wall: float | None = None
    runs: list[Invocation] = field(default_factory=list)
    processors: float | None = None  # seconds in which measured jobs had a processor
    measured: float = 0.0  # seconds of those jobs


def spending(
    jobs: Sequence[JobRecord], everything: Sequence[JobRecord], runs: Iterable[Invocation]
) -> Spending:
    """Account for each core-second of the runs of Snakemake that made a study.

    `jobs` are those behind a report, `everything` are all that Snakemake knows of this folder: a
    run may have made other things as well.
    """
    runs = [run for run in runs if any(_within(job, run) for job in jobs)]
    found = Spending(runs=runs)
    trainings = [job for job in jobs if job.rule in TRAININGS]
    experiments = [job for job in jobs if job.rule == EXPERIMENT]
    others = [job for job in jobs if job.rule not in (*TRAININGS, EXPERIMENT)]
    found.lines += _measured("trainings", trainings)
    found.lines += _measured("experiments on batch normalization", experiments)
    found.lines += _by_rule("other jobs", others)
    for job in (*trainings, *experiments):
        told = job.cost()
        if told:
            found.processors = (found.processors or 0.0) + told["processor_seconds"]
            found.measured += told["seconds"]["whole"]
    if all(any(_within(job, run) for run in runs) for job in jobs):
        found.wall = sum(run.end - run.start for run in runs)
        found.capacity = sum((run.end - run.start) * run.cores for run in runs)
        behind = {job.name for job in jobs}
        beside = [
            job
            for job in everything
            if job.name not in behind and any(_within(job, run) for run in runs)
        ]
        if beside:
            what = "jobs for something else than this report"
            found.lines.append(Line(what, sum(job.seconds for job in beside), len(beside)))
        found.lines += _free(everything, runs)
    return found


def _within(job: JobRecord, run: Invocation) -> bool:
    return run.start <= job.start <= run.end


def _measured(title: str, jobs: Sequence[JobRecord]) -> Iterator[Line]:
    """All jobs of a kind, and the parts that they have recorded of themselves."""
    if not jobs:
        return
    yield Line(title, sum(job.seconds for job in jobs), len(jobs))
    parts = dict.fromkeys((*PARTS, BESIDE, LAUNCH), 0.0)
    for job in jobs:
        seconds = (job.cost() or {"seconds": {}})["seconds"]
        known = {part: seconds[part] for part in PARTS if part in seconds}
        for part, value in known.items():
            parts[part] += value
        if "whole" in seconds:
            parts[BESIDE] += seconds["whole"] - sum(known.values())
            parts[LAUNCH] += job.seconds - seconds["whole"]
    for part, value in parts.items():
        if value > 0.005:
            yield Line(PARTS.get(part, part), value, depth=1)


def _by_rule(title: str, jobs: Sequence[JobRecord]) -> Iterator[Line]:
    if not jobs:
        return
    yield Line(title, sum(job.seconds for job in jobs), len(jobs))
    rules: dict[str, list[float]] = {}
    for job in jobs:
        rules.setdefault(job.rule, []).append(job.seconds)
    of_most = sorted(rules.items(), key=lambda item: -sum(item[1]))
    for rule, seconds in of_most[:RULES]:
        yield Line(rule, sum(seconds), len(seconds), depth=1)
    rest = [value for _, seconds in of_most[RULES:] for value in seconds]
    if rest:
        yield Line(f"{len(of_most) - RULES} more rules", sum(rest), len(rest), depth=1)


def _free(jobs: Sequence[JobRecord], runs: Iterable[Invocation]) -> list[Line]:
    """The core-seconds without a job: Snakemake's own, and those in which nothing could start."""
    first, between, last, idle = 0.0, 0.0, 0.0, 0.0
    waits = before(jobs)
    ends = {job.name: job.end for job in jobs}
    for run in runs:
        mine = [job for job in jobs if _within(job, run)]
        ready = {  # when the last of its inputs was there
            job.name: max((ends[name] for name in waits[job.name]), default=run.start)
            for job in mine
        }
        begin, end = min(job.start for job in mine), max(job.end for job in mine)
        first += (begin - run.start) * run.cores
        last += max(0.0, run.end - end) * run.cores
        times = {time for job in mine for time in (job.start, job.end, ready[job.name])}
        steps = sorted(time for time in times if begin <= time <= end)
        for start, stop in itertools.pairwise(steps):
            running = sum(job.start <= start < job.end for job in mine)
            could = sum(ready[job.name] <= start < job.start for job in mine)
            free = max(0, run.cores - running)
            between += min(free, could) * (stop - start)
            idle += (free - min(free, could)) * (stop - start)
    return [
        Line("Snakemake", first + between + last),
        Line("before the first job", first, depth=1),
        Line("between jobs, while another could have started", between, depth=1),
        Line("after the last job", last, depth=1),
        Line("idle: nothing could start", idle),
    ]


def as_text(found: Spending, page: str, jobs: int) -> str:
    """The profile as lines for a terminal."""
    whole = found.capacity or sum(line.seconds for line in found.lines if not line.depth)
    lines = [f"{page}: {jobs} jobs"]
    if found.wall is not None and found.capacity is not None:
        cores = " and ".join(sorted({f"{run.cores}" for run in found.runs}))
        lines[0] += (
            f", made in {_plural(len(found.runs), 'run')} of Snakemake on {cores} cores in "
            f"{found.wall:,.1f} s: {found.capacity:,.1f} core-seconds"
        )
    lines += ["", f"{'':50}{'jobs':>6}{'core-seconds':>14}{'share':>9}"]
    for line in found.lines:
        jobs_of = "" if line.jobs is None else f"{line.jobs}"
        share = 100.0 * line.seconds / whole if whole else 0.0
        what = "  " * line.depth + line.what
        lines.append(f"{what:50}{jobs_of:>6}{line.seconds:>14,.1f}{share:>7.1f} %")
    lines += ["", *_unknown(found)]
    return "\n".join(lines)


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _unknown(found: Spending) -> Iterator[str]:
    """What the records cannot tell."""
    if found.processors is not None and found.measured:
        yield (
            "Trainings and experiments had a processor for "
            f"{100.0 * found.processors / found.measured:.0f} % of their time."
        )
    yield (
        "A job counts from its start until its last output was written; what its process did "
        "after that\ncounts as Snakemake's. Of other jobs only the whole is known."
    )
    if found.capacity is None:
        yield (
            "Not known: idle cores and Snakemake's own time, for the logs of some of its runs "
            "are gone."
        )


# ------------------------------------------------------------------------------ other cores
def to_schedule(
    jobs: Sequence[JobRecord], priorities: Mapping[str, int] | None = None
) -> list[schedule.Job]:
    """The jobs with the seconds that they took and the priorities that Snakemake gave them."""
    waits = before(jobs)
    ranks = priorities or {}
    return [
        schedule.Job(job.name, job.seconds, waits[job.name], ranks.get(job.log, 0)) for job in jobs
    ]


def predictions(jobs: Sequence[schedule.Job], cores: Sequence[int]) -> str:
    """What the schedules of some jobs would take on so many cores, as lines for a terminal."""
    whole = sum(job.seconds for job in jobs)
    best = schedule.ranked(jobs, schedule.chains(jobs))
    lines = [f"{'cores':>6}{'predicted':>14}{'best order':>14}{'bound':>12}{'busy':>9}"]
    for count in cores:
        wall = schedule.simulate(jobs, count).wall
        lines.append(
            f"{count:>6}{wall:>12,.1f} s{schedule.simulate(best, count).wall:>12,.1f} s"
            f"{schedule.bound(jobs, count):>10,.1f} s{100.0 * whole / count / wall:>7.0f} %"
        )
    longest = max(jobs, key=lambda job: job.seconds)
    chain = schedule.longest_chain(jobs)
    lines += [
        "",
        f"{len(jobs)} jobs, {whole:,.1f} core-seconds. The longest, {longest.name}, takes "
        f"{longest.seconds:,.1f} s.",
        f"The longest chain takes {sum(job.seconds for job in chain):,.1f} s: "
        + ", ".join(f"{job.name} ({job.seconds:,.1f} s)" for job in chain)
        + ".",
        f"More than {schedule.enough_cores(jobs)} cores save no more than 2 %.",
    ]
    return "\n".join(lines)
