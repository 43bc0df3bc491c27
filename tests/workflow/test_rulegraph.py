"""The drawing of the workflow: what Snakemake says, counted and placed the same way each time."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from fmstudy import report, rulegraph
from fmstudy.runtime import StudyError

DOT = r"""digraph snakemake_dag {
    graph[bgcolor=white, margin=0];
	0[label = "everything", color = "0.59 0.6 0.85", style="rounded"];
	1[label = "render_report", color = "0.1 0.6 0.85", style="rounded,dashed"];
	2[label = "plot_curves\nmodel: A", color = "0.1 0.6 0.85", style="rounded"];
	3[label = "plot_curves\nmodel: B", color = "0.1 0.6 0.85", style="rounded"];
	4[label = "train_keras\nrun: a\nseed: 1", color = "0.1 0.6 0.85", style="rounded"];
	5[label = "prepare_dataset", color = "0.1 0.6 0.85", style="rounded"];
	6[label = "run_experiment\nseed: 1", color = "0.1 0.6 0.85", style="rounded"];
	7[label = "collect_experiment", color = "0.1 0.6 0.85", style="rounded"];
	8[label = "run_experiment\nseed: 2", color = "0.1 0.6 0.85", style="rounded"];
	1 -> 0
	2 -> 1
	3 -> 1
	4 -> 2
	4 -> 3
	5 -> 4
	5 -> 2
	5 -> 6
	6 -> 7
	7 -> 8
	7 -> 1
}
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def graph() -> rulegraph.Graph:
    return rulegraph.parse(DOT, "everything")


def shuffled(dot: str) -> str:
    """The same graph with its jobs numbered and ordered otherwise."""
    lines = re.sub(r"^\t(\d)", lambda m: f"\t{9 - int(m[1])}", dot, flags=re.MULTILINE)
    lines = re.sub(r"-> (\d)", lambda m: f"-> {9 - int(m[1])}", lines).splitlines()
    return "\n".join([*lines[:2], *reversed(lines[2:-1]), lines[-1]])


def test_jobs_are_counted_by_rule_and_the_target_is_none(graph):
    assert graph.jobs == {
        "collect_experiment": 1,
        "plot_curves": 2,
        "prepare_dataset": 1,
        "render_report": 1,
        "run_experiment": 2,
        "train_keras": 1,
    }
    assert graph.needs["plot_curves"] == ("prepare_dataset", "train_keras")
    assert graph.needs["run_experiment"] == ("collect_experiment", "prepare_dataset")


def test_the_table_has_the_rules_in_the_order_of_the_stages(graph):
    rows = list(csv.DictReader(io.StringIO(rulegraph.table(graph))))
    assert [row["stage"] for row in rows] == [
        *("Data", "Trainings", "Trainings", "Tables", "Figures", "Report")
    ]
    assert rows[2] == {
        "stage": "Trainings",
        "rule": "train_keras",
        "jobs": "1",
        "needs": "prepare_dataset",
    }


def test_a_rule_with_a_verb_of_its_own_has_a_place_too():
    graph = rulegraph.parse(DOT.replace("collect_experiment", "weigh_things"), "everything")
    assert "weigh_things" in rulegraph.table(graph)
    assert "weigh_things" in rulegraph.draw(graph)


def test_lines_that_longer_ways_say_are_left_out_and_rings_are_kept(graph):
    edges = rulegraph.needed_edges(graph)
    assert ("prepare_dataset", "plot_curves") not in edges
    assert ("prepare_dataset", "train_keras") in edges
    assert {("run_experiment", "collect_experiment"), ("collect_experiment", "run_experiment")} <= (
        set(edges)
    )


def test_the_drawing_depends_on_the_graph_only(graph):
    again = rulegraph.parse(shuffled(DOT), "everything")
    assert again == graph
    assert rulegraph.draw(again) == rulegraph.draw(graph)
    assert rulegraph.table(again) == rulegraph.table(graph)


def test_the_drawing_may_stand_in_the_page_and_can_be_themed(graph, tmp_path: Path):
    path = tmp_path / "workflow.svg"
    path.write_text(rulegraph.draw(graph), encoding="utf-8")
    path.with_suffix(".csv").write_text(rulegraph.table(graph), encoding="utf-8")
    figure = report.read_figure(path)
    assert figure.title == "6 rules make the 8 jobs of the study"
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    assert root.attrib["role"] == "img"
    words = {e.get("id"): e.text for e in root if e.get("id")}
    named = [words[name] for name in root.get("aria-labelledby", "").split()]
    assert named == [figure.title, figure.description]
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    for element in root.iter():
        assert "style" not in element.attrib
        for color in (element.get("fill"), element.get("stroke")):
            assert color is None or color == "none" or re.fullmatch("#[0-9a-f]{6}", color)
        if element.tag == f"{SVG}rect":
            x, y, wide, high = (float(element.attrib[k]) for k in ("x", "y", "width", "height"))
            assert x >= 0
            assert y >= 0
            assert x + wide <= width
            assert y + high <= height


def test_every_rule_has_a_box_with_its_number_of_jobs_and_boxes_are_apart(graph):
    root = ET.fromstring(rulegraph.draw(graph))
    words = [element.text for element in root.iter(f"{SVG}text")]
    for rule, jobs in graph.jobs.items():
        assert words[words.index(rule) + 1] == str(jobs)
    boxes = {(e.attrib["x"], e.attrib["y"]) for e in root.iter(f"{SVG}rect")}
    assert len(boxes) == len(graph.jobs)


def test_a_snakemake_that_fails_is_quoted(tmp_path: Path):
    (tmp_path / "Snakefile").write_text("raise ValueError('no such study')\n", encoding="utf-8")
    with pytest.raises(StudyError, match="no such study"):
        rulegraph.read(tmp_path / "Snakefile", {"seeds": [1]}, "report")


def test_the_whole_configuration_reaches_the_planning(tmp_path: Path):
    (tmp_path / "Snakefile").write_text(
        "rule everything:\n"
        "    input: expand('out/{x}', x=config['names'])\n"
        "rule make_one:\n"
        "    output: 'out/{x}'\n"
        "    shell: 'touch {output}'\n",
        encoding="utf-8",
    )
    graph = rulegraph.read(tmp_path / "Snakefile", {"names": ("a", "b: [", "c")}, "everything")
    assert graph.jobs == {"make_one": 3}
