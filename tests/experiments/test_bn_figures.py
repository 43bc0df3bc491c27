"""The figures of the experiments on batch normalization: they draw and say what the table holds."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures import REPOSITORY, svgcheck
from fixtures.experiments import SETTINGS, drawn, table
from matplotlib.axes import Axes

from fmstudy.experiments import figures
from fmstudy.experiments.quantities import steps_to
from fmstudy.figures import svg

pytestmark = pytest.mark.usefixtures("coarse")


def line(axes: Axes, hue: str, width: float = 1.8) -> tuple[list[float], list[float]]:
    """The places and heights of the strong line of a hue."""
    [found] = [
        each
        for each in axes.lines
        if each.get_color() == hue
        and each.get_linewidth() == width
        and len(np.asarray(each.get_xdata())) > 1
    ]
    return list(np.asarray(found.get_xdata())), list(np.asarray(found.get_ydata()))


EXPERIMENTS = [*figures._TIMED, *figures._UNTIMED]
BLUE, ORANGE = figures.HUE["plain"], figures.HUE["bn"]


def test_every_experiment_that_is_drawn_is_tested():
    assert all(len(table(name)) for name in EXPERIMENTS)


def test_figures_need_no_tensorflow():
    code = "import sys; import fmstudy.experiments.figures; sys.exit('tensorflow' in sys.modules)"
    folder = REPOSITORY / "scripts"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_figure_says_of_how_many_seeds_it_is(experiment: str, seeds: int, tmp_path: Path):
    drawing = drawn(experiment, table(experiment, seeds))
    assert ("1 seed" if seeds == 1 else "mean of 3 seeds") in drawing.title
    assert ("single seeds" in drawing.description) == (seeds > 1)
    assert "nan" not in drawing.title
    svg.save(drawing, tmp_path / "figure.svg")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
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


def test_values_of_an_experiment_are_named_by_panel_and_arm(tmp_path: Path):
    svg.save(drawn("curves"), tmp_path / "figure.svg")
    shown = pd.read_csv(tmp_path / "figure.csv")
    epochs = shown[shown["panel"] == "B: loss against epochs, nats"]
    means = epochs[epochs["series"] == "plain"]
    assert list(means["x"]) == [0, 1, 2, 3]
    assert list(means["y"]) == pytest.approx([2.0, 1.405, 0.905, 0.405])
    assert {"batch norm, train", "plain seed 2"} <= set(epochs["series"])


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_one_activation_or_one_arm_is_enough(experiment: str, tmp_path: Path):
    given = table(experiment)
    for column in {"activation", "arm", "case"} & set(given.columns):
        for value in given[column].dropna().unique():
            drawing = drawn(experiment, given[given[column] == value])
            assert "nan" not in drawing.title
            svg.save(drawing, tmp_path / "figure.svg")


@pytest.mark.parametrize(
    "experiment", ["learning-rate", "batch-size", "init", "placement", "depth"]
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
    assert "nan" not in drawing.title
    assert "Crosses" in drawing.description
    crosses = [each for axes in drawing.figure.axes for each in axes.lines
               if each.get_marker() == "x" and each.get_color() != BLUE]  # fmt: skip
    assert crosses
    assert {each.get_alpha() for each in crosses} == {1.0 if len(seeds) == 2 else 0.45}
    svg.save(drawing, tmp_path / "figure.svg")


@pytest.mark.parametrize("experiment", ["curves", "noisy", "dropout"])
def test_a_training_that_ended_early_is_not_among_the_final_values(experiment: str):
    given = table(experiment)
    over = "epoch" if "epoch" in given else "step"
    plain = given["arm"].str.endswith("plain")
    drawing = drawn(experiment, given[~(plain & (given[over] == given[over].max()))])
    assert "nan" not in drawing.title
    assert "diverged" in drawing.title


# ----------------------------------------------------------------------------- what each shows
def test_curves_are_means_over_epochs_and_over_seconds():
    drawing = drawn("curves")
    above, below = drawing.figure.axes
    epochs, losses = line(above, BLUE)
    assert epochs == [0, 1, 2, 3]
    assert losses == pytest.approx([2.0, 1.405, 0.905, 0.405])
    seconds, losses = line(below, ORANGE)
    assert seconds == pytest.approx([0, 20, 40, 60])
    assert losses == pytest.approx([2.0, 1.305, 0.805, 0.305])
    assert "0.405 (plain) and 0.305 (batch norm), in seconds 30 (plain) and 60" in drawing.title
    untimed = figures.draw("curves", table("curves"), SETTINGS)
    assert len(untimed.figure.axes) == 1
    assert "seconds" not in untimed.title


def test_usable_rates_are_counted_in_decades():
    drawing = drawn("learning-rate")
    above, strip = drawing.figure.axes
    assert line(above, BLUE)[1] == pytest.approx([0.5, 0.82, 0.81])
    assert line(above, ORANGE)[1] == pytest.approx([0.81, 0.85, 0.83, 0.805])
    assert "ReLU with SGD 1.0 (plain) and 3.0 (batch norm)" in drawing.title
    bars = {(tuple(each.get_xdata()), each.get_alpha()) for each in strip.lines
            if each.get_linewidth() == 5}  # fmt: skip
    assert ((0.1, 1.0), None) in bars
    assert ((0.01, 10.0), None) in bars
    [cross] = [each for each in strip.lines if each.get_marker() == "x"]
    assert list(cross.get_xdata()) == [10.0]


def test_bars_are_pale_where_only_some_seeds_are_usable():
    given = table("learning-rate")
    worse = (given["seed"] == 2) & (given["rate"] == 10.0) & (given["arm"] == "bn")
    given.loc[worse & (given["measure"] == "validation_accuracy"), "value"] = 0.1
    drawing = drawn("learning-rate", given)
    bars = {(tuple(each.get_xdata()), each.get_alpha()) for each in drawing.figure.axes[1].lines}
    assert ((0.01, 10.0), 0.3) in bars
    assert ((0.01, 1.0), None) in bars
    assert "2.5 (batch norm)" in drawing.title


def test_a_net_without_usable_rates_has_no_decades():
    given = table("learning-rate")
    given.loc[given["measure"] == "validation_accuracy", "value"] = 0.1
    assert "none (plain) and none (batch norm)" in drawn("learning-rate", given).title


def test_speed_says_steps_and_seconds_to_the_highest_level_that_all_reach():
    drawing = drawn("speed")
    assert "Sigmoid to 80.0\N{NO-BREAK SPACE}% 200 (plain, 2 seconds) and 100" in drawing.title
    assert "(batch norm, 2 seconds)" in drawing.title
    dots = {(round(each.get_xdata()[0], 6), float(each.get_ydata()[0]))
            for each in drawing.figure.axes[0].lines if each.get_marker() == "o"}  # fmt: skip
    assert dots == {(200.0, 0.8), (100.0, 0.8), (200.0, 0.85)}
    assert steps_to(table("speed").query("arm == 'plain'"), 0.85)[1] == math.inf


def test_a_level_that_one_seed_does_not_reach_has_no_steps():
    given = table("speed")
    late = (given["arm"] == "plain") & (given["seed"] == 2) & (given["step"] > 100)
    title = drawn("speed", given[~late]).title
    assert "to 85.0 % not with every seed (plain) and 200 (batch norm" in title


def test_batch_sizes_at_which_it_is_better_are_named():
    drawing = drawn("batch-size")
    left, right = drawing.figure.axes
    sizes, accuracies = line(left, ORANGE)
    assert sizes == [2, 60]
    assert accuracies == pytest.approx([0.2, 0.805])
    assert len({text.get_text() for text in right.texts}) == 3
    assert "batch norm is higher of 2 sizes at 60 (" in drawing.title


def test_moving_statistics_are_held_against_exact_ones():
    drawing = drawn("evaluation")
    assert "after one epoch (187 steps) +0.250 (momentum 0.99)" in drawing.title
    assert "full-batch steps −0.125 (momentum 0.99)" in drawing.title


def test_percentiles_are_of_the_last_hidden_layer_and_the_first_seed():
    drawing = drawn("shift")
    first, second, cosine, drift = drawing.figure.axes[:4]
    assert line(first, BLUE)[1] == [250.0] * 3
    assert line(second, ORANGE)[1] == [250.0] * 3
    assert line(cosine, ORANGE)[1] == [0.75] * 3
    assert line(drift, BLUE)[1] == pytest.approx([2.0] * 2)
    assert "ReLU 0.50 and 2.00 (plain) against 0.75 and 0.50 (batch norm)" in drawing.title


def test_the_landscape_is_compared_by_ratios():
    title = drawn("shift-landscape").title
    assert "0.50 times the range of loss (0.25 scaled)" in title
    assert "3.00 times the change of gradient (1.50 scaled)" in title


def test_gamma_and_beta_are_compared_with_deviation_and_mean():
    drawing = drawn("gamma-beta")
    # |gamma - deviation| / deviation: 1/2, 1/4, 1/2; |beta - mean| / deviation: 1/2 everywhere
    assert "differs from the deviation by 41.7\N{NO-BREAK SPACE}% of it" in drawing.title
    assert "by 0.50 deviations" in drawing.title
    assert "70.0\N{NO-BREAK SPACE}% (gamma, beta)" in drawing.title
    dots = [each for each in drawing.figure.axes[0].lines if each.get_marker() == "o"]
    assert [list(each.get_xdata()) for each in dots] == [[2.0, 2.0], [2.0]]  # a line a layer


def test_gradients_grow_or_shrink_by_a_factor_a_layer():
    drawing = drawn("depth")
    assert "Sigmoid gradients 0.50 (plain) and 2.00 (batch norm)" in drawing.title
    assert "of 4 layers 60.0" in drawing.title
    assert line(drawing.figure.axes[0], ORANGE)[1] == pytest.approx([8, 4, 2, 1])
    heights = line(drawing.figure.axes[0], BLUE)[1]
    assert math.isnan(heights[0])  # a zero has no place on a logarithmic axis
    assert heights[1:] == pytest.approx([0.25, 0.5, 1.0])


def test_losses_over_initial_deviations_are_told_at_the_usual_rate():
    drawing = drawn("init")
    assert "at rate 0.1: Sigmoid 2.000 to 2.000 (plain, diverged at 1)" in drawing.title
    assert "0.500 to 0.750 (batch norm)" in drawing.title
    assert len(drawing.figure.axes) == 4  # two activations, two rates


def test_placements_are_compared_at_their_best_rates():
    title = drawn("placement").title
    assert "ReLU 85.0\N{NO-BREAK SPACE}% before (at 1) and 86.0" in title


def test_a_placement_is_named_though_its_last_rate_diverged():
    given = table("placement")
    given.loc[(given["arm"] == "after") & (given["rate"] == 1.0), "value"] = math.nan
    panels = drawn("placement", given).figure.axes
    assert panels
    for axes in panels:
        assert {"before", "after"} <= {text.get_text() for text in axes.texts}


def test_noise_stands_beside_the_others():
    given = table("noisy")
    noisy = given[given["arm"] == "bn"].assign(arm="noisy")
    noisy.loc[noisy["measure"] == "validation_loss", "value"] += 0.25
    title = drawn("noisy", pd.concat([given, noisy])).title
    assert "0.665 (plain), 0.635 (batch norm) and 0.885 (noisy batch norm)" in title


def test_arms_with_keras_are_ranked_by_their_loss():
    title = drawn("dropout").title
    assert title.index("batch norm 0.305") < title.index("plain 0.405")


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.9, 110.0, [1.0, 10.0, 100.0]),
        (1e-18, 2.0, [1e-18, 1e-14, 1e-10, 1e-6, 1e-2]),
        (2.5, 8.0, [3.0, 4.0, 5.0, 7.0]),
    ],
)
def test_logarithmic_axes_have_a_few_round_ticks(low: float, high: float, ticks: list[float]):
    assert figures._log_ticks(low, high) == pytest.approx(ticks)


def test_the_picture_of_the_nets_shows_both(tmp_path: Path):
    drawing = figures.network_picture()
    left, right = drawing.figure.axes
    texts = [{text.get_text() for text in axes.texts} for axes in (left, right)]
    assert "+ b" in texts[0] - texts[1]
    assert any("β" in text for text in texts[1] - texts[0])
    root = svgcheck.saved(drawing, tmp_path / "net.svg")
    assert not svgcheck.unreadable(root)
    assert "without batch normalization,step 2,,+ b" in (tmp_path / "net.csv").read_text("utf-8")
