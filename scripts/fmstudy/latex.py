"""The study's tables for a paper: each CSV as a LaTeX tabular, with heads and digits for readers.

What a table of results says twice or for machines is put together: a mean and its range over seeds
in one cell, an interval in one column, what is the same in every row of a wide table in a comment.
The CSV beside it keeps all digits.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fmstudy.formats import FORMATS, MISSING
from fmstudy.report import Row, finished_seeds, read_table

LONG = 40  # rows; a longer table is a longtable, which goes over pages
WIDE = 12  # columns; a wider table loses those that say the same in every row to its comment
PARAGRAPH = 32  # characters; longer text is set as a paragraph

# How columns are headed and written, by their names; the kinds are those of the report, `code`
# (type of fixed width), and those of BY_UNIT.
COLUMNS: dict[str, tuple[str, str]] = {
    "model": ("Model", "code"),
    "title": ("Title", "text"),
    "other": ("Other model", "code"),
    "other_title": ("Its title", "text"),
    "run": ("Run", "code"),
    "engine": ("Engine", "text"),
    "hidden": ("Hidden layers", "text"),
    "parameters": ("Parameters", "count"),
    "seed": ("Seed", "number"),
    "seeds": ("Seeds", "count"),
    "diverged": ("Diverged", "count"),
    "epoch": ("Epoch", "count"),
    "epochs": ("Epochs", "count"),
    "epochs_done": ("Epochs done", "count"),
    "trainings": ("Trainings", "count"),
    # metrics
    "train_accuracy": ("Training accuracy, %", "percent2"),
    "validation_accuracy": ("Validation accuracy, %", "percent2"),
    "test_accuracy": ("Test accuracy, %", "percent2"),
    "train_loss": ("Training loss", "loss"),
    "validation_loss": ("Validation loss", "loss"),
    "test_loss": ("Test loss", "loss"),
    "train_objective": ("Training loss with penalty", "loss"),
    "test_objective": ("Test loss with penalty", "loss"),
    "train_penalty": ("Training penalty", "loss"),
    "validation_penalty": ("Validation penalty", "loss"),
    "test_penalty": ("Test penalty", "loss"),
    "gap_accuracy": ("Gap in accuracy, points", "points"),
    "gap_loss": ("Gap in loss", "signed"),
    "value": ("Value", "number"),
    "weight_norm": ("Norm of the weights", "fixed1"),
    "near_zero_share": ("Weights below 0.001, %", "percent2"),
    "weights": ("Weights", "count"),
    "sum": ("Sum", "fixed1"),
    "sum_absolute": ("Sum of absolute values", "fixed1"),
    "norm": ("Norm", "fixed"),
    "largest": ("Largest", "fixed"),
    # differences, intervals, tests
    "metric": ("Metric", "words"),
    "unit": ("Unit", "text"),
    "difference": ("Difference", "difference"),
    "first": ("First", "code"),
    "second": ("Second", "code"),
    "first_title": ("Title of the first", "text"),
    "second_title": ("Title of the second", "text"),
    "first_value": ("First, value", "value"),
    "second_value": ("Second, value", "value"),
    "another": ("One further run, ±", "value"),
    "seeds_low": ("Other seeds", "value"),
    "one_low": ("Other images, one run", "value"),
    "resolution": ("Resolution", "value"),
    "p": ("p", "p_value"),
    "p_holm": ("p, corrected", "p_value"),
    "mcnemar_p": ("p, McNemar", "p_value"),
    "family": ("Family", "count"),
    "only_first": ("Only first right", "fixed1"),
    "only_second": ("Only second right", "fixed1"),
    "share": ("Share, %", "percent2"),
    "verdict": ("Verdict", "text"),
    "reason": ("Reason", "text"),
    "estimate": ("Estimate", "difference"),
    "printed_value": ("Printed value", "printed"),
    "printed_unit": ("Printed unit", "text"),
    "printed_hypothesis": ("Printed hypothesis", "text"),
    "printed_verdict": ("Verdict on what is printed", "text"),
    "part_c": ("Claim of Part C", "code"),
    "published": ("Published", "value"),
    "reproduced": ("Reproduced", "value"),
    "tolerance": ("Tolerance", "value"),
    # calibration, agreement, classes, images
    "accuracy": ("Accuracy, %", "percent2"),
    "confidence": ("Confidence, %", "percent2"),
    "gap": ("Confidence − accuracy, points", "points"),
    "ece": ("ECE, points", "percent2"),
    "ece_corrected": ("ECE without noise, points", "percent2"),
    "agreement": ("Agreement, %", "percent2"),
    "shared_errors": ("Shared errors, %", "percent2"),
    "kappa": ("Kappa", "loss"),
    "support": ("Test images", "count"),
    "precision": ("Precision, %", "percent2"),
    "recall": ("Recall, %", "percent2"),
    "f1": ("F1, %", "percent2"),
    "all": ("All test images, %", "percent2"),
    "without": ("Without near-duplicates, %", "percent2"),
    "only": ("Near-duplicates alone, %", "percent2"),
    "matched": ("Others, same classes, %", "percent2"),
    "differ_share": ("Share of them, %", "percent2"),
    "label": ("Label", "count"),
    "predicted_label": ("Predicted label", "count"),
    "image": ("Image", "number"),
    "correlation": ("Correlation at least", "number"),
    # engines, equality, statistics
    "gradient": ("First gradients", "scientific"),
    "loss": ("Loss, any step", "scientific"),
    "weight": ("Weights, last step", "scientific"),
    "probability": ("Probabilities, last step", "scientific"),
    "loss_rounded": ("Loss, same rounding", "scientific"),
    "weight_rounded": ("Weights, same rounding", "scientific"),
    "probability_rounded": ("Probabilities, same rounding", "scientific"),
    "deviation": ("Largest deviation", "scientific"),
    "kept": ("Equal", "text"),
    "claimed": ("Promised, %", "percent1"),
    "found": ("Found, %", "percent1"),
    # experiments
    "quantity": ("Quantity", "code"),
    "mean": ("Mean", "value"),
    "smallest": ("Smallest seed", "value"),
    "prediction": ("Prediction", "code"),
    "claim": ("Claim", "code"),
    "experiment": ("Experiment", "code"),
    "set_aside": ("Set aside", "text"),
    "count": ("Count", "text"),
    # cost, software, settings
    "seconds": ("Time, s", "fixed1"),
    "startup_seconds": ("Start-up, s", "fixed1"),
    "reading_seconds": ("Reading, s", "fixed1"),
    "training_seconds": ("Training, s", "fixed1"),
    "evaluation_seconds": ("Evaluation, s", "fixed1"),
    "experiment_seconds": ("Training and evaluation, s", "fixed1"),
    "writing_seconds": ("Writing, s", "fixed1"),
    "processor_seconds": ("Computing, s", "fixed1"),
    "peak_memory_mb": ("Peak memory, MB", "count"),
    "arithmetic": ("Arithmetic, FLOP", "scientific"),
    "product_rate": ("Products, GFLOP/s", "fixed1"),
    "slowest": ("Slowest, GFLOP/s", "fixed1"),
    "fastest": ("Fastest, GFLOP/s", "fixed1"),
    "finished": ("Ended (UTC)", "text"),
    "code": ("Digest of the code", "code"),
    "tensorflow": ("TensorFlow", "text"),
    "numpy": ("NumPy", "text"),
    "batch_norm": ("Batch normalization", "text"),
    "bn_momentum": ("Momentum of its statistics", "number"),
    "bn_epsilon": ("Its epsilon", "number"),
    "weight_std": ("Initial deviation", "number"),
    "delta": ("Strength of the penalty", "number"),
    "dropout": ("Dropout", "number"),
    "learning_rate": ("Learning rate", "number"),
    "batch_size": ("Batch size", "number"),
    "validation_split": ("Share for validation", "number"),
    "id": ("Number", "code"),
}

# Where a name means something else than elsewhere.
OF_TABLE: dict[str, dict[str, tuple[str, str]]] = {
    "engines": {"tolerance": ("Tolerance", "scientific"), "largest": ("Largest", "scientific")},
    "statistics": {"low": ("low", "percent1")},
    "intervals": {"value": ("Mean", "value")},
    "ledger": {"id": ("Published number", "code")},
}

# Whose interval {prefix}_low to {prefix}_high is, where the column of the prefix has not got it.
INTERVAL_OF = {"ece_corrected": "ece", "ece": "", "seeds": ""}

# Kinds that depend on the row's metric or unit, as the kinds of FORMATS.
BY_UNIT: dict[str, dict[str, str]] = {
    "value": {
        "%": "percent2",
        "points": "percent2",
        "percent": "fixed",
        "nats": "loss",
        "decades": "fixed",
        "factor": "factor",
        "": "significant",
    },
    "difference": {
        "%": "percent2",
        "points": "points",
        "percent": "signed2",
        "nats": "signed",
        "decades": "signed2",
        "factor": "factor",
        "": "significant",
    },
}

_SIGNS = {
    "\0": "{}",
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "[": "{[}",  # after the end of a row it would begin a distance
    "]": "{]}",
    "*": "{*}",  # likewise
    '"': "''",
    "`": r"\textasciigrave{}",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "→": r"$\to$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≠": r"$\neq$",
    "…": r"\dots{}",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "°": r"$^\circ$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "δ": r"$\delta$",
    "ε": r"$\varepsilon$",
    "η": r"$\eta$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{THIN SPACE}": r"\,",
}
_ESCAPES = str.maketrans(_SIGNS)
_PRINTED = set(_SIGNS) - {"\0"}
_POWER = re.compile(r"([\d.]+)e(−?\d+)")


@dataclass(frozen=True)
class Printed:
    """A column of a LaTeX table: its head, its cells, and how they are set."""

    head: str
    cells: list[str]
    text: bool  # set to the left, else to the right


def escape(text: str) -> str:
    """Write a text so that LaTeX prints it as it is, in one line."""
    line = re.sub(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+", " ", text)
    kept = "".join(sign for sign in line if sign.isprintable() or sign in _PRINTED)
    return re.sub("-(?=-)", "-\0", kept).translate(_ESCAPES)  # two hyphens would become a dash


def tabular(name: str, keys: Sequence[str], rows: Sequence[Row]) -> str:
    """Write a table as LaTeX: a tabular, or a longtable from `LONG` rows on.

    `rows` is what `report.read_table` gives, and may be empty, so `keys` names the columns; `name`
    is that of the table's file, and may decide what a column means.
    """
    columns, same = arranged(name, keys, rows)
    long = len(rows) > LONG
    # Names of columns must differ; two may have the same head.
    frame = pd.DataFrame({place: column.cells for place, column in enumerate(columns)}, dtype=str)
    frame.columns = pd.Index([escape(column.head) for column in columns])
    table = frame.style.hide(axis="index").to_latex(
        column_format="".join(_setting(column) for column in columns),
        environment="longtable" if long else None,
        hrules=True,
    )
    packages = "booktabs and longtable" if long else "booktabs"
    comment = [
        f"Table {name} of the study, from {name}.csv; {len(rows)} rows.",
        rf"Needs the packages {packages}, and UTF-8. Use: \input{{{name}}}",
        "A cell 'mean (low to high)' gives the range over seeds. The CSV has all digits.",
        "Columns: " + " | ".join(column.head for column in columns),
    ]
    if same:
        comment.append("The same in every row: " + "; ".join(same))
    lines = ["% " + " ".join(line.split()) for line in comment]
    return "\n".join([*lines, table.rstrip(), ""])


def export(table: str | Path) -> str:
    """Read a CSV table of the study and write it as LaTeX."""
    with open(table, encoding="utf-8", newline="") as file:
        keys = next(csv.reader(file), [])
    return tabular(Path(table).stem, keys, read_table(table))


# ------------------------------------------------------------------------- what stands in it
def arranged(
    name: str, keys: Sequence[str], rows: Sequence[Row]
) -> tuple[list[Printed], list[str]]:
    """Put the columns of a table together for print.

    Gives the columns, and what is the same in every row of a wide table, in words.
    """
    columns: list[Printed] = []
    for key in keys:
        if _belongs_to_another(key, keys) or (rows and all(row[key] in (None, "") for row in rows)):
            continue
        columns += _columns(name, key, keys, rows)
    same = []
    if len(columns) > WIDE and len(rows) > 1:
        same = [column for column in columns if len(set(column.cells)) == 1]
        columns = [column for column in columns if column not in same]
    return columns, [f"{column.head}: {column.cells[0]}" for column in same]


def _interval(key: str, keys: Iterable[str]) -> tuple[str, str] | None:
    """Give the two columns of a column's interval, or None if it has none."""
    prefix = INTERVAL_OF.get(key, key)
    return (f"{prefix}_low", f"{prefix}_high") if f"{prefix}_low" in keys else None


