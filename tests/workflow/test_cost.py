"""What a job records of its own cost: parts without a gap, in this process alone."""

import json
import os
import subprocess
import sys

import pytest

from fmstudy.analysis import tables
from fmstudy.engines import cost, machine
from fmstudy.study.spec import RunSpec


class Clock:
    """A clock that a test sets."""

    def __init__(self, monkeypatch, now: float, age: float) -> None:
        self.now = now
        monkeypatch.setattr(cost.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(cost, "process_age", lambda: age)


def test_parts_follow_one_another_from_the_beginning_of_the_process(monkeypatch):
    clock = Clock(monkeypatch, now=100.0, age=4.0)
    laps = cost.Laps()
    for part, seconds in (("reading", 0.5), ("engine", 7.0), ("writing", 0.25)):
        clock.now += seconds
        laps.end(part)
    assert laps.seconds == {"startup": 4.0, "reading": 0.5, "engine": 7.0, "writing": 0.25}
    assert laps.whole == sum(laps.seconds.values()) == 11.75


def test_a_record_tells_the_whole_its_parts_and_what_lies_within_them(monkeypatch):
    clock = Clock(monkeypatch, now=100.0, age=4.0)
    laps = cost.Laps()
    clock.now += 7.0004
    laps.end("engine")
    told = cost.record(laps, 2, 1e12, {"training": 5.0, "evaluation": 1.0})
    parts = {"startup": 4.0, "engine": 7.0, "training": 5.0, "evaluation": 1.0}
    assert told["seconds"] == {"whole": 11.0} | parts
    assert (told["threads"], told["arithmetic"]) == (2, 1e12)
    row = tables.cost_row(json.loads(json.dumps(told)), ["training", "experiment"])
    assert (row["seconds"], row["training_seconds"], row["experiment_seconds"]) == (11.0, 5.0, None)
    assert {"processor_seconds", "peak_memory_mb", "finished", "cores"} <= set(row)


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="the system does not tell")
def test_the_age_of_a_process_is_told_by_the_system_also_for_a_forked_one():
    """Not counted from an import, which a job that another process has forked did not do."""
    code = (
        "import os, sys, time\n"
        "from fmstudy.engines import cost\n"
        "time.sleep(1.5)\n"
        "child = os.fork()\n"
        "began = time.monotonic() - cost.process_age()\n"
        "if child: os.waitpid(child, 0)\n"
        'print(f\'{"parent" if child else "child"} {began}\', flush=True)\n'
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         env=os.environ | {"PYTHONPATH": "scripts"})  # fmt: skip
    began = {who: float(seconds) for who, seconds in map(str.split, out.stdout.splitlines())}
    assert began["child"] - began["parent"] >= 1.4  # there was the sleep between them


def test_a_training_that_ended_early_is_charged_for_what_it_did():
    spec = RunSpec("lowlevel", hidden=(300,), epochs=200)
    assert spec.arithmetic_of(200) == spec.arithmetic
    assert spec.arithmetic_of(99) == pytest.approx(spec.arithmetic * 100 / 201)


def test_the_rate_of_products_is_that_of_the_median(one_thread, monkeypatch):
    times = iter([10.0, 11.0, 20.0, 22.0, 30.0, 34.0])  # 1, 2 and 4 s
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(times))
    [row] = machine.product_rate(1, size=100, repetitions=3).to_dict("records")
    assert row["product_rate"] == pytest.approx(2 * 100**3 / 2.0 / 1e9)
    assert (row["slowest"], row["fastest"]) == pytest.approx((0.5e-3, 2e-3))
    assert row["cores"] >= 1
