"""Mistakes in the configuration, and where each of its keys was set.

`reader` reads the files and the location of each key, `form` checks keys, types and ranges, and
`plan` that the parts fit together.  `report` combines what they find into one error that lists each
mistake with its file and line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fmstudy.runtime import StudyError

KeyPath = tuple[str | int, ...]

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


def printable(text: str) -> str:
    """Escape line breaks and other characters that a terminal does not show as such."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def report(problems: Sequence[Problem], origins: Origins) -> ConfigurationError:
    """Combine all problems into one error, each with its file, line and key."""
    count = f"{len(problems)} mistakes" if len(problems) > 1 else "a mistake"
    lines = [f"The configuration has {count}; nothing was run."]
    for problem in problems:
        key = key_text(problem.path)
        line = f"{origins.place(problem.path)}: {key}: {problem.text}".replace(": :", ":")
        lines.append(f"  {printable(line)}")
    return ConfigurationError("\n".join(lines))
