"""The columns of all tables: heading, unit, format and type, each described once.

These descriptions are used to read CSV files, and to write cells in the page, the PDF, the explorer
and the LaTeX tables.  To add a column, compute it, describe it in NAMED or COLUMNS, and list it in
PAGE if the page should show it.

A column `x` may have companions that need no description: `x_min` and `x_max`, its range
over seeds, `x_sd`, and `x_low` and `x_high`, its 95 % interval.  They are shown in the same cell.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from fmstudy.analysis.formats import DIVERGED, FORMATS, MISSING
from fmstudy.runtime import StudyError, read_cells, read_table, reading

Row = Mapping[str, Any]
_HERE = Path(__file__).name

# Formats of text; all others are for numbers.  `words` replaces underscores by spaces.
TEXTS = ("text", "code", "words", "verdict")

# A format of settings, which are numbers in one table, words in another.
MIXED = "setting"

# Columns with their name as heading, by format: one of TEXTS, of `formats.FORMATS`, or a format
# that depends on the unit or metric of the row: `amount`, `plus_minus`, `difference` (with a sign),
# and `value` (an amount, with a sign for gaps).
NAMED = {
    "text": """
        section engine status models activation bias penalty optimizer unit comparisons reason
        part source_model setting split as_written protocol topic place says hypothesis
        printed_hypothesis printed_unit literature class given predicted tensor check kind arm
        case way comparison
        measure expect seen outcome count predictions set_aside literature_says system planned
        processor python keras stage software version classifier batch what source
    """,
    "code": "run first second sweep claim experiment quantity prediction rule job file",
    "count": """
        parameters seeds diverged epoch epochs epochs_done trainings train_samples test_samples
        features classes width weights family images pairs label predicted_label votes chosen
        labels_differ all_images without_images only_images left_out steps repetitions depth layer
        size step turn threads cores jobs train_metrics_samples
    """,
    "number": "seed spread dropout learning_rate batch_size value image momentum",
    "loss": "validation_loss test_loss validation_penalty test_penalty kappa",
    "fixed1": "sum",
    "fixed": "norm largest factor",
    "words": "metric",
    "difference": "difference estimate printed_value",
    "amount": "resolution published reproduced mean",
    "verdict": "verdict",
    "plus_minus": "tolerance",
    "significant": "rate std drift best_rate highest_usable_rate effective_rate",
}

# Heading and format of the others.
COLUMNS: dict[str, tuple[str, str]] = {
    key: (key.replace("_", " ").capitalize(), format)
    for format, keys in NAMED.items()
    for key in keys.split()
} | {
    # models and trainings
    "model": ("Name", "code"),
    "title": ("Model", "text"),
    "other": ("Other name", "code"),
    "other_title": ("Other model", "text"),
    "hidden": ("Hidden layers", "text"),
    # settings
    "weight_std": ("Initial deviation", "number"),
    "delta": ("Strength of the penalty", "number"),
    "batch_norm": ("Batch normalization", "text"),
    "bn_momentum": ("Momentum of moving statistics", "number"),
    "bn_epsilon": ("Epsilon", "number"),
    "initial_weights": ("Initial weights", "text"),
    "beta_1": ("Beta 1", "number"),
    "beta_2": ("Beta 2", "number"),
    "epsilon": ("Epsilon", "number"),
    "seed_list": ("Seeds", "text"),
    "validation_split": ("Validation split", "number"),
    # metrics and weights
    "train_accuracy": ("Training accuracy, %", "percent2"),
    "validation_accuracy": ("Validation accuracy, %", "percent2"),
    "held_out_accuracy": ("Held-out accuracy, %", "percent2"),
    "test_accuracy": ("Test accuracy, %", "percent2"),
    "train_loss": ("Training loss", "loss"),
    "held_out_loss": ("Held-out loss", "loss"),
    "train_objective": ("Training loss with penalty", "loss"),
    "test_objective": ("Test loss with penalty", "loss"),
    "train_penalty": ("Training penalty", "loss"),
    "gap_accuracy": ("Gap in accuracy, points", "points"),
    "gap_loss": ("Gap in loss", "signed3"),
    "weight_norm": ("Norm of the weights", "fixed1"),
    "near_zero_share": ("Weights near zero, %", "percent2"),
    "zero_share": ("Weights exactly zero, %", "percent2"),
    "sum_absolute": ("Sum of absolute values", "fixed1"),
    # differences, intervals, tests
    "first_title": ("Title of the first", "text"),
    "second_title": ("Title of the second", "text"),
    "first_value": ("First, value", "value"),
    "second_value": ("Second, value", "value"),
    "another": ("One further run", "plus_minus"),
    "p": ("p", "p_value"),
    "p_holm": ("p, corrected", "p_value"),
    "only_first": ("Only first correct", "fixed1"),
    "only_second": ("Only second correct", "fixed1"),
    "mcnemar_p": ("p, McNemar", "p_value"),
    "share": ("Share, %", "percent2"),
    # published numbers and claims
    "id": ("Number", "code"),
    "correct": ("Correct images", "count"),
    "low": ("Interval", "amount"),
    "printed_verdict": ("Verdict on printed numbers", "verdict"),
    "part_c": ("Claim of Part C", "code"),
    # calibration, agreement, classes, images
    "accuracy": ("Accuracy, %", "percent2"),
    "confidence": ("Mean confidence, %", "percent2"),
    "gap": ("Confidence − accuracy, points", "points"),
    "ece": ("ECE, points", "percent2"),
    "ece_corrected": ("ECE without noise, points", "percent2"),
    "agreement": ("Agreement, %", "percent2"),
    "shared_errors": ("Shared errors, %", "percent2"),
    "support": ("Test images", "count"),
    "precision": ("Precision, %", "percent2"),
    "recall": ("Recall, %", "percent2"),
    "f1": ("F1, %", "percent2"),
    "taken_for": ("Most often taken for", "text"),
    "taken": ("Images", "fixed1"),
    "correlation": ("Minimum correlation", "number"),
    "exact": ("Identical pixels", "count"),
    "differ_share": ("Share of them, %", "percent2"),
    "all": ("All test images, %", "percent2"),
    "without": ("Without near-duplicates, %", "percent2"),
    "only": ("Only near-duplicates, %", "percent2"),
    "matched": ("Others, same classes, %", "percent2"),
    # engines, equality, statistics
    "gradient": ("First gradients", "scientific"),
    "kept": ("Equal", "text"),
    "loss": ("Loss, any step", "scientific"),
    "weight": ("Weights, last step", "scientific"),
    "probability": ("Probabilities, last step", "scientific"),
    "deviation": ("Largest deviation", "scientific"),
    "claimed": ("Nominal, %", "percent1"),
    "coverage": ("Coverage, %", "percent1"),
    "coverage_of_largest": ("Coverage, most variable, %", "percent1"),
    "own_error": ("False calls, own variances, %", "percent1"),
    "moderated_error": ("False calls, moderated, %", "percent1"),
    "own_power": ("Differences found, own variances, %", "percent1"),
    "moderated_power": ("Differences found, moderated, %", "percent1"),
    "found": ("Observed, %", "percent1"),
    # experiments on batch normalization: what they measured, quantities, predictions, claims
    "smallest": ("Smallest seed", "amount"),
    # cost, machines, software
    "seconds": ("Time, s", "fixed1"),
    "startup_seconds": ("Start-up, s", "fixed1"),
    "reading_seconds": ("Reading, s", "fixed1"),
    "training_seconds": ("Training, s", "fixed1"),
    "evaluation_seconds": ("Evaluation, s", "fixed1"),
    "experiment_seconds": ("Training and evaluation, s", "fixed1"),
    "writing_seconds": ("Writing, s", "fixed1"),
    "processor_seconds": ("Computing, s", "fixed1"),
    "core_seconds": ("Time on one core", "seconds"),
    "peak_memory_mb": ("Peak memory, MB", "count"),
    "arithmetic": ("Operations, FLOP", "scientific"),
    "finished": ("Ended (UTC)", "text"),
    "product_rate": ("Products, GFLOP/s", "fixed1"),
    "slowest": ("Slowest, GFLOP/s", "fixed1"),
    "fastest": ("Fastest, GFLOP/s", "fixed1"),
    "code": ("Digest of the code", "code"),
    "tensorflow": ("TensorFlow", "text"),
    "numpy": ("NumPy", "text"),
    "needs": ("Depends on", "text"),
}

# Columns specific to one table; tables and columns may be patterns.
IN_TABLE: dict[str, tuple[str, str]] = {
    "neighbors.*": ("Neighbor", "number"),  # of images by their places, not shown
    "ledger.id": ("Published number", "code"),
    "strengths.id": ("Published number", "code"),
    "strengths.low": ("Compatible strengths", "significant"),
    "intervals.value": ("Mean", "value"),
    "intervals.low": ("Other seeds and other images", "value"),
    "intervals.seeds_low": ("Other seeds, these images", "value"),
    "intervals.one_low": ("Other images, one run", "value"),
    "comparisons-*.second_title": ("Model", "text"),
    "comparisons-*.first_title": ("against", "text"),
    "comparisons-*.second_value": ("Value", "value"),
    "comparisons-*.first_value": ("against", "value"),
    "comparisons-*.p_holm": ("p", "p_value"),
    "mcnemar.second_title": ("Model", "text"),
    "mcnemar.first_title": ("against", "text"),
    "mcnemar.only_second": ("Only this one correct", "count"),
    "mcnemar.only_first": ("Only the other correct", "count"),
    "mcnemar.share": ("Share of these, %", "percent2"),
    "mcnemar.mcnemar_p": ("p", "p_value"),
    "settings.bias": ("Biases, initially 0", "text"),
    "settings.weight_std": ("Standard deviation", "number"),
    "settings.delta": ("Delta", "number"),
    "settings.bn_epsilon": ("Epsilon, batch normalization", "number"),
    "settings*.train_samples": ("Training images", "count"),
    "settings*.epsilon": ("Epsilon, Adam", "number"),
    "settings*.momentum": ("Momentum, SGD", "number"),
    "statistics.title": ("Check", "text"),
    "sweep_*.value": ("Value", MIXED),
    "noise.source": ("What varies", "text"),
    "noise.accuracy_deviation": ("Standard deviation of test accuracy, points", "percent2"),
    "noise.loss_deviation": ("Standard deviation of test loss, nats", "significant"),
    "engines.title": ("Net", "text"),
    "engines.tolerance": ("Tolerance", "scientific"),
    "hardest.models": ("Models", "count"),
    "playground.agreement": ("Same class, %", "percent2"),
    "playground.bits": ("Bits per weight", "count"),
    "playground.page_accuracy": ("Test accuracy here, %", "percent2"),
    "playground.probability": ("Largest difference in probability", "loss"),
    "similarity.pairs": ("Test images", "count"),
    "bn_gamma-beta.unit": ("Unit", "count"),
    "bn_*_quantities.largest": ("Largest seed", "amount"),
    "bn-equality.title": ("Quantity", "text"),
    "bn-equality.lowlevel": ("Low-level engine", "scientific"),
    "bn-equality.keras": ("Keras", "scientific"),
    "bn-*.title": ("Network", "text"),
    "bn-rates.decades": ("Usable, decades", "fixed"),
    "bn-rates.at_best": ("Test accuracy at best rate, %", "percent2"),
    "bn-rates.at_equal": ("Test accuracy at best rate without, %", "percent2"),
    "bn-speed.milliseconds": ("Time per step, ms", "significant"),
    "bn-speed.steps_*": ("Steps", "text"),
    "bn-evaluation.loss_error": ("Error in loss", "signed3"),
    "bn-evaluation.accuracy_error": ("Error in accuracy, points", "points"),
    "bn-shift.shift_cosine": ("Cosine of gradients", "significant"),
    "bn-shift.shift_size": ("Relative change", "significant"),
    "bn-shift.loss_range": ("Range of the loss", "significant"),
    "bn-shift.gradient_change": ("Change of gradient", "significant"),
    "bn-shift.*_scaled": ("Same, scaled", "significant"),
    "bn-steps.plain": ("Step without, ms", "significant"),
    "bn-steps.bn": ("Step with, ms", "significant"),
    "classes.train": ("Training images", "count"),
    "classes.validation": ("In the validation part", "count"),
    "files.size": ("Bytes", "count"),
    "files.sha256": ("SHA-256", "code"),
    "costs-of-groups.group": ("Jobs of", "text"),
    "costs-of-groups.longest": ("Longest job", "seconds"),
    "costs-of-groups.processor_seconds": ("Computing", "seconds"),
    "costs-of-parts.part": ("Part", "text"),
    "costs-of-*.share": ("Share, %", "percent1"),
    "jobs.what": ("Kind", "text"),
    "jobs.seconds": ("Time", "seconds"),
    "jobs.startup_seconds": ("Start-up", "seconds"),
    "jobs.training_seconds": ("Training", "seconds"),
    "jobs.evaluation_seconds": ("Evaluation", "seconds"),
    "jobs.processor_seconds": ("Computing", "seconds"),
    "jobs.rate": ("GFLOP/s", "fixed1"),
    "experiment-software.names": ("Experiments", "text"),
    "places.path": ("Path", "code"),
}

_TRAIN = "train_accuracy train_loss"
_VALIDATION = "validation_accuracy validation_loss"
_TEST = "test_accuracy test_loss"
_GAP = "gap_accuracy gap_loss"
_MODEL = "title parameters seeds"

# The columns of a table (or pattern) that the page, the PDF and the explorer show.  Templates that
# build their own rows name their columns themselves.
PAGE = {
    "part_a": f"{_MODEL} {_TRAIN} {_TEST} {_GAP}",
    "depth": f"{_MODEL} {_TRAIN} {_TEST} {_GAP}",
    "part_b": f"{_MODEL} {_TRAIN} {_VALIDATION} {_TEST} {_GAP}",
    "batchnorm": f"{_MODEL} {_TRAIN} {_VALIDATION} {_TEST} {_GAP}",
    "models": f"{_MODEL} diverged {_TRAIN} {_VALIDATION} {_TEST} {_GAP}",
    "penalties": f"{_MODEL} {_TRAIN} {_TEST} train_objective test_objective",
    "epochs": f"epochs seeds {_TRAIN} {_TEST}",
    "sweep_*": f"parameters diverged {_TRAIN} {_VALIDATION} {_TEST} "
    f"train_objective test_objective {_GAP} weight_norm near_zero_share",
    "runs": f"run seed status epochs_done {_TRAIN} train_penalty {_VALIDATION} {_TEST}",
    "explorer-values": "epoch train_accuracy held_out_accuracy train_loss held_out_loss",
    "explorer-final": f"seeds parameters {_TRAIN} {_VALIDATION} {_TEST} {_GAP}",
    "weights": "title seeds weights sum sum_absolute norm near_zero_share zero_share largest",
    "settings": "title engine hidden activation parameters initial_weights weight_std bias penalty "
    "delta dropout batch_norm bn_epsilon bn_momentum",
    "settings-training": "title optimizer learning_rate beta_1 beta_2 epsilon momentum batch_size "
    "epochs train_samples validation_split seed_list",
    "intervals": "title seeds value low seeds_low another",
    "comparisons-*": "second_title first_title seeds second_value first_value difference p_holm "
    "resolution verdict",
    "mcnemar": "second_title first_title only_second only_first share mcnemar_p",
    "statistics": "title claimed repetitions found",
    "power": "spread seeds own_error moderated_error own_power moderated_power coverage "
    "coverage_of_largest",
    "strengths": "id as_written tolerance low",
    "engines": "title engine images gradient kept loss weight probability",
    "classes_*": "class support precision recall f1 taken_for taken",
    "calibration": "title accuracy confidence gap ece ece_corrected",
    "duplicates": "title all without only matched",
    "playground": "title seed weights bits images test_accuracy page_accuracy agreement "
    "probability",
    "similarity": "correlation pairs share exact labels_differ differ_share",
    "costs-of-groups": "group jobs core_seconds share longest processor_seconds arithmetic "
    "peak_memory_mb",
    "costs-of-parts": "part core_seconds share",
    "jobs": "job seed what seconds startup_seconds training_seconds evaluation_seconds "
    "processor_seconds peak_memory_mb arithmetic rate finished",
    "experiment-software": "code jobs names",
    "files": "file size sha256",
    "training-software": "engine trainings python tensorflow keras numpy code",
    "versions": "software version",
    "machines": "processor system cores trainings",
    "places": "path what",
    "workflow": "rule stage jobs needs",
}

# Prefixes of `low` and `high` in the names of a column's interval, if not {key}_; None if the
# interval belongs to another column.
INTERVALS: dict[str, str | None] = {
    **dict.fromkeys(("difference", "estimate", "found", "mean", "reproduced"), ""),
    **{"ece_corrected": "ece_", "ece": None, "seeds": None, "ledger.difference": None},
}

# Columns with a value for every finished training.
_OF_TRAINING = re.compile(
    r"(train|validation|test|gap)_(accuracy|loss|objective|penalty)|weight_norm|near_zero_share"
    r"|zero_share|weights|sum|sum_absolute|norm|largest|reproduced|difference"
)

# Formats of amounts and differences by unit.
_BY_UNIT = {
    "%": ("percent2", "percent2"),
    "points": ("percent2", "points"),
    "percent": ("fixed", "signed"),
    "nats": ("loss", "signed3"),
    "decades": ("fixed", "signed"),
    "factor": ("factor", "factor"),
    "": ("significant", "significant"),
}


@dataclass(frozen=True)
class Column:
    """A column of a table: its key in the rows, its heading, and its format."""

    key: str
    head: str
    format: str
    bounds: tuple[str, ...]  # the columns of its 95 % interval, if the table has them
    of_training: bool  # every finished training has it, so a missing value means divergence

    @property
    def is_text(self) -> bool:
        """Whether it contains text, which is never read as a number and is left-aligned."""
        return self.format in TEXTS

    @property
    def is_interval(self) -> bool:
        """Whether it is a 95 % interval that no other column shows."""
        return self.key.rpartition("_")[2] == "low"

    def write(self, row: Row) -> str:
        """Format its value in a row, or the reason for a missing value."""
        if self.is_interval:
            return self.interval(row) or MISSING
        if row[self.key] in (None, ""):
            return (
                DIVERGED if self.of_training and not _lacks_validation(row, self.key) else MISSING
            )
        return _text(row, self.key, self.format)

    def interval(self, row: Row) -> str | None:
        """Format its 95 % interval in a row; None if there is none."""
        if not self.bounds:
            return None
        low, high = self.bounds
        return between(row, low, high, self.format)

    def span(self, row: Row) -> str | None:
        """Format its range over seeds; None if at most one seed finished."""
        return span(row, self.key, self.format)

    def beneath(self, row: Row) -> list[str]:
        """Return the small print below its value: interval, range, and the note {key}_note."""
        interval = None if self.is_interval else self.interval(row)
        return [text for text in (interval, self.span(row), row.get(f"{self.key}_note")) if text]


@cache
def column(table: str, key: str) -> Column:
    """Return the description of a column.  Raises StudyError if there is none."""
    prefix = INTERVALS.get(f"{table}.{key}", INTERVALS.get(key, f"{key}_"))
    if key.rpartition("_")[2] == "low":  # an interval by itself
        prefix = key.removesuffix("low")
    bounds = () if prefix is None else (f"{prefix}low", f"{prefix}high")
    of_training = _OF_TRAINING.fullmatch(key) is not None
    for name in (key, re.sub("high$", "low", key), re.sub("_(sd|min|max|low|high)$", "", key)):
        for pattern, described in IN_TABLE.items():
            if fnmatchcase(f"{table}.{name}", pattern):
                return Column(key, *described, bounds, of_training=False)
        if name in COLUMNS:
            return Column(key, *COLUMNS[name], bounds, of_training)
    raise StudyError(
        f'the column "{key}" of the table {table} has no heading and no format: '
        f"describe it in COLUMNS of {_HERE}"
    )


def columns(
    table: str, keys: Iterable[str], heads: Mapping[str, str] | None = None
) -> list[Column]:
    """Return the descriptions of several columns; `heads` overrides headings by key."""
    heads = heads or {}
    found = (column(table, key) for key in keys)
    return [replace(it, head=heads.get(it.key, it.head)) for it in found]


def on_page(table: str) -> list[str]:
    """Return the keys of a table's columns on the page.  Raises StudyError if PAGE has none."""
    for pattern, keys in PAGE.items():
        if fnmatchcase(table, pattern):
            return keys.split()
    raise StudyError(
        f"no columns of the table {table} are on the page: list them in PAGE of {_HERE}"
    )


