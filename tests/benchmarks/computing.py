"""What is measured in rounds: the study's own steps and epochs, its peers, and how cost grows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.contestants import CONTESTANTS
from benchmarks.problem import Problem
from benchmarks.rounds import (
    Entry,
    Machine,
    Measured,
    Row,
    Say,
    Worker,
    alternate,
    deviation,
    rates,
    ratios,
    spread,
)
from fmstudy.study.spec import REFERENCE, RunSpec

PRODUCT = 2.0 * 4096**3  # floating-point operations of the yardstick
# Losses are taken for the same up to this share of themselves.  Single precision, and the order
# of its sums, is off by some 1e-6 after a few steps.  Over small steps that grows: in a second
# epoch of 188 steps all engines are thousandths apart, so the mean over the first one is compared.
TOLERANCE = {"step": 1e-5, "epoch": 1e-3}
COMPARED = {"step": 4, "epoch": 1}  # so many losses: before each step, or means of epochs
PEERS = ("study", "eager", "keras", "pytorch", "jax", "sklearn")
NO_PEER = ("eager", "epoch")  # the source has no such epoch

LOWLEVEL, KERAS = REFERENCE["lowlevel"], REFERENCE["keras"].varied(epochs=30)
# The net of the experiments on batch normalization, with their steps of plain gradient descent.
PAPER = LOWLEVEL.varied(hidden=(100, 100, 100), activation="sigmoid", bias="vector")
PAPER = PAPER.varied(batch_size=60, epochs=10, validation_split=0.2)
PAPER = PAPER.varied(optimizer="sgd", learning_rate=0.1)
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
WIDTHS, DEPTHS = (100, 200, 400, 800), (1, 2, 4, 8)
SAMPLES, EPOCHS = (10_000, 20_000, 40_000, 60_000), (10, 20, 40, 80)


@dataclass(frozen=True)
class Settings:
    """How much is measured, and where.

    samples  at most so many training images: fewer than there are give a quick look only
    lasts    seconds that a round of one contestant should take
    """

    machine: Machine
    data: str
    rounds: int = 5
    samples: int = 60_000
    lasts: float = 1.0

    def entry(
        self,
        contestant: str,
        spec: RunSpec,
        title: str = "",
        evaluated: bool = False,
        compact: bool = True,
    ) -> Entry:
        """A contestant at a problem, on as many samples as are allowed."""
        spec = spec.varied(train_samples=min(spec.train_samples, self.samples))
        problem = Problem(spec, self.data, evaluated, compact)
        it = Entry(title, title, contestant, problem, problem.arithmetic)
        return it if title else it._replace(key=contestant, title=CONTESTANTS[contestant].title)

    def alternate(self, entries: Sequence[Entry], say: Say, losses: int = 1) -> list[Measured]:
        """Let the entries work in turn."""
        return alternate(entries, self.rounds, self.machine, say, losses, self.lasts)

    def yardstick(self) -> Entry:
        """The product whose rate all others are a share of."""
        return self.entry("product", LOWLEVEL)._replace(arithmetic=PRODUCT)


def _timed(one: Measured, product: Measured | None = None) -> Row:
    """Milliseconds per unit, rates, and how much of the core the process had."""
    row = spread("milliseconds", [1e3 * seconds for seconds in one.seconds])
    row |= {"gflops": float(np.median(rates(one))) / 1e9, "busy": one.busy}
    if product and product.seconds:
        row |= spread("share", ratios(rates(one), rates(product)))
    return row


def _versions(found: Iterable[Measured]) -> Row:
    return {name: version for one in found for name, version in one.versions.items()}


# ----------------------------------------------------------------------------- the study's own
def measure_step(settings: Settings, say: Say) -> tuple[list[Row], Row]:
    """The study's full-batch steps with evaluation, and its mini-batch epochs."""
    full = [
        settings.entry("study", spec, title + words, evaluated=True, compact=not words)
        for title, spec in FULL_BATCH.items()
        for words in ("", ", all pixels")
    ]
    small = [settings.entry("study", spec, title) for title, spec in SMALL_BATCHES.items()]
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
            row |= _timed(one, None if one is product else product)
        if "share" in row and one.needed:
            left = one.needed / one.entry.arithmetic
            row |= spread("needed", [left * it for it in ratios(rates(one), rates(product))])
        rows.append(row)
    return rows


def _unit(one: Measured) -> str:
    problem = one.entry.problem
    if one.entry.contestant == "product":
        return "product"
    if problem.spec.batch_size is None:
        evaluation = f", evaluation on {problem.spec.test_samples:,}" if problem.evaluated else ""
        return f"step of {problem.samples:,} samples{evaluation}"
    return f"epoch of {problem.samples:,} samples, {problem.spec.batch_size} per step"


