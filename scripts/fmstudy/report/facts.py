"""What the report's texts may refer to: the study's models by role, and results ready for print.

Everything here is a number, a name, or a yes or no; the sentences stand in `report/text`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import prod
from statistics import median, mode
from types import SimpleNamespace
from typing import Any

from fmstudy.analysis.columns import column
from fmstudy.analysis.formats import fixed
from fmstudy.analysis.ledger import ALTERNATIVE
from fmstudy.analysis.verdicts import (
    CONTRADICTION,
    NO_VALUE,
    NOT_REPRODUCED,
    REPRODUCED,
    TOO_FEW,
    UNRESOLVED,
    WITHIN_NOISE,
)
from fmstudy.report import appendix_rows, experiment_rows, experiments, parts
from fmstudy.report.outcomes import Claim, Pair
from fmstudy.report.rows import ROLES, Metrics, by_model, by_split, half_widths

Row = Mapping[str, Any]
Model = Mapping[str, Any]


def collect(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names that the texts use, from the result of `rendering.load_context`."""
    tables, models, config = context["tables"], context["models"], context["config"]
    study, data = context["study"], context["data"]
    published = config["published"]["models"] if "published" in config else {}

    def redone_by(source_model: str, protocol: int = 0) -> Model | None:
        """Return the study's model for one of the source's models, or None."""
        names = published.get(source_model, {}).get("redone_by", [])
        return models[names[protocol]] if len(names) > protocol else None

    def table(name: str) -> list[Row]:
        """Return the rows of a table, or none if the study does not have it."""
        return list(tables.get(name, []))

    def pair(first: Model | None, second: Model | None, metric: str) -> Pair | None:
        """Return the comparison of two models; None if the study lacks one of them."""
        if first is None or second is None:
            return None
        names = {"first": first["name"], "second": second["name"]}
        return _pair(first, second, metric, find(table("comparisons"), **names, metric=metric))

    def claim(key: str) -> Claim:
        """Return a claim of the source."""
        row = find(table("claims"), claim=key)
        if row is None:
            return Claim(key)
        estimate, measured = column("claims", "estimate"), ""
        if row["estimate"] is not None:
            measured = " ".join(filter(None, (estimate.write(row), row["unit"])))
        interval = (estimate.interval(row) or "") if measured else ""
        return Claim(key, row["verdict"], measured, interval, row["says"].strip().rstrip("."), row)

    def printed(source_model: str, split: str, metric: str, other: bool = False) -> Row | None:
        """Return the ledger's row of a published number; `other`: for the other reading."""
        rows = [row for row in table("ledger") if (row["protocol"] == ALTERNATIVE) == other]
        return find(rows, source_model=source_model, split=split, metric=metric)

    def metrics_of(key: str) -> list[Metrics]:
        """Return the rows of a table of metrics: for a role of ROLES, or for a part (`part_b`)."""
        if key in ROLES:
            return by_split(table("ledger"), ROLES[key])
        return by_model(table("ledger"), key.removeprefix("part_").upper())

    def claims_of(*keys: str) -> list[Claim]:
        """Return those of these claims that the study has."""
        return [it for it in map(claim, keys) if it.row]

    def comparison_of(members: Sequence[Model | None]) -> Mapping[str, Any] | None:
        """Return the comparison of the fewest models with all these in it, if it has a figure."""
        wanted = {model["name"] for model in members if model}
        if None in members or len(wanted) < 2:
            return None
        found = [it for it in study["comparisons"] if wanted <= {*it["models"]}]
        found = [it for it in found if f"compare_{it['name']}" in context["figures"]]
        return min(found, key=lambda it: len(it["models"]), default=None)

    def readings(role: str) -> SimpleNamespace | None:
        """Compare the printed training loss with penalty with ours, as written and otherwise."""
        given = [printed(ROLES[role], "train", "penalized loss", other) for other in (False, True)]
        return parts.two_readings(given[0], given[1], roles["two_layers"])

    def printed_gap(role: str) -> str | None:
        """Return the gap of the printed accuracies, training minus test, in points."""
        parts = [printed(ROLES[role], split, "accuracy") for split in ("train", "test")]
        values = [row["published"] for row in parts if row]
        return fixed(values[0] - values[1]) if len(values) == len(parts) else None

    def sweep(vary: str, penalty: str = "none") -> SimpleNamespace | None:
        """Return the first sweep of a setting, with its first, last, best, and widest rows."""
        for given in study["sweeps"]:
            base = models[given["base"]]
            if given["vary"] == vary and base["spec"]["penalty"] == penalty:
                return _sweep(given, base, table(f"sweep_{given['name']}"))
        return None

    roles = {role: redone_by(name) for role, name in ROLES.items()}
    roles |= {f"{role}_other": redone_by(ROLES[role], 1) for role in ("l1", "l2")}
    keras = [roles[f"keras_{number}"] for number in range(1, 6)]
    dropout = [(roles[f"keras_{n}"], roles[f"keras_{n}r"]) for n in (4, 5)]
    roles["l2_strong"] = parts.strongest(models.values(), roles["l2"])
    penalized = unique(it for it in map(roles.get, ("l1", "l1_other", "l2", "l2_other")) if it)
    with_penalty = [(roles["two_layers"], model) for model in penalized] or _pairs_differing_in(
        study["comparisons"], models, "penalty", "delta"
    )
    changes = {
        metric: [it for both in with_penalty if (it := pair(*both, metric))]
        for metric in ("test_accuracy", "test_gap_accuracy", "test_gap_loss")
    }
    the = SimpleNamespace(
        **roles,
        part_a=[model for model in models.values() if model["section"] == "part_a"],
        part_b=[model for model in models.values() if model["section"] == "part_b"],
        depth=[models[name] for name in study["depth"]],
        keras=unique(model for model in keras if model),
        dropout=[both for both in dropout if all(both) and both[0] is not both[1]],
        batch_norm=_pairs_differing_in(
            study["comparisons"], models, "batch_norm", "bn_momentum", "bn_epsilon"
        ),
    )

    def compared(
        couples: Iterable[tuple[Model | None, Model | None]], *metrics: str
    ) -> list[list[Pair]]:
        """Return the comparisons of couples of models in each metric."""
        found = ([pair(*couple, metric) for metric in metrics] for couple in couples)
        return [[it for it in pairs if it] for pairs in found if all(pairs)]

    lessons = SimpleNamespace(
        width=sweep("width"),
        depth=compared(pairwise(the.depth), "test_accuracy"),
        penalties=compared(with_penalty, "test_gap_loss"),
        dropout=compared(
            the.dropout or _pairs_differing_in(study["comparisons"], models, "dropout"),
            *("test_gap_accuracy", "test_accuracy", "test_loss"),
        ),
        batch_norm=compared(the.batch_norm, "test_accuracy", "test_loss"),
    )
    part_c = experiments.collect(context)
    return {
        "appendix": appendix_rows.collect(context, roles),
        "the": the,
        "lessons": lessons,
        "score": _score(tables),
        "claims_with": lambda keys, verdict: [
            claim(key) for key in keys if claim(key).verdict == verdict
        ],
        "dropout_effects": SimpleNamespace(
            accuracy=parts.effect([accuracy for _, accuracy, _ in lessons.dropout]),
            loss=parts.effect([loss for *_, loss in lessons.dropout]),
        ),
        "noise_facts": _noise(table("comparisons"), table("intervals"), models),
        "best_value": lambda it: parts.best_value(
            it, table(f"sweep_{it['name']}"), models[it["base"]]["engine"] == "keras"
        ),
        "one_seed_per_value": bool(study["sweeps"])
        and all(
            row["seeds"] == 1 for it in study["sweeps"] for row in table(f"sweep_{it['name']}")
        ),
        "noise_sources": _noise_sources(table("noise")),
        "pair": pair,
        "claim": claim,
        "metrics_of": metrics_of,
        "claims_of": claims_of,
        "comparison_of": comparison_of,
        "readings": readings,
        "printed_gaps": parts.all_or_none(
            plain=printed_gap("two_layers"), l1=printed_gap("l1"), l2=printed_gap("l2")
        ),
        "strong": parts.strong_penalty(
            roles["l2"], roles["l2_strong"], table("weights"), len(data["classes"])
        ),
        "width_a": lessons.width
        if lessons.width and roles["one_layer"] and lessons.width.section == "part_a"
        else None,
        "longer": study["epochs"]
        and parts.longer_training(models[study["epochs"]["base"]], table("epochs")),
        "gaps": parts.smaller_gaps(changes["test_gap_accuracy"], changes["test_gap_loss"]),
        "penalties": parts.penalties(changes, roles, models.values(), table("weights")),
        "depth_a": parts.by_depth(the.depth, pair),
        "depth_b": parts.by_depth(the.keras, pair),
        "dropout_narrows": bool(the.dropout)
        and all(
            (gap := pair(first, second, "test_gap_accuracy")) and gap.verdict == "smaller gap"
            for first, second in the.dropout
        ),
        "widths": parts.hidden_widths(the.keras),
        "part_b_accuracies": parts.accuracies(table("ledger"), "B"),
        "one_seed": {it["verdict"] for it in table("comparisons")} == {TOO_FEW},
        "choice": parts.choice(models.values(), table("pairs")),
        "balance": parts.balance(data),
        "features": prod(data["shape"]),
        "used": parts.images_used(config, data),
        "usual": SimpleNamespace(
            part_a=parts.usual(models.values(), "lowlevel"),
            part_b=parts.usual(models.values(), "keras"),
        ),
        "find": find,
        "rows": table,
        **part_c,
        "made_table": experiment_rows.collect(context, part_c["experiment"], the.batch_norm),
    }