def shown(table: str, keys: Collection[str]) -> list[Column]:
    """Return the columns for these keys, without companions, which share other cells."""
    described = columns(table, keys)
    within = {bound for it in described if not it.is_interval for bound in it.bounds}
    within |= {it.bounds[1] for it in described if it.is_interval}
    within |= {f"{key}_{end}" for key in keys for end in ("sd", "min", "max")}
    return [it for it in described if it.key not in within]


# ------------------------------------------------------------------------------------- reading
def header(path: str | Path) -> list[str]:
    """Read the column names of a CSV table."""
    with reading(path), open(path, encoding="utf-8", newline="") as file:
        return next(csv.reader(file), [])


def read(path: str | Path) -> pd.DataFrame:
    """Read a CSV table for analysis: text stays text, even "NA"; empty cells are missing values."""
    described = columns(Path(path).stem, header(path))
    text = [it.key for it in described if it.is_text]
    numbers = [it.key for it in described if not it.is_text and it.format != MIXED]
    return read_table(path, numbers, text, keep_default_na=False, na_values=[""])


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """Read a CSV table for display: text stays text, other cells become numbers, empty ones None.

    Raises StudyError if it cannot be read or has a column without a description.
    """
    keys, *rows = read_cells(path) or [[]]
    is_text = [it.is_text for it in columns(Path(path).stem, keys)]
    return [
        {
            key: cell if as_it_stands else _number(cell)
            for key, as_it_stands, cell in zip(keys, is_text, row, strict=True)
        }
        for row in rows
    ]


