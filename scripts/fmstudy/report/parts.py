"""Facts for the chapters on the data, Part A, and Part B: numbers, names, and a yes or no."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import mode
from types import SimpleNamespace
from typing import Any

from fmstudy.analysis.formats import fixed
from fmstudy.analysis.verdicts import NOT_REPRODUCED, REPRODUCED, TOO_FEW, UNRESOLVED
from fmstudy.report.outcomes import Pair

Row = Mapping[str, Any]
Model = Mapping[str, Any]

# The widths of a public write-up of what seems to be the source's exercise: Keras 2, 3, and 4.
PUBLIC_WIDTHS = [[200], [400, 200], [600, 400, 200]]
ONE_SEED = "too few seeds"  # the verdict of a Pair
PLATEAU = 0.01  # a gain in accuracy by longer training that we call small
GUESSING = 1.5  # test accuracy, in units of chance, below which a model has learned nothing


def images_used(config: Mapping[str, Any], data: Mapping[str, Any]) -> SimpleNamespace:
    """Return how many training and test images the study uses: all, unless it says otherwise."""
    return SimpleNamespace(
        **{
            part: config["data"].get(f"{part}_samples") or data[part]["samples"]
            for part in ("train", "test")
        }
    )


def usual(models: Iterable[Model], engine: str) -> dict[str, Any]:
    """Return the most frequent value of each setting of an engine's models; none without any."""
    specs = [model["spec"] for model in models if model["engine"] == engine]
    return {
        key: mode(spec[key] for spec in specs)
        for key in (specs[0] if specs else ())
        if not isinstance(specs[0][key], list)
    }


def two_readings(
    written: Row | None, other: Row | None, plain: Model | None
) -> SimpleNamespace | None:
    """Compare a printed loss with our values under two readings; None without both of them."""
    if not written or not other or None in (written["difference"], other["difference"]):
        return None
    lowest = plain["result"]["train_loss_min"] if plain else None
    return SimpleNamespace(
        printed=written["published"],
        written=written["reproduced"],
        other=other["reproduced"],
        only_written_fits=written["verdict"] == REPRODUCED and other["verdict"] == NOT_REPRODUCED,
        other_is_closer=abs(other["difference"]) < abs(written["difference"]),
        unpenalized=lowest,
        is_below_unpenalized=lowest is not None and written["published"] < lowest,
    )


def choice(models: Iterable[Model], pairs: Iterable[Row]) -> SimpleNamespace | None:
    """Describe which model to choose; None without a model that can be judged.

    best     the model with the highest mean test accuracy, among `others`
    alike    how many of the others our runs cannot tell from it
    small    the one of all these with the fewest parameters
    """
    known = [model for model in models if model["result"]["test_accuracy"] is not None]
    best = max(known, key=lambda model: model["result"]["test_accuracy"], default=None)
    if best is None:
        return None
    rows = [
        row
        for row in pairs
        if row["metric"] == "test_accuracy" and best["name"] in (row["first"], row["second"])
    ]
    names = {
        row[side]
        for row in rows
        if row["verdict"].startswith(UNRESOLVED)
        for side in ("first", "second")
    }
    alike = [model for model in known if model["name"] in names and model is not best]
    if not rows or any(row["verdict"] == TOO_FEW for row in rows):
        return None
    small = min([best, *alike], key=lambda model: model["result"]["parameters"])
    return SimpleNamespace(best=best, others=len(known) - 1, alike=len(alike), small=small)


def best_value(
    sweep: Mapping[str, Any], rows: Iterable[Row], keras: bool
) -> SimpleNamespace | None:
    """Describe the value of a sweep with the highest mean accuracy; None with fewer than two.

    Validation data decide where there are any, in models of Keras; the figures show the same data.
    """
    data = "validation" if keras else "test"
    known = [row for row in rows if row[f"{data}_accuracy"] is not None]
    if len(known) < 2:
        return None
    best = max(known, key=lambda row: row[f"{data}_accuracy"])
    accuracy = best[f"{data}_accuracy"]
    return SimpleNamespace(sweep=sweep["title"], data=data, value=best["title"], accuracy=accuracy)


