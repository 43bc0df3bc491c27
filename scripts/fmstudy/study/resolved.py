"""The study with all that its configuration names: read, checked, and put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fmstudy.study import claims, configuration, experiments, plan, published
from fmstudy.study.description import call


class Resolved(NamedTuple):
    """What the configuration and its files ask for.

    published   the rows of the published numbers
    printed     the published final values, by model and metric
    claims      what the source is said to claim, by name
    expected    what was predicted of batch normalization
    """

    study: plan.Study
    published: list[dict[str, str]]
    printed: dict[str, dict[str, float]]
    claims: dict[str, Any]
    expected: experiments.Expected

    def printed_of(self, wildcards: Any) -> dict[str, dict[str, float]]:
        """The published final values of the model of a job, if it has any."""
        return {name: it for name, it in self.printed.items() if name == wildcards.model}

    def judged(self, quantities: str | Callable[[Any], str]) -> dict[str, Callable[[Any], Any]]:
        """The calls for the tables of an experiment's quantities and predictions.

        quantities: the function that computes the former, or how its name follows from wildcards.
        """
        settings = self.study.batchnorm.settings
        found = call(quantities, settings=lambda wildcards: settings[wildcards.experiment])
        return {
            "quantities": call("experiments.judging.quantities_table", found=found),
            "predictions": call(
                "experiments.judging.predictions_table",
                predictions=lambda wildcards: self.expected.of(wildcards.experiment),
                found=found,
            ),
        }

    @property
    def claimed_models(self) -> list[plan.Model]:
        """The models that claims are about."""
        return [self.study.models[name] for name in claims.models_of(self.claims)]

    @property
    def claimed_sweeps(self) -> dict[str, plan.Sweep]:
        """The sweeps that claims are about, by name."""
        return {name: self.study.sweeps[name] for name in claims.sweeps_of(self.claims)}

    @property
    def claimed_runs(self) -> list[plan.Model]:
        """Every model whose runs the claims need."""
        swept = [model for sweep in self.claimed_sweeps.values() for model in sweep.models]
        return [*self.claimed_models, *swept, self.study.epochs.model]


def resolve(
    config: Mapping[str, Any], origins: configuration.Origins, find: Callable[[str], str]
) -> Resolved:
    """Resolve a configuration; `find` gives the path of a file that it names.

    Raises ConfigurationError, with every mistake and its place, before any job could run.
    """
    study, problems = plan.build(config)
    if study is None:
        raise configuration.report(problems, origins)
    rows = published.read_checked(find(study.published_file), study.published_numbers)
    return Resolved(
        study,
        rows,
        published.values(rows, study.published_models),
        claims.read(find(study.claims_file), study.models, study.sweeps, [it["id"] for it in rows]),
        experiments.read(find(study.batchnorm.file)),
    )
