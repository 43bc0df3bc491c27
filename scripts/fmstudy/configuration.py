"""Checks the configuration's form, and says what is wrong in words a person can act on.

Form only: keys, types, ranges, duplicates, against the JSON schema.  What must hang together
is checked where it is put together, in `study`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from fmstudy.runtime import StudyError

KeyPath = tuple[str | int, ...]

# The same reader in C, seven times as fast, where PyYAML was built with it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_KINDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "array": "a list, such as [1, 2]",
    "object": "a group of keys",
    "boolean": "true or false",
}


class ConfigurationError(StudyError):
    """The configuration is refused; the message names file, line, key, value, what is allowed."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong: where (path of keys), and what, in words."""

    path: KeyPath
    text: str


class Origins:
    """Where each key of the merged configuration was last set: file and line."""

    def __init__(self) -> None:
        self._places: dict[KeyPath, str] = {}

    def add(self, path: KeyPath, place: str) -> None:
        """Note that the key at `path` stands at `place`."""
        self._places[path] = place

    def place(self, path: KeyPath) -> str:
        """Give the place of `path`, or of the nearest group around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self._places:
                return self._places[path[:end]]
        raise AssertionError("every configuration has a first file")


def key_text(path: KeyPath) -> str:
    """Write a path of keys as a person reads it: models.B.hidden[1]."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def nearest(word: object, allowed: Iterable[str]) -> str:
    """Give ' Did you mean "..."?' for the most similar of the allowed words, or nothing."""
    match = difflib.get_close_matches(str(word), list(allowed), n=1, cutoff=0.6)
    return f' Did you mean "{match[0]}"?' if match else ""


def read_origins(files: Sequence[str | Path]) -> Origins:
    """Read where each key stands, refusing what YAML readers let pass in silence.

    Raises `ConfigurationError` for a file that is not YAML, has a key twice, or is not a group
    of keys.
    """
    origins = Origins()
    for file in files:
        try:
            node = _compose(Path(file).read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: this is not valid YAML.\n{error}") from None
        except OSError as error:
            raise ConfigurationError(f"{file}: cannot be read: {error.strerror}.") from None
        if not isinstance(node, yaml.MappingNode):
            raise ConfigurationError(f"{file}: must hold keys and values, such as 'seeds: [1]'.")
        origins.add((), str(file))
        for path, line in _walk(node, (), str(file)):
            origins.add(path, f"{file}, line {line}")
    return origins


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)  # whose message shows the place


def read_yaml(file: str | Path) -> Any:
    """Read a file of YAML, such as a schema."""
    return yaml.load(Path(file).read_text(encoding="utf-8"), Loader=_Loader)


def read_checked(
    file: str | Path,
    schema: Mapping[str, Any],
    check: Callable[[dict[str, Any]], Iterable[Problem]],
) -> dict[str, Any]:
    """Read a file of its own beside the configuration; `check` finds what a schema cannot.

    Raises ConfigurationError with every mistake found: its line, the key, what is allowed.
    """
    origins = read_origins([file])
    content: dict[str, Any] = read_yaml(file)
    problems = check_form(content, schema) or list(check(content))
    if problems:
        raise ConfigurationError(str(report(problems, origins)))
    return content


