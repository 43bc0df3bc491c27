"""Reads the configuration: YAML and other text files, and `--config` on the command line.

People write these, so every fault is a `ConfigurationError` that names the file and, if there is
one, the line.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from fmstudy.study.configuration import (
    ConfigurationError,
    KeyPath,
    Origins,
    Problem,
    in_file_order,
    key_text,
    printable,
    report,
)

# Limits on a file, far above what the study needs.
MAX_BYTES = 1_000_000
MAX_DEPTH = 20  # of nested lists and groups
MAX_VALUES = 50_000  # counting each value as often as aliases (*name) repeat it

# Characters that YAML allows only as an escape, such as "\e".  In titles and names they would reach
# terminals, web pages and LaTeX.
_CONTROL = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)

_TAG = "tag:yaml.org,2002:"
_WORDS = {
    "sequence": "a list",
    "mapping": "a group of keys",
    "scalar": "a single value",
    "null": "nothing",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
}
_REMEDIES = {  # by part of a message of YAML
    "mapping values are not allowed": "Put text that contains a colon in quotes.",
    "could not find expected ':'": "After a key, write a colon and a space.",
    "'\\t'": "Use spaces instead of tabs.",
    "while parsing a block": "Check the indentation.",
    "while parsing a flow": "Check the brackets.",
    "while scanning a quoted": "Check the quotation marks.",
}
_MANY = f"more than {MAX_VALUES:,} values, counting those of aliases (*). Write less."
_TEMPLATE = "__use_yte__"  # Snakemake would run the code in the file


def read_study(
    files: Sequence[str | Path], find: Callable[[str], str]
) -> tuple[dict[str, Any], Origins]:
    """Read a study: its file, which may extend that of another study, and files that change it.

    A file that extends another one names it by its path from its own folder, or by one that `find`
    finds.  Returns the merged configuration and the location of each key; that of the whole is the
    file at the bottom, which must have all groups.  Raises `ConfigurationError` as `read` does.
    """
    config: dict[str, Any] = {}
    origins = Origins()
    merged: list[Path] = []

    def add(file: str | Path, above: Sequence[Path] = ()) -> None:
        content, places = read(file)
        own, base = Path(file).resolve(), content.pop("extends", None)
        if base is not None:
            place = f"{places['extends',]}: extends"
            if not isinstance(base, str):
                raise ConfigurationError(f"{place}: must be the path of the file of a study.")
            beside = Path(file).parent / base
            found = beside if os.path.exists(beside) else Path(find(base))
            if found.resolve() in (own, *above):
                raise ConfigurationError(f"{place}: {base} is this file, or extends it.")
            if found.resolve() not in merged and merged:
                raise ConfigurationError(
                    f"{place}: {base} is not among the files before {file}, which it would "
                    "change. Give the files in this order, or leave out one of them."
                )
            if found.resolve() not in merged:
                add(found, (own, *above))
        bottom = origins.get((), str(file))
        origins.update(places)
        origins[()] = bottom
        merge(config, content)
        merged.append(own)

    for file in files:
        add(file)
    in_file_order(config, origins)
    return config, origins


def merge(config: dict[str, Any], change: Mapping[str, Any]) -> None:
    """Change a configuration as another file does: groups by their keys, all else as a whole."""
    for key, value in change.items():
        if isinstance(value, Mapping) and isinstance(config.get(key), dict):
            merge(config[key], value)
        else:
            config[key] = value


def name_of(file: str | Path) -> str:
    """Return the name of a study: that of its folder for NAME/config.yaml, else of its file."""
    path = Path(file).resolve()
    return path.parent.name if path.stem == "config" else path.stem


def read(file: str | Path) -> tuple[dict[str, Any], Origins]:
    """Read a YAML file: its content, and the line of each key.

    Raises `ConfigurationError` for a file that `read_text` refuses, that is not YAML, exceeds the
    limits, is not a group of keys, or has a key that is duplicate (YAML readers ignore that) or not
    text.
    """
    text = read_text(file)
    origins = Origins({(): str(file)})
    try:
        root = _compose(text, file)
        if not isinstance(root, yaml.MappingNode):
            found = _WORDS[root.id] if root else "nothing"
            raise ConfigurationError(f"{file}: must contain keys and values; found {found}.")
        for path, node in _walk(root, (), file):
            if len(path) > MAX_DEPTH:
                raise _too_deep(file, node)
            if len(origins) > MAX_VALUES:
                raise ConfigurationError(f"{origins.place(path[:1])}: {_MANY}")
            origins[path] = f"{file}, line {node.start_mark.line + 1}"
        return _Constructor().construct_document(root), origins
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, file) from None


def read_text(file: str | Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark; every line ends in "\\n".

    Raises `ConfigurationError` if it cannot be read, is not a regular file (a pipe could block), is
    large, is not UTF-8, or contains control characters.
    """
    try:
        status = Path(file).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{file}: cannot be read: not a regular file.")
        if status.st_size > MAX_BYTES:
            size = f"{status.st_size / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB is allowed"
            raise ConfigurationError(f"{file}: has {size}. Is this the right file?")
        content = Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}.") from None
    try:
        text = re.sub("\r\n?", "\n", content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = f"not UTF-8 text (byte {content[error.start]:#04x}). Save it as UTF-8."
        raise ConfigurationError(f"{file}, line {line}: {text}") from None
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ConfigurationError(f"{file}, line {line}: {_refuse_control(found)}")
    return text


def _compose(text: str, file: str | Path) -> Any:
    # PyYAML's C loader, if available, is seven times as fast.  But it accepts more tabs than the
    # other one, by which Snakemake reads the same files later.
    loader: Any = yaml.SafeLoader if "\t" in text else getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    for event in yaml.parse(text, Loader=loader):  # first, because deep nesting crashes `compose`
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _too_deep(file, event)
        if isinstance(event, yaml.ScalarEvent) and (found := _CONTROL.search(event.value)):
            raise _error(file, event, _refuse_control(found))
    return yaml.compose(text, Loader=loader)


def _walk(node: Any, path: KeyPath, file: str | Path) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            if complaint := _complaint(key):
                raise _error(file, key, complaint)
            here = (*path, key.value)
            if key.value in first:
                where = f"it was already set in line {first[key.value]}. Keep one of them."
                raise _error(file, key, f"duplicate key {key_text(here)}; {where}")
            first[key.value] = key.start_mark.line + 1
            yield here, key
            yield from _walk(value, here, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item
            yield from _walk(item, (*path, index), file)


def _complaint(key: Any) -> str:
    if not isinstance(key, yaml.ScalarNode):
        return f'a key must be text; found {_WORDS[key.id]}. Write "key: value".'
    if key.value == _TEMPLATE:
        return f"{_TEMPLATE}: the configuration cannot be a template. Remove this key."
    if key.tag in (f"{_TAG}str", f"{_TAG}merge"):
        return ""
    kind = key.tag.removeprefix(_TAG)
    return f'YAML reads the key {key.value} as {_WORDS.get(kind, kind)}; write "{key.value}".'


class _Constructor(yaml.constructor.SafeConstructor):
    """Converts nodes to content; each error names the place."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # such as 2026-13-45, !!bool maybe, a number of 5000 digits
            kind = node.tag.removeprefix(_TAG)
            value = str(node.value)[:40]
            problem = f"{value} is not {_WORDS.get(kind, kind)}; put text in quotes"
            mark = node.start_mark
            raise yaml.constructor.ConstructorError(None, None, problem, mark) from None


def _refuse_control(found: re.Match[str]) -> str:
    return f"contains the control character U+{ord(found[0]):04X}. Remove it."


def _too_deep(file: str | Path, node: Any) -> ConfigurationError:
    deep = (
        f"more than {MAX_DEPTH} levels of lists and groups, or an alias (*) within its own value."
    )
    return _error(file, node, deep)


def _error(file: str | Path, node: Any, text: str) -> ConfigurationError:
    return ConfigurationError(f"{file}, line {node.start_mark.line + 1}: {printable(text)}")


def _not_yaml(error: yaml.MarkedYAMLError, file: str | Path) -> ConfigurationError:
    """Describe what YAML found, where, and in which list or group."""
    mark: Any = error.problem_mark
    problem = printable(str(error.problem))
    if error.context and error.context_mark:
        problem = f"{error.context} (line {error.context_mark.line + 1}), {problem}"
    remedies = (remedy for words, remedy in _REMEDIES.items() if words in problem)
    text = f"not valid YAML: {problem}. {next(remedies, '')}"
    return ConfigurationError(f"{file}, line {mark.line + 1}: {text.rstrip()}")


def read_command_line(given: Any, path: KeyPath, origins: Origins) -> Any:
    """Read values from `--config` as YAML would, and record the command line as their origin.

    Snakemake passes numbers inside lists and groups as strings.  Raises `ConfigurationError` for
    control characters, and for too many values.
    """
    if path:
        origins[path] = "command line (--config)"
    if len(origins) > MAX_VALUES:
        raise report([Problem(path[:1], f"has {_MANY}")], origins)
    if isinstance(given, Mapping):
        return {key: read_command_line(item, (*path, key), origins) for key, item in given.items()}
    if isinstance(given, list):
        return [read_command_line(item, (*path, i), origins) for i, item in enumerate(given)]
    if isinstance(given, str):
        if found := _CONTROL.search(given):
            raise report([Problem(path, _refuse_control(found))], origins)
        tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, given, (True, False))
        with suppress(yaml.YAMLError):
            value = _Constructor().construct_document(yaml.ScalarNode(tag, given))
            return value if isinstance(value, int | float) else given
    return given
