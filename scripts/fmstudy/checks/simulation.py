"""Tests the study's statistics where the truth is known.

Does each 95 % interval contain the true value in 95 % of cases?  How often is a model called better
than itself, trained with other seeds?  Simulations answer the first question; small networks,
trained many times on part of the real data, answer the second.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from fmstudy.analysis import verdicts
from fmstudy.analysis.statistics import (
    ALPHA,
    Estimate,
    Sample,
    difference,
    holm,
    mcnemar,
    moderated,
    over_seeds,
    over_seeds_and_images,
    share_interval,
    trend,
)
from fmstudy.checks.calibration_coverage import simulate_ece_coverage
from fmstudy.data.dataset import load_tensors
from fmstudy.runtime import Progress

SEEDS, IMAGES, FAMILY = 3, 1000, 15

# Simulated images and seeds.  An image is classified correctly if ability + easiness + taste (the
# model's own effect per image) + luck (the seed's effect) + chance exceeds 0.  All but the ability
# are normal, with these standard deviations; that of chance is 1.  Seeds contribute less, as much,
# or far more to the error of a difference than images do; all three occur in the study.
EASINESS, TASTE = 1.3, 0.6
WORLDS = {"little": 0.03, "middle": 0.1, "much": 0.35}  # standard deviation of luck


def _deviation(luck: float) -> float:
    return float(np.sqrt(1.0 + EASINESS**2 + TASTE**2 + luck**2))


def ability_for(accuracy: float | np.ndarray, luck: float) -> Any:
    """Return the ability that has this expected accuracy over all seeds and images.

    The expected accuracy is Phi(ability / total deviation).
    """
    return norm.ppf(accuracy) * _deviation(luck)


def sample_world(
    accuracies: np.ndarray, luck: float, random: np.random.Generator, seeds: int = SEEDS
) -> list[Sample]:
    """Sample the accuracies of models with these expected accuracies, on the same images."""
    easiness = random.normal(0.0, EASINESS, IMAGES)
    samples = []
    for ability in ability_for(accuracies, luck):
        own = easiness + random.normal(0.0, TASTE, IMAGES)
        of_seed = random.normal(0.0, luck, (seeds, 1))
        chance = random.normal(0.0, 1.0, (seeds, IMAGES))
        right = (ability + own + of_seed + chance > 0).astype(np.float64)
        values = right.mean(axis=1)
        samples.append(Sample(dict(enumerate(values)), dict(enumerate(right))))
    return samples


def _holds(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


def _covers(estimate: Estimate | None, truth: float) -> bool:
    assert estimate is not None
    return estimate.low <= truth <= estimate.high


def _share(random: np.random.Generator) -> bool:
    return _holds(share_interval(random.binomial(10_000, 0.88), 10_000), 0.88)


def _discordant(random: np.random.Generator) -> bool:
    """An expected 300 and 400 of 10,000 images are correct in only one of two runs."""
    kinds = random.choice(3, 10_000, p=[0.93, 0.03, 0.04])
    found = mcnemar(kinds == 1, kinds == 2)
    return _holds((found.low, found.high), 4 / 7)


def _mean_over_seeds(random: np.random.Generator) -> bool:
    return _covers(over_seeds(random.normal(0.88, 0.004, SEEDS)), 0.88)


def _one_more_run(random: np.random.Generator) -> bool:
    *runs, another = random.normal(0.88, 0.004, SEEDS + 1)
    estimate = over_seeds(runs)
    assert estimate is not None
    return bool(abs(another - estimate.value) <= estimate.another_run())


def _level(random: np.random.Generator, luck: float) -> bool:
    [sample] = sample_world(np.array([0.88]), luck, random)
    return _covers(over_seeds_and_images(sample), 0.88)


def _difference(random: np.random.Generator, luck: float) -> bool:
    return _covers(difference(*sample_world(np.array([0.87, 0.88]), luck, random)), 0.01)


def _line(random: np.random.Generator, luck: float) -> bool:
    accuracies = np.linspace(0.86, 0.88, 10)
    return _covers(trend(np.arange(10.0), sample_world(accuracies, luck, random, seeds=1)), 0.02)


INTERVALS: dict[str, tuple[str, Callable[[np.random.Generator], bool]]] = {
    "wilson": ("An accuracy from one run, other images (Wilson)", _share),
    "discordant": (
        "Second run's share of the images that only one of two runs gets right (Clopper–Pearson)",
        _discordant,
    ),
    "seeds": ("A mean over seeds, the same images (t)", _mean_over_seeds),
    "another_run": ("One more run, the same images (prediction interval)", _one_more_run),
}
CROSSED: dict[str, tuple[str, Callable[..., bool]]] = {
    "level": ("An accuracy, other seeds and images", _level),
    "difference": ("A difference between two models, other seeds and images", _difference),
    "trend": ("A change along a line through ten models, other seeds and images", _line),
}
for _name, (_title, _holds_in) in CROSSED.items():
    for _world, _luck in WORLDS.items():
        INTERVALS[f"{_name}_{_world}"] = (
            f"{_title}; seeds matter {_world}",
            partial(_holds_in, luck=_luck),
        )


def coverage(repetitions: int, seed: int = 0) -> pd.DataFrame:
    """One row per interval: the fraction of simulations in which it contains the true value.

    `low` and `high` are the 95 % (Wilson) interval of that fraction.
    """
    rows = []
    for position, (name, (title, holds)) in enumerate(INTERVALS.items()):
        random = np.random.default_rng([seed, position])
        held = sum(holds(random) for _ in range(repetitions))
        low, high = share_interval(held, repetitions)
        rows.append(
            {
                "check": name,
                "title": title,
                "claimed": 0.95,
                "repetitions": repetitions,
                "found": held / repetitions,
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def ece_coverage(repetitions: int, seed: int = 0) -> pd.DataFrame:
    """The same for the calibration error, as one row, over all simulated models.

    There are fewer of these simulations, because each needs a whole test set and is slow.
    """
    repetitions = max(1, repetitions)
    covered = simulate_ece_coverage(repetitions, seed)
    found, count = float(np.mean(covered)), repetitions * len(covered)
    low, high = share_interval(round(found * count), count)
    title = f"A calibration error, other images (mean over {len(covered)} kinds of models)"
    row = {"check": "ece", "title": title, "claimed": 0.95, "repetitions": count}
    return pd.DataFrame([row | {"found": found, "low": low, "high": high}])


def false_calls_in_families(repetitions: int, seed: int = 0) -> pd.DataFrame:
    """How often a family of comparisons of equal models yields any difference.

    One row per world.  Corrections for many comparisons use small levels, where approximations fail
    first.
    """
    rows = []
    equal = np.array([0.88, 0.88])
    for position, (world, luck) in enumerate(WORLDS.items()):
        random = np.random.default_rng([seed, 100 + position])
        calls = 0
        for _ in range(repetitions):
            found = [difference(*sample_world(equal, luck, random)) for _ in range(FAMILY)]
            calls += min(_corrected(_borrowing(found))) <= ALPHA
        title = f"Any of {FAMILY} pairs of equal models, corrected; seeds matter {world}"
        rows.append(_calls(f"family_{world}", title, calls, repetitions))
    return pd.DataFrame(rows)


# What `power` simulates: families of this size, differences of this many standard deviations.
TESTED, EFFECT = 6, 3.0
SPREADS = (0.0, 0.25, 0.5, 1.0)  # of the logarithms of the standard deviations in a family
POWER = (
    *("own_error", "moderated_error", "own_power", "moderated_power"),
    *("coverage", "coverage_of_largest"),
)


def power(repetitions: int, seed: int = 0) -> pd.DataFrame:
    """How often differences are called, with own and with moderated variances.

    One row per spread and number of seeds.  A family has six differences between models, each with
    its own standard deviation over seeds.  `*_error` is how often any of them is called when all
    are 0, and `*_power` how often the first is called when it is three of its standard deviations,
    with Holm's correction; `own` uses Student's t on each difference's own variance.  `coverage` is
    how often the moderated 95 % intervals contain the truth, on average and for the difference with
    the largest standard deviation.
    """
    rows = []
    for position, (spread, seeds) in enumerate(itertools.product(SPREADS, range(2, 7))):
        random = np.random.default_rng([seed, 200 + position])
        called = np.zeros(len(POWER))
        for _ in range(repetitions):
            deviations = np.exp(random.normal(0.0, spread, TESTED))
            values = random.normal(size=(TESTED, seeds)) * deviations[:, None]
            null = [over_seeds(own) for own in values]
            borrowing = _borrowing(null)
            held = [_covers(one, 0.0) for one in borrowing]
            values[0] += EFFECT * deviations[0]
            real = [over_seeds(own) for own in values]
            called += [
                min(_corrected(null)) <= ALPHA,
                min(_corrected(borrowing)) <= ALPHA,
                _corrected(real)[0] <= ALPHA,
                _corrected(_borrowing(real))[0] <= ALPHA,
                float(np.mean(held)),
                held[int(deviations.argmax())],
            ]
        shares = dict(zip(POWER, called / repetitions, strict=True))
        rows.append({"spread": spread, "seeds": seeds} | shares)
    return pd.DataFrame(rows)


def _borrowing(family: Iterable[Estimate | None]) -> list[Estimate]:
    """Return the estimates of a family, each with a variance that borrows from the others."""
    known = [one for one in family if one is not None]
    return [moderated(one, (it for it in known if it is not one)) for one in known]


def _corrected(family: Iterable[Estimate | None]) -> list[float]:
    return holm([one.p_differs() for one in family if one is not None])


# ---------------------------------------------------------------- a model compared with itself
TRAINED_ON, TESTED_ON = 400, 2000


def replicates(
    count: int, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> Iterator[dict[str, np.ndarray]]:
    """Train one small network `count` times, seeds 0, 1, ...; yield accuracy and loss by image.

    Samples-major x (n, features) and class numbers (n,).  The network is from scikit-learn, so that
    this check is independent of the study's engines: 16 hidden units, ReLU, Adam, a few epochs.
    """
    x, labels = test
    for seed in range(count):
        net = MLPClassifier((16,), max_iter=8, batch_size=50, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose
            net.fit(*train)
        known = net.predict_proba(x)  # of the classes that it was trained on
        p = np.zeros((len(x), max(*net.classes_, *labels) + 1), known.dtype)
        p[:, net.classes_] = known
        given = np.maximum(p[np.arange(labels.size), labels], np.finfo(np.float32).tiny)
        right = (p.argmax(axis=1) == labels).astype(np.float64)
        yield {"test_accuracy": right, "test_loss": -np.log(given)}


def false_calls(
    pairs: int,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    seeds: int = SEEDS,
) -> pd.DataFrame:
    """Repeatedly compare a small network with itself, some seeds against as many others.

    One row per metric: how often the verdict is "better" or "worse".  Each comparison is a separate
    family; a correction would make false calls even rarer.  The row `single_runs` has McNemar's
    test of two runs: it calls two seeds of one model different far too often, because it ignores
    the effect of seeds.
    """
    progress = Progress("replicates", 2 * pairs * seeds, "trainings")
    runs = []
    for done, run in enumerate(replicates(2 * pairs * seeds, train, test)):
        runs.append(run)
        progress.update(done + 1)
    rows = []
    for metric in ("test_accuracy", "test_loss"):
        calls = 0
        for start in range(0, 2 * pairs * seeds, 2 * seeds):
            middle = start + seeds
            estimate = difference(
                _sample(runs[start:middle], metric), _sample(runs[middle : middle + seeds], metric)
            )
            assert estimate is not None
            verdict = verdicts.of_difference(estimate, estimate.p_differs(), metric)
            calls += verdict != verdicts.UNRESOLVED
        title = (
            f"{metric.replace('_', ' ').capitalize()}, {seeds} seeds compared with {seeds} others"
        )
        rows.append(_calls(metric, title, calls, pairs))
    differing = 0
    for pair in range(pairs):
        one, other = (runs[2 * pair * seeds + k]["test_accuracy"] > 0.5 for k in (0, 1))
        differing += mcnemar(one, other).p < 0.05
    rows.append(
        _calls(
            "single_runs",
            "Not used for verdicts: McNemar's test on two single runs",
            differing,
            pairs,
        )
    )
    return pd.DataFrame(rows)


def check_statistics(folder: Path, pairs: int, repetitions: int) -> pd.DataFrame:
    """Return the table of checks, with small networks trained on a folder of tensors."""
    data = []
    for split, count in (("train", TRAINED_ON), ("test", TESTED_ON)):
        x, y = load_tensors(folder, split)
        data.append((np.ascontiguousarray(x[:, :count].T), y[:, :count].argmax(axis=0)))
    with threadpool_limits(1):  # the same bytes for any number of cores
        return checks_table(pairs, repetitions, *data)


def checks_table(
    pairs: int,
    repetitions: int,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> pd.DataFrame:
    """Combine the coverage of every interval and the rates of false calls in one table.

    `kind` is coverage or false call.
    """
    covered = pd.concat([coverage(repetitions), ece_coverage(repetitions // 10)])
    covered = covered.assign(kind="coverage")
    called = pd.concat(
        [false_calls_in_families(repetitions // 10), false_calls(pairs, train, test)]
    )
    called = called.assign(kind="false call")
    return pd.concat([covered, called], ignore_index=True)


def _sample(runs: list[dict[str, np.ndarray]], metric: str) -> Sample:
    images = {position: run[metric] for position, run in enumerate(runs)}
    return Sample({seed: float(each.mean()) for seed, each in images.items()}, images)


def _calls(name: str, title: str, calls: int, pairs: int) -> dict[str, Any]:
    low, high = share_interval(calls, pairs)
    return {
        "check": name,
        "title": title,
        "claimed": 0.05,
        "repetitions": pairs,
        "found": calls / pairs,
        "low": low,
        "high": high,
    }