def _score(tables: Mapping[str, list[Row]]) -> SimpleNamespace:
    """Count the published numbers and claims by verdict, and the trainings."""
    numbers = [it for it in tables.get("ledger", []) if it["protocol"] != ALTERNATIVE]
    other = [it for it in tables.get("ledger", []) if it["protocol"] == ALTERNATIVE]

    def count(rows: Iterable[Row], word: str) -> int:
        return sum(row["verdict"] == word for row in rows)

    def parts(part: str) -> SimpleNamespace:
        rows = [row for row in numbers if row["part"] == part]
        reproduced = count(rows, REPRODUCED)
        mostly = 2 * reproduced > len(rows)
        return SimpleNamespace(numbers=len(rows), reproduced=reproduced, mostly=mostly)

    return SimpleNamespace(
        numbers=len(numbers),
        reproduced=count(numbers, REPRODUCED),
        failed=count(numbers, NOT_REPRODUCED),
        at_odds=count(numbers, CONTRADICTION),
        within_noise=count(numbers, WITHIN_NOISE),
        alternatives=len(other),
        alternatives_reproduced=count(other, REPRODUCED),
        part_a=parts("A"),
        part_b=parts("B"),
        **vars(appendix_rows.count_verdicts(tables.get("claims", []))),
        trainings=len(tables.get("runs", [])),
    )


