"""The study's tables for a paper: each CSV as a LaTeX tabular, with heads and digits for readers.

What a table of results says twice or for machines is put together: a mean and its range over seeds
in one cell, an interval in one column, what is the same in every row of a wide table in a comment.
The CSV beside it keeps all digits.
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

LONG = 40  # rows; a longer table is a longtable, which goes over pages
WIDE = 12  # columns; a wider table loses those that say the same in every row to its comment
PARAGRAPH = 32  # characters; longer text is set as a paragraph

# Signs that LaTeX takes for commands or does not know, each with what prints it.  After the end of
# a row, [ would begin a distance, and so would *.
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
    """A column of a LaTeX table: its head, its cells, and how LaTeX sets them."""

    head: str
    cells: list[str]
    setting: str


def escape(text: str) -> str:
    """Write a text so that LaTeX prints it as it is, in one line."""
    line = re.sub(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+", " ", text)
    kept = "".join(sign for sign in line if sign.isprintable() or sign in _COMMANDS)
    return re.sub("-(?=-)", "-\0", kept).translate(_ESCAPES)  # two hyphens would become a dash


def export(path: str | Path) -> str:
    """Read a CSV table of the study and write it as LaTeX: a tabular, or a longtable if it is long.

    Raises StudyError if the table has a column that `columns` does not describe.
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
    """Put the columns of a table together for print.

    Gives the columns, and what is the same in every row of a wide table, in words.
    """
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
    """How LaTeX sets a column: numbers to the right, long text as a paragraph."""
    longest = max(map(len, cells), default=0)
    if not column.is_text:
        return "r"
    if longest <= PARAGRAPH or cells[0].startswith(r"\texttt"):
        return "l"
    return r"p{0.2\linewidth}" if longest <= 4 * PARAGRAPH else r"p{0.35\linewidth}"
