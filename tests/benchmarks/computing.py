"""What is measured in rounds: the study's own steps and epochs, its peers, and how cost grows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.problem import Problem
from benchmarks.rounds import (
    Entry,
    Machine,
    Measured,
    NotMeasured,
    Say,
    Spread,
    Worker,
    alternate,
    by_key,
    deviation,
    rate,
    share,
    times,
)
from fmstudy.study.spec import REFERENCE, RunSpec

Row = dict[str, Any]

PRODUCT = 2.0 * 4096**3  # floating-point operations of the yardstick
# Losses are taken for the same up to this share of themselves.  Single precision, and the order
# of its sums, is off by some 1e-6 after a few steps.  Over small steps that grows: in a second
# epoch of 188 steps all engines are thousandths apart, so the mean over the first one is compared.
TOLERANCE = {"step": 1e-5, "epoch": 1e-3}
COMPARED = {"step": 4, "epoch": 1}  # so many losses: before each step, or means of epochs
PEERS = ("study", "eager", "keras", "pytorch", "jax", "sklearn")

LOWLEVEL, KERAS = REFERENCE["lowlevel"], REFERENCE["keras"].varied(epochs=30)
# The net of the experiments on batch normalization, with their steps of plain gradient descent.
PAPER = RunSpec(
    "lowlevel",
    (100, 100, 100),
    activation="sigmoid",
    bias="vector",
    batch_size=60,
    optimizer="sgd",
    learning_rate=0.1,
    epochs=10,
    validation_split=0.2,
)
FULL_BATCH = {
    "Softmax regression, 784-10": LOWLEVEL,
    "Model A, 784-300-10": LOWLEVEL.varied(hidden=(300,)),
    "Model B, 784-300-100-10": LOWLEVEL.varied(hidden=(300, 100)),
    "Width 1000, 784-1000-10": LOWLEVEL.varied(hidden=(1000,)),
    "Model B with batch normalization": LOWLEVEL.varied(hidden=(300, 100), batch_norm="before"),
}
SMALL_BATCHES = {
    "Keras model 3, 784-400-200-10": KERAS.varied(hidden=(400, 200)),
    "Keras model 4, 784-600-400-200-10": KERAS.varied(hidden=(600, 400, 200)),
    "Keras model 5, 784-800-600-400-200-10": KERAS.varied(hidden=(800, 600, 400, 200)),
    "Keras model 4r, with dropout": KERAS.varied(hidden=(600, 400, 200), dropout=0.3),
    "Keras model 4 with batch normalization": KERAS.varied(
        hidden=(600, 400, 200), batch_norm="before"
    ),
    "784-100-100-100-10": PAPER,
    "784-100-100-100-10 with batch normalization": PAPER.varied(batch_norm="before"),
}
WIDTHS, DEPTHS, SAMPLES, EPOCHS = (
    (100, 200, 400, 800),
    (1, 2, 4, 8),
    (10_000, 20_000, 40_000, 60_000),
    (10, 20, 40, 80),
)


@dataclass(frozen=True)
class Settings:
    """How much is measured, and where.

    samples  how many training images at most: fewer than there are give a quick look, not figures
    lasts    seconds that a round of one contestant should take
    """

    machine: Machine
    data: str
    rounds: int = 5
    samples: int = 60_000
    lasts: float = 1.0

    def problem(self, spec: RunSpec, evaluated: bool = False) -> Problem:
        """A problem on as many samples as are allowed."""
        samples = min(spec.train_samples, self.samples)
        return Problem(spec.varied(train_samples=samples), self.data, evaluated)

    def alternate(self, entries: Sequence[Entry], say: Say, losses: int = 1) -> list[Measured]:
        """Let the entries work in turn."""
        return alternate(entries, self.rounds, self.machine, say, losses, self.lasts)

    def yardstick(self) -> Entry:
        """The product that everything is a share of."""
        problem = self.problem(LOWLEVEL)
        return Entry("product", CONTESTANTS["product"].title, "product", problem, PRODUCT)


def _entry(key: str, title: str, contestant: str, problem: Problem) -> Entry:
    return Entry(key, title, contestant, problem, problem.arithmetic)


def _of(spread: Spread, name: str, factor: float = 1.0) -> Row:
    low, high = factor * spread.low, factor * spread.high
    return {name: factor * spread.median, f"{name}_low": low, f"{name}_high": high}


def _timed(one: Measured) -> Row:
    """Milliseconds a unit, the rate in GFLOP/s, and how much of the core the process had."""
    return {
        **_of(Spread.of(one.seconds), "milliseconds", 1e3),
        "gflops": Spread.of(rate(one)).median / 1e9,
        "busy": one.busy,
    }


def _versions(found: Iterable[Measured]) -> Row:
    return {name: version for one in found for name, version in one.versions.items()}


# ----------------------------------------------------------------------------- the study's own
def measure_step(settings: Settings, say: Say) -> tuple[list[Row], Row]:
    """Steps of the whole batch with evaluation, and epochs in small batches, of the study."""
    full = []
    for title, spec in FULL_BATCH.items():
        problem = settings.problem(spec, evaluated=True)
        full.append(_entry(title, title, "study", problem))
        dense = f"{title}, all pixels"
        full.append(_entry(dense, dense, "study", replace(problem, compact=False)))
    small = [
        _entry(title, title, "study", settings.problem(spec))
        for title, spec in SMALL_BATCHES.items()
    ]
    rows: list[Row] = []
    versions: Row = {}
    for entries in (full, small):  # apart, so that not all data are in memory at once
        product, *found = settings.alternate([settings.yardstick(), *entries], say)
        rows += step_rows(product, found)
        versions |= _versions([product, *found])
    return rows, versions


def step_rows(product: Measured, found: Sequence[Measured]) -> list[Row]:
    """A row for the yardstick and for each entry, with its share of the yardstick's rate."""
    rows = []
    for one in (product, *found):
        row = {"what": one.entry.title, "unit": _unit(one), "note": one.reason}
        if one.seconds:
            row |= _timed(one)
            if one is not product and product.seconds:
                row |= _of(share(one, product), "share")
                if one.needed:
                    row |= _of(share(one, product), "needed", one.needed / one.entry.arithmetic)
        rows.append(row)
    return rows


