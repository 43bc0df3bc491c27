"""Every combination of settings that the configuration accepts trains; others are refused."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from fixtures.descent import Descent
from fixtures.nets import in_numpy
from fixtures.report import configured

from fmstudy.checks import reference
from fmstudy.checks.three_engines import initial_parameters, reference_net
from fmstudy.engines import full_batch, keras_models
from fmstudy.engines.network import Network
from fmstudy.study import plan
from fmstudy.study.spec import PENALTIES, RunSpec

pytestmark = pytest.mark.usefixtures("one_thread")

N, N_TEST, EPOCHS = 20, 7, 2
COMMON: dict[str, Sequence[Any]] = {
    "hidden": ([], [5], [5, 4], [5, 4, 3]),
    "activation": ("relu", "sigmoid"),
    "batch_norm": ("none", "before", "after"),
    "optimizer": ("adam", "sgd"),
}
CHOICES: dict[str, dict[str, Sequence[Any]]] = {
    "lowlevel": COMMON | {"penalty": ("none", *PENALTIES), "bias": ("scalar", "vector")},
    "keras": COMMON | {"dropout": (0.0, 0.5)},
}
Settings = Mapping[str, Any]


def combinations(engine: str) -> Iterator[Settings]:
    """Yield every combination of settings."""
    for values in itertools.product(*CHOICES[engine].values()):
        settings = dict(zip(CHOICES[engine], values, strict=True))
        strength = {"delta": 0.01} if settings.get("penalty", "none") != "none" else {}
        yield {"engine": engine, **settings, **strength}


def fits(settings: Settings) -> bool:
    """Whether the settings can be combined."""
    needs_layers = settings["batch_norm"] != "none" or settings.get("dropout", 0.0) > 0.0
    return bool(settings["hidden"]) or not needs_layers


def pairwise(found: Sequence[Settings], keys: Sequence[str]) -> list[Settings]:
    """Choose some combinations in which every two values of two settings meet that ever do."""
    meetings = [
        {(*pair, *(str(it[key]) for key in pair)) for pair in itertools.combinations(keys, 2)}
        for it in found
    ]
    left, chosen = set().union(*meetings), []
    while left:
        best = max(range(len(found)), key=lambda index: len(meetings[index] & left))
        left -= meetings[best]
        chosen.append(found[best])
    return chosen


def specify(settings: Sequence[Settings]) -> tuple[plan.Study | None, list]:
    """Add models with these settings to the study."""
    config = configured()
    config["models"] |= {f"it-{index}": dict(it) for index, it in enumerate(settings)}
    return plan.build(config)


@pytest.mark.parametrize("engine", CHOICES)
def test_combinations_without_a_meaning_are_refused_and_no_others(engine: str):
    every = list(combinations(engine))
    _, problems = specify(every)
    refused = [f"it-{index}" for index, it in enumerate(every) if not fits(it)]
    assert [problem.path for problem in problems] == [("models", it, "hidden") for it in refused]
    assert {it.text for it in problems} == {"is [], but dropout and batch_norm need hidden layers."}


def trained(engine: str, some: bool) -> list[RunSpec]:
    """The specifications of all combinations, or of some in which all pairs meet."""
    fitting = [it for it in combinations(engine) if fits(it)]
    study, problems = specify(pairwise(fitting, list(CHOICES[engine])) if some else fitting)
    assert study, problems
    sizes = {"epochs": EPOCHS, "train_samples": N, "test_samples": N_TEST, "learning_rate": 0.01}
    sizes |= {"batch_size": 16, "validation_split": 0.2} if engine == "keras" else {}
    models = [it for name, it in study.models.items() if name.startswith("it-")]
    return [it.spec.varied(**sizes) for it in models]


def losses_by_hand(net: reference.Net, p: reference.Parameters, spec: RunSpec, x, labels):
    """Loss and penalty of the whole batch in training, before each step and after the last."""
    optimizer = {"adam": reference.Adam, "sgd": Descent}[spec.optimizer](spec.learning_rate)
    found = []
    for _ in range(spec.epochs + 1):
        seen = reference.evaluate(net, p, x.astype(float), labels.astype(float))
        found.append((seen.loss, seen.penalty))
        p = optimizer.step(p, seen.gradients)
    return found


SOME = [pytest.param(True, id="pairs"), pytest.param(False, id="all", marks=pytest.mark.slow)]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled, which takes longer than these trainings."""
    for module in (full_batch, keras_models):
        monkeypatch.setattr(module, "compiled", lambda function, **_: function)


@pytest.mark.parametrize("some", SOME)
def test_low_level_nets_of_any_settings_follow_the_trajectory_computed_by_hand(
    samples, eager, some: bool
):
    data = samples(N), samples(N_TEST, seed=1)
    for spec in trained("lowlevel", some):
        network = Network(spec, seed=3)
        assert sum(np.size(it) for it in network.variables) == spec.parameters, spec
        result = full_batch.train_lowlevel(spec, 3, *data)
        given = [row[2:4] for row in result.history.rows if row[1] == "train"]
        expected = losses_by_hand(*in_numpy(network), spec, *data[0])
        np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5, err_msg=spec.name)
        assert expected[-1] != expected[0]


@pytest.mark.parametrize("some", SOME)
def test_keras_nets_of_any_settings_follow_the_trajectory_computed_by_hand(
    samples, eager, some: bool
):
    """Without dropout, whose masks are random; with it, they move to finite weights."""
    (x, labels), test = samples(N), samples(N_TEST, seed=1)
    for spec in trained("keras", some):
        result = keras_models.train_keras(spec, 3, (x, labels), test)
        given = [row[2] for row in result.history.rows if row[1] == "running"]
        cut = spec.fitted_samples
        start = initial_parameters(spec, 3)
        expected = losses_by_hand(reference_net(spec), start, spec, x[:, :cut], labels[:, :cut])
        if not spec.dropout:
            wanted = [loss for loss, _ in expected[:-1]]
            np.testing.assert_allclose(given, wanted, rtol=1e-4, err_msg=spec.name)
        assert result.status == "finished", spec
        moved = result.weights["dense0-kernel"].T - start["coefficients0"]
        assert np.isfinite(moved).all()
        assert moved.any()
