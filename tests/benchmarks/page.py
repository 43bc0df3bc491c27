"""Results as files: a CSV a table, the tables of docs/explanation/performance.md, and its figure.

The page is written by hand but for what stands between markers, which is put there from the CSV
files; so a run of some sections alone leaves the others as they were.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from fmstudy import runtime

Row = Mapping[str, Any]

OURS = CONTESTANTS["study"].title
NOT_YET = "*Not measured yet.*"


# ------------------------------------------------------------------------------------- CSV files
def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as CSV, with every column that any of them has; numbers have six digits."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _written(value) for name, value in row.items()})
    runtime.write_text(path, text.getvalue())


def _written(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return "" if value is None else value


def _read(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


# ----------------------------------------------------------------------------------- the tables
def number(value: Any, digits: int = 3) -> str:
    """A number with so many significant digits; whole ones as they are, tiny ones with exponent."""
    if not isinstance(value, int | float):
        return str(value) if value else ""
    if value == int(value):
        return f"{value:,.0f}"
    if abs(value) < 1e-3:
        return f"{value:.1e}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def spread(row: Row, name: str, digits: int = 3) -> str:
    """A median and, in brackets, the smallest and largest value."""
    if name not in row:
        return ""
    low, high = (number(row[f"{name}_{end}"], digits) for end in ("low", "high"))
    return f"{number(row[name], digits)} ({low} to {high})"


Cell = Callable[[Row], str]


def _ranged(name: str) -> Cell:
    return lambda row: spread(row, name)


def _noted(name: str, text: Callable[[Row, str], str] = spread) -> Cell:
    """A value or, where there is none, the reason."""

    def cell(row: Row) -> str:
        return text(row, name) or (f"not measured: {row['note']}" if row.get("note") else "")

    return cell


def _plain(row: Row, name: str) -> str:
    return number(row.get(name))


def _losses(row: Row) -> str:
    if "same" not in row:
        return ""
    if "deviation" not in row:
        return row.get("note", "not told")
    word = "same" if row["same"] == "yes" else "**differ**"
    told, allowed = number(row["deviation"]), number(row["tolerance"])
    return f"{word}: {row['compared']:.0f} to {told} (allowed: {allowed})"


def _times(row: Row) -> str:
    if "milliseconds" not in row:
        return ""
    return spread(row, "times") or ("not compared: " + row["note"] if row.get("note") else "")


# The columns of each table: a heading, and the key of a plain value or a function of the row.
TABLES: dict[str, dict[str, str | Cell]] = {
    "machine": {"what": "what", "value": "value"},
    "step": {
        "what": "what",
        "unit": "unit",
        "ms per unit": _noted("milliseconds"),
        "GFLOP/s": "gflops",
        "share of the product rate": _ranged("share"),
        "of it, with blank pixels left out": _ranged("needed"),
    },
    "peers": {
        "who": "who",
        "fastest form": "form",
        "ms per unit": _noted("milliseconds"),
        "share of the product rate": _ranged("share"),
        "times ours": _times,
        "losses": _losses,
    },
    "turnaround": {
        "what": "what",
        "seconds": _noted("seconds"),
        "core-seconds": "cpu_seconds",
        "target, at most": "target",
    },
    "bound": {"what": "what", "value": _noted("value", _plain), "unit": "unit"},
    "growth": {
        "what grows": "factor",
        "to": lambda row: f"{row['value']:,.0f} {row['unit']}",
        "ms": _noted("milliseconds"),
        "time, times the first": _ranged("times"),
        "arithmetic, times the first": "arithmetic_times",
    },
    "graph": {
        "trainings": "trainings",
        "jobs": "jobs",
        "parse, s": _noted("parse", _plain),
        "dry run, s": "dry_run",
        "`--dag`, s": "dag",
        "nothing to do, s": "no_op",
    },
}


def markdown(name: str, rows: Sequence[Row]) -> str:
    """A table of results as Markdown; of peers, one for each kind of work."""
    if name != "peers":
        return _table(TABLES[name], rows)
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    parts = []
    for kind in kinds:
        of_kind = [row for row in rows if row["kind"] == kind]
        parts += [f"The same {of_kind[0]['unit']}:", _table(TABLES[name], of_kind)]
        tried = [f"{row['who']}: {row['forms']}" for row in of_kind if ";" in row.get("forms", "")]
        if tried:
            parts.append("Forms tried. " + ". ".join(tried) + ".")
    return "\n\n".join(parts)


def _table(columns: Mapping[str, str | Cell], rows: Sequence[Row]) -> str:
    lines = [[*columns], ["---"] * len(columns)]
    for row in rows:
        cells = [_plain(row, it) if isinstance(it, str) else it(row) for it in columns.values()]
        lines.append([cell.replace("|", "/") for cell in cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


# -------------------------------------------------------------------------------------- the page
def fill(page: str, tables: Mapping[str, Sequence[Row]]) -> str:
    """The page with everything between its markers replaced; a table without rows says so.

    Raises ValueError if the page lacks the place of a table.
    """
    for name in TABLES:
        rows = tables.get(name)
        place = re.compile(rf"(<!-- {name}: .*? -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        if not place.search(page):
            raise ValueError(f"the page has no place for {name}: <!-- {name}: ... -->")
        text = markdown(name, rows) if rows else NOT_YET
        page = place.sub(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", page)
    return page


def read_tables(directory: Path) -> dict[str, list[dict[str, Any]]]:
    """All tables in a directory, by name, with numbers as such and without empty fields.

    Versions and dates in the machine's table stay text, whatever they look like.
    """
    tables = {}
    for name in TABLES:
        path, read = directory / f"{name}.csv", str if name == "machine" else _read
        if path.is_file():
            with open(path, encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            tables[name] = [{key: read(text) for key, text in row.items() if text} for row in rows]
    return tables


# ------------------------------------------------------------------------------------ the figure
def draw(tables: Mapping[str, Sequence[Row]], path: Path) -> bool:
    """Draw what is there of shares, peers and growing graphs; tell whether that was anything."""
    steps = [row for row in tables.get("step", ()) if "share" in row]
    peers = [row for row in tables.get("peers", ()) if "times" in row and row["who"] != OURS]
    graph = [row for row in tables.get("graph", ()) if "no_op" in row]
    if not (steps or peers or graph):
        return False
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    from fmstudy.figures.colors import FAINT, HUES
    from fmstudy.figures.svg import style

    with style():
        heights = [max(2, len(steps)), max(2, len(peers)), 8]
        size = {"figsize": (8, 2.5 + 0.24 * sum(heights)), "height_ratios": heights}
        figure, (top, middle, bottom) = plt.subplots(3, 1, layout="constrained", **size)
        _ranges(top, steps, [row["what"] for row in steps], "share", HUES[0])
        top.set_title("This study: share of the product rate")
        top.set_xlim(0, 1.05)
        names = [f"{row['who']}: {row['kind']}" for row in peers]
        _ranges(middle, peers, names, "times", HUES[1])
        middle.set_title("Peers: time of the same step, or small-batch epoch, times ours")
        middle.set_xlim(left=0)
        middle.axvline(1, color=FAINT, linewidth=0.8)
        counts, line = [row["trainings"] for row in graph], {"linewidth": 1.4, "markersize": 4}
        labels = {"parse": "parse", "dry_run": "dry run", "dag": "--dag", "no_op": "nothing to do"}
        for (name, label), hue in zip(labels.items(), HUES, strict=True):
            bottom.plot(counts, [it[name] for it in graph], "o-", color=hue, label=label, **line)
        bottom.set_title("Seconds of Snakemake by trainings in the graph")
        if graph:
            bottom.set_xscale("log")
            bottom.set_yscale("log")
            for axis in (bottom.xaxis, bottom.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
                axis.set_minor_formatter(NullFormatter())
            bottom.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            bottom.legend()
        for axes, rows in ((top, steps), (middle, peers), (bottom, graph)):
            axes.set_visible(bool(rows))
        for axes in (top, middle):
            axes.grid(axis="x")
            axes.grid(visible=False, axis="y")
        with runtime.atomic_write(path) as file:
            figure.savefig(file, format="png", dpi=110, metadata={"Software": None})
        plt.close(figure)
    return True


def _ranges(axes: Any, rows: Sequence[Row], names: Sequence[str], key: str, hue: str) -> None:
    """A dot for the median of each row and a line from its smallest to its largest value."""
    for place, row in enumerate(rows):
        axes.plot([row[f"{key}_low"], row[f"{key}_high"]], [place] * 2, color=hue, linewidth=2)
        axes.plot(row[key], place, "o", color=hue, markersize=5)
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
