"""PyTorch on one thread, with its fused Adam.

PyTorch adds epsilon to the corrected root of the second moment, Keras to the one before its
correction.  Early gradients are small enough for that to matter, so epsilon is corrected, too.
"""

from __future__ import annotations

import functools
import math

import torch
from torch.nn import functional

from benchmarks.contestants import Form
from benchmarks.problem import BETA_1, BETA_2, EPSILON, Problem

CHUNK = 1_000  # samples, as the study has it


class Torch:
    """A stack of linear layers and ReLUs; a batch may be worked through chunk by chunk."""

    def __init__(self, problem: Problem, chunk: int | None, compiled: bool) -> None:
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        self.problem, self.chunk = problem, chunk
        self.x, self.labels = map(torch.from_numpy, problem.samples_major())
        layers: list[torch.nn.Module] = []
        for w in problem.weights():
            layer = torch.nn.Linear(w.shape[1], w.shape[0])
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(w))
                layer.bias.zero_()
            layers += [layer, torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])

        def loss(x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return functional.cross_entropy(model(x), labels, reduction="sum")

        self.loss = torch.compile(loss) if compiled else loss
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            lr=problem.spec.learning_rate,
            betas=(BETA_1, BETA_2),
            eps=EPSILON,
            fused=True,
        )
        self.steps = 0

    def run(self, first: int, count: int) -> list[float]:
        return [self.epoch(epoch) for epoch in range(first, first + count)]

    def epoch(self, number: int) -> float:
        if self.problem.spec.batch_size is None:
            return self.step(self.x, self.labels) / self.problem.samples
        total = 0.0
        for rows in map(torch.from_numpy, self.problem.batches(number)):
            total += self.step(self.x[rows], self.labels[rows])
        return total / self.problem.samples

    def step(self, x: torch.Tensor, labels: torch.Tensor) -> float:
        """One step; gives the sum of the losses before it."""
        self.optimizer.zero_grad()
        total, size = 0.0, self.chunk or len(x)
        for start in range(0, len(x), size):
            part = slice(start, start + size)
            loss = self.loss(x[part], labels[part])
            (loss / len(x)).backward()
            total += loss.item()
        self.steps += 1
        for group in self.optimizer.param_groups:
            group["eps"] = EPSILON / math.sqrt(1.0 - BETA_2**self.steps)
        self.optimizer.step()
        return total


def forms(problem: Problem) -> dict[str, Form]:
    """Plain and compiled; the whole batch also in chunks."""
    chunks = {"": None}
    if problem.spec.batch_size is None:
        chunks = {"whole batch, ": None, "chunks of 1,000, ": CHUNK}
    return {
        name + how: functools.partial(Torch, chunk=chunk, compiled=compiled)
        for name, chunk in chunks.items()
        for how, compiled in (("eager", False), ("torch.compile", True))
    }