def _belongs_to_another(key: str, keys: Iterable[str]) -> bool:
    """Tell whether a column stands in that of another, as its range or its interval."""
    stem, _, end = key.rpartition("_")
    if key == "high" or end == "high":
        return f"{key[:-4]}low" in keys
    in_interval = any(key in (_interval(other, keys) or ()) for other in keys)
    return in_interval or (end in ("sd", "min", "max") and stem in keys)


def _columns(name: str, key: str, keys: Sequence[str], rows: Sequence[Row]) -> list[Printed]:
    """A column, and that of its interval where it has one."""
    head, kind = _known(name, key, keys, rows)
    if key == "low" or key.endswith("_low"):  # an interval by itself
        head = "95 % interval" if key == "low" else f"{head}, 95 % interval"
        return [Printed(head, _pairs(rows, key, f"{key[:-3]}high", kind), False)]
    cells = [_cell(row, key, kind) for row in rows]
    if f"{key}_min" in keys:
        ranges = _pairs(rows, f"{key}_min", f"{key}_max", kind)
        cells = [
            f"{cell} ({range_})" if finished_seeds(row) > 1 and range_ != "--" else cell
            for row, cell, range_ in zip(rows, cells, ranges, strict=True)
        ]
    found = [Printed(head, cells, kind in ("text", "code", "words"))]
    if interval := _interval(key, keys):
        found.append(Printed(f"{head}, 95 % interval", _pairs(rows, *interval, kind), False))
    return found


