"""The experiments of Part C; reads and checks their claims and predictions (batchnorm.yaml).

The code of an experiment is in the package `experiments`, in a folder of its name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fmstudy.study import form, schema
from fmstudy.study.absent import Absent
from fmstudy.study.claims import check_expectation, check_name, check_references
from fmstudy.study.configuration import KeyPath, Problem, nearest
from fmstudy.study.quantities import kind_of, unit_of


@dataclass(frozen=True)
class Experiment:
    """An experiment: its title, and what it takes.

    seconds   duration of one seed on one core with all images; 0 if the experiment only evaluates
              the study's models
    after     the experiment whose results it needs, if any
    figures   the modules of its folder that draw one figure each
    measures  the kinds of its quantities (before the first slash), separated by spaces: regular
              expressions
    """

    title: str
    measures: str
    seconds: float = 0.0
    after: str = ""
    figures: tuple[str, ...] = ("figure",)

    @property
    def quantities(self) -> list[str]:
        """The kinds of its quantities."""
        return self.measures.split()


_AT_BEST = "test_accuracy test_loss best_rate"
_OF_MODELS = (
    r"train_accuracy train_loss test_accuracy test_loss gap_loss calibration_error "
    r"test_accuracy_exact test_loss_exact train_loss_\d+ held_out_loss_\d+"
)
EXPERIMENTS = {
    "curves": Experiment("Learning curves", _OF_MODELS),
    "learning-rate": Experiment(
        "Learning rates", f"decades highest step test_accuracy_equal {_AT_BEST}", seconds=90
    ),
    "speed": Experiment(
        "Speed",
        r"steps_[\d.]+ seconds_[\d.]+ reached_[\d.]+ step_seconds step_factor",
        seconds=35,
        after="learning-rate",
    ),
    "batch-size": Experiment(
        "Batch size",
        r"loss_exact accuracy_exact loss_own accuracy_own loss_[\d.]+ accuracy_[\d.]+ best_rate",
        seconds=60,
    ),
    "evaluation": Experiment("Inference statistics", "loss_error accuracy_error", seconds=17),
    "shift": Experiment(
        "Inside the networks",
        "shift_cosine shift_size drift loss_range loss_range_scaled gradient_change "
        "gradient_change_scaled effective_rate validation_accuracy validation_loss",
        seconds=21,
        figures=("figure", "inputs", "landscape"),
    ),
    "noisy": Experiment("Random shifts", "accuracy loss best_rate", seconds=33),
    "gamma-beta": Experiment(
        "Gamma and beta",
        "test_accuracy gamma_from_deviation beta_from_mean gaussian_distance example_mean",
        seconds=5,
    ),
    "depth": Experiment("Depth", "growth growth_size test_accuracy", seconds=20),
    "init": Experiment(
        "Initial weights",
        "accuracy loss_range loss_range_best invariance invariance_epsilon invariance_gradient",
        seconds=26,
    ),
    "placement": Experiment("Placement", _AT_BEST, seconds=50),
    "placement-keras": Experiment("Placement in Keras", _OF_MODELS),
    "dropout": Experiment("Dropout", _OF_MODELS),
}


def module_of(experiment: str, part: str) -> str:
    """The module of an experiment's folder that holds a part, such as experiments.init.figure."""
    return f"experiments.{experiment.replace('-', '_')}.{part}"


def figures_of(experiment: str) -> dict[str, str]:
    """The modules that draw an experiment's figures, by the figures' names.

    The figure of `figure` has the experiment's name, others their own name behind it.
    """
    return {
        f"{experiment}-{part}".removesuffix("-figure"): module_of(experiment, part)
        for part in EXPERIMENTS[experiment].figures
    }


DRAWN_BY = {figure: module for name in EXPERIMENTS for figure, module in figures_of(name).items()}