# ----------------------------------------------------------------------------------- the peers
def measure_peers(settings: Settings, say: Say) -> tuple[list[Row], Row]:
    """The same full-batch step and the same mini-batch epoch by every contestant."""
    specs = {
        "step": LOWLEVEL.varied(hidden=(300,), bias="vector"),
        "epoch": KERAS.varied(hidden=(600, 400, 200)),
    }
    rows: list[Row] = []
    versions: Row = {}
    for kind, spec in specs.items():
        entries = [settings.entry(name, spec) for name in PEERS if (name, kind) != NO_PEER]
        say("losses in double precision")
        reference = settings.entry("reference", spec)
        [expected] = alternate([reference], 0, settings.machine, say, COMPARED[kind])
        found = settings.alternate([settings.yardstick(), *entries], say, COMPARED[kind])
        rows += peer_rows(kind, found, expected)
        versions |= _versions(found)
    reason = "the source trains in mini-batches only with Keras"
    title, unit = CONTESTANTS[NO_PEER[0]].title, rows[-1]["unit"]
    rows.append({"kind": NO_PEER[1], "who": title, "unit": unit, "note": reason})
    return rows, versions


def peer_rows(kind: str, found: Sequence[Measured], expected: Measured) -> list[Row]:
    """A row for each contestant: its time, and its ratio to ours.

    A contestant with other losses than the expected ones has not done the same work: its row says
    so and has no ratio.
    """
    product, ours, *_ = found
    rows = []
    for one in found[1:]:
        row = {"kind": kind, "who": one.entry.title, "unit": _unit(one), "form": one.form}
        row |= {"forms": _forms(one), "note": one.reason}
        rows.append(row)
        if not one.seconds:
            continue
        row |= _timed(one, product) | {"tolerance": TOLERANCE[kind], "same": "no"}
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
            row |= spread("times", ratios(one.seconds, ours.seconds))
    return rows


def _forms(one: Measured) -> str:
    """The forms that were tried, each with its milliseconds or the reason why it failed."""
    return "; ".join(
        f"{name} {1e3 * tried:.0f} ms" if isinstance(tried, float) else f"{name} failed ({tried})"
        for name, tried in one.forms.items()
    )


# --------------------------------------------------------------------------------- how it grows
def measure_growth(settings: Settings, say: Say) -> tuple[list[Row], Row]:
    """Steps of nets of growing width and depth, on more samples, and trainings of more epochs."""
    base = LOWLEVEL.varied(hidden=(300,), train_samples=20_000)
    short = LOWLEVEL.varied(hidden=(100,), train_samples=5_000, test_samples=1_000)
    ladders = {
        "width": ("units", {n: base.varied(hidden=(n,)) for n in WIDTHS}),
        "depth": ("hidden layers of 300", {n: base.varied(hidden=(300,) * n) for n in DEPTHS}),
        # A quick look has fewer samples than the last rungs.
        "samples": (
            "samples",
            {n: base.varied(train_samples=n) for n in SAMPLES if n <= settings.samples},
        ),
        "epochs": ("epochs of a whole training", {n: short.varied(epochs=n) for n in EPOCHS}),
    }
    keys, entries = [], []
    for factor, (unit, ladder) in ladders.items():
        for value, spec in ladder.items():
            entry = settings.entry("study", spec, f"{factor} {value}")
            if factor == "epochs":
                entry = entry._replace(contestant="training", arithmetic=spec.arithmetic, units=1)
            keys.append((factor, value, unit))
            entries.append(entry)
    found = replace(settings, lasts=settings.lasts / 2).alternate(entries, say)
    return growth_rows(keys, found), _versions(found)


def growth_rows(keys: Sequence[tuple[str, int, str]], found: Sequence[Measured]) -> list[Row]:
    """One row per rung: its time, and time and arithmetic as multiples of the first rung's."""
    first: dict[str, Measured] = {}
    rows = []
    for (factor, value, unit), one in zip(keys, found, strict=True):
        row = {"factor": factor, "value": value, "unit": unit, "note": one.reason}
        rows.append(row)
        if not one.reason:
            start = first.setdefault(factor, one)
            row |= _timed(one) | spread("times", ratios(one.seconds, start.seconds))
            row["arithmetic_times"] = one.entry.arithmetic / start.entry.arithmetic
    return rows


# ------------------------------------------------------------------------- both cores together
def rate_of_cores(settings: Settings, cores: Sequence[int | None]) -> float:
    """Floating-point operations per second of the product on these cores at the same time.

    The median over rounds of the cores' sum. Raises NotMeasured.
    """
    workers = [Worker("product", replace(settings.machine, core=core)) for core in cores]
    entry = settings.yardstick()
    sums = []
    try:
        for worker in workers:
            worker.start(entry, losses=1)
        for _ in range(settings.rounds):
            for worker in workers:
                worker.send(do="round", key=entry.key, units=2)
            seconds = [worker.receive()[worker.machine.clock] for worker in workers]
            sums.append(sum(2 * PRODUCT / each for each in seconds))
    finally:
        for worker in workers:
            worker.close()
    return float(np.median(sums))
