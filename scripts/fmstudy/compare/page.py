"""Renders the comparison of two result folders: one self-contained page, and lines to print.

Nothing depends on when or where the page is rendered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from fmstudy.analysis.formats import FORMATS, MISSING
from fmstudy.compare import differences, numbers
from fmstudy.compare.folder import ResultFolder
from fmstudy.compare.numbers import BEYOND, IDENTICAL, METRICS, TOO_FEW, WITHIN, Row
from fmstudy.report.fonts import characters_of, embedded
from fmstudy.report.pages import environment, source_hash
from fmstudy.report.rendering import Mark, mark, script_text

PAGE = "page.html.j2"
SCRIPTS = ("theme.js", "script.js")  # of the report
LONGEST = 40  # rows of a table that is not folded
MARKS = {IDENTICAL: Mark("=", "open"), WITHIN: Mark("≈", "open")}


def compare(first: ResultFolder, second: ResultFolder) -> dict[str, Any]:
    """Compare two folders; returns what the template uses.

    sentences   the answers, the first of which says whether the results are equal
    """
    obstacle = differences.obstacle(first, second)
    models, only = numbers.match(first, second)
    metrics = {
        metric: numbers.compare(metric, first, second, models, not obstacle) for metric in METRICS
    }
    runs = {(it.first["run"], it.second["run"], seed) for it in models for seed in it.common}
    same = {(it.first["run"], it.second["run"], seed) for it in models for seed in it.identical}
    found = {
        "names": _names(first.path, second.path),
        "folders": (first, second),
        "obstacle": obstacle,
        "models": models,
        "only": only,
        "metrics": {key: rows for key, rows in metrics.items() if rows},
        "configuration": differences.configuration(first, second),
        "surroundings": differences.surroundings(first, second),
        "files": differences.files(first, second),
        "trainings": len(runs),
        "identical": len(same),
    }
    return found | {"sentences": [_answer(found), _what_differs(found), *_remarks(found)]}


def _names(first: str, second: str) -> tuple[str, str]:
    """Return short names of two folders: the last parts of their paths from which they differ."""
    paths = [Path(os.path.abspath(path)).parts for path in (first, second)]
    for length in range(1, max(map(len, paths)) + 1):
        one, other = ("/".join(parts[-length:]) for parts in paths)
        if one != other:
            return one, other
    return "first", "second"  # the same folder


# ------------------------------------------------------------------------------- the answers
def _answer(found: dict[str, Any]) -> str:
    """Say whether the results are equal, and if not, whether a difference is beyond noise."""
    one, other = found["names"]
    if found["obstacle"]:
        return f"The numbers of {one} and {other} cannot be compared: {found['obstacle']}."
    if not found["models"]:
        return f"{one} and {other} have no model in common, so no numbers can be compared."
    rows = [row for rows in found["metrics"].values() for row in rows]
    trainings, identical = found["trainings"], found["identical"]
    equal = all(row["verdict"] == IDENTICAL for row in rows)
    if equal and identical == trainings:
        return (
            f"The results are equal: {_all(trainings, 'training')} that {one} and {other} have in "
            "common made the same predictions, byte for byte."
        )
    if not trainings:
        start = "The results differ: no training has the same model and seed in both."
    elif identical == trainings:
        alike = all(it.first["seeds"] == it.second["seeds"] for it in found["models"])
        start = (
            f"The results differ{'' if alike else ' by their seeds'}, but "
            f"{_all(trainings, 'training')} with the same model and seed made the same predictions."
        )
    else:
        start = (
            f"The results differ: of {_count(trainings, 'training')} with the same model and seed, "
            f"{identical} made the same predictions."
        )
    if beyond := _beyond(found):
        return f"{start} Beyond noise: {_joined(beyond)}."
    different = [row for row in rows if row["verdict"] != IDENTICAL]
    few = {row["model"].name for row in different if row["verdict"] == TOO_FEW}
    if few and all(row["verdict"] == TOO_FEW for row in different):
        return f"{start} Whether that is more than noise cannot be told from so few seeds."
    more = f"; {_count(len(few), 'model')} had too few seeds to tell" if few else ""
    return f"{start} No difference in the numbers is beyond noise{more}."


def _beyond(found: dict[str, Any]) -> list[str]:
    """Count the models whose difference is beyond noise, for each metric that has any."""
    found_in: list[str] = []
    for metric, rows in found["metrics"].items():
        if count := sum(row["verdict"] == BEYOND for row in rows):
            models = "" if found_in else " models" if len(rows) > 1 else " model"
            found_in.append(f"{count} of {len(rows)}{models} in {METRICS[metric].lower()}")
    return found_in


def _what_differs(found: dict[str, Any]) -> str:
    """Name the settings, code, versions, machine and data that differ."""
    groups = found["configuration"]
    parts, same = [], []
    if groups is None:
        changed = {key for it in found["models"] for key, *_ in it.changed}
        changed |= {"seeds" for it in found["models"] if it.first["seeds"] != it.second["seeds"]}
        known = " (as far as it is known from the trainings)"
        if changed:
            parts.append(f"configuration{known}: {', '.join(sorted(changed))}")
        else:
            same.append(f"configuration{known}")
    else:
        counted = [its for group, its in groups.items() if group not in differences.NAMES]
        keys = [_named(it) for its in counted for it in its]
        if keys:
            more = f" and {len(keys) - 3} more" if len(keys) > 4 else ""
            parts.append(f"configuration: {', '.join(keys if len(keys) < 5 else keys[:3])}{more}")
        else:
            same.append("configuration")
    for group, settings in found["surroundings"].items():
        differing = [_named(it) for it in settings if it.differs]
        if differing:
            parts.append(f"{group.lower()}: {', '.join(differing)}")
        else:
            same.append(group.lower())
    if not parts:
        return f"Nothing else differs: {_joined(same)} are the same."
    told = f" The same: {_joined(same)}." if same else ""
    return f"What differs: {'; '.join(parts)}.{told}"


def _named(setting: differences.Setting) -> str:
    """Name a setting, with its values if they are short."""
    key, first, second = setting
    return f"{key} ({first} → {second})" if max(len(first), len(second)) <= 16 else key


def _remarks(found: dict[str, Any]) -> Iterable[str]:
    for name, only in zip(found["names"], found["only"], strict=True):
        if only:
            titles = [str(it["title"]) for it in only]
            more = f" and {len(titles) - 5} more" if len(titles) > 6 else ""
            yield f"Only in {name}: {'; '.join(titles if len(titles) < 7 else titles[:5])}{more}."
    for name, folder in zip(found["names"], found["folders"], strict=True):
        if missing := sum(it["missing"] for it in folder.models.values()):
            yield f"{_count(missing, 'training')} of {name} could not be used."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _all(number: int, what: str) -> str:
    return f"the one {what}" if number == 1 else f"all {number:,} {what}s"


def _joined(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


# ---------------------------------------------------------------------------------- the page
def scale(rows: Iterable[Row]) -> float:
    """Return the largest distance from 0 of all differences and their intervals."""
    ends = [row.get(key) for row in rows for key in ("difference", "low", "high")]
    return max((abs(it) for it in ends if it), default=1.0)


def shown(metric: str, row: Row, name: str = "") -> tuple[str, str]:
    """Return a mean (`name` is first or second) or a difference, and its interval, as text."""
    accuracy = metric.endswith("accuracy")
    if name:
        write = FORMATS["percent2" if accuracy else "loss"]
        value, low, high = (row[f"{name}_{key}"] for key in ("value", "low", "high"))
    else:
        write = FORMATS["points" if accuracy else "signed3"]
        value, low, high = (row.get(key) for key in ("difference", "low", "high"))
    return write(value), "" if low is None else f"{write(low)} to {write(high)}"


def render(report: Path, found: dict[str, Any]) -> str:
    """Render the page; `report` is the folder of the templates, `found` the result of `compare`."""
    templates = report / "templates"
    scripts = [script_text(templates, name) for name in SCRIPTS]
    own = {
        "scripts": [Markup(script) for script in scripts],
        "allowed_scripts": Markup(" ".join(map(source_hash, scripts))),
        "style": Markup((templates / "style.css").read_text(encoding="utf-8")),
        "mark": lambda word: MARKS.get(word) or mark(word),
        "scale": scale,
        "shown": shown,
        "titles": METRICS,
        "LONGEST": LONGEST,
        "MISSING": MISSING,
        "NAMES": differences.NAMES,
    }
    template = environment(report / "comparison").get_template(PAGE)

    def rendered(fonts: str) -> str:
        return template.render({**found, **own, "fonts": Markup(fonts)}).lstrip()

    return rendered(embedded(*characters_of(rendered(""))))