@dataclass(frozen=True)
class Expected:
    """Common claims about batch normalization, and our predictions.

    recorded     the commit that first held the predictions, and its date
    seen_seeds   the seeds of the results that we had seen before we wrote predictions that are
                 marked `seen`, so that these are tested on other seeds
    revised      the experiments that were changed after we had seen their results, with the
                 reasons; predictions for them are as they were recorded but count as `seen`
    """

    recorded: Mapping[str, str] = field(default_factory=dict)
    seen_seeds: list[int] = field(default_factory=list)
    revised: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    predictions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def without(self, absent: Absent, run: Collection[str]) -> Expected:
        """Return a copy without the predictions for models that a study leaves out.

        `run` are the experiments that it runs: one on models of the study may lack all of them.
        """
        kept = {
            name: it
            for name, it in self.predictions.items()
            if (it["experiment"] in run or EXPERIMENTS[it["experiment"]].seconds)
            and not any(
                it["test"].get(key, "").endswith(f"/{arm}")
                for experiment, arm in absent.arms
                for key in ("quantity", "minus")
                if experiment == it["experiment"]
            )
        }
        claims: dict[str, Mapping[str, Any]] = {}
        for name, it in self.claims.items():
            aside = {key: why for key, why in it.get("set_aside", {}).items() if key in kept}
            claims[name] = {**it, "set_aside": aside} if "set_aside" in it else it
        return replace(self, claims=claims, predictions=kept)

    def of(self, experiment: str) -> dict[str, Mapping[str, Any]]:
        """Return the predictions for one experiment, by name."""
        predictions = self.predictions.items()
        return {name: it for name, it in predictions if it["experiment"] == experiment}


def read(path: str | Path, references: Iterable[str]) -> Expected:
    """Read claims and predictions; `references` are the keys of works that the report lists.

    Raises ConfigurationError listing every error: its line, the key, what is allowed.
    """

    def check(content: Mapping[str, Any]) -> Iterator[Problem]:
        for name, claim in content["claims"].items():
            place = ("claims", name, "literature")
            yield from check_references(place, claim["literature"], references)
        yield from _check(content)

    content = form.read_checked(path, schema.Expectations, check)
    revised = content.get("revised", {})
    predictions = {
        name: it | ({"seen": True} if it["experiment"] in revised else {})
        for name, it in content["predictions"].items()
    }
    return Expected(
        content["recorded"], content["seen_seeds"], revised, content["claims"], predictions
    )


def _check(content: Mapping[str, Any]) -> Iterator[Problem]:
    claims, predictions = content["claims"], content["predictions"]
    for name, claim in claims.items():
        for aside in claim.get("set_aside", {}):
            if predictions.get(aside, {}).get("claim") != name:
                mine = [each for each in predictions if predictions[each].get("claim") == name]
                yield Problem(
                    ("claims", name, "set_aside", aside),
                    f"is not a prediction for the claim {name}.{nearest(aside, mine)} "
                    f"Its predictions: {', '.join(mine) or 'none'}.",
                )
    for name, prediction in predictions.items():
        if "claim" in prediction:
            place = ("predictions", name, "claim")
            yield from check_name(place, "claim", prediction["claim"], claims)
        yield from _check_test(("predictions", name, "test"), prediction)


def _check_test(path: KeyPath, prediction: Mapping[str, Any]) -> Iterator[Problem]:
    """Find errors in a hypothesis: unknown or unlike quantities, and a wrong expectation."""
    test, experiment = prediction["test"], prediction["experiment"]
    yield from check_expectation(path, test)
    for key in ("quantity", "minus"):
        kind, known = kind_of(test.get(key, "")), EXPERIMENTS[experiment].quantities
        if key in test and not any(re.fullmatch(each, kind) for each in known):
            shown = [each.replace(r"[\d.]+", "80").replace(r"\d+", "50") for each in known]
            yield Problem(
                (*path, key),
                f"{experiment} measures no {kind}.{nearest(kind, shown)} Quantities of this "
                f"experiment: {', '.join(shown)}.",
            )
    one, other = test["quantity"], test.get("minus", test["quantity"])
    if unit_of(one) != unit_of(other) or (not unit_of(one) and kind_of(one) != kind_of(other)):
        yield Problem(
            (*path, "minus"),
            f"{kind_of(other)} cannot be subtracted from {kind_of(one)}, which is another kind of "
            "quantity; subtract quantities with the same unit.",
        )
