"""What the appendix tells beyond the files of tables: rows, counts, and extremes.

Sentences stand in `report/text`; here are numbers, names, and rows only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from fmstudy.analysis.columns import column, finished_seeds
from fmstudy.analysis.ledger import ALTERNATIVE
from fmstudy.analysis.statistics import ALPHA
from fmstudy.analysis.verdicts import (
    CLOSE,
    CONTRADICTED,
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
    SUPPORTED,
    UNTESTED,
    WITHIN_NOISE,
)
from fmstudy.report.parts import images_used
from fmstudy.report.rows import ROLES, half_widths

Row = dict[str, Any]
Rows = list[Row]
Table = Callable[[str], Rows]


def collect(context: Mapping[str, Any], roles: Mapping[str, Any]) -> SimpleNamespace:
    """Return what the appendix uses, from the context in `rendering.load_context`.

    `roles` are the study's models by their role, None for those that it lacks.

    `tables` are the tables that are computed here, by name; the other names belong to a chapter.
    """
    read = context["tables"]

    def table(name: str) -> Rows:
        return list(read.get(name, []))

    return SimpleNamespace(
        tables=_tables(context, table),
        ledger=_ledger(roles, table),
        topics=_topics(table("claims")),
        printed=count_verdicts(
            [row for row in table("claims") if row["printed_verdict"]], "printed_verdict"
        ),
        mistakes=_mistakes(context, table),
        calibration=_calibration(table("calibration")),
        agreement=_agreement(table("agreement")),
        hardest=_hardest(table("hardest")),
        duplicates=_duplicates(table("duplicates"), table("similarity")),
        certainty=_certainty(table),
        engines=_engines(table("engines")),
    )


# ------------------------------------------------------------------------------------ tables
def _tables(context: Mapping[str, Any], table: Table) -> dict[str, Rows]:
    study, data = context["study"], context["data"]
    comparisons, checks = table("comparisons"), table("statistics")
    accuracies = [row for row in comparisons if row["metric"] == "test_accuracy"]
    return {
        "models": [*table("part_a"), *table("part_b"), *table("batchnorm")],
        "runs": [row | {"anchor": f"run-{row['run']}-{row['seed']}"} for row in table("runs")],
        "classes": [
            {
                "class": name,
                "train": data["train"]["class_counts"][place],
                "validation": data["validation"]["class_counts"][place],
                "support": data["test"]["class_counts"][place],
            }
            for place, name in enumerate(data["classes"])
        ],
        "files": [{"file": name} | file for name, file in data["files"].items()],
        "penalties": [
            row
            for row in (*table("part_a"), *table("part_b"))
            if context["models"][row["model"]]["spec"]["penalty"] != "none"
        ],
        "strengths": [row for row in table("strengths") if row["id"] and row["tolerance"]],
        "calibration": _with_diverged(table("calibration")),
        "duplicates": _with_diverged(table("duplicates")),
        "intervals": [row for row in table("intervals") if row["metric"] == "test_accuracy"],
        **{
            f"comparisons-{metric}": [row for row in comparisons if row["metric"] == metric]
            for metric in ("test_accuracy", "test_loss", "test_gap_accuracy", "test_gap_loss")
        },
        "mcnemar": [row for row in accuracies if row["only_first"] is not None],
        "statistics": [row for kind in ("coverage", "false call") for row in _kind(checks, kind)],
        "engines": [
            row | {"images_note": f"{row['left_out']} left out" if row["left_out"] else ""}
            for row in table("engines")
        ],
        "costs-of-groups": context["provenance"]["groups"],
        "costs-of-parts": context["provenance"]["parts"],
        "jobs": context["provenance"]["jobs"],
        "training-software": _counted(
            table("runs"), ("engine", "python", "tensorflow", "keras", "numpy", "code")
        ),
        "experiment-software": context["provenance"]["codes"],
        "versions": [
            {"software": name, "version": it} for name, it in sorted(study["versions"].items())
        ],
        "machines": _counted(table("cost"), ("processor", "system", "cores")),
        "places": _places(study),
    }


def _with_diverged(rows: Rows) -> Rows:
    """Note below the name of a model how many of its trainings diverged."""
    return [
        row
        | {"title_note": f"{row['diverged']} of {row['seeds']} diverged" if row["diverged"] else ""}
        for row in rows
    ]


def _counted(rows: Rows, keys: Sequence[str]) -> Rows:
    """Return the combinations of values that occur, with how many trainings have each."""
    counts = Counter(tuple(row[key] for key in keys) for row in rows)
    return [dict(zip(keys, values, strict=True)) | {"trainings": n} for values, n in counts.items()]


def _places(study: Mapping[str, Any]) -> Rows:
    """Return where the study's files are, relative to the folder in which it was run."""
    folder = study["directory"]
    places = {
        study["report"]: "this page",
        f"{folder}/tables/*.csv": "every table, with all digits",
        f"{folder}/tables/*.tex": "the same tables for LaTeX (booktabs, longtable), rounded",
        f"{folder}/figures/*.svg": "every figure, with a PNG (300 dpi) and a CSV of its values",
        f"{folder}/runs/RUN/seed-N/": "history, metrics, predictions, and weights of each training",
    }
    if study["noise"]["seeds"]:
        places[f"{folder}/noise/seed-N/"] = "results of the trainings on sources of noise"
    if study["batchnorm"]["seeds"]:
        what = "results of each batch-normalization experiment"
        places[f"{folder}/batchnorm/EXPERIMENT/seed-N/"] = what
    return [{"path": path, "what": what} for path, what in places.items()]


