"""The resolved configuration: the study with all files that it names, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fmstudy.study import claims, configuration, description, experiments, plan, published, reader

# The works that the report lists, by their keys; they belong to the report, not to the study.
REFERENCES = Path(__file__).resolve().parents[3] / "report/templates/works.yaml"


EXTEND = (
    "A study's file is complete in itself. If this one is to change another study, begin it with "
    "the path of that study's file, such as the line: extends: config/config.yaml"
)


class Resolved(NamedTuple):
    """The resolved configuration and its files.

    published   the rows of the published numbers
    printed     the published final values, by model and metric
    claims      the claims of the source, by name
    expected    claims and predictions about batch normalization
    """

    study: plan.Study
    published: list[dict[str, Any]]
    printed: dict[str, dict[str, float]]
    claims: dict[str, Any]
    expected: experiments.Expected

    def ledger_call(self, models: Iterable[plan.Model]) -> Callable[[Any], dict[str, Any]]:
        """Return the call that compares the published numbers with these models."""
        return description.call(
            "analysis.ledger.ledger_table",
            published=self.published,
            redone_by=self.redone_by,
            assumed=self.study.published_assumed,
            models=description.as_dicts(models),
            uses_all_images=self.study.uses_all_images,
        )

    @property
    def redone_by(self) -> dict[str, list[str]]:
        """The models that re-do each model of the source."""
        return {name: list(models) for name, models in self.study.published_models.items()}

    @property
    def strength_sweeps(self) -> list[plan.Sweep]:
        """The sweeps over a penalty's strength of a model that re-does one of the source's."""
        redone = {name for names in self.redone_by.values() for name in names}
        return [
            sweep
            for sweep in self.study.sweeps.values()
            if sweep.vary == "delta" and sweep.base in redone
        ]

    def strengths_call(self) -> Callable[[Any], dict[str, Any]]:
        """Return the call that finds strengths of penalties compatible with published numbers."""
        return description.call(
            "analysis.strength.strengths_table",
            published=self.published,
            redone_by=self.redone_by,
            models=description.as_dicts(self.study.models.values()),
            sweeps=[description.sweep_with_models(it) for it in self.strength_sweeps],
            uses_all_images=self.study.uses_all_images,
        )

    def printed_of_model(self, wildcards: Any) -> dict[str, dict[str, float]]:
        """Return the published final values, if any, of the model in the wildcards."""
        return {name: it for name, it in self.printed.items() if name == wildcards.model}

    def judged(self, quantities: str | Callable[[Any], str]) -> dict[str, Callable[[Any], Any]]:
        """The calls for the tables of an experiment's quantities and predictions.

        quantities: the function that computes the former, or how its name follows from wildcards.
        """
        settings = self.study.batchnorm.settings
        found = description.call(
            quantities, settings=lambda wildcards: settings[wildcards.experiment]
        )
        return {
            "quantities": description.call("experiments.judging.quantities_table", found=found),
            "predictions": description.call(
                "experiments.judging.predictions_table",
                predictions=lambda wildcards: self.expected.of(wildcards.experiment),
                found=found,
                seen_seeds=self.expected.seen_seeds,
            ),
        }

    @property
    def pairs(self) -> list[list[str]]:
        """All pairs (first, second) of models that comparisons or claims compare."""
        planned = [pair for it in self.study.comparisons.values() for pair in it.pairs]
        return [list(pair) for pair in dict.fromkeys([*planned, *claims.pairs_of(self.claims)])]

    @property
    def claimed_sweeps(self) -> dict[str, plan.Sweep]:
        """The sweeps named in claims, by name."""
        return {name: self.study.sweeps[name] for name in claims.sweeps_of(self.claims)}

    @property
    def claimed_runs(self) -> list[plan.Model]:
        """All models whose runs are needed to test the claims: variances borrow from all models."""
        longer = self.study.epochs
        return [
            *self.models_with(self.claimed_sweeps.values()),
            *([longer.model] if longer else ()),
        ]

    def models_with(self, sweeps: Iterable[plan.Sweep]) -> list[plan.Model]:
        """All models of the study, and those of some sweeps."""
        return [*self.study.models.values(), *(model for it in sweeps for model in it.models)]


def resolve(
    config: Mapping[str, Any],
    origins: configuration.Origins,
    find: Callable[[str], str],
    name: str = "study",
) -> Resolved:
    """Resolve a configuration; `find` returns the path of a file that it names.

    Results and pages have `name` unless it says another.  Raises ConfigurationError listing every
    error with its location.
    """
    study, problems = plan.build(config, name)
    if study is None:
        if problems[0].path == () and ("extends",) not in origins:
            hint = f"{problems[0].text} {EXTEND}"
            problems[0] = configuration.Problem((), hint)
        raise configuration.report(problems, origins)
    references = reader.read(REFERENCES)[0]
    rows: list[dict[str, Any]] = []
    if study.published_file:
        file, lost = find(study.published_file), study.absent.sources
        rows = published.read_checked(file, study.published_numbers, lost)
    expected = experiments.Expected()
    if study.batchnorm.file:
        expected = experiments.read(find(study.batchnorm.file), references)
    if study.absent.models:
        expected = expected.without(study.absent, study.batchnorm.settings)
    units = {row["id"]: row["unit"] for row in rows}
    known = claims.Known(
        *(study.models, study.sweeps, units, expected.claims, references),
        is_longer=bool(study.epochs),
        absent=study.absent,
    )
    said = claims.read(find(study.claims_file), known) if study.claims_file else {}
    return Resolved(study, rows, published.values(rows, study.published_models), said, expected)
