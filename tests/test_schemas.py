"""What a schema does not name is refused everywhere: a typo must not pass as a setting."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

SCHEMAS = sorted((Path(__file__).parents[1] / "workflow/schemas").glob("*.yaml"))


def subschemas(schema: object, place: str = "") -> Iterator[tuple[str, dict]]:
    """Every mapping in a schema file, with its place; most of them are schemas."""
    if isinstance(schema, dict):
        yield place, schema
        for key, inner in schema.items():
            yield from subschemas(inner, f"{place}/{key}")


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)
def test_no_object_takes_a_key_that_the_schema_does_not_know(file: Path):
    schema = yaml.safe_load(file.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    objects = {place: it for place, it in subschemas(schema) if it.get("type") == "object"}
    assert len(objects) > 5
    incomplete = {"required", "minProperties"}  # not what the test is about
    taken = [
        place
        for place, it in objects.items()
        if not any(
            error.validator not in incomplete
            for error in Draft202012Validator(it | {"$defs": schema["$defs"]}).iter_errors(
                {"unheard-of": None}
            )
        )
    ]
    assert taken == []


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)
def test_what_has_properties_is_an_object(file: Path):
    """A schema that forgets to say so would take anything else in its place."""
    schema = yaml.safe_load(file.read_text(encoding="utf-8"))
    named = [it for place, it in subschemas(schema) if not place.endswith("/properties")]
    named = [it for it in named if isinstance(it.get("properties"), dict)]
    assert len(named) > 3
    assert all(it.get("type") == "object" for it in named)