# ---------------------------------------------------------------------------- ledger and claims
def _ledger(roles: Mapping[str, Any], table: Table) -> SimpleNamespace:
    """Describe the published numbers and the alternative readings.

    testable     how many can be tested; by_chance of them would fail if all were reproducible
    assumed      how many belong to models that the source describes only in part, and assumptions
    shares       how many accuracies are printed; `impossible` are no whole number of images
    l1, l2       the alternative models, and whether the second L2 strength is a tenth of the first
    strengths    the strengths compatible with all printed numbers of L2, None if there are none
    """
    rows = [row for row in table("ledger") if row["protocol"] != ALTERNATIVE]
    testable = [row for row in rows if row["verdict"] in (REPRODUCED, WITHIN_NOISE, NOT_REPRODUCED)]
    assumed = [row for row in rows if row["protocol"] != "as written"]
    shares = [row for row in rows if row["metric"] == "accuracy"]
    located = [row for row in table("strengths") if row["source_model"] == ROLES["l2"]]
    together = next((row for row in located if not row["id"]), None)
    first, second = roles["l2"], roles["l2_other"]
    is_l2 = bool(first and second and first["spec"]["penalty"] == "l2" == second["spec"]["penalty"])
    other_l1 = roles["l1_other"]
    ratio = second["spec"]["delta"] / first["spec"]["delta"] if is_l2 and second and first else None
    return SimpleNamespace(
        testable=len(testable),
        untestable=sum(row["verdict"] == NOT_TESTABLE for row in rows),
        by_chance=round(ALPHA * len(testable)),
        assumed=len(assumed),
        assumptions=", ".join(
            dict.fromkeys(row["protocol"].removesuffix(" assumed") for row in assumed)
        ),
        shares=len(shares),
        impossible=", ".join(row["as_written"] for row in shares if row["correct"] is None),
        impossible_count=sum(row["correct"] is None for row in shares),
        close=CLOSE,
        has_l1=bool(other_l1 and other_l1["spec"]["penalty"] == "l1"),
        l2=SimpleNamespace(printed=first, other=second) if is_l2 else None,
        is_tenth=ratio is not None and round(10 * ratio, 6) == 1,
        is_located=any(row["id"] and row["tolerance"] for row in located),
        strengths=None
        if together is None or together["low"] is None
        else column("strengths", "low").write(together),
    )


def count_verdicts(rows: Iterable[Mapping[str, Any]], key: str = "verdict") -> SimpleNamespace:
    """Count claims by verdict."""
    words = [row[key] for row in rows]
    decided = {word: words.count(word) for word in (SUPPORTED, CONTRADICTED, UNTESTED)}
    return SimpleNamespace(
        claims=len(words),
        supported=decided[SUPPORTED],
        contradicted=decided[CONTRADICTED],
        untested=decided[UNTESTED],
        open=len(words) - sum(decided.values()),
    )


