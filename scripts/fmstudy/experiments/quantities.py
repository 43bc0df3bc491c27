"""From the results of the experiments to the quantities that predictions are about.

A quantity is a number a seed; `quantities` gives all of an experiment's, by names such as
decades/relu/sgd/bn: what it is, then of which net.  Accuracies are shares, losses in nats; rates,
steps, seconds, and changes of gradients are logarithms to base 10 (decades), so that a difference
of 0.3 is a factor of two.  Where a net is asked for its accuracy or loss under fixed conditions
(a batch size, a depth, initial weights), one whose training diverged counts as one that guesses:
left out, it would flatter what made it diverge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fmstudy.experiments.best_rates import best_rate

Quantities = dict[str, dict[int, float]]  # a number a seed, by name
Settings = Mapping[str, Any]

GUESSED = {"accuracy": 0.1, "loss": float(np.log(10.0))}  # of ten classes, knowing nothing


def quantities(
    experiment: str, table: pd.DataFrame, times: pd.DataFrame, settings: Settings
) -> Quantities:
    """Give the quantities of an experiment from its results over seeds.

    `times` are what its jobs measured of time, which is not the same when they are repeated.
    Values that are not finite are left out.
    """
    if experiment == "speed":
        found = speed(table, settings, times[times["measure"] == "step_seconds"])
    else:
        found = _FUNCTIONS[experiment](table, settings)
    return {
        name: {seed: float(value) for seed, value in seeds.items() if np.isfinite(value)}
        for name, seeds in found.items()
    }


def unit_of(quantity: str) -> str:
    """The unit in which a quantity is written: points, nats, decades, a factor, or none.

    A factor stands as its logarithm.
    """
    kind = quantity.split("/", maxsplit=1)[0]
    if "accuracy" in kind:
        return "points"
    if "loss" in kind:
        return "nats"
    if kind == "decades":
        return "decades"
    factors = ("highest", "best_rate", "effective_rate", "steps_", "seconds_", "gradient_change")
    return "factor" if kind.startswith(factors) else ""


# --------------------------------------------------------------------------------- the tools
def _by_seed(table: pd.DataFrame, measure: str, **keys: Any) -> dict[int, float]:
    """The value of a measure in each seed, for rows with these keys; their mean if several."""
    rows = table[table["measure"] == measure]
    for key, value in keys.items():
        rows = rows[
            np.isclose(rows[key], value) if isinstance(value, float) else rows[key] == value
        ]
    return _numbers(rows.groupby("seed")["value"].mean())


def _numbers(by_seed: pd.Series) -> dict[int, float]:
    return dict(zip(map(int, by_seed.index), map(float, by_seed), strict=True))


def _groups(table: pd.DataFrame, *keys: str) -> list[tuple[Any, ...]]:
    """The combinations of keys that a table has, in order of appearance."""
    return list(table[list(keys)].drop_duplicates().itertuples(index=False, name=None))


def usable_rates(table: pd.DataFrame, usable: float) -> dict[int, list[float]]:
    """The rates that end with this validation accuracy at least, by seed; a net's own rows."""
    reached = table[(table["measure"] == "validation_accuracy") & (table["value"] >= usable)]
    return {
        int(seed): sorted(reached[reached["seed"] == seed]["rate"])
        for seed in sorted(table["seed"].unique())
    }


def decades(rates: Sequence[float]) -> float:
    """How many powers of ten lie between the lowest and the highest rate; 0 if there is none."""
    return float(np.log10(max(rates) / min(rates))) if rates else 0.0


def steps_to(table: pd.DataFrame, level: float) -> dict[int, float]:
    """The first step with this validation accuracy, by seed; infinite if there is none."""
    looks = table[table["measure"] == "validation_accuracy"]
    reached = looks[looks["value"] >= level].groupby("seed")["step"].min()
    return {int(seed): float(reached.get(seed, np.inf)) for seed in sorted(looks["seed"].unique())}


SMALLEST = 1e-30  # of gradients: below it single precision loses digits


