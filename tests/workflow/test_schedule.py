"""Schedules against some that were worked out by hand, and against every order there is."""

import itertools
import random

import pytest

from fmstudy import schedule
from fmstudy.schedule import Job, simulate


def job(name: str, seconds: float, *after: str, rank: float | None = None) -> Job:
    return Job(name, seconds, frozenset(after), seconds if rank is None else rank)


# Worked out by hand: jobs, cores, when each starts, when all are done.
BY_HAND = {
    "one core takes the sum, the longest first": (
        [job("a", 1), job("b", 3), job("c", 2)], 1, {"b": 0, "c": 3, "a": 5}, 6,
    ),
    "the longest first on two cores": (
        [job("a", 3), job("b", 3), job("c", 2), job("d", 2), job("e", 2)], 2,
        {"a": 0, "b": 0, "c": 3, "d": 3, "e": 5}, 7,  # and not 6, the best: no order is perfect
    ),
    "a job waits for both that it needs, and a core stands idle": (
        [job("a", 4), job("b", 1), job("c", 2, "a", "b"), job("d", 1)], 2,
        {"a": 0, "b": 0, "d": 1, "c": 4}, 6,
    ),
    "rank counts, not length": (
        [job("long", 9, rank=0), job("first", 1, rank=5), job("then", 9, "first", rank=4)], 1,
        {"first": 0, "then": 1, "long": 10}, 19,
    ),
    "of equal rank in the given order": (
        [job("b", 2), job("a", 2), job("c", 2)], 1, {"b": 0, "a": 2, "c": 4}, 6,
    ),
    "what ends at the same time makes way before anything starts": (
        [job("a", 2, rank=1), job("b", 2, rank=1), job("late", 3, "b", rank=9), job("c", 1)], 2,
        {"a": 0, "b": 0, "late": 2, "c": 2}, 5,
    ),
    "a job of two threads waits for both cores, and one of eight takes what there is": (
        [job("a", 3, rank=4), Job("wide", 2, rank=3, threads=2), job("b", 1, rank=2),
         Job("wider", 2, rank=1, threads=8)], 2,
        {"a": 0, "wide": 3, "b": 5, "wider": 6}, 8,
    ),
    "no time at all": ([job("a", 0), job("b", 0, "a")], 1, {"a": 0, "b": 0}, 0),
    "nothing to do": ([], 3, {}, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_schedules_are_those_worked_out_by_hand(name):
    jobs, cores, starts, wall = BY_HAND[name]
    found = simulate(jobs, cores)
    assert found.starts == starts
    assert found.wall == wall


def best_of_all_orders(jobs: list[Job], cores: int) -> float:
    """The least wall time over every order in which jobs can be handed to the next free core."""
    walls = []
    for order in itertools.permutations(jobs):
        free, ends = [0.0] * cores, {}
        for each in order:
            if not each.after <= set(ends):
                break
            core = min(range(cores), key=free.__getitem__)
            start = max(free[core], *(ends[name] for name in each.after), 0.0)
            free[core] = ends[each.name] = start + each.seconds
        else:
            walls.append(max(ends.values()))
    return min(walls)


@pytest.mark.parametrize("seed", range(12))
def test_no_schedule_beats_the_best_order_and_none_is_far_from_it(seed):
    draw = random.Random(seed)
    jobs = []
    for i in range(6):
        after = [f"{k}" for k in range(i) if draw.random() < 0.3]
        jobs.append(job(f"{i}", draw.randint(1, 9), *after, rank=draw.randint(0, 3)))
    for cores in (1, 2, 3):
        best = best_of_all_orders(jobs, cores)
        assert schedule.bound(jobs, cores) <= best
        for ranks in (jobs, schedule.ranked(jobs, schedule.chains(jobs))):
            wall = simulate(ranks, cores).wall
            assert best <= wall <= (2 - 1 / cores) * best  # Graham's guarantee


@pytest.mark.parametrize("seed", range(5))
def test_jobs_keep_to_their_cores_and_to_what_they_wait_for(seed):
    draw = random.Random(seed)
    jobs = [
        job(f"{i}", draw.random(), *(f"{k}" for k in range(i) if draw.random() < 0.05))
        for i in range(60)
    ]
    found = simulate(jobs, 4)
    for each in jobs:
        at = found.starts[each.name]
        assert found.ends[each.name] == pytest.approx(at + each.seconds)
        assert all(found.ends[name] <= at for name in each.after)
        assert sum(found.starts[n] <= at < found.ends[n] for n in found.starts) <= 4


def test_the_longest_chain_bounds_any_number_of_cores():
    jobs = [job("a", 2), job("b", 1, "a"), job("c", 5, "a"), job("d", 1, "c", "b"), job("e", 7)]
    assert [each.name for each in schedule.longest_chain(jobs)] == ["a", "c", "d"]
    assert schedule.chains(jobs) == {"a": 8, "b": 2, "c": 6, "d": 1, "e": 7}
    assert schedule.bound(jobs, 1) == 16
    assert schedule.bound(jobs, 64) == simulate(jobs, 64).wall == 8


def test_a_job_of_two_threads_takes_two_cores_of_the_bound():
    jobs = [Job("a", 4, threads=2), job("b", 4)]
    assert schedule.bound(jobs, 2) == 6
    assert schedule.bound(jobs, 1) == 8


def test_more_cores_than_help_are_named():
    assert schedule.enough_cores([job(f"{i}", 1.0) for i in range(10)]) == 10
    assert schedule.enough_cores([job("long", 10.0), *(job(f"{i}", 1.0) for i in range(10))]) == 2
    assert schedule.enough_cores([]) == 1


def test_jobs_that_wait_for_one_another_are_refused():
    for jobs in ([job("a", 1, "b"), job("b", 1, "a")], [job("a", 1, "nowhere")]):
        with pytest.raises(ValueError, match="waits for a job that never ends"):
            simulate(jobs, 2)
