"""What is measured of the workflow, in copies of the repository in a temporary directory."""

from __future__ import annotations

import csv
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from fixtures import REPOSITORY
from fixtures.workflow import TINY, TINY_CLAIMS, copy_repository

from benchmarks.rounds import NotMeasured, Row, Say, spread
from fmstudy import runtime

ITS_OWN = 8  # trainings that the tiny study needs beside those of its sweep over delta
BUDGET = 1.25, 60.0  # times the bound, and seconds: what the study's wall time may be


class Taken(NamedTuple):
    """Seconds by the clock, and of the processor, of a command; and what it printed."""

    seconds: float
    cpu_seconds: float
    printed: str


class Copy:
    """A copy of what a clone of the repository holds."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        copy_repository(directory)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Put a configuration in the place of the default one."""
        text = yaml.safe_dump(dict(config), sort_keys=False)
        (self.directory / "config/config.yaml").write_text(text, encoding="utf-8")

    def become_tiny(self, **values: Any) -> None:
        """Become the tests' tiny study, with data from the default study's sources."""
        content = yaml.safe_load(TINY.read_text(encoding="utf-8"))
        study = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
        content["data"]["sources"] = study["data"]["sources"]
        content["sweeps"]["l2"] |= values
        self.configure(content)
        shutil.copy(TINY_CLAIMS, self.directory / "config/claims.yaml")

    def run(self, *command: str) -> Taken:
        """Run a command here. Raises NotMeasured, with its last words, if it fails."""
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            command, cwd=self.directory, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        printed = done.stdout + done.stderr
        if done.returncode:
            words = " ".join(printed.split())[-300:]
            raise NotMeasured(f"{' '.join(command[-4:])} ended with {done.returncode}: ... {words}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Taken(seconds, cpu, printed)

    def snakemake(self, *arguments: str) -> Taken:
        """Run Snakemake here."""
        return self.run(sys.executable, "-m", "snakemake", *arguments)


@contextmanager
def copied() -> Iterator[Copy]:
    """A copy that is removed in the end."""
    with tempfile.TemporaryDirectory(prefix="fmstudy-bench-") as directory:
        yield Copy(Path(directory) / "study")


# ------------------------------------------------------------------------------------ turnaround
def _row(what: str, taken: Sequence[Taken], target: str = "") -> Row:
    row = {"what": what} | spread("seconds", [one.seconds for one in taken])
    row["cpu_seconds"] = statistics.median(one.cpu_seconds for one in taken)
    return row | {"target": target, "note": ""}


def measure_turnaround(quick: bool, cores: int, repeats: int, say: Say) -> list[Row]:
    """How long a person waits: a study from nothing, nothing to do, a look, an edit.

    The study is the quick one, or with `quick` the tests' tiny one.
    """
    at = ("--cores", str(cores))
    imports = {
        "start of a training job: its imports": "engines import full_batch, keras_models",
        "start of another job: its imports": "analysis import tables",
    }
    with copied() as copy:
        if quick:
            copy.become_tiny()
            study, target = "tiny", ""
            chosen: tuple[str, ...] = ()
        else:
            study, target = "quick", "120"
            chosen = ("--configfile", "config/quick.yaml")
        say(f"the {study} study from nothing")
        copy.snakemake(*at, "data")
        rows = [_row(f"the {study} study from its data", [copy.snakemake(*at, *chosen)], target)]
        looks = {
            "a run when all is up to date": ((*at, *chosen), "3"),
            "a dry run": (("--dry-run", *chosen), ""),
            "drawing the graph (--dag)": (("report", "--dag", *chosen), "3"),
        }
        for what, (arguments, wanted) in looks.items():
            say(what)
            taken = [copy.snakemake(*arguments) for _ in range(repeats)]
            rows.append(_row(what, taken, wanted))
        for what, edit, wanted in (
            ("a change of the report's text", _edit_text, "20"),
            ("a changed delta, but for its training", _edit_delta, "30"),
        ):
            say(what)
            edit(copy)
            before = set(copy.directory.glob("results/**/provenance.json"))
            one = copy.snakemake(*at, *chosen)
            made = set(copy.directory.glob("results/**/runs/**/provenance.json")) - before
            one = one._replace(seconds=one.seconds - _seconds_of(made))
            rows.append(_row(what, [one], wanted))
        for what, modules in imports.items():
            say(what)
            code = f"import sys; sys.path.insert(0, 'scripts'); from fmstudy.{modules}"
            taken = [copy.run(sys.executable, "-c", code) for _ in range(repeats)]
            rows.append(_row(what, taken))
    return rows


def _seconds_of(provenances: set[Path]) -> float:
    """What trainings took, which a person would have to wait for in any case."""
    records = [runtime.read_json(path)["seconds"] for path in provenances]
    return sum(seconds["training"] + seconds["evaluation"] for seconds in records)


def _edit_text(copy: Copy) -> None:
    path = copy.directory / "report/text/lessons.md"
    with open(path, "a", encoding="utf-8") as file:
        file.write("\nOne more sentence.\n")


def _edit_delta(copy: Copy) -> None:
    path = copy.directory / "config/config.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["models"]["B-L2"]["delta"] = 0.002
    copy.configure(config)


# ------------------------------------------------------------------------------------- the graph
def measure_graph(sizes: Sequence[int], say: Say) -> list[Row]:
    """How long Snakemake takes for a study of so many trainings, of which it has to run none."""
    rows = []
    for size in sizes:
        with copied() as copy:
            try:
                rows.append(_graph_row(copy, size, say))
            except NotMeasured as reason:
                rows.append({"trainings": size, "note": str(reason)})
    return rows


def give_trainings(copy: Copy, count: int) -> None:
    """Become the tiny study with so many trainings: its sweep over delta is as long as needed."""
    copy.become_tiny(values=[(n + 1) / 1000 for n in range(max(2, count - ITS_OWN))])


def _graph_row(copy: Copy, size: int, say: Say) -> Row:
    give_trainings(copy, size)
    copy.snakemake("--cores", "1", "data")
    row: Row = {"note": ""}
    for name, arguments in (
        ("parse", ("--list-target-rules",)),
        ("dry_run", ("report", "--dry-run", "--quiet", "rules")),
        ("dag", ("report", "--dag")),
    ):
        say(f"{size} trainings: {name.replace('_', ' ')}")
        taken = copy.snakemake(*arguments)
        row |= {name: taken.seconds, f"{name}_core": taken.cpu_seconds}
        if name == "dry_run":
            jobs = jobs_of(taken.printed)
            row["jobs"] = jobs.get("total")
            row["trainings"] = sum(n for rule, n in jobs.items() if rule.startswith("train_"))
    say(f"{size} trainings: nothing to do, on made-up results")
    make_up(copy)
    copy.snakemake("--cores", "1", "--touch", "--forceall", "report")
    taken = copy.snakemake("--cores", "1", "report")
    if "Nothing to be done" not in taken.printed:
        raise NotMeasured("the made-up results were not taken for finished ones")
    return row | {"no_op": taken.seconds, "no_op_core": taken.cpu_seconds}


def jobs_of(printed: str) -> dict[str, int]:
    """How often each rule would run, and the total, from what a dry run prints (twice)."""
    return {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", printed, re.MULTILINE)}


def make_up(copy: Copy) -> None:
    """Put a small file in the place of everything that the report needs and that is not there."""
    summary = copy.snakemake("report", "--summary").printed
    for line in summary.splitlines():
        name, tab, _ = line.partition("\t")
        path = copy.directory / name
        if tab and name != "output_file" and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("made up\n", encoding="utf-8")


# ------------------------------------------------------------------------------------- the bound
def bound_rows(cost: Path, rate: Callable[[], float], cores: int) -> list[Row]:
    """The wall time of a finished study's trainings, and what their arithmetic takes at least.

    cost  its table of costs; rate  gives the product rate of all cores together, in operations a
    second. The time of trainings alone is known, from the start of the first to the end of the
    last; where a study was interrupted, it includes the break.
    """
    if not cost.is_file():
        return [{"what": "the default study", "note": f"not measured: no {cost.name}; make report"}]
    with open(cost, encoding="utf-8") as file:
        trainings = list(csv.DictReader(file))
    if not trainings or "seconds" not in trainings[0]:
        return [{"what": "the default study", "note": f"{cost.name} is not of this version"}]
    seconds = [float(t["seconds"]) for t in trainings]
    parts = ("training_seconds", "evaluation_seconds")
    computing = sum(float(t[part]) for t in trainings for part in parts)
    ends = [_date(t["finished"]) for t in trainings]
    wall = max(ends) - min(end - took for end, took in zip(ends, seconds, strict=True))
    arithmetic, together = sum(float(t["arithmetic"]) for t in trainings), rate()
    bound = arithmetic / together
    rows = (
        ("trainings", len(trainings), ""),
        ("their arithmetic", arithmetic / 1e12, "TFLOP"),
        (f"product rate of {cores} cores", together / 1e9, "GFLOP/s"),
        ("bound: arithmetic by that rate", bound, "s"),
        ("budget of the study: 1.25 bound + 60 s", BUDGET[0] * bound + BUDGET[1], "s"),
        (f"seconds of their jobs by {cores} cores", sum(seconds) / cores, "s"),
        ("the part of training and evaluation", computing / cores, "s"),
        ("first training's start to last one's end", wall, "s"),
        ("the same, by the bound", wall / bound, ""),
    )
    return [{"what": what, "value": value, "unit": unit} for what, value, unit in rows]


def _date(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