def _walk(node: yaml.Node, path: KeyPath, file: str) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(node, yaml.MappingNode):
        first: dict[object, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in first:
                raise ConfigurationError(
                    f"{file}, line {line}: the key {key_text((*path, key.value))} stands here "
                    f"again; it was set in line {first[key.value]} already. Keep one of them."
                )
            first[key.value] = line
            yield (*path, key.value), line
            yield from _walk(value, (*path, key.value), file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item.start_mark.line + 1
            yield from _walk(item, (*path, index), file)


def read_command_line(given: Any, path: KeyPath, origins: Origins) -> Any:
    """Read what `--config` gave as YAML would, and note that it stands on the command line.

    Snakemake hands on the numbers inside lists and groups as texts.
    """
    origins.add(path, "command line (--config)")
    if isinstance(given, Mapping):
        return {key: read_command_line(item, (*path, key), origins) for key, item in given.items()}
    if isinstance(given, list):
        return [read_command_line(item, (*path, i), origins) for i, item in enumerate(given)]
    return _number_or_text(given) if isinstance(given, str) else given


def _number_or_text(text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, int | float) else text


def check_form(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Problem]:
    """Compare the configuration with the JSON schema; give every problem found, in order."""
    validator = jsonschema.Draft202012Validator(schema)
    problems: list[Problem] = []
    for error in sorted(validator.iter_errors(config), key=lambda e: [str(p) for p in e.path]):
        problems.extend(_explain(error))
    problems.extend(
        Problem(path, f"must be a finite number; found {value}.")
        for path, value in _leaves(config)
        if isinstance(value, float) and not math.isfinite(value)
    )
    return list(dict.fromkeys(problems))


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from _leaves(item, (*path, key))
    else:
        yield path, value


def _explain(error: jsonschema.ValidationError) -> Iterator[Problem]:
    path: KeyPath = tuple(error.absolute_path)
    value, rule, limit = error.instance, error.validator, error.validator_value
    described = error.schema.get("description") if isinstance(error.schema, Mapping) else None
    if rule == "additionalProperties":
        allowed = list(error.schema["properties"])
        for key in value:
            if key not in allowed:
                yield Problem(
                    (*path, key),
                    f"unknown key.{nearest(key, allowed)} Allowed here: {', '.join(allowed)}.",
                )
    elif rule == "required":
        # jsonschema gives one error a missing key, and does not say which.
        for key in limit:
            if key not in value:
                yield Problem(path, f"the key {key} is missing here.")
    elif rule == "type" and "propertyNames" in error.absolute_schema_path:
        yield Problem(
            path, f"a key here is {_found(value)}, as YAML reads it; put the key into quotes."
        )
    elif rule == "type":
        yield Problem(path, f"must be {_KINDS[limit]}, found {_found(value)}.{_hint(value, limit)}")
    elif rule == "enum":
        words = [str(word) for word in limit]
        yield Problem(
            path,
            f"must be one of {', '.join(words)}; found {_found(value)}.{nearest(value, words)}",
        )
    elif rule == "pattern":
        # For the name of a key, jsonschema gives the path of the group around it.
        where = (*path, value) if "propertyNames" in error.absolute_schema_path else path
        yield Problem(where, f"must be {described or limit}; found {_found(value)}.")
    elif rule == "uniqueItems":
        twice = next(item for i, item in enumerate(value) if item in value[:i])
        yield Problem(path, f"holds {twice!r} twice; each entry may stand once.")
    elif rule in _BOUNDS:
        yield Problem(path, f"must {_BOUNDS[rule].format(limit)}; found {_found(value)}.")
    else:
        yield Problem(path, f"{error.message}.")


_BOUNDS = {
    "minimum": "be at least {}",
    "maximum": "be at most {}",
    "exclusiveMinimum": "be greater than {}",
    "exclusiveMaximum": "be less than {}",
    "minItems": "be a list of at least {}",
    "maxItems": "be a list of at most {}",
    "minLength": "not be empty",
    "minProperties": "hold at least {} of them",
}


def _found(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a group of keys"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return str(value)


def _hint(value: Any, wanted: Any) -> str:
    if isinstance(value, str) and wanted in ("number", "integer"):
        try:
            number = float(value)
        except ValueError:
            return ""
        if not math.isfinite(number):
            return ""
        mantissa, _, exponent = value.lower().partition("e")
        if exponent:  # YAML 1.1 wants a point and a sign
            point = "" if "." in mantissa else ".0"
            written = f"{mantissa}{point}e{int(exponent):+d}"
            if written != value.lower():
                return f" YAML reads {value} as a text: write {written}."
        return f" Write it without quotes: {value}."
    if wanted == "string" and isinstance(value, int | float | date):
        return " Put it into quotation marks."
    return ""


def report(problems: Sequence[Problem], origins: Origins) -> ConfigurationError:
    """Put all problems into one error, each with its file, line and key."""
    count = f"{len(problems)} mistakes" if len(problems) > 1 else "a mistake"
    lines = [f"The configuration has {count}; nothing was run."]
    for problem in problems:
        key = key_text(problem.path)
        lines.append(f"  {origins.place(problem.path)}: {key}: {problem.text}".replace(": :", ":"))
    return ConfigurationError("\n".join(lines))