def _topics(claims: Rows) -> list[SimpleNamespace]:
    """Return the topics of the claims in order: key, rows, and counts by verdict."""
    by_topic: dict[str, Rows] = {}
    for row in claims:
        by_topic.setdefault(row["topic"], []).append(row)
    return [
        SimpleNamespace(key=key, rows=rows, count=count_verdicts(rows))
        for key, rows in by_topic.items()
    ]


# ------------------------------------------------------------------------- mistakes and confidence
def _mistakes(context: Mapping[str, Any], table: Table) -> SimpleNamespace:
    """Describe which classes are easy and hard for the models that are looked at closely.

    models   those models, with their best and worst class by F1, errors, and the class that they
             most often take for another; `best` is the one with the fewest errors
    hardest, easiest   the classes with the lowest and the highest mean recall
    linear   the models without hidden layers; `keeps_start` if none of them has a penalty
    held_out whether any model holds out a validation part
    """
    settings, models = context["study"]["closer"], context["models"]
    calibrated = {row["model"]: row for row in table("calibration") if row["ece"] is not None}
    found = []
    recalls: dict[str, list[float]] = {}
    for name in settings["models"]:
        rows = [row for row in table(f"classes_{name}") if row["f1"] is not None]
        ranked = sorted(rows, key=lambda row: row["f1"])
        for row in rows:
            recalls.setdefault(row["class"], []).append(row["recall"])
        own = calibrated.get(name)
        worst, best = (ranked[0], ranked[-1]) if ranked else (None, None)
        model = SimpleNamespace(
            name=name,
            title=models[name]["title"],
            worst=worst,
            best=best,
            confused=max(rows, key=lambda row: row["taken"], default=None),
            errors=(1 - own["accuracy"]) * own["images"] if own else None,
            finished=finished_seeds(models[name]["result"]),
        )
        found.append(model)
    classes: Rows = sorted(
        ({"class": name, "recall": sum(it) / len(it)} for name, it in recalls.items()),
        key=lambda row: row["recall"],
    )
    linear = [models[name] for name in settings["models"] if not models[name]["spec"]["hidden"]]
    ranked_models = [model for model in found if model.worst]
    return SimpleNamespace(
        models=found,
        ranked=ranked_models,
        best=min((it for it in found if it.errors), key=lambda it: it.errors, default=None),
        worst=sorted({model.worst["class"] for model in ranked_models}),
        hardest=classes[0] if classes else None,
        easiest=classes[-1] if classes else None,
        left_out=[models[name] for name in settings["leave_out"]],
        linear=linear,
        keeps_start=all(model["spec"]["penalty"] == "none" for model in linear),
        held_out=any(model["spec"].get("validation_split") for model in models.values()),
        images=images_used(context["config"], context["data"]).test,
    )


def _calibration(rows: Rows) -> SimpleNamespace:
    """Count over- and underconfident models, and name the extremes."""
    known = sorted((row for row in rows if row["ece"] is not None), key=lambda row: row["gap"])
    over = [row for row in known if row["gap_low"] is not None and row["gap_low"] > 0]
    under = [row for row in known if row["gap_high"] is not None and row["gap_high"] < 0]
    by_error = sorted(known, key=lambda row: row["ece_corrected"])
    return SimpleNamespace(
        models=len(known),
        over=len(over),
        under=len(under),
        neither=len(known) - len(over) - len(under),
        most=over[-1] if over else None,
        least=under[0] if under else None,
        best=by_error[0] if known else None,
        worst=by_error[-1] if known else None,
    )


def _agreement(rows: Rows) -> SimpleNamespace | None:
    """Describe how similar mistakes are between models, and between seeds of one model."""
    known = [row for row in rows if row["kappa"] is not None]
    others = sorted((it for it in known if it["model"] != it["other"]), key=lambda it: it["kappa"])
    same = [row for row in known if row["model"] == row["other"]]
    if not others:
        return None
    return SimpleNamespace(
        pairs=len(others),
        shared=_range(others, "shared_errors"),
        agreement=_range(others, "agreement"),
        lowest=others[0],
        highest=others[-1],
        same=_range(same, "kappa"),
    )