def longer_training(model: Model, rows: Sequence[Row]) -> SimpleNamespace | None:
    """Describe the longer training by its ends; None if it has fewer than two results."""
    known = [row for row in rows if row["test_accuracy"] is not None]
    if len(known) < 2:
        return None
    first, last = known[0], known[-1]
    gain = last["test_accuracy"] - first["test_accuracy"]
    return SimpleNamespace(
        model=model,
        first=first,
        last=last,
        gain=gain,
        points=fixed(100 * gain),
        fall=first["test_loss"] - last["test_loss"],
        is_plateau=gain <= PLATEAU,
    )


def all_or_none(**values: Any) -> SimpleNamespace | None:
    """Return the values by name; None if one of them is missing."""
    return None if None in values.values() else SimpleNamespace(**values)


def smaller_gaps(*metrics: Sequence[Pair]) -> SimpleNamespace | None:
    """Say for which models the gaps in accuracy and in loss are resolved as smaller."""
    planned = [[it for it in pairs if it.row and it.verdict != ONE_SEED] for pairs in metrics]
    if not all(planned):
        return None

    def smaller(pairs: Sequence[Pair]) -> SimpleNamespace:
        names = [it.second["title"] for it in pairs if it.verdict == "smaller gap"]
        return SimpleNamespace(
            kind=pairs[0].noun,
            names=listed(names),
            is_none=not names,
            is_all=len(names) == len(pairs),
        )

    return SimpleNamespace(accuracy=smaller(planned[0]), loss=smaller(planned[1]))


def penalties(
    changes: Mapping[str, Sequence[Pair]],
    roles: Mapping[str, Model | None],
    models: Iterable[Model],
    weights: Iterable[Row],
) -> SimpleNamespace:
    """Describe what penalties cost, and what L1 does to the weights.

    some     whether the study has the source's penalties; used: whether it has any
    costly   the change in accuracy, if worse, of the model whose gap in loss shrinks most
    weights  the rows of the plain model, signed L1, and true L1; None without all of them
    """
    shrunk = [it for it in changes["test_gap_loss"] if it.row and it.verdict == "smaller gap"]
    costly = None
    if shrunk:
        most = min(shrunk, key=lambda it: it.row["difference"] if it.row else 0.0).second
        costly = next(
            (it for it in changes["test_accuracy"] if it.second == most and it.verdict == "worse"),
            None,
        )
    own = {row["model"]: row for row in weights if row["norm"] is not None}
    names = {key: model["name"] for key, model in roles.items() if model}
    rows = {
        key: own.get(names.get(role, ""))
        for key, role in (("plain", "two_layers"), ("signed", "l1"), ("true", "l1_other"))
    }
    some = bool(roles["l1"] or roles["l2"])
    used = any(model["spec"]["penalty"] != "none" for model in models)
    return SimpleNamespace(some=some, used=used, costly=costly, weights=all_or_none(**rows))


def effect(pairs: Sequence[Pair]) -> str:
    """Return what all comparisons agree on: better, worse, or open; else mixed."""
    found = {"open" if it.is_open else it.verdict for it in pairs}
    return found.pop() if len(found) == 1 else "mixed"


def by_depth(
    models: Sequence[Model], pair: Callable[[Model, Model, str], Pair | None]
) -> SimpleNamespace | None:
    """Compare models that grow by a hidden layer each; None for fewer than two.

    mostly_first   whether the first hidden layer changes accuracy by more than all further ones
    last           the last model, if its gap in accuracy is larger than that of the first
    same_epochs    the epochs of training, if all models have the same
    """
    if len(models) < 2:
        return None
    steps = [it for both in pairwise(models) if (it := pair(*both, "test_accuracy"))]
    sizes = [abs(it.row["difference"]) if it.row and it.amount else None for it in steps]
    layers = [len(model["spec"]["hidden"]) for model in models]
    known = None not in sizes and layers == [*range(len(models))] and len(models) > 2
    epochs = {model["spec"]["epochs"] for model in models}
    gaps = [it for both in pairwise(models) if (it := pair(*both, "test_gap_accuracy"))]
    gaps = [it for it in gaps if it.row and it.verdict != ONE_SEED]
    wider = [it.second["title"] for it in gaps if it.verdict == "larger gap"]
    return SimpleNamespace(
        steps=steps,
        wider=listed(wider),
        not_wider=listed([it.second["title"] for it in gaps if it.second["title"] not in wider]),
        mostly_first=known
        and steps[0].verdict == "better"
        and (sizes[0] or 0.0) > sum(it or 0.0 for it in sizes[1:]),
        last=models[-1] if _has_larger_gap(models[-1], models[0]) else None,
        same_epochs=min(epochs) if len(epochs) == 1 else None,
    )


