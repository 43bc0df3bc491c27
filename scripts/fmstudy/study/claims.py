"""Reads the source's claims and checks them against the study.

A claim states in our words what the source asserts and where, with hypotheses that can be computed:
`test` is about our runs, `printed` about the numbers that the source prints.  `judging` tests them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fmstudy.study import form, schema
from fmstudy.study.absent import Absent
from fmstudy.study.configuration import KeyPath, Problem, unknown

# A test has exactly one relation (more, less, about) and one kind of quantity.
RELATIONS = [key for key in form.keys(schema.Expectation) if key != "within"]
KINDS = [kind for kind in form.keys(schema.Test) if kind not in form.keys(schema.Expectation)]
NAMES = {"model": "model", "with": "model", "sweep": "sweep"}  # keys of a test, and what they name

Claims = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Known:
    """What claims may name: models, sweeps by name, units of published numbers by id, claims of
    Part C, and references; and whether a model is trained for longer.  Claims that need what is
    absent are left out.
    """

    models: Iterable[str]
    sweeps: Mapping[str, Any]
    units: Mapping[str, str]
    part_c: Iterable[str]
    references: Iterable[str]
    is_longer: bool
    absent: Absent = field(default_factory=Absent)


def read(path: str | Path, known: Known) -> dict[str, dict[str, Any]]:
    """Read the claims by name.

    Raises ConfigurationError listing every error: its line, the key, what is allowed.
    """

    def check(content: dict[str, Any]) -> Iterator[Problem]:
        content["claims"] = dict(_present(content["claims"], known.absent))
        for name, claim in content["claims"].items():
            yield from _check(("claims", name), claim, known)

    claims: dict[str, dict[str, Any]] = form.read_checked(path, schema.Claims, check)["claims"]
    return claims


def _present(claims: Claims, absent: Absent) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the claims that need nothing absent, without what refers to something absent."""
    lost = {"longer"} if "epochs" in absent.groups else set()
    names = {*absent.models, *absent.sweeps}
    for name, claim in claims.items():
        test = claim.get("test", {})
        named = {test[kind].get(key) for kind in KINDS if kind in test for key in NAMES}
        if claim["part"] in absent.parts or lost & set(test) or names & named:
            continue
        printed, left = claim.get("printed", {}), dict(claim)
        if {*absent.numbers} & {*printed.get("add", []), *printed.get("subtract", [])}:
            del left["printed"]
        if "batchnorm" in absent.groups:
            left.pop("part_c", None)
        yield name, left


def _check(path: KeyPath, claim: Mapping[str, Any], known: Known) -> Iterator[Problem]:
    if not ({"test", "untested"} & set(claim)):
        yield Problem(path, "needs a test, or the reason for having none under untested.")
    if {"test", "untested"} <= set(claim):
        yield Problem((*path, "untested"), "conflicts with test; keep only one of them.")
    for part in ("test", "printed"):
        if part in claim:
            yield from check_expectation((*path, part), claim[part])
    test = claim.get("test", {})
    kinds = [kind for kind in KINDS if kind in test]
    if "test" in claim and len(kinds) != 1:
        yield Problem((*path, "test"), f"must have exactly one of {', '.join(KINDS)}.")
    if "longer" in test and not known.is_longer:
        text = "needs the group epochs in the configuration, which is not there."
        yield Problem((*path, "test", "longer"), text)
    for kind in kinds:
        for key, what in NAMES.items():
            names = known.sweeps if what == "sweep" else known.models
            if key in test[kind]:
                yield from check_name((*path, "test", kind, key), what, test[kind][key], names)
    swept = known.sweeps.get(test.get("trend", {}).get("sweep"))
    if swept and not swept.is_numeric:
        yield Problem(
            (*path, "test", "trend", "sweep"),
            f"is {swept.name}, whose values do not lie along a line; a trend needs a sweep of one "
            "key with numbers. Compare models instead.",
        )
    if "part_c" in claim:
        yield from check_name((*path, "part_c"), "claim", claim["part_c"], known.part_c)
    yield from check_references(
        (*path, "literature"), claim.get("literature", []), known.references
    )
    yield from _check_printed((*path, "printed"), claim.get("printed", {}), known.units)


def _check_printed(
    path: KeyPath, printed: Mapping[str, Any], units: Mapping[str, str]
) -> Iterator[Problem]:
    """Find ids of no published number, and sums of accuracies and losses."""
    places = {
        (*path, key, index): name
        for key in ("add", "subtract")
        for index, name in enumerate(printed.get(key, []))
    }
    first = next((name for name in places.values() if name in units), "")
    for place, name in places.items():
        yield from check_name(place, "published number", name, units)
        if name in units and units[name] != units[first]:
            yield Problem(
                place,
                f"is in {units[name]}, but {first} is in {units[first]}; add and subtract either "
                "accuracies or losses.",
            )


def check_name(path: KeyPath, kind: str, name: str, known: Iterable[str]) -> Iterator[Problem]:
    """Find a name that is not known."""
    if name not in known:
        yield Problem(path, unknown(kind, name, known))


def check_references(path: KeyPath, keys: Iterable[str], known: Iterable[str]) -> Iterator[Problem]:
    """Find keys of references that the report does not list."""
    for index, key in enumerate(keys):
        yield from check_name((*path, index), "reference", key, known)


def check_expectation(path: KeyPath, test: Mapping[str, Any]) -> Iterator[Problem]:
    """Find errors in a test's expectation."""
    relations = [relation for relation in RELATIONS if relation in test]
    if len(relations) != 1:
        yield Problem(path, "must have exactly one of more, less, about.")
    if ("about" in test) != ("within" in test):
        yield Problem(
            path, "about and within require each other, such as about: 0.05, within: 0.01."
        )


def pairs_of(claims: Claims) -> list[tuple[str, str]]:
    """Return the pairs (first, second) of models that claims compare."""
    tests = [claim.get("test", {}) for claim in claims.values()]
    return [(it["compare"]["with"], it["compare"]["model"]) for it in tests if "compare" in it]


def sweeps_of(claims: Claims) -> list[str]:
    """Return the distinct names of the sweeps in the claims' tests."""
    tests = [claim.get("test", {}) for claim in claims.values()]
    return list(dict.fromkeys(test["trend"]["sweep"] for test in tests if "trend" in test))
