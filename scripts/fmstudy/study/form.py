"""Checks content against the models of `schema`, with error messages that users can act on.

Only the workflow imports this module, when it is parsed; jobs do not need pydantic.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from fmstudy.study.configuration import (
    ConfigurationError,
    KeyPath,
    Problem,
    nearest,
    report,
)
from fmstudy.study.reader import read

# Strict: no conversion of strings to numbers or of true to 1.
STRICT = ConfigDict(strict=True, allow_inf_nan=False)


def _tidy(schema: dict[str, Any]) -> None:
    """Drop titles, which only repeat the keys, and defaults that are groups or null."""
    for key in schema["properties"].values():
        key.pop("title", None)
        if key.get("default", 0) is None or isinstance(key.get("default"), dict):
            del key["default"]


class Group(BaseModel):
    """A group of keys.  Unknown keys are errors, since they may be typos."""

    model_config = STRICT | ConfigDict(extra="forbid", frozen=True, json_schema_extra=_tidy)


_DESCRIPTIONS: dict[str, str] = {}  # by regular expression


def pattern(expression: str, words: str) -> Any:
    """Require a match of a regular expression, which error messages describe by `words`."""
    _DESCRIPTIONS[expression] = words
    return Field(pattern=expression, description=words)


def key(description: str, **constraints: Any) -> Any:
    """Describe a key."""
    return Field(description=description, **constraints)


def optional(description: str | None = None, *, default: Any = None, **more: Any) -> Any:
    """Describe a key that may be missing but not null; its value is then `default`."""
    if description:
        more["description"] = description
    return Field(default=default, **more)


def whole_numbers(content: Any) -> Any:
    """Return a copy with floats such as 200.0 converted to 200: notation does not affect jobs."""
    if isinstance(content, Mapping):
        return {key: whole_numbers(value) for key, value in content.items()}
    if isinstance(content, list):
        return [whole_numbers(value) for value in content]
    whole = isinstance(content, float) and content.is_integer()
    return int(content) if whole else content


def check(kind: Any, content: Any, path: KeyPath = ()) -> tuple[Any, list[Problem]]:
    """Validate content against a type such as a `Group`.

    Returns the content as that type and no problems, or None and every problem found.  `path` is
    the location of the content in its file.
    """
    adapter = TypeAdapter(kind, config=None if _is_group(kind) else STRICT)
    content = whole_numbers(content)
    try:
        return adapter.validate_python(content), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    spelled = [each["loc"] for each in errors if each["loc"] and _spells_number(each)]
    for *around, last in spelled:  # YAML 1.1 reads 1e-3 as text
        group = functools.reduce(operator.getitem, around, content)
        group[last] = float(group[last])
    if spelled:
        return check(kind, content, path)
    found = (problem for each in errors for problem in _problems(kind, each))
    return None, [Problem((*path, *problem.path), problem.text) for problem in found]


class _Misfit(ValueError):
    """Problems of content that a validator checks against a type of its own."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems


def fit(kind: Any, content: Any) -> Any:
    """Return content as `kind`, for validators whose type depends on other keys."""
    fitting, problems = check(kind, content)
    if problems:
        raise _Misfit(problems)
    return fitting


def _spells_number(error: ErrorDetails) -> bool:
    """Return whether text such as 1e-3 or "1" stands where a number belongs."""
    number = isinstance(error["input"], str) and _NUMBER.fullmatch(error["input"])
    return bool(number) and error["type"] in ("float_type", "int_type")


_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


def plain(group: Group) -> dict[str, Any]:
    """Return a group in plain types and canonical form, which jobs get as parameters.

    The order of the keys that the schema names, the notation of a number, and a key that repeats
    its default leave no trace.  Names that users choose keep their order, which is the report's.
    """
    return group.model_dump(by_alias=True, exclude_defaults=True)


def ordered(names: Iterable[Any]) -> Any:
    """Put the keys of a dictionary into this order."""
    return AfterValidator(
        lambda content: {name: content[name] for name in names if name in content}
    )


def read_checked(
    file: str | Path, kind: type[Group], check_rest: Callable[[dict[str, Any]], Iterable[Problem]]
) -> dict[str, Any]:
    """Read a separate file of the configuration in canonical form (see `plain`).

    `check_rest` finds what a type cannot express.  Raises ConfigurationError listing every error:
    its line, the key, what is allowed.
    """
    given, origins = read(file)
    checked, problems = check(kind, given)
    content = {} if problems else plain(checked)
    problems = problems or list(check_rest(content))
    if problems:
        raise ConfigurationError(str(report(problems, origins)))
    return content


# ------------------------------------------------------------------------------------ messages
_KINDS = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list, such as [1, 2]",
    "dict_type": "a group of keys",
    "model_type": "a group of keys",
    "bool_type": "true or false",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than_equal": "be at least {ge}",
    "less_than_equal": "be at most {le}",
    "greater_than": "be greater than {gt}",
    "less_than": "be less than {lt}",
    "too_short": "be a list with {min_length} or more entries",
    "too_long": "be a list with at most {max_length} entries",
    "string_too_short": "not be empty",
}


def _problems(kind: Any, error: ErrorDetails) -> list[Problem]:
    """Convert an error of pydantic to problems with our messages."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, _Misfit):
        return [Problem((*error["loc"], *it.path), it.text) for it in cause.problems]
    return [_problem(kind, error)]


def _problem(kind: Any, error: ErrorDetails) -> Problem:
    """Convert an error of pydantic to a problem with our message."""
    path, code, value = error["loc"], error["type"], error["input"]
    limits = whole_numbers(error.get("ctx", {}))
    found = f"found {_describe(value)}."
    if path[-1:] == ("[key]",):
        path = path[:-1]
    if code == "extra_forbidden":
        allowed = list(keys(_type_at(kind, path[:-1])))
        known = f"{nearest(path[-1], allowed)} Allowed here: {', '.join(allowed)}."
        return Problem(path, f"unknown key.{known}")
    if code == "missing":
        return Problem(path[:-1], f"the key {path[-1]} is missing here.")
    if code == "literal_error":
        words = re.findall("'(.*?)'", limits["expected"])
        text = f"must be one of {', '.join(words)}; {found}{nearest(value, words)}"
    elif code == "string_pattern_mismatch":
        text = f"must be {_DESCRIPTIONS[limits['pattern']]}; {found}"
    elif code == "value_error":
        text = str(limits["error"])
    elif code == "too_short" and isinstance(value, Mapping):
        text = f"must have at least {limits['min_length']} keys; {found}"
    elif code in _BOUNDS:
        text = f"must {_BOUNDS[code].format(**limits)}; {found}"
    elif code in _KINDS:
        quotable = code == "string_type" and isinstance(value, int | float | date)
        hint = " Put it in quotation marks." if quotable else ""
        text = f"must be {_KINDS[code]}, {found}{hint}"
    else:
        text = f"{error['msg']}; {found}"
    return Problem(path, text)


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Group)


def keys(group: type[Group]) -> dict[str, Any]:
    """Return the types of a group's keys, by the keys as written in files."""
    return {field.alias or name: field.annotation for name, field in group.model_fields.items()}


def _type_at(kind: Any, path: KeyPath) -> Any:
    """Return the type of the content at a path, in content of type `kind`."""
    for part in path:
        kind = keys(kind)[str(part)] if _is_group(kind) else get_args(kind)[-1]
        while get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
    return kind


def _describe(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return f'the text "{value if len(value) <= 80 else value[:77] + "..."}"'
        case bool():
            return str(value).lower()
        case Mapping():
            return "a group of keys"
        case list():
            return f"a list of {len(value)}"
    return str(value)