def _known(name: str, key: str, keys: Sequence[str], rows: Sequence[Row]) -> tuple[str, str]:
    """Give head and kind of a column; one that nobody has named is headed by its own name."""
    of_table = OF_TABLE.get(name, {})
    if key in of_table:
        return of_table[key]
    if key == "low":  # in the unit of what stands before it
        return "low", "difference" if {"estimate", "difference"} & set(keys) else "value"
    if key == "largest" and "smallest" in keys:
        return "Largest seed", "value"
    if key in COLUMNS:
        return COLUMNS[key]
    words = key.replace("_", " ")
    numeric = all(isinstance(row[key], int | float | None) for row in rows)
    whole = all(isinstance(row[key], int | None) for row in rows)
    return words[:1].upper() + words[1:], ("count" if whole else "significant") if numeric else (
        "text"
    )


def _pairs(rows: Sequence[Row], low: str, high: str, kind: str) -> list[str]:
    """Write intervals, or that there is none."""
    return [
        "--"
        if row[low] is None or row[high] is None
        else f"{_cell(row, low, kind)} to {_cell(row, high, kind)}"
        for row in rows
    ]


def _cell(row: Row, key: str, kind: str) -> str:
    value = row[key]
    if value in (None, ""):
        return "--"
    if kind == "code":
        return rf"\texttt{{{escape(str(value))}}}"
    if kind == "words":
        return escape(str(value).replace("_", " "))
    if kind == "text" or isinstance(value, str):
        return escape(str(value))
    text = str(FORMATS[_in_unit(row, kind)](value))
    if text == MISSING:
        return "--"
    power = _POWER.search(text)
    if power:  # 3.1e−7
        digits, exponent = power.groups()
        sign = escape(text[: power.start()])
        return rf"{sign}${digits}\cdot 10^{{{exponent.replace('−', '-')}}}$"
    return escape(text)


def _in_unit(row: Row, kind: str) -> str:
    """Give the format of a kind that depends on what the row measures."""
    if kind == "printed":
        return BY_UNIT["difference"][row["printed_unit"]]
    if kind not in BY_UNIT:
        return kind
    if "unit" in row:
        return BY_UNIT[kind][row["unit"]]
    return BY_UNIT[kind]["points" if "accuracy" in row["metric"] else "nats"]


def _setting(column: Printed) -> str:
    """How LaTeX sets a column: numbers to the right, long text as a paragraph."""
    longest = max((len(cell) for cell in column.cells), default=0)
    if not column.text:
        return "r"
    if longest <= PARAGRAPH or column.cells[0].startswith(r"\texttt"):
        return "l"
    return r"p{0.2\linewidth}" if longest <= 4 * PARAGRAPH else r"p{0.35\linewidth}"
