"""What the models do not name is refused everywhere, and editors know what the models say."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fixtures import REPOSITORY
from fixtures.rules import uses
from fixtures.workflow import SMALL
from pydantic import Field

from fmstudy.study import form, schema
from fmstudy.workflow import digest

SCHEMAS = schema.json_schemas()
FILES = dict.fromkeys(("config", "quick", "full", "thorough"), "config")
FILES |= {"claims": "claims", "batchnorm": "batchnorm"}


def groups(of: type[form.Group] = form.Group) -> Iterator[type[form.Group]]:
    for group in of.__subclasses__():
        yield group
        yield from groups(group)


def objects(content: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every JSON schema of an object in a JSON schema, with its place."""
    if isinstance(content, dict) and content.get("type") == "object":
        yield place, content
    if isinstance(content, dict | list):
        for key, inner in content.items() if isinstance(content, dict) else enumerate(content):
            yield from objects(inner, f"{place}/{key}")


@pytest.mark.parametrize("group", [*groups()], ids=lambda group: group.__name__)
def test_unknown_key_is_refused_in_every_group(group):
    _, problems = form.check(group, {"unheard-of": 1})
    [found] = [problem for problem in problems if "missing" not in problem.text]
    assert found.path == ("unheard-of",)
    assert found.text == f"unknown key. Allowed here: {', '.join(form.keys(group))}."


@pytest.mark.parametrize("name", SCHEMAS)
def test_whatever_has_keys_is_a_group_or_says_what_its_keys_hold(name):
    """A dataclass, an untyped dictionary, or a name that need not match would let typos pass."""
    known = {group.__name__ for group in groups()}
    found = dict(objects(SCHEMAS[name]))
    assert len(found) > 5
    for place, content in found.items():
        if "properties" in content:
            assert content["title"] in known, place
            assert content["additionalProperties"] is False, place
        elif "patternProperties" in content:
            assert content["additionalProperties"] is False, place
        else:
            assert content["additionalProperties"] not in (True, {}), place


def patterns(content: Any) -> Iterator[str]:
    """Every regular expression of a JSON schema, for keys and values."""
    if isinstance(content, dict):
        yield from content.get("patternProperties", {})
        yield from [it for it in [content.get("pattern")] if isinstance(it, str)]
    if isinstance(content, dict | list):
        for inner in content.values() if isinstance(content, dict) else content:
            yield from patterns(inner)


MATCHING = (
    "A-1",
    "A/b",
    "ioffe2015",
    "report/final.html",
    "results/quick",
    "C4",
    "decades/relu/bn",
)
MATCHING += ("0123abc", "2026-11-22", "config/claims.yaml")


@pytest.mark.parametrize("pattern", sorted(set(patterns(list(SCHEMAS.values())))))
def test_text_that_ends_in_a_line_break_matches_no_pattern(pattern):
    kind = Annotated[str, Field(pattern=pattern)]
    matching = [text for text in MATCHING if not form.check(kind, text)[1]]
    assert matching
    assert not [text for text in matching if not form.check(kind, f"{text}\n")[1]]


@pytest.mark.parametrize("group", [*groups()], ids=lambda group: group.__name__)
def test_every_key_is_described(group):
    described = group.model_json_schema()
    assert described["description"] != form.Group.__doc__
    for key, content in described["properties"].items():
        assert content.get("description") or "$ref" in content, key


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_for_editors_says_what_the_models_say(name):
    text = (REPOSITORY / f"workflow/schemas/{name}.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == SCHEMAS[name], "run: make schemas"


def test_every_file_tells_editors_its_schema():
    files = [
        *REPOSITORY.glob("config/*.yaml"),
        *(REPOSITORY / f"config/studies/{it}/config.yaml" for it in SMALL),
    ]
    assert len(files) > len(FILES)
    for file in files:
        _, _, named = file.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")
        schema = REPOSITORY / f"workflow/schemas/{FILES.get(file.stem, 'config')}.schema.json"
        assert (file.parent / named).resolve() == schema, file


def test_file_that_lies_over_another_may_leave_out_any_key():
    assert not [place for place, it in objects(SCHEMAS["config"]) if "required" in it]


def test_no_job_imports_pydantic():
    for rule, used in uses().items():
        assert not {"study.form", "study.schema"} & set(digest.modules_of(*used)), rule
