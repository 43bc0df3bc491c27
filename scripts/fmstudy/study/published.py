"""The numbers that the source prints: read, and checked against the configuration."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fmstudy.study import text
from fmstudy.study.configuration import ConfigurationError, nearest, printable
from fmstudy.study.reader import read_text

COLUMNS = (
    *("id", "part", "model", "published_setting"),
    *("split", "metric", "value", "unit", "as_written"),
)


def read(
    path: str | Path, numbers: Mapping[str, Sequence[str]], absent: Collection[str] = ()
) -> tuple[list[dict[str, Any]], list[str]]:
    """Read the published numbers; return the rows and all errors in the file.

    `numbers` lists, for each model of the source, the ids of its numbers: missing and unlisted
    rows are errors.  The rows of `absent` models are left out.
    """
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
        numbered = [(reader.line_num, row) for row in reader]
    except ConfigurationError as error:
        return [], [str(error)]
    except csv.Error as error:
        return [], [f"{path}, line {reader.line_num}: is not CSV: {error}."]
    if tuple(reader.fieldnames or ()) != COLUMNS:
        return [], [f"{path}, line 1: must be {','.join(COLUMNS)}."]
    errors: list[str] = []
    seen: set[str] = set()
    numbered = [(line, row) for line, row in numbered if row["model"] not in absent]
    for line, row in numbered:
        where = f"{path}, line {line}"
        if None in row or None in row.values():
            errors.append(f"{where}: must have {len(COLUMNS)} columns.")
            continue
        if row["id"] in seen:
            errors.append(f'{where}: duplicate id "{row["id"]}".')
        seen.add(row["id"])
        if row["model"] not in numbers:
            errors.append(
                f"{where}: the configuration does not say under published: models which model "
                f're-does "{row["model"]}".{nearest(row["model"], numbers)}'
            )
        elif row["id"] not in numbers[row["model"]]:
            errors.append(
                f'{where}: the configuration does not list the id "{row["id"]}" under published: '
                f"models: {row['model']}: numbers.{nearest(row['id'], numbers[row['model']])}"
            )
        errors.extend(_row_errors(where, row))
    for model, ids in numbers.items():
        errors.extend(
            f'{path}: the number "{missing}" of "{model}" has no row; the configuration lists it '
            "under published: models. Restore the row, or remove the id from that list."
            for missing in ids
            if missing not in seen
        )
    rows: list[dict[str, Any]] = [row for _, row in numbered]
    if not errors:
        rows = [row | {"value": float(row["value"])} for row in rows]
    return rows, errors


def read_checked(
    path: str | Path, numbers: Mapping[str, Sequence[str]], absent: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Read the published numbers; raises ConfigurationError listing all errors."""
    rows, errors = read(path, numbers, absent)
    if errors:
        raise ConfigurationError("\n".join(map(printable, errors)))
    return rows


def values(
    rows: Sequence[Mapping[str, Any]], redone_by: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Return the published final values by model of the study, as metrics such as test_accuracy.

    Accuracies are fractions; a penalized loss counts as the loss, because that is what the source
    plots.  If the source prints a number twice, the first counts.  Numbers belong to the model that
    follows the source to the letter, not to an alternative.
    """
    by_model: dict[str, dict[str, float]] = {}
    for row in rows:
        metric = f"{row['split']}_{row['metric'].removeprefix('penalized ')}"
        value = row["value"] / (100.0 if row["unit"] == "percent" else 1.0)
        for name in redone_by[row["model"]][:1]:
            by_model.setdefault(name, {}).setdefault(metric, value)
    return by_model


def _row_errors(where: str, row: Mapping[str, str]) -> Iterator[str]:
    for column in ("id", "model", "published_setting"):
        try:
            text.checked(row[column])
        except ValueError as error:
            yield f"{where}: {column} {error}"
    for column, allowed in _WORDS.items():
        if row[column] not in allowed:
            yield (
                f'{where}: {column} must be one of {", ".join(allowed)}; found "{row[column]}".'
                f"{nearest(row[column], allowed)}"
            )
    metric, unit = row["metric"], row["unit"]
    if metric in _WORDS["metric"] and unit in _WORDS["unit"]:
        expected = "percent" if metric == "accuracy" else "nats"
        if unit != expected:
            yield f'{where}: unit must be {expected} for the metric {metric}; found "{unit}".'
        elif _NUMBER.fullmatch(row["value"]):
            yield from _range_error(where, metric, float(row["value"]))
    written = _AS_WRITTEN.fullmatch(row["as_written"])
    if not _NUMBER.fullmatch(row["value"]):
        yield f'{where}: value must be a number, such as 0.55; found "{row["value"]}".'
    elif written and float(written[1]) != float(row["value"]):
        yield (
            f"{where}: value is {row['value']}, but as_written is {row['as_written']}; they must "
            "be the same number."
        )
    if not written:
        yield (
            f"{where}: as_written must be a number as the source prints it, such as 0.55 or 90%; "
            f'found "{row["as_written"]}".'
        )
    elif written[2] and metric != "accuracy" and unit == "nats":
        yield f"{where}: as_written must have no percent sign where unit is nats."


def _range_error(where: str, metric: str, value: float) -> Iterator[str]:
    """Find a value that its metric cannot have; a signed penalty makes any penalized loss."""
    if metric == "accuracy" and not 0.0 <= value <= 100.0:
        yield f"{where}: value must be from 0 to 100, since it is in percent; found {value:g}."
    if metric == "loss" and value < 0.0:
        yield f"{where}: value must be at least 0, since it is a loss; found {value:g}."


_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,2})?", re.ASCII)
_AS_WRITTEN = re.compile(r"([-+]?\d+(?:\.\d+)?)(%?)", re.ASCII)  # shows how it is rounded

_WORDS: dict[str, Sequence[str]] = {
    "part": ("A", "B", "C"),
    "split": ("train", "test"),
    "metric": ("accuracy", "loss", "penalized loss"),
    "unit": ("percent", "nats"),
}
