"""The graph of the rules: asked of Snakemake, counted, and drawn by stages of the study.

The drawing has a column for each stage, in the order in which one reads, and places itself by plain
arithmetic: no program for graphs is needed, and the same rules give the same bytes everywhere.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fmstudy.colors import FAINT, HUES, INK
from fmstudy.runtime import StudyError
from fmstudy.svg import FAMILY
from fmstudy.svgclean import SVG

# Stages by the verbs that rules begin with; any other verb belongs to OTHERS.
STAGES = {
    "Data": ("fetch", "prepare", "find"),
    "Trainings": ("train", "run"),
    "Tables": ("collect",),
    "Statistics": ("check", "compare", "estimate", "judge", "measure"),
    "Figures": ("plot",),
    "Report": ("draw", "export", "render", "pack"),
}
OTHERS, LAST = "Statistics", "Report"

COLORS = {"train_lowlevel": HUES[0], "train_keras": HUES[1], "run_experiment": HUES[2]}
LINE, PAPER = "#b9bec5", "#ffffff"
HEIGHT, STEP, TOP, GAP, CHARACTER = 18.0, 23.0, 26.0, 46.0, 6.1  # pixels
SWEEPS = 8  # how often the order in the columns is improved

_NODE = re.compile(r'^\s*(\d+)\s*\[\s*label = "([^"]*)"', re.MULTILINE)
_EDGE = re.compile(r"^\s*(\d+) -> (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Graph:
    """Rules with their numbers of jobs, and which rule's results another needs directly."""

    jobs: dict[str, int]
    needs: dict[str, tuple[str, ...]]

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Pairs (needed, needing), sorted."""
        return sorted((one, rule) for rule, needed in self.needs.items() for one in needed)


# -------------------------------------------------------------------------- asked of Snakemake
def read(snakefile: str | Path, config: Mapping[str, Any], target: str) -> Graph:
    """Ask Snakemake for the jobs of a target rule under a whole configuration.

    The second Snakemake only plans: it takes no lock and runs nothing, so it may be started by a
    job of the first.  Raises StudyError with its message if it fails.
    """
    with tempfile.TemporaryDirectory() as directory:
        settings = Path(directory, "config.yaml")
        settings.write_text(yaml.safe_dump(_plain(config), sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", target, "--snakefile", str(snakefile)]
        command += ["--dag", "dot", "--nolock", "--ignore-incomplete", "--profile", "none"]
        command += ["--configfile", str(settings)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise StudyError(f"Snakemake cannot plan {target}, to draw the workflow:\n{said}")
    return parse(done.stdout, target)


def _plain(config: Any) -> Any:
    """The configuration in types that YAML knows."""
    if isinstance(config, Mapping):
        return {key: _plain(value) for key, value in config.items()}
    return [_plain(value) for value in config] if isinstance(config, list | tuple) else config


def parse(dot: str, target: str) -> Graph:
    """Read Snakemake's graph of jobs; the target itself, which makes nothing, is left out."""
    rule_of = {number: label.split("\\n")[0] for number, label in _NODE.findall(dot)}
    jobs = Counter(rule for rule in rule_of.values() if rule != target)
    needs: dict[str, set[str]] = {rule: set() for rule in jobs}
    for needed, needing in _EDGE.findall(dot):
        one, other = rule_of[needed], rule_of[needing]
        if one != other and target not in (one, other):
            needs[other].add(one)
    return Graph(
        {rule: jobs[rule] for rule in sorted(jobs)},
        {rule: tuple(sorted(needs[rule])) for rule in sorted(jobs)},
    )


# -------------------------------------------------------------------------------- the table
def stage_of(rule: str) -> str:
    """Give the stage of a rule by its verb."""
    verb = rule.partition("_")[0]
    return next((stage for stage, verbs in STAGES.items() if verb in verbs), OTHERS)


def table(graph: Graph) -> str:
    """Write the rules as CSV: stage, rule, jobs, and the rules whose results it needs."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("stage", "rule", "jobs", "needs"))
    for stage in STAGES:
        for rule in graph.jobs:
            if stage_of(rule) == stage:
                writer.writerow((stage, rule, graph.jobs[rule], " ".join(graph.needs[rule])))
    return file.getvalue()


# ------------------------------------------------------------------------------- the drawing
def columns(graph: Graph) -> dict[str, list[str]]:
    """Put the rules into columns, one a stage, each near the rules that it has to do with."""
    placed = {
        stage: [rule for rule in graph.jobs if stage_of(rule) == stage]
        for stage in STAGES
        if any(stage_of(rule) == stage for rule in graph.jobs)
    }
    beside: dict[str, list[str]] = {rule: [] for rule in graph.jobs}
    for one, other in graph.edges:
        if stage_of(other) != LAST:
            beside[one].append(other)
            beside[other].append(one)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        for stage in list(placed) if forth else reversed(placed):
            height = _heights(placed)
            middle = {
                rule: sum(height[other] for other in beside[rule]) / len(beside[rule])
                if beside[rule]
                else height[rule]
                for rule in placed[stage]
            }
            placed[stage].sort(key=lambda rule: (round(middle[rule], 6), rule))
    return placed


def needed_edges(graph: Graph) -> list[tuple[str, str]]:
    """Give the edges without those that longer ways say already; those into the report stay."""
    after: dict[str, list[str]] = {rule: [] for rule in graph.jobs}
    for one, other in graph.edges:
        after[one].append(other)

    def reached(start: str, avoiding: str) -> set[str]:
        found, waiting = {avoiding}, [start]
        while waiting:
            rule = waiting.pop()
            if rule not in found:
                found.add(rule)
                waiting += after[rule]
        return found - {start, avoiding}

    return [
        (one, other)
        for one, other in graph.edges
        if stage_of(other) == LAST
        or not any(other in reached(between, one) for between in after[one] if between != other)
    ]


def _heights(placed: Mapping[str, list[str]]) -> dict[str, float]:
    """How far down the middle of each rule's box is."""
    most = max(len(rules) for rules in placed.values())
    return {
        rule: TOP + STEP * (place + (most - len(rules)) / 2) + HEIGHT / 2
        for rules in placed.values()
        for place, rule in enumerate(rules)
    }