def _noise(
    comparisons: Iterable[Row], intervals: Iterable[Row], models: Mapping[str, Model]
) -> SimpleNamespace:
    """Describe how well the study tells test accuracies apart.

    resolution   the median over comparisons of the smallest difference that is sure to be resolved;
                 low_level and keras: the same of the models of each engine
    half_width   the median over models of half the width of their intervals
    images       half the width of the interval of one trained network over other test images
    """
    rows = [row for row in comparisons if row["metric"] == "test_accuracy"]
    judged = [row for row in rows if row["resolution"] is not None]
    widths = half_widths(intervals)
    of_engine = {
        engine: [it["resolution"] for it in judged if models[it["first"]]["engine"] == engine]
        for engine in ("lowlevel", "keras")
    }
    return SimpleNamespace(
        resolution=_median(row["resolution"] for row in judged),
        low_level=_median(of_engine["lowlevel"]),
        keras=_median(of_engine["keras"]),
        half_width=_median(
            (row["high"] - row["low"]) / 2
            for row in intervals
            if row["metric"] == "test_accuracy" and row["low"] is not None
        ),
        compared=len(judged),
        unresolved=sum(row["verdict"].startswith(UNRESOLVED) for row in judged),
        models=len(models),
        seeds=mode(len(model["seeds"]) for model in models.values()),
        images=_median(widths) or 0.0,
    )


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return median(known) if known else None


