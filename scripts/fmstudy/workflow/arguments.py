"""Messages for mistakes in the arguments of `snakemake`.

The default profile calls `check` before Snakemake reads the files given by `--configfile`: it would
refuse them without file or line, or with a traceback.  `terminal` asks `explain_target` about a
target that no rule makes.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fmstudy.study import reader
from fmstudy.study.configuration import ConfigurationError, nearest, printable

ENDS = (".pdf", "-playground.html")  # of the other files of a report
_SUFFIXES = (".yaml", ".yml", ".json")
_KEY = re.compile(r"[a-zA-Z_][\w-]*\w")  # as in Snakemake


def check(arguments: Sequence[str]) -> None:
    """Exit with a message if `--configfile` or `--config` are invalid."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="*", default=[])
    parser.add_argument("--config", "-C", nargs="*", default=[])
    given, _ = parser.parse_known_args(arguments)
    try:
        _check_files(given.configfile)
        _check_values(given.config)
    except ConfigurationError as error:
        sys.exit(str(error))


def _check_files(files: Sequence[str]) -> None:
    for file in files:
        if not file.endswith(_SUFFIXES):
            raise ConfigurationError(
                f"{file} is not a configuration file ({', '.join(_SUFFIXES)}). --configfile takes "
                "all words that follow: write targets before it."
            )
        reader.read(file)


def _check_values(values: Sequence[str]) -> None:
    for value in values:
        key, equals, content = value.partition("=")
        if not equals:
            raise ConfigurationError(
                f"--config: {value} is not of the form key=value. --config takes all words that "
                "follow: write targets before it, and put values with spaces in quotes."
            )
        outer, *inner = re.split("[:.]", key)
        if inner:
            nested = ": {".join(inner) + f": {content}" + "}" * len(inner)
            raise ConfigurationError(
                f"--config: {key} is not a key; write a group as --config '{outer}={{{nested}'"
            )
        if not key:
            raise ConfigurationError(f"--config: there is no key before {value}. Write key=value.")
        if not _KEY.fullmatch(key):
            raise ConfigurationError(f"--config: {key} is not a key of the configuration.")


def explain_target(target: str, rules: Iterable[Any], default: str) -> str:
    """Return why no rule makes a target, and what was probably meant.

    `rules` are those of Snakemake's workflow; `default` is the default configuration file, beside
    which files for `--configfile` may make the target.
    """
    folder = Path(default).parent
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("studies/*/config.yaml")]):
        with suppress(ConfigurationError):
            content, name = reader.read(file)[0], reader.name_of(file)
            output = content.get("output", {})
            if "models" in content and "extends" not in content and isinstance(output, dict):
                output = {"directory": f"results/{name}", "report": f"report/{name}.html"} | output
            if isinstance(output, dict) and _makes(output, target):
                option = "" if file == Path(default) else f" --configfile {file}"
                command = f"    snakemake --cores 2 {target}{option}"
                return f"{target} belongs to another configuration. Run this instead:\n{command}"
    known = [rule.name for rule in rules if not rule.has_wildcards()]
    known += (str(it) for rule in rules for it in (*rule.input, *rule.output) if not callable(it))
    return (
        f"{printable(target)}: there is no such target.{nearest(target, known)}\n"
        "This lists the targets; any file that they make is a target, too:\n"
        "    snakemake --list-target-rules"
    )


def _makes(output: dict[str, Any], target: str) -> bool:
    pages = [str(output[key]) for key in ("report", "playground") if key in output]
    pages += [str(Path(page).with_suffix("")) + end for page in pages[:1] for end in ENDS]
    folder = output.get("directory", "results")
    return target in pages or (folder != "results" and target.startswith(f"{folder}/"))
