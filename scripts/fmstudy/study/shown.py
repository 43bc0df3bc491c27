"""Which models the figures of a study show: by depth, by penalty, and in the six lessons."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from fmstudy.study.plan import Model, Study

PENALTIES = "penalties"  # the figure of the differences between penalties


def by_depth(study: Study) -> dict[str, list[Model]]:
    """Return the models of each figure of final metrics by depth, shallow ones first.

    The Keras models are those of the longest comparison whose models differ only in their layers.
    """
    keras: list[Model] = []
    for comparison in study.comparisons.values():
        models = comparison.models
        same = {tuple(sorted(_without(model, "hidden").items())) for model in models}
        layers = {len(model.spec.hidden) for model in models}
        if models[0].spec.engine == "keras" and len(same) == 1 and len(layers) == len(models):
            keras = max(keras, list(models), key=len)
    found = {"depth": list(study.depth), "depth_keras": keras}
    return {
        name: sorted(models, key=lambda model: len(model.spec.hidden))
        for name, models in found.items()
        if models
    }


def _without(model: Model, *keys: str) -> dict[str, Any]:
    """Return a model's specification as hashable values, without these keys."""
    return {key: str(it) for key, it in model.spec.as_dict().items() if key not in keys}


def penalized(study: Study) -> list[Model]:
    """Return the first model of `weights` and the others there, if a comparison tests any pair."""
    base, *others = study.weights or (None,)
    pairs = {pair for it in study.comparisons.values() for pair in it.pairs}
    if base is not None and any((base.name, other.name) in pairs for other in others):
        return [base, *others]
    return []


def curves_shown_by(study: Study) -> dict[str, str]:
    """Return the figure that shows the learning curves of each comparison."""
    together = {model.name for model in penalized(study)}
    return {
        name: f"{PENALTIES}_curves"
        if together.issuperset(model.name for model in it.models)
        else f"compare_{name}"
        for name, it in study.comparisons.items()
    }


def _differing_in(study: Study, *keys: str) -> Iterator[tuple[Model, Model]]:
    """Yield the compared pairs of models that differ in these keys only, the plain one first."""
    for comparison in study.comparisons.values():
        for names in comparison.pairs:
            first, second = (study.models[name] for name in names)
            if first.spec != second.spec and _without(first, *keys) == _without(second, *keys):
                yield first, second


def lessons(study: Study) -> dict[str, dict[str, Any]]:
    """Return the lessons that the study can illustrate, with the settings of their figures."""
    found: dict[str, dict[str, Any]] = {}
    width = [name for name, sweep in study.sweeps.items() if sweep.vary == "width"]
    if width:
        found["width"] = {"sweep": width[0]}
    depths = {name: models for name, models in by_depth(study).items() if len(models) > 1}
    if depths:
        found["depth"] = {"groups": [[model.name for model in it] for it in depths.values()]}
    if models := penalized(study):
        kinds = groupby(sorted(models[1:], key=_penalty), key=_penalty)
        found["penalties"] = {
            "base": models[0].name,
            "others": {next(group).name: kind for kind, group in kinds},
        }
    for lesson, keys in (
        ("dropout", ("dropout",)),
        ("batchnorm", ("batch_norm", "bn_momentum", "bn_epsilon")),
    ):
        for first, second in _differing_in(study, *keys):
            found.setdefault(lesson, {"models": [first.as_dict(), second.as_dict()]})
    pairs = (pair for it in study.comparisons.values() for pair in it.pairs)
    if any(_have_common_seeds(*(study.models[name] for name in pair)) for pair in pairs):
        found["noise"] = {}
    return found


def _have_common_seeds(first: Model, second: Model) -> bool:
    """Return whether seeds can tell two models apart: they need two or more in common."""
    return len({*first.seeds} & {*second.seeds}) > 1


def _penalty(model: Model) -> str:
    return model.spec.penalty
