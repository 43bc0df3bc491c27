"""Whole trainings of the low-level engine, with all that a job does but imports and files."""

from __future__ import annotations

from benchmarks.contestants import Form
from benchmarks.problem import SEED, Problem
from fmstudy.engines import full_batch
from fmstudy.engines.device import prepare_device


class Trainings:
    """A unit is a training of `spec.epochs` epochs."""

    def __init__(self, problem: Problem) -> None:
        prepare_device(1)
        self.problem = problem

    def run(self, first: int, count: int) -> list[float]:
        problem = self.problem
        for _ in range(count):
            full_batch.train_lowlevel(problem.spec, SEED, problem.features_major, problem.test)
        return [float("nan")] * count


def forms(problem: Problem) -> dict[str, Form]:
    return {"whole trainings": Trainings}