def title_of(graph: Graph) -> str:
    """Say in a sentence what the graph comes to."""
    return f"{len(graph.jobs)} rules make the {sum(graph.jobs.values())} jobs of the study"


def draw(graph: Graph) -> str:
    """Draw the graph as SVG, with a column for each stage.

    Colors are presentation attributes, so that a page can give them others.
    """
    placed = columns(graph)
    down = _heights(placed)
    left: dict[str, float] = {}
    wide: dict[str, float] = {}
    x = GAP / 2
    for rules in placed.values():
        width = max(CHARACTER * (len(rule) + len(str(graph.jobs[rule]))) for rule in rules) + 26
        left |= dict.fromkeys(rules, x)
        wide |= dict.fromkeys(rules, width)
        x += width + GAP
    most = max(len(rules) for rules in placed.values())
    size = (x - GAP + 5, TOP + STEP * most)

    root = _new(None, "svg", xmlns=SVG, viewBox=f"0 0 {_short(size[0])} {_short(size[1])}")
    root.set("width", _short(size[0]))
    root.set("height", _short(size[1]))
    root.set("role", "img")
    root.set("aria-labelledby", "workflow-title workflow-desc")
    _new(root, "title", id="workflow-title").text = title_of(graph)
    _new(root, "desc", id="workflow-desc").text = (
        "From left to right, a column for each stage; a box is a rule with its number of jobs, and "
        "a line leads from a rule to one that needs its results. Lines from the trainings are "
        "colored. A dot marks a rule whose results the report takes directly."
    )
    group = _new(root, "g", font_family=FAMILY, font_size="10", fill=INK)
    lines = _new(group, "g", fill="none", stroke_width="1")
    into_report = set()
    for one, other in needed_edges(graph):
        if stage_of(other) == LAST and stage_of(one) != LAST:
            into_report.add(one)
            continue
        path, back = _line(one, other, left, wide, down)
        line = _new(lines, "path", d=path, stroke=COLORS.get(one, LINE))
        if back:
            line.set("stroke-dasharray", "3 2")
    for stage, rules in placed.items():
        count = sum(graph.jobs[rule] for rule in rules)
        head = _new(group, "text", x=_short(left[rules[0]]), y="12", font_weight="bold")
        head.text = f"{stage}: {count} job{'' if count == 1 else 's'}"
        for rule in rules:
            _box(group, rule, graph.jobs[rule], (left[rule], down[rule], wide[rule]))
    for rule in sorted(into_report):
        _new(group, "circle", cx=_short(left[rule] + wide[rule]), cy=_short(down[rule]), r="2.5")
    return ET.tostring(root, encoding="unicode") + "\n"


def _line(
    one: str,
    other: str,
    left: Mapping[str, float],
    wide: Mapping[str, float],
    down: Mapping[str, float],
) -> tuple[str, bool]:
    """The path from a rule to one that needs it, and whether it goes against the reading."""
    start, end = left[one] + wide[one], left[other]
    if left[one] < left[other]:
        reach = max(GAP * 0.6, (end - start) * 0.4)
        bends, back = (start + reach, end - reach), False
    elif left[one] == left[other]:
        start = end
        bends, back = (start - GAP * 0.5, start - GAP * 0.5), True
    else:
        start, end = left[one], left[other] + wide[other]
        bends, back = (start - GAP * 0.6, end + GAP * 0.6), True
    first, last = f"{_short(start)} {_short(down[one])}", f"{_short(end)} {_short(down[other])}"
    return (
        f"M{first}C{_short(bends[0])} {_short(down[one])} "
        f"{_short(bends[1])} {_short(down[other])} {last}"
    ), back


def _box(parent: ET.Element, rule: str, jobs: int, place: tuple[float, float, float]) -> None:
    """A rule's box with its name and, on the right, its number of jobs."""
    x, middle, width = place
    stroke = COLORS.get(rule, LINE)
    top = _short(middle - HEIGHT / 2)
    box = {"x": _short(x), "y": top, "width": _short(width), "height": _short(HEIGHT), "rx": "3"}
    _new(parent, "rect", **box, fill=PAPER, stroke=stroke)
    y = _short(middle + 3.5)
    _new(parent, "text", x=_short(x + 6), y=y).text = rule
    number = _new(parent, "text", x=_short(x + width - 8), y=y, text_anchor="end", fill=FAINT)
    number.text = str(jobs)


def _new(parent: ET.Element | None, tag: str, **attributes: str) -> ET.Element:
    plain = {key if key == "viewBox" else key.replace("_", "-"): v for key, v in attributes.items()}
    return ET.Element(tag, plain) if parent is None else ET.SubElement(parent, tag, plain)


def _short(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