def growth(norms: pd.Series) -> float:
    """The factor by which gradients grow from a layer to the one below it; norms by layer.

    That of a line fitted to the logarithms.  Layers whose gradient is as good as 0, or overflows,
    are left out; NaN if fewer than two are left.
    """
    known = norms[(norms > SMALLEST) & np.isfinite(norms)]
    if len(known) < 2:
        return float("nan")
    slope = np.polyfit(known.index.to_numpy(dtype=float), np.log10(known.to_numpy()), 1)[0]
    return float(10.0**-slope)


def _or_guessed(table: pd.DataFrame, measure: str, **keys: Any) -> dict[int, float]:
    """As `_by_seed`, with the metric of a guess for each seed whose training diverged."""
    guess = GUESSED["loss" if "loss" in measure else "accuracy"]
    lost = [seed for seed, finished in _by_seed(table, "finished", **keys).items() if not finished]
    return _by_seed(table, measure, **keys) | dict.fromkeys(lost, guess)


# --------------------------------------------------------------------------- the experiments
def learning_rate(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Decades of usable rates, the highest of them, and accuracies at the best and at equal rates.

    A rate is usable if the training ends, and at least with the configured validation accuracy.
    """
    found: Quantities = {}
    for activation, optimizer in _groups(table, "activation", "optimizer"):
        nets = table[(table["activation"] == activation) & (table["optimizer"] == optimizer)]
        for arm, net in nets.groupby("arm"):
            name = f"{activation}/{optimizer}/{arm}"
            usable = usable_rates(net, settings["usable"])
            found[f"decades/{name}"] = {seed: decades(rates) for seed, rates in usable.items()}
            found[f"highest/{name}"] = {
                seed: float(np.log10(max(rates))) for seed, rates in usable.items() if rates
            }
            rate = best_rate(net)
            if rate is not None:
                found[f"test_accuracy/{name}"] = _by_seed(net, "test_accuracy", rate=rate)
                found[f"best_rate/{name}"] = dict.fromkeys(
                    map(int, net["seed"].unique()), float(np.log10(rate))
                )
        plain = best_rate(nets[nets["arm"] == "plain"])
        if plain is not None:
            bn = nets[nets["arm"] == "bn"]
            found[f"test_accuracy_equal/{activation}/{optimizer}/bn"] = _by_seed(
                bn, "test_accuracy", rate=plain
            )
    return found


def speed(table: pd.DataFrame, settings: Settings, times: pd.DataFrame) -> Quantities:
    """Steps and seconds to the configured accuracies, in decades.

    A net that never gets there counts as if it had at the last look: its difference to one that
    does is then too small, not too large.
    """
    found: Quantities = {}
    accuracies = table[table["measure"] == "validation_accuracy"]
    for activation, arm in _groups(accuracies, "activation", "arm"):
        name = f"{activation}/{arm}"
        net = accuracies[(accuracies["activation"] == activation) & (accuracies["arm"] == arm)]
        seconds = step_seconds(times, activation, arm)
        for level in settings["levels"]:
            first = steps_to(net, level)
            steps = {s: max(1.0, min(first[s], float(net["step"].max()))) for s in first}
            percent = f"{100 * level:g}"
            found[f"reached_{percent}/{name}"] = {s: float(np.isfinite(first[s])) for s in first}
            found[f"steps_{percent}/{name}"] = {s: float(np.log10(steps[s])) for s in first}
            found[f"seconds_{percent}/{name}"] = {
                s: float(np.log10(steps[s] * seconds)) for s in first
            }
        found[f"step_seconds/{name}"] = dict.fromkeys(first, seconds)
    for (activation,) in _groups(times, "activation"):
        turns = times[times["activation"] == activation].pivot_table(
            index=["seed", "turn"], columns="arm", values="value"
        )
        if {"plain", "bn"} <= set(turns):
            factors = (turns["bn"] / turns["plain"]).groupby("seed").median()
            found[f"step_factor/{activation}"] = _numbers(factors)
    return found


def step_seconds(times: pd.DataFrame, activation: str, arm: str) -> float:
    """The seconds of a step of a net, from the rows of step_seconds: the fewest of all.

    What else the machine does can only add to them, and is no business of the seed.
    """
    net = times[(times["activation"] == activation) & (times["arm"] == arm)]
    return float(net["value"].min())


def batch_size(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Validation loss and accuracy of each net, batch size and way of evaluation."""
    return {
        f"{measure}/{arm}/{size}": _or_guessed(table, measure, arm=arm, size=size)
        for arm, size in _groups(table, "arm", "size")
        for (measure,) in _groups(table[table["arm"] == arm], "measure")
        if measure.startswith(("loss", "accuracy"))
    }


def evaluation(table: pd.DataFrame, settings: Settings) -> Quantities:
    """What moving statistics change of validation loss and accuracy, against exact ones."""
    found: Quantities = {}
    measures = ("loss", "accuracy")
    for case, way in _groups(table[table["measure"].isin(measures)], "case", "way"):
        for measure in measures:
            exact = _by_seed(table, measure, case=case, way="exact")
            moving = _by_seed(table, measure, case=case, way=way)
            found[f"{measure}_error/{case}/{way}"] = {
                seed: moving[seed] - exact[seed] for seed in moving
            }
    return found


_MEDIANS = ("shift_cosine", "shift_size", "drift", "loss_range", "loss_range_scaled")
_LOGARITHMS = ("gradient_change", "gradient_change_scaled", "effective_rate")


def shift(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Medians over the looks during training, after that at the start, of means over layers."""
    found: Quantities = {}
    # The way to a last look before its time is shorter, and drift along it less.
    during = table[(table["step"] > 0) & (table["step"] % settings["every"] == 0)]
    for activation, arm in _groups(table, "activation", "arm"):
        net = during[(during["activation"] == activation) & (during["arm"] == arm)]
        for measure in (*_MEDIANS, *_LOGARITHMS):
            rows = net[net["measure"] == measure]
            if measure == "effective_rate":  # of weights whose size means nothing
                hidden = len(settings["hidden"]) if arm == "bn" else 0
                rows = rows[rows["layer"] <= hidden]
            looks = rows.groupby(["seed", "step"])["value"].mean()
            medians = looks.groupby("seed").median()
            found[f"{measure}/{activation}/{arm}"] = _numbers(
                np.log10(medians) if measure in _LOGARITHMS else medians
            )
        for measure in ("validation_accuracy", "validation_loss"):
            found[f"{measure}/{activation}/{arm}"] = _or_guessed(
                table, measure, activation=activation, arm=arm
            )
    return found


def noisy(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Validation loss and accuracy at the end, with exact statistics."""
    end = table[table["step"].isna()]
    return {
        f"{name}/{activation}/{arm}": _or_guessed(
            end, f"validation_{name}", activation=activation, arm=arm
        )
        for activation, arm in _groups(table, "activation", "arm")
        for name in ("loss", "accuracy")
    }


def gamma_beta(table: pd.DataFrame, settings: Settings) -> Quantities:
    """How far gamma and beta are from deviation and mean, accuracies, shapes of distributions."""
    found = {
        f"test_accuracy/{arm}": _or_guessed(table, "test_accuracy", arm=arm)
        for (arm,) in _groups(table, "arm")
    }
    units = table[table["unit"].notna()].pivot_table(
        index=["seed", "layer", "unit"], columns="measure", values="value"
    )
    if units.empty:  # every training of the whole net diverged
        return found
    gamma = ((units["gamma"] - units["deviation"]).abs() / units["deviation"]).groupby("seed")
    beta = ((units["beta"] - units["mean"]).abs() / units["deviation"]).groupby("seed")
    gaussian = units["gaussian_distance"].groupby("seed")
    return found | {
        "gamma_from_deviation": _numbers(gamma.mean()),
        "beta_from_mean": _numbers(beta.mean()),
        "gaussian_distance": _numbers(gaussian.mean()),
        "example_mean": _by_seed(table, "example_mean"),
    }


def depth(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Growth of the gradient a layer towards the input, in the deepest net; test accuracies.

    The size of a growth is |log10| of it.
    """
    found: Quantities = {}
    norms = table[table["measure"] == "gradient_norm"]
    deepest = norms[norms["depth"] == max(settings["depths"])]
    for activation, arm in _groups(table, "activation", "arm"):
        name = f"{activation}/{arm}"
        net = deepest[(deepest["activation"] == activation) & (deepest["arm"] == arm)]
        factors = {
            int(seed): growth(one.set_index("layer")["value"])
            for seed, one in ((seed, net[net["seed"] == seed]) for seed in net["seed"].unique())
        }
        found[f"growth/{name}"] = factors
        found[f"growth_size/{name}"] = {s: abs(float(np.log10(f))) for s, f in factors.items()}
        for layers in settings["trained"]:
            found[f"test_accuracy/{name}/{layers}"] = _or_guessed(
                table, "test_accuracy", activation=activation, arm=arm, depth=layers
            )
    return found


def init(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Losses and accuracies by initial deviation at the common rate, their range; invariance."""
    found: Quantities = {}
    rate = settings["learning_rate"]
    trained = table[table["std"].notna()]
    for activation, arm in _groups(trained, "activation", "arm"):
        losses = []
        for std in settings["deviations"]:
            keys = {"activation": activation, "arm": arm, "std": float(std), "rate": float(rate)}
            losses.append(_or_guessed(trained, "validation_loss", **keys))
            found[f"accuracy/{activation}/{arm}/{std:g}"] = _or_guessed(
                trained, "validation_accuracy", **keys
            )
        shared = set.intersection(*(set(loss) for loss in losses))
        found[f"loss_range/{activation}/{arm}"] = {
            seed: max(loss[seed] for loss in losses) - min(loss[seed] for loss in losses)
            for seed in sorted(shared)
        }
    for measure in ("invariance", "invariance_epsilon", "invariance_gradient"):
        rows = table[table["measure"] == measure]
        found[measure] = _numbers(rows.groupby("seed")["value"].max())
    return found


def placement(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Test accuracies, each place at the rate that is best for it on the validation set."""
    found: Quantities = {}
    for activation, arm in _groups(table, "activation", "arm"):
        net = table[(table["activation"] == activation) & (table["arm"] == arm)]
        rate = best_rate(net)
        if rate is not None:
            found[f"test_accuracy/{activation}/{arm}"] = _by_seed(net, "test_accuracy", rate=rate)
            found[f"validation_loss/{activation}/{arm}"] = _by_seed(
                net, "validation_loss", rate=rate
            )
    return found


def on_models(table: pd.DataFrame, settings: Settings) -> Quantities:
    """Every measure of the models, at their end and, as train_loss_50, after an epoch."""
    end = table[table["epoch"].isna()]
    found = {
        f"{measure}/{arm}": _by_seed(end, measure, arm=arm)
        for arm, measure in _groups(end, "arm", "measure")
    }
    on_the_way = table[table["epoch"].notna()]
    for arm, measure, epoch in _groups(on_the_way, "arm", "measure", "epoch"):
        if measure in ("train_loss", "held_out_loss"):
            rows = on_the_way[
                (on_the_way["arm"] == arm)
                & (on_the_way["measure"] == measure)
                & (on_the_way["epoch"] == epoch)
            ]
            found[f"{measure}_{int(epoch)}/{arm}"] = dict(
                zip(rows["seed"].astype(int), rows["value"], strict=True)
            )
    return found


_FUNCTIONS: dict[str, Callable[..., Quantities]] = {
    "curves": on_models,
    "learning-rate": learning_rate,
    "batch-size": batch_size,
    "evaluation": evaluation,
    "shift": shift,
    "noisy": noisy,
    "gamma-beta": gamma_beta,
    "depth": depth,
    "init": init,
    "placement": placement,
    "placement-keras": on_models,
    "dropout": on_models,
}
