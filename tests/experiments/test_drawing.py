"""Every figure of the experiments: readable, repeatable, honest about seeds and divergence."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from fixtures import REPOSITORY, svgcheck
from fixtures.experiments import BLUE, drawn, table
from fixtures.svgcheck import check_words

from fmstudy.experiments import drawing
from fmstudy.figures import svg
from fmstudy.study.experiments import DRAWN_BY

pytestmark = pytest.mark.usefixtures("coarse")


def test_every_experiment_that_is_drawn_is_tested():
    assert all(len(table(name)) for name in DRAWN_BY)


def test_figures_need_no_tensorflow():
    imports = ", ".join(f"fmstudy.{module}" for module in DRAWN_BY.values())
    code = f"import sys, {imports}; sys.exit('tensorflow' in sys.modules)"
    folder = REPOSITORY / "scripts"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)


@pytest.mark.parametrize("experiment", DRAWN_BY)
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_figure_is_described_in_few_words(experiment: str, seeds: int, tmp_path: Path):
    drawing = drawn(experiment, table(experiment, seeds))
    check_words(drawing.title, drawing.description)
    svg.save(drawing, tmp_path / "figure.svg")


@pytest.mark.parametrize("experiment", DRAWN_BY)
def test_every_figure_has_values_can_be_read_and_has_the_same_bytes_again(
    experiment: str, tmp_path: Path
):
    root = svgcheck.saved(drawn(experiment), tmp_path / "figure.svg")
    assert not svgcheck.unreadable(root)
    shown = pd.read_csv(tmp_path / "figure.csv", dtype={"series": str})
    marked = {
        (look["data-panel"], element.get("data-series"))
        for element, look in svgcheck.looked(root)
        if element.get("class") == "series"
    }
    assert marked
    assert marked <= set(zip(shown["panel"], shown["series"], strict=True))
    panels = [g.get("data-panel") for g in root.iter() if g.get("class") == "panel"]
    assert len(panels) == len(set(panels))
    svg.save(drawn(experiment), tmp_path / "again" / "figure.svg")
    first, second = ((tmp_path / name).read_bytes() for name in ("figure.svg", "again/figure.svg"))
    assert first == second


@pytest.mark.parametrize("experiment", DRAWN_BY)
def test_one_activation_or_one_arm_is_enough(experiment: str, tmp_path: Path):
    given = table(experiment)
    for column in {"activation", "arm", "case"} & set(given.columns):
        for value in given[column].dropna().unique():
            drawing = drawn(experiment, given[given[column] == value])
            svg.save(drawing, tmp_path / "figure.svg")


@pytest.mark.parametrize(
    "experiment", ["learning-rate", "batch-size", "init", "noisy", "placement", "depth"]
)
@pytest.mark.parametrize("seeds", [[2], [1, 2]])
def test_diverged_trainings_break_nothing_and_are_crossed_out(
    experiment: str, seeds: list[int], tmp_path: Path
):
    given = table(experiment)
    lost = (given["arm"] != "plain") & given["seed"].isin(seeds)
    given.loc[lost & (given["measure"] == "finished"), "value"] = 0.0
    kept = given["measure"].isin(["finished", "gradient_norm"])
    drawing = drawn(experiment, given[~lost | kept])
    check_words(drawing.title, drawing.description)
    crosses = [each for axes in drawing.figure.axes for each in axes.lines
               if each.get_marker() == "x" and each.get_color() != BLUE]  # fmt: skip
    assert crosses
    assert {each.get_alpha() for each in crosses} == {1.0 if len(seeds) == 2 else 0.45}
    svg.save(drawing, tmp_path / "figure.svg")


@pytest.mark.parametrize("experiment", ["curves", "dropout"])
def test_a_training_that_ended_early_is_said_to_have_diverged(experiment: str):
    given = table(experiment)
    over = "epoch" if "epoch" in given else "step"
    plain = given["arm"].str.endswith("plain")
    drawing = drawn(experiment, given[~(plain & (given[over] == given[over].max()))])
    assert "plain diverged" in [text.get_text() for text in drawing.figure.axes[0].texts]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.9, 110.0, [1.0, 10.0, 100.0]),
        (1e-18, 2.0, [1e-18, 1e-14, 1e-10, 1e-6, 1e-2]),
        (2.5, 8.0, [3.0, 4.0, 5.0, 7.0]),
    ],
)
def test_logarithmic_axes_have_a_few_round_ticks(low: float, high: float, ticks: list[float]):
    assert drawing.log_ticks(low, high) == pytest.approx(ticks)
