"""The derivation by hand in double precision: nobody's time, everybody's losses."""

from __future__ import annotations

import numpy as np

from benchmarks.contestants import Form
from benchmarks.problem import BETA_1, BETA_2, EPSILON, Problem
from fmstudy.checks import reference


class Derivation:
    """Steps of the study's third engine, which shares no code with the others."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        weights = problem.weights()
        self.net = reference.Net(len(weights))
        self.parameters = {f"coefficients{i}": w.astype(float) for i, w in enumerate(weights)} | {
            f"bias{i}": np.zeros((w.shape[0], 1)) for i, w in enumerate(weights)
        }
        self.adam = reference.Adam(problem.spec.learning_rate, BETA_1, BETA_2, EPSILON)

    def run(self, first: int, count: int) -> list[float]:
        return [self.epoch(epoch) for epoch in range(first, first + count)]

    def epoch(self, number: int) -> float:
        total, (x, labels) = 0.0, self.problem.features_major
        for rows in self.problem.batches(number):
            seen = reference.evaluate(
                self.net, self.parameters, x[:, rows].astype(float), labels[:, rows].astype(float)
            )
            self.parameters = self.adam.step(self.parameters, seen.gradients)
            total += seen.loss * len(rows)
        return total / self.problem.samples


def forms(problem: Problem) -> dict[str, Form]:
    return {"double precision": Derivation}
