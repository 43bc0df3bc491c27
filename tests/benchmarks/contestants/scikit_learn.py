"""scikit-learn's MLPClassifier on float32 data.

It takes neither initial weights nor an order of batches.  But `warm_start` goes on from the
`coefs_` that a first `fit` has left, which may be set, with a new Adam; and without shuffling it
goes through the samples as they lie.  So the losses of a whole batch can be held against ours,
and of small batches those of the first epoch: every later one has the order of the first.  Each
`fit` begins with a check of the data, which counts as its work.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.contestants import Form
from benchmarks.problem import BETA_1, BETA_2, EPSILON, Problem


class Classifier:
    """`fit`, again and again, each time going on from the weights of the last."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        x, labels = problem.samples_major()
        order = np.concatenate(problem.batches(1))
        self.x, self.labels = x[order], labels[order]
        weights = problem.weights()
        self.model = MLPClassifier(
            tuple(w.shape[0] for w in weights[:-1]),
            alpha=0.0,
            batch_size=problem.spec.batch_size or problem.samples,
            learning_rate_init=problem.spec.learning_rate,
            beta_1=BETA_1,
            beta_2=BETA_2,
            epsilon=EPSILON,
            shuffle=False,
            warm_start=True,
            n_iter_no_change=1_000_000,
        )
        self.fit(1)
        self.model.coefs_ = [np.ascontiguousarray(w.T) for w in weights]
        self.model.intercepts_ = [np.zeros(w.shape[0], np.float32) for w in weights]

    def fit(self, epochs: int) -> None:
        """Fit for some epochs; that it stops before it has converged is meant."""
        self.model.set_params(max_iter=epochs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(self.x, self.labels)

    def run(self, first: int, count: int) -> list[float]:
        self.fit(count)
        losses = [float(loss) for loss in self.model.loss_curve_[-count:]]
        if self.problem.spec.batch_size is None:
            return losses
        return losses[:1] + [float("nan")] * (count - 1)


def forms(problem: Problem) -> dict[str, Form]:
    return {"fit": Classifier}
