"""JAX with optax: the whole step, or many of them, compiled as one function.

optax adds epsilon to the corrected root of the second moment, Keras to the one before its
correction.  Early gradients are small enough for that to matter, so epsilon is corrected, too.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.contestants import Form
from benchmarks.problem import BETA_1, BETA_2, EPSILON, Problem

CHUNK = 1_000  # samples, as the study has it

State = tuple[Any, Any]  # parameters, state of the optimizer


def summed_loss(parameters: Any, x: jax.Array, labels: jax.Array) -> jax.Array:
    """The sum over samples of the cross-entropy; x (n, 784), labels (n,)."""
    *hidden, (last, last_bias) = parameters
    for w, bias in hidden:
        x = jax.nn.relu(x @ w + bias)
    logits = x @ last + last_bias
    return optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels).sum()


class Jax:
    """What all forms share: parameters (inputs, units), samples, and the step."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.x, self.labels = map(jnp.asarray, problem.samples_major())
        parameters = [(jnp.asarray(w.T), jnp.zeros(w.shape[0])) for w in problem.weights()]
        self.optimizer = optax.inject_hyperparams(optax.adam)(
            problem.spec.learning_rate,
            b1=BETA_1,
            b2=BETA_2,
            eps=lambda steps: EPSILON / jnp.sqrt(1.0 - BETA_2 ** (steps + 1.0)),
        )
        self.state: State = (parameters, self.optimizer.init(parameters))

    def moved(self, state: State, gradients: Any) -> State:
        """The state after a step of the optimizer."""
        parameters, moments = state
        updates, moments = self.optimizer.update(gradients, moments)
        return optax.apply_updates(parameters, updates), moments

    def step(self, state: State, x: jax.Array, labels: jax.Array) -> tuple[State, jax.Array]:
        """One step on a batch; gives the sum of the losses before it, too."""
        loss, gradients = jax.value_and_grad(summed_loss)(state[0], x, labels)
        return self.moved(state, jax.tree.map(lambda g: g / x.shape[0], gradients)), loss


class FullBatch(Jax):
    """A step of the whole batch, perhaps chunk by chunk."""

    def __init__(self, problem: Problem, chunk: int | None) -> None:
        super().__init__(problem)
        whole = chunk and problem.samples // chunk * chunk
        self.parts = [(self.x, self.labels)]
        if chunk and whole:  # of fewer samples than a chunk there is one
            shape = (whole // chunk, chunk)
            self.parts = [(self.x[whole:], self.labels[whole:])] if whole < len(self.x) else []
            self.parts.append(
                (self.x[:whole].reshape(*shape, -1), self.labels[:whole].reshape(shape))
            )
        self.jitted = jax.jit(self.added if chunk else self.together, donate_argnums=0)

    def together(self, state: State, parts: Any) -> tuple[State, jax.Array]:
        """The step on the batch as it is."""
        return self.step(state, *parts[0])

    def added(self, state: State, parts: Any) -> tuple[State, jax.Array]:
        """The same step with loss and gradients added up over chunks."""
        look = jax.value_and_grad(summed_loss)

        def body(total: Any, part: Any) -> tuple[Any, None]:
            return jax.tree.map(jnp.add, total, look(state[0], *part)), None

        total = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, state[0]))
        for x, labels in parts:
            part = (x, labels) if x.ndim == 3 else (x[None], labels[None])
            total, _ = jax.lax.scan(body, total, part)
        loss, gradients = total
        return self.moved(state, jax.tree.map(lambda g: g / self.problem.samples, gradients)), loss

    def run(self, first: int, count: int) -> list[float]:
        losses = []
        for _ in range(count):
            self.state, loss = self.jitted(self.state, self.parts)
            losses.append(float(loss) / self.problem.samples)
        return losses


class SmallBatches(Jax):
    """Epochs in batches: all full batches in one compiled loop, or one call a step."""

    def __init__(self, problem: Problem, together: bool) -> None:
        super().__init__(problem)
        self.together = together
        self.one = jax.jit(self.chosen, donate_argnums=0)
        self.many = jax.jit(self.looped, donate_argnums=0)

    def chosen(
        self, state: State, rows: jax.Array, x: jax.Array, labels: jax.Array
    ) -> tuple[State, jax.Array]:
        """A step on the samples with these numbers."""
        return self.step(state, x[rows], labels[rows])

    def looped(
        self, state: State, order: jax.Array, x: jax.Array, labels: jax.Array
    ) -> tuple[State, jax.Array]:
        """A step for each row of `order`."""
        state, losses = jax.lax.scan(lambda s, rows: self.chosen(s, rows, x, labels), state, order)
        return state, losses.sum()

    def run(self, first: int, count: int) -> list[float]:
        return [self.epoch(number) for number in range(first, first + count)]

    def epoch(self, number: int) -> float:
        batches, losses = self.problem.batches(number), []
        if self.together:
            full = [rows for rows in batches if len(rows) == len(batches[0])]
            batches = batches[len(full) :]
            self.state, loss = self.many(self.state, np.stack(full), self.x, self.labels)
            losses.append(loss)
        for rows in batches:
            self.state, loss = self.one(self.state, rows, self.x, self.labels)
            losses.append(loss)
        return sum(map(float, losses)) / self.problem.samples


def forms(problem: Problem) -> dict[str, Form]:
    """The whole batch at once or in chunks; small batches one by one or in a compiled loop."""
    if problem.spec.batch_size is None:
        return {
            "whole batch, jit": functools.partial(FullBatch, chunk=None),
            "chunks of 1,000, jit": functools.partial(FullBatch, chunk=CHUNK),
        }
    return {
        "a jitted step at a time": functools.partial(SmallBatches, together=False),
        "a jitted loop over the epoch": functools.partial(SmallBatches, together=True),
    }
