"""The source's models by their role in the texts, and its numbers beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fmstudy.analysis.ledger import ALTERNATIVE

Row = Mapping[str, Any]

# The models of the source by their role in the texts, as its published numbers name them.
ROLES = {
    "softmax": "softmax",
    "one_layer": "mlp-300",
    "two_layers": "mlp-300-100",
    "l1": "mlp-300-100 L1",
    "l2": "mlp-300-100 L2",
    "keras_1": "keras-1 (softmax)",
    "keras_2": "keras-2 (1 ReLU layer)",
    "keras_3": "keras-3 (2 ReLU layers)",
    "keras_4": "keras-4 (3 ReLU layers)",
    "keras_5": "keras-5 (4 ReLU layers)",
    "keras_4r": "keras-4 + dropout 0.3",
    "keras_5r": "keras-5 + dropout 0.3",
}
SPLITS = {"train": "Training", "test": "Test"}


@dataclass(frozen=True)
class Metrics:
    """A published accuracy and loss beside ours: two rows of the ledger, or None.

    title   what the row is about: the part of the data, or the model
    model   the model with our values, where a table has several
    """

    title: str
    model: str
    accuracy: Row | None
    loss: Row | None


def by_split(ledger: Iterable[Row], source_model: str) -> list[Metrics]:
    """Return the metrics of one of the source's models, per part of the data and reading."""
    own = [row for row in ledger if row["source_model"] == source_model]
    return [
        _metrics(name, [row for row in own if (row["split"], _is_other(row)) == (split, other)])
        for other in (False, True)
        for split, name in SPLITS.items()
        if any((row["split"], _is_other(row)) == (split, other) for row in own)
    ]


def by_model(ledger: Iterable[Row], part: str) -> list[Metrics]:
    """Return the test metrics of each of the source's models in a part, as it is written."""
    own = [row for row in ledger if row["part"] == part and row["split"] == "test"]
    own = [row for row in own if not _is_other(row)]
    return [
        _metrics(rows[0]["title"], rows)
        for name in dict.fromkeys(row["source_model"] for row in own)
        for rows in [[row for row in own if row["source_model"] == name]]
    ]


def half_widths(intervals: Iterable[Row]) -> list[float]:
    """Return, by model, half the width of one training's interval of accuracy for other images."""
    return [
        (row["one_high"] - row["one_low"]) / 2
        for row in intervals
        if row["metric"] == "test_accuracy" and row["one_low"] is not None
    ]


def _is_other(row: Row) -> bool:
    return bool(row["protocol"] == ALTERNATIVE)


def _metrics(title: str, rows: list[Row]) -> Metrics:
    """Return the first accuracy and the first loss of some rows; a penalized loss is one, too."""

    def first(metric: str) -> Row | None:
        return next((row for row in rows if row["metric"].endswith(metric)), None)

    return Metrics(title, rows[0]["title"], first("accuracy"), first("loss"))
