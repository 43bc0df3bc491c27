"""Measure how fast the study computes, beside its limit and its peers, and how long people wait.

    make bench                                                    all, with the optional peers
    python tests/benchmarks/run.py --only step,peers --rounds 5   some of it
    python tests/benchmarks/run.py --quick                        a look in a few minutes

A whole run writes docs/performance/*.csv and, from them, the tables and the figure of
docs/performance.md; a quick one, which is none to quote, writes the same to results/benchmarks/.
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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import computing, page, rounds, workflow
from benchmarks.computing import Settings
from fmstudy import runtime

ROOT = Path(__file__).resolve().parents[2]

Row = dict[str, Any]
Tables = dict[str, list[Row]]

SECTIONS = {
    "step": "the study's own steps and epochs, as shares of the product rate",
    "peers": "the same step and epoch by TensorFlow eager, Keras, PyTorch, JAX, scikit-learn",
    "growth": "how the time of steps grows with width, depth, samples, epochs",
    "turnaround": "the workflow: from nothing, up to date, dry run, graph, edits, start of a job",
    "graph": "the workflow with 10, 100 and 1,000 trainings",
    "bound": "the finished default study (make report) against its arithmetic",
}
TENSORS = ("x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy")
LEAST_BUSY = 0.95  # of a core's time that contestants should have had


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; a mistake in it ends here."""
    lines = [f"  {name:11} {what}" for name, what in SECTIONS.items()]
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="sections:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        metavar="SECTIONS",
        type=_sections,
        default=list(SECTIONS),
        help="sections to measure, separated by commas; default: all",
    )
    parser.add_argument(
        "--rounds", type=_positive, help="rounds of everything that goes in turn; default: 5 (3)"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer samples, shorter rounds, smaller studies; nothing to quote",
    )
    parser.add_argument(
        "--core", type=int, help="the core to measure on; default: the last that may be used"
    )
    parser.add_argument(
        "--clock",
        choices=("clock", "processor"),
        default="clock",
        help="time rounds by the clock or, where other work cannot be kept off the core, by the "
        "processor's seconds",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT / "results/data",
        help="the directory of the study's tensors; made if it is the default and not there",
    )
    parser.add_argument(
        "--peers",
        type=Path,
        metavar="PYTHON",
        help="the Python that has PyTorch and JAX; default: the one that make bench has set up",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="where performance.md and performance/ are written; default: docs, "
        "with --quick results/benchmarks",
    )
    options = parser.parse_args(arguments)
    usable = rounds.cores()
    if options.core is None:
        options.core = usable[-1]
    elif options.core not in usable:
        parser.error(f"--core {options.core}: this process may use {usable}")
    if options.peers and not shutil.which(options.peers):
        parser.error(f"--peers {options.peers}: no such command")
    options.rounds = options.rounds or (3 if options.quick else 5)
    default = ROOT / ("results/benchmarks" if options.quick else "docs")
    options.output = options.output or default
    return options


def _sections(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in SECTIONS:
            known = ", ".join(SECTIONS)
            raise argparse.ArgumentTypeError(f"no section {name!r}; there are {known}")
    return [name for name in SECTIONS if name in names]


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def find_peers(options: argparse.Namespace) -> str:
    """The Python of the optional peers: the one asked for, that of `make bench`, or our own."""
    beside = Path(sys.prefix) / "bench/bin/python"
    return str(options.peers or (beside if beside.exists() else sys.executable))


def prepare_data(directory: Path, say: rounds.Say) -> None:
    """See to it that the study's tensors are there. Raises StudyError if they cannot be had."""
    missing = [name for name in TENSORS if not (directory / name).is_file()]
    if not missing:
        return
    if directory != ROOT / "results/data":
        raise runtime.StudyError(f"{directory}: {missing[0]} is missing; make data with: snakemake")
    say("data: made by the workflow's target data")
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "data"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise runtime.StudyError(
            "the data could not be made; see what says: snakemake --cores 1 data\n"
            + done.stderr.strip()[-500:]
        )


# ----------------------------------------------------------------------------------- the sections
def measure(name: str, options: argparse.Namespace, say: rounds.Say) -> tuple[Tables, Row]:
    """A section's tables, and the versions that took part."""
    machine = rounds.Machine(
        options.core, find_peers(options), ROOT / "logs/benchmarks.log", clock=options.clock
    )
    settings = Settings(machine, str(options.data.resolve()), options.rounds)
    if options.quick:
        settings = Settings(machine, settings.data, options.rounds, samples=10_000, lasts=0.2)
    together: dict[str, Callable] = {
        "step": computing.measure_step,
        "peers": computing.measure_peers,
        "growth": computing.measure_growth,
    }
    if name in together:
        rows, versions = together[name](settings, say)
        return {name: rows}, versions
    cores = rounds.cores()[:2]
    if name == "turnaround":
        repeats = 1 if options.quick else 3
        return {name: workflow.measure_turnaround(options.quick, len(cores), repeats, say)}, {}
    if name == "graph":
        return {
            name: workflow.measure_graph((10, 100) if options.quick else (10, 100, 1000), say)
        }, {}
    cost = ROOT / "results/tables/cost.csv"
    rate = lambda: computing.rate_of_cores(settings, cores)  # noqa: E731
    return {name: workflow.bound_rows(cost, rate, len(cores))}, {}


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
    return [{"what": "the core worked for whom was measured", "value": told}]


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
        "the whole took": f"{seconds / 60:.1f} minutes",
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
    source = own if own.is_file() else ROOT / "docs/performance.md"
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
        if {"step", "peers", "growth"} & set(options.only):
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
