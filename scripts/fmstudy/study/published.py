"""The numbers that the source prints: read, and checked against the configuration."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fmstudy.study.configuration import ConfigurationError, nearest

COLUMNS = (
    "id",
    "part",
    "model",
    "published_setting",
    "split",
    "metric",
    "value",
    "unit",
    "as_written",
)


def read(
    path: str | Path, numbers: Mapping[str, Sequence[str]]
) -> tuple[list[dict[str, str]], list[str]]:
    """Read the published numbers; give the rows and every complaint about the file.

    `numbers` names, for each model of the source, the ids of the numbers that it prints: one
    that is lost, or that nobody asked for, is a complaint.
    """
    try:
        # utf-8-sig: a spreadsheet may have put a mark at the beginning.
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            numbered = [(reader.line_num, row) for row in reader]
    except OSError as error:
        return [], [f"{path}: cannot be read: {error.strerror}."]
    except (UnicodeDecodeError, csv.Error) as error:
        return [], [f"{path}: is not a CSV file in UTF-8: {error}."]
    if tuple(reader.fieldnames or ()) != COLUMNS:
        return [], [f"{path}: the first line must be {','.join(COLUMNS)}."]
    complaints: list[str] = []
    seen: set[str] = set()
    for line, row in numbered:
        where = f"{path}, line {line}"
        if None in row or None in row.values():
            complaints.append(f"{where}: must have {len(COLUMNS)} columns.")
            continue
        if row["id"] in seen:
            complaints.append(f'{where}: the id "{row["id"]}" stands twice.')
        seen.add(row["id"])
        if row["model"] not in numbers:
            complaints.append(
                f"{where}: published: models: in the configuration does not say which model "
                f're-does "{row["model"]}".{nearest(row["model"], numbers)}'
            )
        elif row["id"] not in numbers[row["model"]]:
            complaints.append(
                f'{where}: the configuration does not list the id "{row["id"]}" under published: '
                f"models: {row['model']}: numbers.{nearest(row['id'], numbers[row['model']])}"
            )
        complaints.extend(_complaints(where, row))
    for model, ids in numbers.items():
        complaints.extend(
            f'{path}: the number "{lost}" of "{model}" has no row; the configuration lists it '
            "under published: models. Put the row back, or take the id out of that list."
            for lost in ids
            if lost not in seen
        )
    return [row for _, row in numbered], complaints


def read_checked(path: str | Path, numbers: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """Read the published numbers; raises ConfigurationError with every complaint."""
    rows, complaints = read(path, numbers)
    if complaints:
        raise ConfigurationError("\n".join(complaints))
    return rows


def values(
    rows: Sequence[Mapping[str, str]], redone_by: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Give the published final values by model of the study, as metrics such as test_accuracy.

    Accuracies are shares; a penalized loss counts as the loss, because that is what the source
    draws. Where the source gives a number twice, the first counts. A number belongs to the
    model that follows the source to the letter, not to an alternative.
    """
    by_model: dict[str, dict[str, float]] = {}
    for row in rows:
        metric = f"{row['split']}_{row['metric'].removeprefix('penalized ')}"
        value = float(row["value"]) / (100.0 if row["unit"] == "percent" else 1.0)
        for name in redone_by[row["model"]][:1]:
            by_model.setdefault(name, {}).setdefault(metric, value)
    return by_model


def _complaints(where: str, row: Mapping[str, str]) -> Iterator[str]:
    for column, allowed in _WORDS.items():
        if row[column] not in allowed:
            yield f'{where}: {column} must be one of {", ".join(allowed)}; found "{row[column]}".'
    try:
        finite = math.isfinite(float(row["value"]))
    except ValueError:
        finite = False
    if not finite:
        yield f'{where}: value must be a number; found "{row["value"]}".'
    if not _AS_WRITTEN.fullmatch(row["as_written"].strip()):
        yield (
            f"{where}: as_written must be a number as the source prints it, such as 0.55 or 90%; "
            f'found "{row["as_written"]}".'
        )


_AS_WRITTEN = re.compile(r"[-+]?\d+(\.\d+)?%?")  # how it is rounded is read from it

_WORDS: dict[str, Sequence[str]] = {
    "split": ("train", "test"),
    "metric": ("accuracy", "loss", "penalized loss"),
    "unit": ("percent", "nats"),
}