def _has_larger_gap(model: Model, base: Model) -> bool:
    gap, base_gap = (it["result"]["gap_accuracy"] for it in (model, base))
    return None not in (gap, base_gap) and bool(gap > base_gap)


def balance(data: Mapping[str, Any]) -> SimpleNamespace:
    """Return how many images the classes have, and whether these are equal, or nearly."""
    train, test = data["train"]["class_counts"], data["test"]["class_counts"]
    validation = _ends(data["validation"]["class_counts"])
    return SimpleNamespace(
        classes=len(data["classes"]),
        train=_ends(train),
        test=_ends(test),
        is_exact=len({*train}) == len({*test}) == 1,
        is_close=_are_close(_ends(train)),
        guessing=max(test) / data["test"]["samples"],
        validation=validation,
        validation_is_exact=len({*validation}) == 1,
        validation_is_close=_are_close(validation),
    )


def _are_close(ends: tuple[float, float]) -> bool:
    return ends[1] - ends[0] <= 0.1 * ends[1]


def hidden_widths(keras: Sequence[Model]) -> SimpleNamespace:
    """Return the hidden layers of the Keras models, and whether they are the public ones."""
    hidden = [model["spec"]["hidden"] for model in keras if model["spec"]["hidden"]]
    *smaller, _ = hidden or [None]
    return SimpleNamespace(
        listed=listed(["–".join(map(str, it)) for it in hidden]),
        are_public=smaller == PUBLIC_WIDTHS,
    )


def accuracies(ledger: Iterable[Row], part: str) -> SimpleNamespace | None:
    """Compare the printed test accuracies of a part with ours, in percent."""
    rows = [it for it in ledger if (it["part"], it["metric"]) == (part, "accuracy")]
    rows = [it for it in rows if it["difference"] is not None]
    if not rows:
        return None
    above = [-it["difference"] for it in rows if it["difference"] < 0]
    return SimpleNamespace(
        count=len(rows),
        published=_ends(it["published"] for it in rows),
        reproduced=_ends(it["reproduced"] for it in rows),
        above=len(above),
        by=_ends(above) if above else None,
        are_mostly_above=2 * len(above) > len(rows),
    )


def _ends(values: Iterable[float]) -> tuple[float, float]:
    values = sorted(values)
    return values[0], values[-1]


def strongest(models: Iterable[Model], base: Model | None) -> Model | None:
    """Return the model that differs from the base by the largest delta, if any is larger."""
    if base is None:
        return None

    def same(model: Model) -> dict[str, Any]:
        return {key: it for key, it in model["spec"].items() if key != "delta"}

    found = [model for model in models if same(model) == same(base)]
    strongest = max(found, key=lambda model: model["spec"]["delta"])
    return strongest if strongest["spec"]["delta"] > base["spec"]["delta"] else None


def strong_penalty(
    base: Model | None, strong: Model | None, weights: Iterable[Row], classes: int
) -> SimpleNamespace | None:
    """Compare a strong penalty with its base; None without the weights or accuracy of both."""
    norms = {row["model"]: row["norm"] for row in weights}
    norm, base_norm = (norms.get(model["name"]) if model else None for model in (strong, base))
    if strong is None or norm is None or base_norm is None:
        return None
    accuracy = strong["result"]["test_accuracy"]
    return SimpleNamespace(
        norm=norm,
        base_norm=base_norm,
        shrinks=norm < base_norm,
        accuracy=accuracy,
        guesses=accuracy is not None and accuracy < GUESSING / classes,
    )


def listed(names: Sequence[str]) -> str:
    """Return names as a list for a sentence: A, B, and C."""
    if len(names) < 3:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"