def _unit(one: Measured) -> str:
    problem = one.entry.problem
    if one.entry.contestant == "product":
        return "product"
    if problem.spec.batch_size is None:
        evaluation = f", evaluation on {problem.spec.test_samples:,}" if problem.evaluated else ""
        return f"step of {problem.samples:,} samples{evaluation}"
    return f"epoch of {problem.samples:,} samples, {problem.spec.batch_size} a step"


# ----------------------------------------------------------------------------------- the peers
def measure_peers(settings: Settings, say: Say) -> tuple[list[Row], Row]:
    """The same full-batch step, and the same epoch in small batches, by everybody."""
    problems = {
        "step": settings.problem(LOWLEVEL.varied(hidden=(300,), bias="vector")),
        "epoch": settings.problem(KERAS.varied(hidden=(600, 400, 200))),
    }
    rows: list[Row] = []
    versions: Row = {}
    for kind, problem in problems.items():
        names = [name for name in PEERS if kind == "step" or name != "eager"]
        entries = [_entry(name, CONTESTANTS[name].title, name, problem) for name in names]
        reference = _entry("reference", CONTESTANTS["reference"].title, "reference", problem)
        say("losses in double precision")
        [expected] = alternate([reference], 0, settings.machine, say, COMPARED[kind])
        found = settings.alternate([settings.yardstick(), *entries], say, COMPARED[kind])
        rows += peer_rows(kind, found, expected)
        versions |= _versions(found)
        if kind == "epoch":
            reason = "the source trains in small batches with Keras only"
            title = CONTESTANTS["eager"].title
            rows.append({"kind": kind, "who": title, "unit": rows[-1]["unit"], "note": reason})
    return rows, versions


def peer_rows(kind: str, found: Sequence[Measured], expected: Measured) -> list[Row]:
    """A row for each contestant: its time, and how many times ours that is.

    One whose losses are others than the expected ones has not done the same work: its row says
    so, and has no ratio.
    """
    measured = by_key(found)
    product, ours = measured.pop("product"), measured["study"]
    rows = []
    for one in measured.values():
        row = {
            "kind": kind,
            "who": one.entry.title,
            "unit": _unit(one),
            "form": one.form,
            "forms": told_forms(one),
            "note": one.reason,
        }
        rows.append(row)
        if not one.seconds:
            continue
        row |= _timed(one) | {"tolerance": TOLERANCE[kind], "same": "no"}
        if product.seconds:
            row |= _of(share(one, product), "share")
        if not expected.losses:
            row["note"] = f"its losses could not be checked: {expected.reason}"
            continue
        [losses] = expected.losses.values()
        row["deviation"], row["compared"] = deviation(one.losses[one.form], losses)
        if not row["deviation"] <= TOLERANCE[kind]:
            row["note"] = "trains something else: its losses differ"
            continue
        row["same"] = "yes"
        if ours.seconds:
            row |= _of(times(one, ours), "times")
    return rows


