"""Finds what differs between two studies other than their numbers.

That is their configuration, code, machine, versions and data set, and the files of their results.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from filecmp import cmp
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from fmstudy.compare.folder import ResultFolder, joined
from fmstudy.study.configuration import KeyPath, key_text
from fmstudy.study.words import ENGINES

ABSENT = "–"
UNKNOWN = "not recorded"
NAMES = ("title", "output")  # groups of the configuration that change no result
# Files with times, which never repeat; those that end with _times.csv, too.
TIMED = {"cost.csv", "machine.csv", "noise_costs.csv", "bn_costs.csv"}
TIMED |= {"bn_speed_quantities.csv", "bn_curves.csv"}
KINDS = {  # files that are compared byte by byte
    "tables": "tables/*.csv",
    "values of figures": "figures/*.csv",
    "results of experiments": "*/**/seed-*/results.csv",
}


class Setting(NamedTuple):
    """A key and its values in both studies, as text."""

    key: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        """Whether the values are known and differ."""
        return self.first != self.second and UNKNOWN not in (self.first, self.second)


def configuration(first: ResultFolder, second: ResultFolder) -> dict[str, list[Setting]] | None:
    """Return the settings that differ, by group; None if a folder does not record its own."""
    if not (first.record and second.record):
        return None
    groups: dict[str, list[Setting]] = {}
    for path, *values in _different(
        first.record["configuration"], second.record["configuration"], ()
    ):
        setting = Setting(key_text(path), *map(_text, values))
        groups.setdefault(str(path[0]), []).append(setting)
    return dict(sorted(groups.items(), key=lambda it: it[0] in NAMES))  # names last


def _different(first: Any, second: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any, Any]]:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in {**first, **second}:
            yield from _different(first.get(key, ABSENT), second.get(key, ABSENT), (*path, key))
    elif isinstance(first, list) and isinstance(second, list) and _are_groups(first, second):
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from _different(one, other, (*path, index))
    elif first != second:
        yield path, first, second


def _are_groups(first: list[Any], second: list[Any]) -> bool:
    return len(first) == len(second) and all(isinstance(it, Mapping) for it in first + second)


def _text(value: Any) -> str:
    """Write a value as in a configuration file, on one line."""
    if value == ABSENT:
        return ABSENT
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")


def surroundings(first: ResultFolder, second: ResultFolder) -> dict[str, list[Setting]]:
    """Return what made the results, by group: code, versions, machine, and data set."""
    facts = [_facts(folder) for folder in (first, second)]
    return {
        group: [
            Setting(key, *(fact[group].get(key, UNKNOWN) for fact in facts))
            for key in {**facts[0][group], **facts[1][group]}
        ]
        for group in facts[0]
    }


def _facts(folder: ResultFolder) -> dict[str, dict[str, str]]:
    trainings = list(folder.trainings.values())
    code: dict[str, list[str]] = {}
    versions: dict[str, list[str]] = {}
    machine: dict[str, list[Any]] = {}
    for training in trainings:
        engine = training.metrics["specification"]["engine"]
        code.setdefault(f"{ENGINES.get(engine, engine)} trainings", []).append(
            training.metrics["code"]
        )
        for found, values in (
            (versions, training.metrics["versions"]),
            (machine, training.provenance.get("machine", {})),
        ):
            for key, value in values.items():
                found.setdefault(key, []).append(value)
    if folder.record:
        code["whole study"] = [folder.record["code"]]
        for key, value in folder.record["versions"].items():
            versions.setdefault(key, [value])
    known, spec = folder.data, trainings[0].metrics["specification"]
    data: dict[str, list[Any]] = {
        "data set": [known["set"]["name"]] if "set" in known else [],
        **{key: [digest[:16]] for key, digest in _digests(known).items()},
        "classes": known.get("classes", []),
        "training images": [f"{spec['train_samples']:,}"],
        "test images": [f"{folder.images:,}"],
    }
    groups = {"Code": code, "Versions": versions, "Machine": machine, "Data": data}
    return {
        group: {key: joined(it) for key, it in found.items() if it}
        for group, found in groups.items()
    }


def _digests(data: Mapping[str, Any]) -> dict[str, str]:
    """Return digests of the images and labels: of the content, and of the files that hold it."""
    found = {}
    if "digest" in data.get("set", {}):
        found["content"] = str(data["set"]["digest"])
    if hashes := sorted(str(file["sha256"]) for file in data.get("files", {}).values()):
        found["files"] = hashlib.sha256(" ".join(hashes).encode()).hexdigest()
    return found


def obstacle(first: ResultFolder, second: ResultFolder) -> str | None:
    """Return why the numbers of two studies cannot be compared; None if they can."""
    known, others = (_digests(folder.data) for folder in (first, second))
    shared = next((key for key in known if key in others), None)
    if shared and known[shared] != others[shared]:
        names = [folder.data["set"]["name"] for folder in (first, second) if "set" in folder.data]
        return f"their data sets differ{f' ({names[0]} and {names[1]})' if names[1:] else ''}"
    if first.images != second.images:
        return f"they use {first.images:,} and {second.images:,} test images"
    one, other = (folder.labels[: folder.images] for folder in (first, second))
    if one.size and other.size and not np.array_equal(one, other):
        return "their test images have different labels, so they are different images"
    return None


class Files(NamedTuple):
    """Files of a kind: how many are the same, byte for byte, and which are not in both."""

    kind: str
    same: int
    different: list[str]
    only: tuple[list[str], list[str]]


def files(first: ResultFolder, second: ResultFolder) -> list[Files]:
    """Compare the files of results, except tables of times, by kind."""
    return [_files(kind, pattern, first, second) for kind, pattern in KINDS.items()]


def _files(kind: str, pattern: str, first: ResultFolder, second: ResultFolder) -> Files:
    here, there = (set(_names(Path(folder.path), pattern)) for folder in (first, second))
    both = sorted(here & there)
    different = [
        name for name in both if not cmp(Path(first.path, name), Path(second.path, name), False)
    ]
    only = sorted(here - there), sorted(there - here)
    return Files(kind, len(both) - len(different), different, only)


def _names(folder: Path, pattern: str) -> Iterable[str]:
    for path in folder.glob(pattern):
        if path.name not in TIMED and not path.name.endswith("_times.csv"):
            yield path.relative_to(folder).as_posix()
