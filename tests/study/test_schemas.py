"""What a schema does not name is refused everywhere: a typo must not pass as a setting."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures import REPOSITORY
from jsonschema import Draft202012Validator

SCHEMAS = sorted((REPOSITORY / "workflow/schemas").glob("*.yaml"))


def mappings(content: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping in a schema file, with its place; most of them are schemas."""
    if isinstance(content, dict):
        yield place, content
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from mappings(inner, f"{place}/{key}")


def is_open(schema: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Whether an unheard-of key is all right, whatever else an object lacks."""
    validator = Draft202012Validator(schema | {"$defs": definitions})
    errors = validator.iter_errors({"unheard-of": None})
    return all(error.validator in ("required", "minProperties") for error in errors)


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)
def test_no_object_takes_a_key_that_the_schema_does_not_know(file: Path):
    schema = yaml.safe_load(file.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    objects = {place: it for place, it in mappings(schema) if it.get("type") == "object"}
    assert len(objects) > 5
    assert [place for place, it in objects.items() if is_open(it, schema["$defs"])] == []


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)
def test_what_has_properties_says_that_it_is_an_object(file: Path):
    """Without that, the test above would not see it, and a number would pass in its place."""
    schema = yaml.safe_load(file.read_text(encoding="utf-8"))
    named = {place: it for place, it in mappings(schema) if isinstance(it.get("properties"), dict)}
    assert len(named) > 3
    assert [place for place, it in named.items() if it.get("type") != "object"] == []
