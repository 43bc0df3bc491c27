"""The study's tables as LaTeX, with headings and digits for readers; the CSV keeps all digits.

A mean and its range over seeds share a cell, an interval is one column, and columns of a wide table
with the same value in every row move to a comment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fmstudy.analysis import columns
from fmstudy.analysis.columns import Column, Row
from fmstudy.analysis.formats import MISSING

LONG = 40  # rows; longer tables become a longtable
WIDE = 12  # columns; wider tables move constant columns to the comment
PARAGRAPH = 32  # characters; longer text becomes a paragraph

# Characters with a meaning in LaTeX or unknown to it, each with its code.  After the end of a row,
# [ and * would begin an option.
_SIGNS = r"""
\ \textbackslash{}  { \{  } \}  $ \$  & \&  % \%  # \#  _ \_  ~ \textasciitilde{}
^ \textasciicircum{}  < $<$  > $>$  | $|$  [ {[}  ] {]}  * {*}  " ''  ` \textasciigrave{}
− $-$  – --  — ---  ± $\pm$  × $\times$  · $\cdot$  → $\to$  ≤ $\le$  ≥ $\ge$  ≠ $\neq$
… \dots{}  “ ``  ” ''  ‘ `  ’ '  ° $^\circ$  α $\alpha$  β $\beta$  γ $\gamma$  δ $\delta$
ε $\varepsilon$  η $\eta$  λ $\lambda$  μ $\mu$  σ $\sigma$
""".split()  # noqa: SIM905
_COMMANDS = dict(zip(_SIGNS[::2], _SIGNS[1::2], strict=True)) | {
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{THIN SPACE}": r"\,",
}
_ESCAPES = str.maketrans(_COMMANDS | {"\0": "{}"})
_POWER = re.compile(r"([\d.]+)e(?:\$(-)\$)?(\d+)")  # 3.1e−7, escaped


@dataclass(frozen=True)
class Printed:
    """A column of a LaTeX table: its heading, cells, and column type."""

    head: str
    cells: list[str]
    setting: str


def escape(text: str) -> str:
    """Escape a text so that LaTeX prints it literally, in one line."""
    line = re.sub(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+", " ", text)
    kept = "".join(sign for sign in line if sign.isprintable() or sign in _COMMANDS)
    return re.sub("-(?=-)", "-\0", kept).translate(_ESCAPES)  # two hyphens would become a dash


def export(path: str | Path) -> str:
    """Convert a CSV table of the study to a LaTeX tabular or longtable.

    Raises StudyError for a column that `columns` does not describe.
    """
    name, rows = Path(path).stem, columns.read_rows(path)
    printed, same = arranged(name, columns.header(path), rows)
    long = len(rows) > LONG
    # Names of columns must differ; two may have the same head.
    frame = pd.DataFrame({place: column.cells for place, column in enumerate(printed)}, dtype=str)
    frame.columns = pd.Index([escape(column.head) for column in printed])
    table = frame.style.hide(axis="index").to_latex(
        column_format="".join(column.setting for column in printed),
        environment="longtable" if long else None,
        hrules=True,
    )
    packages = "booktabs and longtable" if long else "booktabs"
    comment = [
        f"Table {name} of the study, from {name}.csv; {len(rows)} rows.",
        rf"Needs the packages {packages}, and UTF-8. Use: \input{{{name}}}",
        "A cell 'mean (low to high)' gives the range over seeds. The CSV has all digits.",
        "Columns: " + " | ".join(column.head for column in printed),
    ]
    if same:
        comment.append("The same in every row: " + "; ".join(same))
    lines = ["% " + " ".join(line.split()) for line in comment]
    return "\n".join([*lines, table.rstrip(), ""])


def arranged(
    name: str, keys: Sequence[str], rows: Sequence[Row]
) -> tuple[list[Printed], list[str]]:
    """Return the printed columns of a table, and the constant columns of a wide table in words."""
    found: list[Printed] = []
    for column in columns.shown(name, keys):
        if rows and all(row[column.key] in (None, "") for row in rows):
            continue
        cells = [_cell(column, row) for row in rows]
        head = f"{column.head}, 95 % interval" if column.is_interval else column.head
        found.append(Printed(head, cells, _setting(column, cells)))
        intervals = [None if column.is_interval else column.interval(row) for row in rows]
        if any(intervals):
            head = "95 % interval" if column.bounds[0] == "low" else f"{head}, 95 % interval"
            found.append(Printed(head, [_printed(text or MISSING) for text in intervals], "r"))
    same = []
    if len(found) > WIDE and len(rows) > 1:
        same = [column for column in found if len(set(column.cells)) == 1]
        found = [column for column in found if column not in same]
    return found, [f"{column.head}: {column.cells[0]}" for column in same]


def _cell(column: Column, row: Row) -> str:
    text = column.write(row)
    if column.is_text:
        code = column.format == "code" and text != MISSING
        return rf"\texttt{{{escape(text)}}}" if code else escape(text)
    span = column.span(row)
    return _printed(f"{text} ({span})" if span else text)


def _printed(number: str) -> str:
    return _POWER.sub(r"$\1\\cdot 10^{\2\3}$", escape(number))


def _setting(column: Column, cells: Sequence[str]) -> str:
    """Return the LaTeX type of a column: numbers to the right, long text as a paragraph."""
    longest = max(map(len, cells), default=0)
    if not column.is_text:
        return "r"
    if longest <= PARAGRAPH or cells[0].startswith(r"\texttt"):
        return "l"
    return r"p{0.2\linewidth}" if longest <= 4 * PARAGRAPH else r"p{0.35\linewidth}"
