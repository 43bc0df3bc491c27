"""The reference of the other tests is right itself: its gradients are those of its losses."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from fixtures import REPOSITORY
from fixtures.descent import numerical_gradient
from fixtures.nets import random_parameters

from fmstudy.checks import reference
from fmstudy.checks.reference import Net
from fmstudy.study.spec import PENALTIES

SCRIPTS = REPOSITORY / "scripts"


@pytest.mark.parametrize("batch_norm", ["none", "before", "after"])
@pytest.mark.parametrize("bias", ["scalar", "vector"])
@pytest.mark.parametrize(
    ("activation", "penalty"),
    list(zip(itertools.cycle(["sigmoid", "relu"]), PENALTIES, strict=False)),
)
def test_gradients_by_hand_equal_finite_differences(batch_norm, bias, activation, penalty):
    random = np.random.default_rng(5)
    normalized = "" if batch_norm == "none" else batch_norm
    p = random_parameters((6, 4, 3, 10), random, bias, normalized)
    net = Net(3, activation, penalty, 0.01, batch_norm)
    x, labels = random.normal(size=(6, 7)), np.eye(10)[:, random.integers(0, 10, 7)]

    def minimized():
        seen = reference.evaluate(net, p, x, labels)
        return seen.loss + seen.penalty

    gradients = reference.evaluate(net, p, x, labels).gradients
    assert set(gradients) == set(p)
    for name, array in p.items():
        expected = numerical_gradient(minimized, array)
        np.testing.assert_allclose(gradients[name], expected, rtol=1e-5, atol=1e-8, err_msg=name)


def test_adam_takes_a_first_step_of_the_learning_rate_against_the_gradient():
    """Its moments corrected, the first step is rate * g / (|g| + a trifle), whatever g is."""
    moved = reference.Adam(0.01).step({"w": np.zeros(2)}, {"w": np.array([3.0, -0.02])})
    np.testing.assert_allclose(moved["w"], [-0.01, 0.01], rtol=1e-3)


def test_it_shares_nothing_with_the_engines_that_are_held_against_it():
    """Neither TensorFlow nor another module of the library, not even through each other.

    Its package, `checks`, holds no code.
    """
    listing = "import fmstudy.checks.reference, sys; print(*sys.modules)"
    command = [sys.executable, "-c", listing]
    done = subprocess.run(command, cwd=SCRIPTS, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert {"numpy", "fmstudy.checks.reference"} <= set(loaded)
    assert not {"tensorflow", "keras"} & set(loaded)
    ours = {name for name in loaded if name.startswith("fmstudy.")}
    assert ours == {"fmstudy.checks", "fmstudy.checks.reference"}
