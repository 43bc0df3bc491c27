"""Measure how fast the study computes, beside its limit and its peers, and how long people wait.

    make bench                                                    all, with the optional peers
    python tests/benchmarks/run.py --only step peers --rounds 5   some of it
    python tests/benchmarks/run.py --quick                        a look in a few minutes

A whole run writes docs/explanation/performance/*.csv and, from them, the tables and the figure of
docs/explanation/performance.md; a quick one, which is none to quote, writes the same to
results/benchmarks/.
Give the machine nothing else to do: what else ran is seen, but not repaired.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import computing, page, rounds, workflow
from benchmarks.computing import Settings
from benchmarks.rounds import Row
from fmstudy import runtime

ROOT = Path(__file__).resolve().parents[2]

Tables = dict[str, list[Row]]

SECTIONS = {
    "step": "the study's own steps and epochs, as shares of the product rate",
    "peers": "the same step and epoch by TensorFlow eager, Keras, PyTorch, JAX, scikit-learn",
    "growth": "how the time of steps grows with width, depth, samples, epochs",
    "turnaround": "the workflow: from nothing, up to date, dry run, graph, edits, start of a job",
    "graph": "the workflow with 10, 100 and 1,000 trainings",
    "bound": "the finished default study (make report) against its arithmetic",
}
IN_ROUNDS = {"step", "peers", "growth"}  # these train
FILES = ("x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy", "summary.json")
LEAST_BUSY = 0.95  # of a core's time that contestants should have had


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; a mistake in it ends here."""
    lines = [f"  {name:11} {what}" for name, what in SECTIONS.items()]
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="sections:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--only",
        metavar="SECTION",
        nargs="+",
        choices=SECTIONS,
        default=list(SECTIONS),
        help="sections to measure; default: all",
    )
    add("--rounds", type=int, help="rounds of whatever goes in turn; default: 5 (3 if quick)")
    add("--quick", action="store_true", help="fewer samples, shorter rounds, smaller studies")
    add("--core", type=int, help="the core to measure on; default: the last that may be used")
    add(
        "--clock",
        choices=("clock", "processor"),
        default="clock",
        help="time rounds by the clock or, where other work cannot be kept off the core, by the "
        "processor's seconds",
    )
    add(
        "--data",
        type=Path,
        default=ROOT / "results/data/fashion-mnist",
        help="the directory of the study's tensors; the default one is made if missing",
    )
    add("--peers", metavar="PYTHON", help="the Python that has PyTorch and JAX; default: our own")
    add(
        "--output",
        type=Path,
        help="where performance.md and performance/ are written; default: docs/explanation "
        "(results/benchmarks if quick)",
    )
    options = parser.parse_args(arguments)
    usable = rounds.cores()
    if options.core is None:
        options.core = usable[-1]
    elif options.core not in usable:
        parser.error(f"--core {options.core}: this process may use {usable}")
    if options.rounds is None:
        options.rounds = 3 if options.quick else 5
    elif options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: must be at least 1")
    beside = Path(sys.prefix) / "bench/bin/python"  # made by `make bench`
    options.peers = options.peers or str(beside if beside.exists() else sys.executable)
    if not shutil.which(options.peers):
        parser.error(f"--peers {options.peers}: no such command")
    options.only = [name for name in SECTIONS if name in options.only]
    own = "results/benchmarks" if options.quick else "docs/explanation"
    options.output = options.output or ROOT / own
    return options


def prepare_data(directory: Path, say: rounds.Say) -> None:
    """Make the study's tensors where they are missing. Raises StudyError if that is impossible."""
    missing = [name for name in FILES if not (directory / name).is_file()]
    if not missing:
        return
    if directory != ROOT / "results/data/fashion-mnist":
        raise runtime.StudyError(f"{directory}: {missing[0]} is missing; make data with: snakemake")
    say("data: made by the workflow's target data")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "data"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise runtime.StudyError("the data could not be made")


