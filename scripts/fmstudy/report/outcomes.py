"""Outcomes that the texts of the report name: of comparisons, and of claims of the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmstudy.analysis.verdicts import kind_of

Row = Mapping[str, Any]
Model = Mapping[str, Any]


def without_signs(interval: str) -> str:
    """Return an interval of sizes, 1.7 to 2.7 for −2.7 to −1.7, if zero is not within it."""
    ends = interval.split(" to ")
    signs, sizes = {end[:1] for end in ends}, [end[1:] for end in ends]
    if signs == {"−"}:
        return " to ".join(reversed(sizes))
    return " to ".join(sizes) if signs == {"+"} else interval


@dataclass(frozen=True)
class Pair:
    """A comparison of two models in a metric: `second` minus `first`.

    verdict     better, worse, larger gap, smaller gap, not resolved, too few seeds, no value, or
                not planned
    amount      the size of the difference, with its unit: 7.1 points; empty if there is none
    difference  the same with its sign
    interval    its 95 % interval, +6.5 to +7.7; empty if there is none
    resolution  the smallest difference that would have been resolved, with its unit
    """

    first: Model
    second: Model
    metric: str
    verdict: str = "not planned"
    amount: str = ""
    difference: str = ""
    interval: str = ""
    resolution: str = ""
    row: Row | None = None

    @property
    def kind(self) -> str:
        """The kind of metric: accuracy, loss, gap_accuracy, or gap_loss."""
        return kind_of(self.metric)

    @property
    def noun(self) -> str:
        """What the metric, or the gap, is of: accuracy or loss."""
        return self.kind.removeprefix("gap_")

    @property
    def range(self) -> str:
        """The interval of the amount."""
        return without_signs(self.interval)

    @property
    def is_lower(self) -> bool:
        """Whether the second model has the lower value."""
        return bool(self.row and self.row["difference"] < 0)

    @property
    def excludes_zero(self) -> bool:
        """Whether its interval, which no number of comparisons corrects, lies on one side of 0."""
        return bool(self.row and self.interval and self.row["low"] * self.row["high"] > 0)

    @property
    def is_open(self) -> bool:
        """Whether nothing can be concluded."""
        return self.verdict not in ("better", "worse", "larger gap", "smaller gap")


@dataclass(frozen=True)
class Claim:
    """A claim of the source with its verdict, or `absent`; `measured` has its unit."""

    key: str = ""
    verdict: str = "absent"
    measured: str = ""
    interval: str = ""
    says: str = ""
    row: Row | None = None

    @property
    def limit(self) -> str:
        """What the claim requires: below −0.015 nats."""
        return str(self.row["hypothesis"]).split(": ")[-1] if self.row else ""

    @property
    def amount(self) -> str:
        """The size of what was measured, without its sign."""
        return self.measured.lstrip("+−")

    @property
    def range(self) -> str:
        """The interval of the amount."""
        return without_signs(self.interval)
