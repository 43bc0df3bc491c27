"""The experiments of Part C; reads and checks their claims and predictions (batchnorm.yaml).

The code of an experiment is in the package `experiments`, in a folder of its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmstudy.study import form, schema
from fmstudy.study.claims import check_expectation
from fmstudy.study.configuration import Problem, nearest, unknown


@dataclass(frozen=True)
class Experiment:
    """An experiment: its title, and what it takes.

    seconds   duration of one seed on one core with all images; 0 if the experiment only evaluates
              the study's models
    after     the experiment whose results it needs, if any
    figures   the modules of its folder that draw one figure each
    """

    title: str
    seconds: float = 0.0
    after: str = ""
    figures: tuple[str, ...] = ("figure",)


EXPERIMENTS = {
    "curves": Experiment("Learning curves"),
    "learning-rate": Experiment("Learning rates", seconds=90),
    "speed": Experiment("Speed", seconds=35, after="learning-rate"),
    "batch-size": Experiment("Batch size", seconds=60),
    "evaluation": Experiment("Inference statistics", seconds=17),
    "shift": Experiment(
        "Inside the networks", seconds=21, figures=("figure", "inputs", "landscape")
    ),
    "noisy": Experiment("Random shifts", seconds=33),
    "gamma-beta": Experiment("Gamma and beta", seconds=5),
    "depth": Experiment("Depth", seconds=20),
    "init": Experiment("Initial weights", seconds=26),
    "placement": Experiment("Placement", seconds=50),
    "placement-keras": Experiment("Placement in Keras"),
    "dropout": Experiment("Dropout"),
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

    recorded: Mapping[str, str]
    seen_seeds: list[int]
    revised: Mapping[str, str]
    claims: Mapping[str, Mapping[str, Any]]
    predictions: Mapping[str, Mapping[str, Any]]

    def of(self, experiment: str) -> dict[str, Mapping[str, Any]]:
        """Return the predictions for one experiment, by name."""
        predictions = self.predictions.items()
        return {name: it for name, it in predictions if it["experiment"] == experiment}


def read(path: str | Path) -> Expected:
    """Read claims and predictions.

    Raises ConfigurationError listing every error: its line, the key, what is allowed.
    """
    content = form.read_checked(path, schema.Expectations, _check)
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
        claim = prediction.get("claim")
        if claim is not None and claim not in claims:
            yield Problem(("predictions", name, "claim"), unknown("claim", claim, claims))
        yield from check_expectation(("predictions", name, "test"), prediction["test"])