# ----------------------------------------------------------------------------------- the sections
def measure(name: str, options: argparse.Namespace, say: rounds.Say) -> tuple[Tables, Row]:
    """A section's tables, and the versions that took part."""
    log = ROOT / "logs/benchmarks.log"
    machine = rounds.Machine(options.core, options.peers, log, options.clock)
    settings = Settings(machine, str(options.data.resolve()), options.rounds)
    if options.quick:
        settings = replace(settings, samples=10_000, lasts=0.2)
    if name in IN_ROUNDS:
        rows, versions = getattr(computing, f"measure_{name}")(settings, say)
        return {name: rows}, versions
    cores = rounds.cores()[:2]
    if name == "turnaround":
        repeats = 1 if options.quick else 3
        rows = workflow.measure_turnaround(options.quick, len(cores), repeats, say)
    elif name == "graph":
        rows = workflow.measure_graph((10, 100) if options.quick else (10, 100, 1000), say)
    else:
        cost = ROOT / "results/tables/cost.csv"
        rate = partial(computing.rate_of_cores, settings, cores)
        rows = workflow.bound_rows(cost, rate, len(cores))
    return {name: rows}, {}


def busy_rows(tables: Tables) -> list[Row]:
    """How much of the core's time the contestants had: less than all if others used it, too.

    The median tells, for some wait by themselves now and then, as Keras' `fit` for its pipeline.
    """
    shares = [row["busy"] for rows in tables.values() for row in rows if "busy" in row]
    if not shares:
        return []
    median = statistics.median(shares)
    word = "" if median >= LEAST_BUSY else ": **something else ran; better measure again**"
    told = f"{100 * median:.0f} % of its time (median; {100 * min(shares):.0f} % at least){word}"
    return [{"what": "core time of the measured process", "value": told}]


def describe(
    options: argparse.Namespace, versions: Row, tables: Tables, seconds: float
) -> list[Row]:
    """What the figures hold for: date, machine, versions, settings."""
    told = runtime.machine()
    ours = runtime.versions(["tensorflow", "keras", "numpy", "scikit-learn", "snakemake"])
    pairs = {
        "measured": time.strftime("%Y-%m-%d", time.gmtime()),
        "sections": ", ".join(name for name in options.only if name in tables)
        + (", the quick form" if options.quick else ""),
        "processor": told["processor"],
        "cores": f"{told['cores']}, measured on one of them with one thread",
        "memory": _memory(),
        "system": told["system"],
        "versions": ", ".join(f"{name} {version}" for name, version in (ours | versions).items()),
        "rounds": f"{options.rounds}; a median, and in brackets the smallest and largest value",
        "timed by": {"clock": "the clock", "processor": "the processor's seconds"}[options.clock],
        "duration of all measurements": f"{seconds / 60:.1f} minutes",
    }
    return [{"what": key, "value": value} for key, value in pairs.items()] + busy_rows(tables)


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (ValueError, OSError):  # a system that does not tell
        return "unknown"


def write(tables: Tables, output: Path) -> None:
    """Write what was measured beside what was there, and fill page and figure from all of it."""
    directory = output / "performance"
    for name, rows in tables.items():
        page.write_table(directory / f"{name}.csv", rows)
    everything = page.read_tables(directory)
    own = output / "performance.md"
    source = own if own.is_file() else ROOT / "docs/explanation/performance.md"
    runtime.write_text(own, page.fill(source.read_text(encoding="utf-8"), everything))
    page.draw(everything, directory / "performance.png")


def main() -> None:
    """Measure the sections that the command line names, one after the other."""
    options = parse()
    began = time.monotonic()

    def say(what: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        print(f"{minutes:3}:{seconds:02} {what}", flush=True)

    tables: Tables = {}
    versions: Row = {}
    failed = False
    try:
        if IN_ROUNDS & set(options.only):
            prepare_data(options.data, say)
        for name in options.only:
            say(f"{name}: {SECTIONS[name]}")
            try:
                found, of_section = measure(
                    name, options, lambda what, name=name: say(f"{name}: {what}")
                )
            except rounds.NotMeasured as reason:
                failed = True
                say(f"{name}: not measured: {reason}")
                continue
            tables |= found
            versions |= of_section
            tables["machine"] = describe(options, versions, tables, time.monotonic() - began)
            write(tables, options.output)
    except runtime.StudyError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the sections that were finished are written")
    for name, rows in tables.items():
        print(f"\n{name}\n\n{page.markdown(name, rows)}")
    print(f"\nWritten: {options.output / 'performance.md'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
