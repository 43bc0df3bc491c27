"""Takes sections, groups and models out of a configuration, with whatever needs them.

A study that extends another one names under `without` what it does not have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from fmstudy.study import schema
from fmstudy.study.configuration import Problem, nearest
from fmstudy.study.spec import SECTIONS

GROUPS = [
    name
    for name, field in schema.Configuration.model_fields.items()
    if field.default is None or field.default == {}
]
GROUPS.remove("extends")
# The parts of the study, and of its source, whose models all have one engine.
ENGINES = {"part_a": "lowlevel", "part_b": "keras"}
PARTS = dict(zip(SECTIONS, "ABC", strict=True))


@dataclass(frozen=True)
class Absent:
    """What a study leaves out of the one that it extends; the files that this names have it still.

    models, sweeps, sources, numbers   names, and those of the source's models and numbers
    arms     by experiment: models, by their names in it
    groups   groups of the configuration
    parts    parts of the source, such as B
    """

    models: Collection[str] = ()
    sweeps: Collection[str] = ()
    sources: Collection[str] = ()
    numbers: Collection[str] = ()
    arms: Collection[tuple[str, str]] = ()
    groups: Collection[str] = ()
    parts: Collection[str] = ()


def check(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Find names under `without` that are unknown, or stand for two things."""
    models = config["models"]
    known = [*SECTIONS, *GROUPS, *models]
    for index, name in enumerate(config["without"]):
        if name not in known:
            groups = [group for group in GROUPS if group in config and group not in SECTIONS]
            yield Problem(
                ("without", index),
                f'no section, group or model is called "{name}".{nearest(name, known)} Sections: '
                f"{', '.join(SECTIONS)}. Groups: {', '.join(groups)}. Models: {', '.join(models)}.",
            )
        elif name in models and name in [*SECTIONS, *GROUPS]:
            text = f"{name} is a model and a group or section, too; rename the model."
            yield Problem(("without", index), text)
    if len(_models(config)) == len(models):
        text = f"names every model; keep at least one of {', '.join(models)}."
        yield Problem(("without",), text)


def _models(config: Mapping[str, Any]) -> set[str]:
    """Return the models to leave out: those named, and those of a section, or of its engine."""
    names = config["without"]
    engines = {ENGINES.get(name) for name in names}
    return {
        name
        for name, model in config["models"].items()
        if name in names or model.get("section") in names or model["engine"] in engines
    }


def take_out(config: Mapping[str, Any]) -> tuple[dict[str, Any], Absent]:
    """Return a configuration, in plain types, without what it names under `without`.

    Lists of models lose those that are left out.  A comparison needs two models, and the first one
    if the others are compared with it; a published number needs the model that follows the source
    to the letter; an experiment on models of the study needs all models of a net (keras/plain and
    keras/bn).  A group that has lost all its models goes, too.
    """
    left, names, gone = deepcopy(dict(config)), config["without"], _models(config)
    del left["without"]
    left["models"] = _without(left["models"], gone)
    for group in ("epochs", "noise"):
        if group in left and left[group]["model"] in gone:
            del left[group]
    for group in ("depth", "weights", "closer", "playground", "replicates"):
        for key in {"models", "leave_out"} & set(left.get(group, {})):
            left[group][key] = [name for name in left[group][key] if name not in gone]
    for comparison in left.get("comparisons", {}).values():
        first, *others = comparison["models"]
        if first in gone and comparison.get("against") != "previous":
            others = []
        comparison["models"] = [name for name in (first, *others) if name not in gone]
    experiments = left.get("batchnorm", {}).get("experiments", {})
    arms = set()
    for name, experiment in experiments.items():
        of_models = experiment.get("arms", {})
        nets = {_net(arm) for arm, model in of_models.items() if model in gone}
        lost = {arm for arm in of_models if _net(arm) in nets}
        arms |= {(name, arm) for arm in lost}
        if of_models:
            experiment["arms"] = _without(of_models, lost)
    published = left.get("published", {}).get("models", {})
    sources = {name for name, it in published.items() if it["redone_by"][0] in gone}
    for it in published.values():
        it["redone_by"] = [name for name in it["redone_by"] if name not in gone]
    for group, lost in {
        "sweeps": {name for name, it in left.get("sweeps", {}).items() if it["model"] in gone},
        "comparisons": {
            name for name, it in left.get("comparisons", {}).items() if len(it["models"]) < 2
        },
    }.items():
        if group in left:
            left[group] = _without(left[group], lost)
    if "batchnorm" in left:
        lost = {it for it, own in experiments.items() if "arms" in own and len(own["arms"]) < 2}
        left["batchnorm"]["experiments"] = _without(experiments, lost)
    if "published" in left:
        left["published"]["models"] = _without(published, sources)
    for group in GROUPS:
        content = left.get(group)
        if group in names or content == {} or (content and content.get("models") in ([], {})):
            left.pop(group, None)

    def lost_from(group: str) -> set[str]:
        return {*config.get(group, {})} - {*left.get(group, {})}

    given, kept = (it.get("published", {}).get("models", {}) for it in (config, left))
    return left, Absent(
        gone,
        lost_from("sweeps"),
        {*given} - {*kept},
        {number for name, it in given.items() if name not in kept for number in it["numbers"]},
        arms,
        {*config} - {*left},
        {PARTS[name] for name in names if name in PARTS},
    )


def _without(group: Mapping[str, Any], lost: Collection[str]) -> dict[str, Any]:
    return {name: it for name, it in group.items() if name not in lost}


def _net(arm: str) -> str:
    """Return the net of an arm: keras of keras/bn."""
    return arm.rpartition("/")[0]