def _noise_sources(rows: Sequence[Row]) -> SimpleNamespace:
    """Describe the sources of noise at the last epoch."""
    last = [row for row in rows if row["epoch"] == max(row["epoch"] for row in rows)]
    known = [
        row
        for row in last
        if row["source"] != "test images" and row["accuracy_deviation"] is not None
    ]
    single = [row for row in known if row["source"] != "all together"]
    lows = [row["accuracy_deviation_low"] for row in single]
    highs = [row["accuracy_deviation_high"] for row in single]
    rounding = find(known, source="rounding")
    return SimpleNamespace(
        known=bool(known),
        overlap=len(single) > 1 and min(highs) > max(lows),
        rounding=rounding["loss_deviation"] if rounding else None,
    )


def _pair(first: Model, second: Model, metric: str, row: Row | None) -> Pair:
    if row is None:
        return Pair(first, second, metric)
    if row["difference"] is None:
        return Pair(first, second, metric, NO_VALUE)
    unit = "nats" if metric.endswith("loss") else "points"
    shown = column("comparisons", "difference")
    verdict = "too few seeds" if row["verdict"] == TOO_FEW else str(row["verdict"])
    resolution = ""
    if row["resolution"] is not None:
        resolution = f"{column('comparisons', 'resolution').write(row)} {unit}"
    return Pair(
        first,
        second,
        metric,
        UNRESOLVED if UNRESOLVED in verdict else verdict,
        f"{shown.write(dict(row, difference=abs(row['difference']))).lstrip('+')} {unit}",
        f"{shown.write(row)} {unit}",
        shown.interval(row) or "",
        resolution,
        row,
    )


def _sweep(given: Mapping[str, Any], base: Model, rows: Sequence[Row]) -> SimpleNamespace | None:
    """Describe a sweep by its rows with a result; None if it has fewer than two."""
    known = [row for row in rows if row["test_accuracy"] is not None]
    if len(known) < 2:
        return None
    best = max(known, key=lambda row: row["test_accuracy"])
    return SimpleNamespace(
        **given, base_model=base, first=known[0], last=known[-1], best=best, rows=known
    )


def _pairs_differing_in(
    comparisons: Iterable[Mapping[str, Any]], models: Mapping[str, Model], *keys: str
) -> list[tuple[Model, Model]]:
    """Return the compared pairs of models that differ in these settings only: the first in none."""

    def others(model: Model) -> dict[str, Any]:
        return {key: value for key, value in model["spec"].items() if key not in keys}

    pairs = [(models[one], models[two]) for it in comparisons for one, two in it["pairs"]]
    return [
        (first, second)
        for first, second in pairs
        if first["spec"][keys[0]] in ("none", 0) != second["spec"][keys[0]]
        and others(first) == others(second)
    ]


def find(rows: Iterable[Row], **wanted: Any) -> Row | None:
    """Return the first row with these values, if any."""
    return next((row for row in rows if all(row[k] == it for k, it in wanted.items())), None)


def unique(models: Iterable[Model]) -> list[Model]:
    """Return the models in order, each once: one may re-do several of the source's."""
    return list({model["name"]: model for model in models}.values())
