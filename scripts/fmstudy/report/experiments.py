"""What the texts of Part C may refer to: experiments, hypotheses, and common claims.

Like `facts`, this has numbers, names, and yes or no; the sentences stand in `report/text/part-c`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from fmstudy.analysis.columns import column
from fmstudy.analysis.verdicts import (
    CONTRADICTED,
    IN_PART,
    OPEN_OUTCOME,
    OTHERWISE,
    SUPPORTED,
    TOO_FEW,
    UNRESOLVED,
    UNTESTED,
)
from fmstudy.report.outcomes import without_signs

Row = Mapping[str, Any]

YES, NO, PARTLY, FEW = "yes", "no", "in part", "too few seeds"


@dataclass(frozen=True)
class Hypothesis:
    """A hypothesis about an experiment, with what was measured.

    verdict   supported, contradicted, not resolved, too few seeds, or not tested
    measured  the measured value with its unit, and a sign if it is a difference: +1.50 decades
    amount    the measured value without its sign
    interval  its 95 % interval without the unit; empty if there is none
    value     the measured value itself; factors are decimal logarithms
    is_seen   whether it counts as written after results had been seen
    """

    name: str
    verdict: str = UNTESTED
    measured: str = ""
    amount: str = ""
    interval: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    is_seen: bool = False

    @property
    def range(self) -> str:
        """The interval of the amount."""
        return without_signs(self.interval)

    @property
    def is_negative(self) -> bool:
        """Whether the measured value is negative: of a factor, whether it is below 1."""
        return self.value is not None and self.value < 0

    @property
    def ratio(self) -> float | None:
        """A factor as a plain number."""
        return _power(self.value)

    @property
    def ratio_low(self) -> float | None:
        """The lower end of a factor's interval."""
        return _power(self.low)

    @property
    def ratio_high(self) -> float | None:
        """The upper end of a factor's interval."""
        return _power(self.high)


@dataclass(frozen=True)
class Experiment:
    """An experiment of Part C with its settings, hypotheses, and measured quantities."""

    name: str
    title: str
    is_run: bool
    settings: Mapping[str, Any]
    arms: Mapping[str, str]
    hypotheses: Mapping[str, Hypothesis]
    quantities: Mapping[str, Row] = field(default_factory=dict)

    def of(self, *names: str) -> list[Hypothesis]:
        """Return those of these hypotheses that have a measured value."""
        found = (self.hypotheses.get(name, Hypothesis(name)) for name in names)
        return [it for it in found if it.measured]

    def answer(self, *names: str) -> str:
        """Answer the question that these hypotheses affirm, from their verdicts.

        `yes` or `no` if at least half of them are resolved and these agree, else `in part` if any
        is resolved.  If none is, `not resolved` or, without a second seed, `too few seeds`.
        """
        words = [it.verdict for it in self.of(*names)]
        resolved = [word for word in words if word in (SUPPORTED, CONTRADICTED)]
        if not resolved:
            return FEW if FEW in words else UNRESOLVED
        if 2 * len(resolved) < len(words) or len(set(resolved)) > 1:
            return PARTLY
        return YES if resolved[0] == SUPPORTED else NO

    def is_seen(self, *names: str) -> bool:
        """Return whether any of these hypotheses counts as written after results had been seen."""
        return any(it.is_seen for it in self.of(*names))

    def quantity(self, name: str) -> Row | None:
        """Return a quantity with its mean and interval; None if it has no value."""
        row = self.quantities.get(name)
        return row if row and row["mean"] is not None else None

    def knows(self, *names: str) -> bool:
        """Return whether all these quantities have a value."""
        return all(self.quantity(name) for name in names)

    def mean(self, name: str) -> float | None:
        """Return the mean of a quantity over seeds; factors are decimal logarithms."""
        row = self.quantity(name)
        return row["mean"] if row else None

    def starting_weight(self, momentum: float) -> float:
        """Return what the start of a moving average weighs after the full-batch steps."""
        weight: float = momentum ** self.settings["full"]["steps"]
        return weight

    def levels_reached(self) -> list[SimpleNamespace]:
        """Return, by activation, the highest level that both networks reach with every seed.

        `activation` is its name, `level` a share; `plain` and `bn` are steps to it.
        """
        found = []
        for activation in self.settings.get("activations", ()):
            nets = f"{activation}/plain", f"{activation}/bn"
            levels = [
                level
                for level in self.settings.get("levels", ())
                if all(self.mean(f"reached_{100 * level:g}/{net}") == 1 for net in nets)
            ]
            if levels:
                plain, bn = (self.mean(f"steps_{100 * levels[-1]:g}/{net}") for net in nets)
                steps = {"plain": _power(plain), "bn": _power(bn)}
                found.append(
                    SimpleNamespace(activation=named(activation), level=levels[-1], **steps)
                )
        return found

    def undone(self) -> list[SimpleNamespace]:
        """Return, by activation, the share of the reduction in loss that random shifts undo.

        Networks that batch normalization does not improve are left out.
        """
        found = []
        for activation in self.settings.get("rates", ()):
            plain, bn, shifted = (
                self.mean(f"loss/{activation}/{arm}") for arm in ("plain", "bn", "noisy")
            )
            if plain is not None and bn is not None and shifted is not None and plain > bn:
                share = max(0.0, (shifted - bn) / (plain - bn))
                found.append(SimpleNamespace(activation=named(activation), share=share))
        return found