def told_forms(one: Measured) -> str:
    """The forms that were tried, each with its milliseconds, or that it failed, and why."""
    return "; ".join(
        f"{name} {1e3 * tried:.0f} ms" if isinstance(tried, float) else f"{name} failed ({tried})"
        for name, tried in one.forms.items()
    )


# --------------------------------------------------------------------------------- how it grows
def measure_growth(settings: Settings, say: Say) -> tuple[list[Row], Row]:
    """Steps of nets of growing width and depth, on more samples, and trainings of more epochs."""
    base = LOWLEVEL.varied(hidden=(300,), train_samples=20_000)
    short = LOWLEVEL.varied(hidden=(100,), train_samples=5_000, test_samples=1_000)
    ladders = [
        ("width", "units", [(n, base.varied(hidden=(n,))) for n in WIDTHS]),
        ("depth", "hidden layers of 300", [(n, base.varied(hidden=(300,) * n)) for n in DEPTHS]),
        ("samples", "samples", [(n, base.varied(train_samples=n)) for n in SAMPLES]),
    ]
    entries = {
        (factor, value): (unit, _entry(f"{factor} {value}", f"{factor} {value}", "study", problem))
        for factor, unit, ladder in ladders
        for value, problem in ((n, settings.problem(spec)) for n, spec in ladder)
    }
    for n in EPOCHS:
        spec = short.varied(epochs=n)
        entry = Entry(
            f"epochs {n}", f"epochs {n}", "training", settings.problem(spec), spec.arithmetic, 1
        )
        entries["epochs", n] = ("epochs of a whole training", entry)
    # A quick look has fewer samples than the last steps of that ladder.
    entries = {
        key: value
        for key, value in entries.items()
        if key[0] != "samples" or key[1] <= settings.samples
    }
    found = replace(settings, lasts=settings.lasts / 2).alternate(
        [entry for _, entry in entries.values()], say
    )
    keys = [(factor, value, unit) for (factor, value), (unit, _) in entries.items()]
    return growth_rows(keys, found), _versions(found)


def growth_rows(keys: Sequence[tuple[str, int, str]], found: Sequence[Measured]) -> list[Row]:
    """A row a rung: its time, and both time and arithmetic as multiples of its first rung's."""
    first: dict[str, Measured] = {}
    rows = []
    for (factor, value, unit), one in zip(keys, found, strict=True):
        row = {"factor": factor, "value": value, "unit": unit, "note": one.reason}
        rows.append(row)
        if one.reason:
            continue
        start = first.setdefault(factor, one)
        row |= _timed(one) | _of(times(one, start), "times")
        row["arithmetic_times"] = one.entry.arithmetic / start.entry.arithmetic
    return rows


# ------------------------------------------------------------------------- both cores together
def rate_of_cores(settings: Settings, cores: Sequence[int | None]) -> float:
    """Floating-point operations a second of the product on these cores at the same time.

    The median over rounds of the sum of what the cores do in a round. Raises NotMeasured.
    """
    machines = [replace(settings.machine, core=core) for core in cores]
    workers = [Worker("product", machine) for machine in machines]
    entry = settings.yardstick()
    try:
        for worker in workers:
            worker.ask(
                do="start",
                key=entry.key,
                contestant=entry.contestant,
                problem=entry.problem.as_dict(),
                count=1,
            )
        sums = []
        for _ in range(settings.rounds):
            for worker in workers:
                worker.send(do="round", key=entry.key, units=2)
            seconds = [worker.receive()[worker.machine.clock] for worker in workers]
            sums.append(sum(2 * PRODUCT / each for each in seconds))
    finally:
        for worker in workers:
            worker.close()
    if not sums:
        raise NotMeasured("no round was measured")
    return Spread.of(sums).median
