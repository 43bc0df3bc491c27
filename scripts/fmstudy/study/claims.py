"""Reads the source's claims and checks them against the study.

A claim states in our words what the source asserts and where, with hypotheses that can be computed:
`test` is about our runs, `printed` about the numbers that the source prints.  `judging` tests them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fmstudy.study import form, schema
from fmstudy.study.configuration import KeyPath, Problem, nearest, unknown

# A test has exactly one relation (more, less, about) and one kind of quantity.
RELATIONS = [key for key in form.keys(schema.Expectation) if key != "within"]
KINDS = [kind for kind in form.keys(schema.Test) if kind not in form.keys(schema.Expectation)]

Claims = Mapping[str, Mapping[str, Any]]


def read(
    path: str | Path, models: Mapping[str, Any], sweeps: Mapping[str, Any], published: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Read the claims by name, for a study with these models, sweeps, and ids of published numbers.

    Raises ConfigurationError listing every error: its line, the key, what is allowed.
    """

    def check(content: Mapping[str, Any]) -> Iterator[Problem]:
        for name, claim in content["claims"].items():
            yield from _check(("claims", name), claim, models, sweeps, published)

    claims: dict[str, dict[str, Any]] = form.read_checked(path, schema.Claims, check)["claims"]
    return claims


def _check(
    path: KeyPath,
    claim: Mapping[str, Any],
    models: Mapping[str, Any],
    sweeps: Mapping[str, Any],
    published: Sequence[str],
) -> Iterator[Problem]:
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
    for kind in kinds:
        for key, what, known in (
            ("model", "model", models),
            ("with", "model", models),
            ("sweep", "sweep", sweeps),
        ):
            if key in test[kind] and (name := test[kind][key]) not in known:
                yield Problem((*path, "test", kind, key), unknown(what, name, known))
    printed = claim.get("printed", {})
    for key in ("add", "subtract"):
        for index, number_id in enumerate(printed.get(key, [])):
            if number_id not in published:
                yield Problem(
                    (*path, "printed", key, index),
                    f'no published number has the id "{number_id}".{nearest(number_id, published)}',
                )


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