def _number(text: str) -> Any:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return text or None
    if not math.isfinite(number):
        return None
    return int(number) if re.fullmatch(r"-?\d+", text) else number


# ------------------------------------------------------------------------------------- writing
def written(row: Row, key: str, format: str) -> str:
    """Format one value of a row in another format than its column's, such as for a sentence."""
    return replace(column("", key), format=format).write(row)


def _text(row: Row, key: str, format: str) -> str:
    value = row[key]
    if format in TEXTS:
        return str(value).replace("_", " ") if format == "words" else str(value)
    sign = "±" if format == "plus_minus" else ""
    return f"{sign}{FORMATS[_format_in_unit(row, key, format)](value)}"


def _format_in_unit(row: Row, key: str, format: str) -> str:
    """Return the format of a value, given the unit or metric of its row."""
    if format not in ("amount", "plus_minus", "difference", "value"):
        return format
    metric = row.get("metric") or ""
    unit = row.get("printed_unit" if key.startswith("printed_") else "unit")
    if unit is None:
        unit = "points" if "accuracy" in metric else "nats"
    signed = format == "difference" or (format == "value" and "gap" in metric)
    amount, difference = _BY_UNIT[unit]
    return difference if signed else amount


def _lacks_validation(row: Row, key: str) -> bool:
    """Return whether a validation metric is missing because the model has no validation part.

    Only Keras models have one, and not all of them.
    """
    if not key.startswith("validation_"):
        return False
    holds_out = row.get("engine") == "keras" and row.get("validation_split") != 0
    return not holds_out or finished_seeds(row) > 0


def between(row: Row, low: str, high: str, format: str) -> str | None:
    """Format an interval; None if the row has none."""
    if row.get(low) is None or row.get(high) is None:
        return None
    return f"{_text(row, low, format)} to {_text(row, high, format)}"


def span(row: Row, key: str, format: str) -> str | None:
    """Format the range over seeds of one value; None if at most one seed finished."""
    if row.get(f"{key}_min") is None or finished_seeds(row) < 2:
        return None
    return between(row, f"{key}_min", f"{key}_max", format)


def finished_seeds(row: Row) -> int:
    """Count the seeds in a row's means: those that did not diverge."""
    return int(row.get("seeds", 0) - (row.get("diverged") or 0))
