"""Reads the configuration files and records the location of each key.

`form` checks keys, types and ranges; `plan` checks that the parts fit together.  `report` combines
what they find into one error that lists each mistake with its file and line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fmstudy.runtime import StudyError

KeyPath = tuple[str | int, ...]

# PyYAML's C loader, if available: seven times as fast.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# The groups of the configuration that name a `file`.
NAMING_FILES = ("published", "claims", "batchnorm")


class ConfigurationError(StudyError):
    """An invalid configuration; the message names file, line, key, value, and what is allowed."""


@dataclass(frozen=True)
class Problem:
    """A configuration error: its location (path of keys) and a description."""

    path: KeyPath
    text: str


class Origins(dict[KeyPath, str]):
    """Where each key of the merged configuration was last set, as file and line."""

    def place(self, path: KeyPath) -> str:
        """Return the place of `path`, or of the nearest group around it."""
        around = (path[:end] for end in range(len(path), -1, -1))
        return next(self[group] for group in around if group in self)


def in_file_order(config: dict[str, Any], origins: Origins) -> None:
    """Put the keys of the merged configuration in the order in which the files first set them.

    Snakemake puts those of overlaying files first, but models, sweeps and comparisons appear in the
    report in this order: those of the main file, then those that another file adds.
    """
    _reorder(config, {path: index for index, path in enumerate(origins)}, ())


def _reorder(group: dict[str, Any], place: Mapping[KeyPath, int], path: KeyPath) -> None:
    for key in sorted(group, key=lambda it: place.get((*path, str(it)), len(place))):
        value = group[key] = group.pop(key)
        if isinstance(value, dict):
            _reorder(value, place, (*path, str(key)))


def key_text(path: KeyPath) -> str:
    """Format a path of keys: models.B.hidden[1]."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def nearest(word: object, allowed: Iterable[str]) -> str:
    """Return ' Did you mean "..."?' for the most similar allowed word, or an empty text."""
    match = difflib.get_close_matches(str(word), list(allowed), n=1, cutoff=0.6)
    return f' Did you mean "{match[0]}"?' if match else ""


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Describe an unknown name: no model is called "b". Did you mean "B"? Models: A, B."""
    known = list(known)
    found = f'no {kind} is called "{name}".{nearest(name, known)}'
    return f"{found} {kind.capitalize()}s: {', '.join(known)}."


def read_origins(files: Sequence[str | Path]) -> Origins:
    """Read the location of each key, and reject duplicate keys, which YAML readers ignore.

    Raises `ConfigurationError` for a file that is not YAML, has a duplicate key, or is not a group
    of keys.
    """
    origins = Origins()
    for file in files:
        try:
            node = _compose(Path(file).read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file}: not valid YAML.\n{error}") from None
        except OSError as error:
            raise ConfigurationError(f"{file}: cannot be read: {error.strerror}.") from None
        if not isinstance(node, yaml.MappingNode):
            raise ConfigurationError(f"{file}: must contain keys and values, such as 'seeds: [1]'.")
        origins[()] = str(file)
        for path, line in _walk(node, (), str(file)):
            origins[path] = f"{file}, line {line}"
    return origins


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)  # its message shows the place


def read_yaml(file: str | Path) -> Any:
    """Read a YAML file."""
    return yaml.load(Path(file).read_text(encoding="utf-8"), Loader=_Loader)


def _walk(node: yaml.Node, path: KeyPath, file: str) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(node, yaml.MappingNode):
        first: dict[object, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in first:
                raise ConfigurationError(
                    f"{file}, line {line}: duplicate key {key_text((*path, key.value))}; it was "
                    f"already set in line {first[key.value]}. Keep one of them."
                )
            first[key.value] = line
            yield (*path, key.value), line
            yield from _walk(value, (*path, key.value), file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item.start_mark.line + 1
            yield from _walk(item, (*path, index), file)


def read_command_line(given: Any, path: KeyPath, origins: Origins) -> Any:
    """Read values from `--config` as YAML would, and record the command line as their origin.

    Snakemake passes numbers inside lists and groups as strings.
    """
    origins[path] = "command line (--config)"
    if isinstance(given, Mapping):
        return {key: read_command_line(item, (*path, key), origins) for key, item in given.items()}
    if isinstance(given, list):
        return [read_command_line(item, (*path, i), origins) for i, item in enumerate(given)]
    if isinstance(given, str):
        with suppress(yaml.YAMLError):
            value = yaml.safe_load(given)
            return value if isinstance(value, int | float) else given
    return given


def report(problems: Sequence[Problem], origins: Origins) -> ConfigurationError:
    """Combine all problems into one error, each with its file, line and key."""
    count = f"{len(problems)} mistakes" if len(problems) > 1 else "a mistake"
    lines = [f"The configuration has {count}; nothing was run."]
    for problem in problems:
        key = key_text(problem.path)
        lines.append(f"  {origins.place(problem.path)}: {key}: {problem.text}".replace(": :", ":"))
    return ConfigurationError("\n".join(lines))
