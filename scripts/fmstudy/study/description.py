"""The study in plain types, for parameters of jobs that Snakemake can track."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fmstudy.study.configuration import printable
from fmstudy.study.experiments import EXPERIMENTS, Expected
from fmstudy.study.plan import Model, Study, Sweep
from fmstudy.study.shown import curves_shown_by
from fmstudy.study.spec import section_titles
from fmstudy.study.words import setting_name, setting_text


def call(function: str | Callable[[Any], str], **settings: Any) -> Callable[[Any], dict[str, Any]]:
    """Name the function that makes a rule's output, with its settings (see `workflow.calls`).

    Both may be functions of the job's wildcards; a setting may be another call, which stands for
    its result.  Snakemake replaces wildcards in string parameters, but not in strings that a
    function returns, so titles may contain braces.
    """

    def of_job(wildcards: Any) -> dict[str, Any]:
        given = {"call_to": function} | settings
        return {key: it(wildcards) if callable(it) else it for key, it in given.items()}

    return of_job


def as_dicts(models: Iterable[Model]) -> list[dict[str, Any]]:
    """Return the models in plain types."""
    return [model.as_dict() for model in models]


def names(models: Iterable[Model]) -> list[str]:
    """Return the names of the models."""
    return [model.name for model in models]


def comparisons(study: Study, among: Iterable[Model] | None = None) -> list[dict[str, Any]]:
    """Describe all comparisons, or those whose models are all in `among`."""
    known = set(study.models if among is None else names(among))
    return [
        asdict(it) | {"models": names(it.models), "pairs": [list(pair) for pair in it.pairs]}
        for it in study.comparisons.values()
        if known.issuperset(names(it.models))
    ]


def sweep(given: Sweep) -> dict[str, Any]:
    """Describe a sweep, without its models."""
    described = asdict(given) | {"vary": _lists(given.vary), "values": _lists(given.values)}
    del described["models"]
    return described


def _lists(content: Any) -> Any:
    """Replace tuples, also inside each other, by lists."""
    return [_lists(it) for it in content] if isinstance(content, tuple) else content


def sweep_with_models(given: Sweep) -> dict[str, Any]:
    """Describe a sweep and its models, one per value."""
    return sweep(given) | {"models": as_dicts(given.models)}


def sweep_line(given: Sweep) -> str:
    """Describe a sweep in one line of help: its title, its base model, and what varies."""
    values = given.values if given.is_grid else [given.values]
    keys = [given.vary] if isinstance(given.vary, str) else given.vary
    varied = (
        f"{setting_name(key)} {', '.join(map(setting_text, it))}"
        for key, it in zip(keys, values, strict=True)
    )
    shown = "heat maps" if given.is_grid else "curves"
    return printable(
        f"{given.title}: model {given.base} with {' and '.join(varied)}; table and {shown}."
    )


def experiment_line(name: str) -> str:
    """Describe an experiment on batch normalization in one line of help."""
    title = EXPERIMENTS[name].title
    return f"Batch normalization, {title[0].lower()}{title[1:]}: results, predictions, figures."


def explorer_groups(study: Study) -> list[dict[str, Any]]:
    """Group all models for the explorer: sections first, then sweeps."""
    every = [*study.models.values(), *([study.epochs.model] if study.epochs else ())]
    groups = {
        title: [model for model in every if model.section == section]
        for section, title in section_titles(study.has_source).items()
    }
    found = [{"title": title, "models": as_dicts(it)} for title, it in groups.items() if it]
    for sweep in study.sweeps.values():
        titles = (it.title for it in sweep.models)
        values = titles if sweep.is_grid else map(setting_text, sweep.values)
        models = [
            replace(model, title=f"{sweep.title}: {value}")
            for model, value in zip(sweep.models, values, strict=True)
        ]
        found.append({"title": sweep.title, "models": as_dicts(models)})
    return found


def explorer_start(study: Study) -> list[str]:
    """Return the names of the models shown first: a planned pair, its second model first."""
    pairs = (pair for it in study.comparisons.values() for pair in it.pairs)
    return list(reversed(next(pairs, tuple(study.models)[:2])))


def describe_playground(study: Study) -> dict[str, Any]:
    """Describe the study for the playground."""
    return {
        "title": study.title,
        "report": Path(study.report).name,
        "models": as_dicts(study.playground.models),
    }


def describe_study(study: Study, expected: Expected) -> dict[str, Any]:
    """Describe the whole study for the report.

    What the study does not have is None or empty.
    """
    batchnorm, curves, longer = study.batchnorm, curves_shown_by(study), study.epochs
    groups = (study.models, study.sweeps, study.comparisons)
    shown = {it.section for group in groups for it in group.values()}
    return {
        "title": study.title,
        "device": study.device,
        "models": as_dicts(study.models.values()),
        "has_source": study.has_source,
        "sections": {
            name: title for name, title in section_titles(study.has_source).items() if name in shown
        },
        "sweeps": [sweep(given) for given in study.sweeps.values()],
        "comparisons": [it | {"figure": curves[it["name"]]} for it in comparisons(study)],
        "epochs": {"base": longer.base, "at": list(longer.at)} if longer else None,
        "depth": names(study.depth),
        "weights": names(study.weights),
        "closer": {
            "models": names(study.errors.models),
            "leave_out": names(study.errors.leave_out),
            "correlation": study.errors.correlation,
        },
        "batchnorm": {
            "seeds": list(batchnorm.seeds),
            "recorded": expected.recorded,
            "revised": dict(expected.revised),
            "set_aside": {
                name: claim.get("set_aside", {}) for name, claim in expected.claims.items()
            },
            "experiments": {
                name: {
                    "title": experiment.title,
                    "run": name in batchnorm.settings,
                    "settings": batchnorm.settings.get(name),
                    "arms": {
                        arm: model.name for arm, model in batchnorm.arms.get(name, {}).items()
                    },
                }
                for name, experiment in EXPERIMENTS.items()
            },
        },
        "noise": {
            "title": study.noise.title,
            "dropout": study.noise.dropout,
            "at": list(study.noise.at),
            "seeds": list(study.noise.seeds),
            "fitted": study.noise.spec.fitted_samples if study.noise.model else 0,
            "has_dropout": bool(study.noise.model and study.noise.spec.dropout),
        },
        "further": as_dicts(it for it in study.trained_models() if it.name not in study.models),
        "directory": study.directory,
        "report": study.report,
        # in the same folder; empty without a playground
        "playground": Path(study.playground.file).name if study.playground.models else "",
    }