def _hardest(rows: Rows) -> SimpleNamespace | None:
    """Describe the test images that every training misclassifies."""
    if not rows:
        return None
    pairs = Counter((row["given"], row["predicted"]) for row in rows)
    (given, predicted), images = max(reversed(pairs.items()), key=lambda item: item[1])
    return SimpleNamespace(
        images=len(rows),
        unanimous=sum(row["votes"] == row["trainings"] for row in rows),
        trainings=rows[0]["trainings"],
        models=rows[0]["models"],
        given=given,
        predicted=predicted,
        most=images,
    )


def _duplicates(rows: Rows, likeness: Rows) -> SimpleNamespace | None:
    """Describe near-duplicates at the chosen limit, and what they do to accuracies."""
    chosen = next((row for row in likeness if row["chosen"]), None)
    if chosen is None:
        return None
    limit = chosen["correlation"]
    below = [row for row in likeness if row["correlation"] < limit]
    above = [row for row in likeness if row["correlation"] > limit]
    known = [row for row in rows if row["all"] is not None and row["without"] is not None]
    moved = [{"points": row["without"] - row["all"]} for row in known]
    comparable = [row for row in known if row["only"] is not None and row["matched"] is not None]
    return SimpleNamespace(
        chosen=chosen,
        lowest=below[0] if below else None,
        below=below[-1] if below else None,
        above=above[0] if above else None,
        moved=_range(moved, "points"),
        comparable=len(comparable),
        higher=sum(row["only"] > row["matched"] for row in comparable),
    )


# --------------------------------------------------------------------------------- certainty
def _certainty(table: Table) -> SimpleNamespace:
    """Count comparisons, tests, and their families, and summarize the checks of the statistics.

    one_run     mean half-width, as a share, of the interval of one run for other images
    families    topics of claims, groups of comparisons, and experiments, and the tests in each
    """
    comparisons, claims = table("comparisons"), table("claims")
    accuracies = [row for row in comparisons if row["metric"] == "test_accuracy"]
    resolved = [row for row in accuracies if row["verdict"] in ("better", "worse")]
    tested = [row for row in claims if row["p_holm"] is not None]
    own = [row for row in comparisons if row["p_holm"] is not None and not row["claim"]]
    predictions = [row for row in table("bn_predictions") if row["p_holm"] is not None]
    topics = {row["topic"] for row in tested}
    groups = {(row["section"], row["metric"]) for row in own}
    experiments = {row["experiment"] for row in predictions}
    widths = half_widths(table("intervals"))
    checks = table("statistics")
    called = _kind(checks, "false call")
    return SimpleNamespace(
        one_run=sum(widths) / len(widths) if widths else None,
        pairs=len(accuracies),
        resolved=len(resolved),
        topics=len(topics),
        claims=len(tested),
        groups=len(groups),
        comparisons=len(own),
        experiments=len(experiments),
        asks_again="curves" in experiments,
        largest_family=max((row["family"] for row in accuracies if row["family"]), default=None),
        coverage=_range(_kind(checks, "coverage")),
        false_calls=_range(
            [it for it in called if not it["check"].startswith(("family", "single_runs"))]
        ),
        family_errors=_range([it for it in called if it["check"].startswith("family")]),
        single_runs=_range([it for it in called if it["check"] == "single_runs"]),
        alpha=ALPHA,
    )


def _kind(checks: Rows, kind: str) -> Rows:
    return [row for row in checks if row["kind"] == kind]


def _range(rows: Rows, key: str = "found") -> SimpleNamespace | None:
    found = [row[key] for row in rows if row[key] is not None]
    return SimpleNamespace(low=min(found), high=max(found)) if found else None


def _engines(rows: Rows) -> SimpleNamespace:
    """Describe how far the engines are from NumPy: the worst, and comparisons that missed."""
    known = [row for row in rows if row["gradient"] is not None]
    return SimpleNamespace(
        comparisons=len(rows),
        missed=[row for row in rows if row["kept"] != "yes"],
        tolerance=rows[0]["tolerance"] if rows else None,
        steps=rows[0]["steps"] if rows else None,
        worst=max(known, key=lambda row: row["gradient"], default=None),
    )