def named(activation: str) -> str:
    """Return the name of an activation in a sentence."""
    return {"relu": "ReLU"}.get(activation, activation)


def lower_loss(pairs: Iterable[Sequence[Any]]) -> str:
    """Answer whether models have a lower loss than others: yes, no, in part, or why not.

    `pairs` has several comparisons (`facts.Pair`) for each pair of models, that of losses last.
    """
    words = [it[-1].verdict for it in pairs]
    resolved = {word for word in words if word in ("better", "worse")}
    if not resolved:
        return FEW if FEW in words else UNRESOLVED
    if len(resolved) > 1:
        return PARTLY
    return YES if resolved == {"better"} else NO


def collect(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names that the texts of Part C use, from the result of `load_context`."""
    tables, given = context["tables"], context["study"]["batchnorm"]
    predictions, claims = tables.get("bn_predictions", []), tables.get("bn_claims", [])
    experiments = {
        name: _experiment(name, it, predictions, tables.get(f"bn_{name}_quantities", []))
        for name, it in given["experiments"].items()
    }

    def bn_claim(key: str) -> Row:
        """Return a common claim; its verdict is `not tested` if the study does not have it."""
        return next(
            (row for row in claims if row["claim"] == key),
            {"verdict": UNTESTED, "says": key, "seen": "no"},
        )

    return {
        "lower_loss": lower_loss,
        "bn": _score(predictions, claims, experiments.values(), tables.get("bn_equality", [])),
        "bn_claim": bn_claim,
        "experiment": experiments.__getitem__,
        "experiments": list(experiments.values()),
    }


def _experiment(
    name: str, given: Mapping[str, Any], predictions: Iterable[Row], quantities: Iterable[Row]
) -> Experiment:
    mine = [row for row in predictions if row["experiment"] == name]
    return Experiment(
        name,
        given["title"],
        given["run"],
        given["settings"] or {},
        given["arms"],
        {row["prediction"]: _hypothesis(row) for row in mine},
        {row["quantity"]: row for row in quantities},
    )


def _hypothesis(row: Row) -> Hypothesis:
    verdict = FEW if row["verdict"] == TOO_FEW else row["verdict"]
    known = Hypothesis(row["prediction"], verdict, is_seen=row["seen"] == "yes")
    if row["estimate"] is None:
        return known
    shown = column("bn_predictions", "estimate")
    unit = "" if row["unit"] == "factor" else row["unit"] or ""

    def with_unit(value: float) -> str:
        return " ".join(filter(None, (shown.write({**row, "estimate": value}), unit)))

    return replace(
        known,
        measured=with_unit(row["estimate"]),
        amount=with_unit(abs(row["estimate"])).lstrip("+"),
        interval=shown.interval(row) or "",
        value=row["estimate"],
        low=row["low"],
        high=row["high"],
    )


def _score(
    predictions: Sequence[Row],
    claims: Sequence[Row],
    experiments: Iterable[Experiment],
    equality: Iterable[Row],
) -> SimpleNamespace:
    """Count claims by verdict and predictions by outcome, and name the experiments that are run."""
    words = [row["verdict"] for row in claims]
    fresh = [row for row in predictions if row["seen"] != "yes"]
    told = [row for row in fresh if row["outcome"] != OPEN_OUTCOME]
    decided = (SUPPORTED, CONTRADICTED, IN_PART)
    experiments = list(experiments)
    shown = [it.name for it in experiments if it.is_run]
    drifts = [row for row in predictions if row["prediction"] in ("drift-sigmoid", "drift-relu")]
    return SimpleNamespace(
        claims=len(words),
        supported=words.count(SUPPORTED),
        contradicted=words.count(CONTRADICTED),
        in_part=words.count(IN_PART),
        decided=sum(word in decided for word in words),
        afterwards=[r for r in claims if r["verdict"] in decided and r["seen"] == "yes"],
        told=len(told),
        failed=[row for row in told if row["outcome"] == OTHERWISE],
        seen=len(predictions) - len(fresh),
        is_marked=any(row["seen"] == "yes" and row["estimate"] is not None for row in predictions),
        shown=shown,
        waiting=[it.title for it in experiments if it.hypotheses and not it.is_run],
        largest_deviation=max((row["deviation"] for row in equality), default=None),
        others=[name for name in shown if name != "curves"],
        drift_is_smaller=bool(drifts) and all(row["verdict"] == SUPPORTED for row in drifts),
    )


def _power(value: float | None) -> float | None:
    return None if value is None else 10.0**value
