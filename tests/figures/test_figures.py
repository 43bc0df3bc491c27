"""Figures: drawn from results, described in few words, clean enough to stand in a page."""

import csv
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixtures import svgcheck
from fixtures.workflow import append
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image

from fmstudy import runtime
from fmstudy.analysis import results, tables
from fmstudy.figures import axes as drawing_axes
from fmstudy.figures import comparisons, curves, heatmaps, plots, svg
from fmstudy.study.experiments import DRAWN_BY
from fmstudy.study.spec import REFERENCE, section_titles

SVG = "{http://www.w3.org/2000/svg}"


def model(name: str, run: str, engine: str = "lowlevel", seeds: tuple[int, ...] = (1, 2)) -> dict:
    return {
        "name": name,
        "title": f"Model {name} <b> & $x$",
        "section": "part_a",
        "engine": engine,
        "run": run,
        "seeds": list(seeds),
        "spec": REFERENCE[engine].varied(epochs=4, hidden=(3,)).as_dict(),
    }


def leave(directory: Path, run: str, seed: int, splits: tuple[str, ...], stop: int = 4) -> None:
    lines = ["epoch,split,loss,penalty,accuracy"]
    for epoch in range(stop + 1):
        loss = "nan" if stop < 4 and epoch == stop else 2.0 / (1 + epoch) + seed / 100
        lines += [f"{epoch},{split},{loss},0,{0.2 * epoch}" for split in splits]
    runtime.write_text(directory / run / f"seed-{seed}/history.csv", "\n".join([*lines, ""]))


@pytest.fixture
def runs(tmp_path: Path) -> results.Runs:
    for seed in (1, 2):
        leave(tmp_path, "mlp-3", seed, ("train", "test"))
        leave(tmp_path, "keras-mlp-3", seed, ("train", "validation", "test"))
    leave(tmp_path, "bad", 1, ("train", "test"), stop=2)
    return results.Runs(tmp_path)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def saved(drawing: svg.Drawing, path: Path) -> ET.Element:
    """Save a figure whose words and lines can be read on light and on dark paper."""
    root = svgcheck.saved(drawing, path)
    assert not svgcheck.unreadable(root)
    return root


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_curves_are_described_by_what_they_show(runs: results.Runs, tmp_path: Path):
    published = {"A": {"test_accuracy": 0.7}}
    drawing = curves.learning_curves([model("A", "mlp-3")], runs, "Curves of A", published)
    root = saved(drawing, tmp_path / "curves_A.svg")
    assert [root.findtext(f"{SVG}{tag}") for tag in ("title", "desc")] == [
        "Curves of A",
        "Dashed: training; solid: test. Faint: single seeds. Diamonds: published values. Below: "
        "the gap between both.",
    ]
    assert root.get("role") == "img"
    keras = curves.learning_curves([model("K", "keras-mlp-3", "keras")], runs, "K", published)
    assert "solid: validation" in keras.description
    assert "Dots: test data" in keras.description
    assert "published" not in keras.description


def test_a_figure_can_stand_in_a_page_with_others(runs: results.Runs, tmp_path: Path):
    """Only referenced ids are left, under the figure's name; no style sheet, date or version."""
    drawing = curves.learning_curves([model("A", "mlp-3"), model("B", "mlp-3")], runs, "")
    root = saved(drawing, tmp_path / "compare_x.svg")
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert ids
    assert all(str(name).startswith("compare_x-") for name in ids)
    assert len(ids) == len(set(ids))
    text = (tmp_path / "compare_x.svg").read_text(encoding="utf-8")
    for reference in [part.split(")")[0] for part in text.split("url(#")[1:]]:
        assert reference in ids
    assert not root.findall(f".//{SVG}style")
    assert not root.findall(f".//{SVG}metadata")
    assert "<b>" not in text
    assert "matplotlib" not in text.lower()


def test_the_same_results_give_the_same_bytes(runs: results.Runs, tmp_path: Path):
    for name in ("first", "second"):
        drawing = curves.learning_curves([model("A", "mlp-3")], runs, "")
        svg.save(drawing, tmp_path / name / "curves_A.svg")
    first, second = (
        (tmp_path / name / "curves_A.svg").read_bytes() for name in ("first", "second")
    )
    assert first == second


def test_curves_leave_their_values_by_series(runs: results.Runs, tmp_path: Path):
    drawing = curves.learning_curves([model("A", "mlp-3")], runs, "", {"A": {"test_accuracy": 0.7}})
    root = saved(drawing, tmp_path / "curves_A.svg")
    rows = table(tmp_path / "curves_A.csv")
    names = {"train", "test", "train seed 1", "train seed 2", "test seed 1", "test seed 2"}
    assert {row["series"] for row in rows if row["panel"] == "Accuracy"} == {
        *names,
        "published test",
    }
    losses = {
        (row["series"], row["x"]): float(row["y"]) for row in rows if row["panel"] == "Loss, nats"
    }
    assert losses["test seed 2", "3"] == pytest.approx(2 / 4 + 0.02)
    assert losses["train", "4"] == pytest.approx(2 / 5 + 0.015)
    [gap] = [r for r in rows if r["panel"] == "Gap: train − test" and r["x"] == "2"]
    assert (gap["series"], float(gap["y"])) == ("gap", 0)
    kinds = {
        g.get("data-series"): g.get("data-kind") for g in root.iter() if g.get("class") == "series"
    }
    assert kinds["train"] == "train"
    assert kinds["test"] == "held-out"
    assert kinds["train seed 1"] == "seed"
    assert kinds["published test"] == "other"
    labels = {g.get("data-series") for g in root.iter() if g.get("class") == "label"}
    assert {"train", "test"} <= labels


def test_axes_show_how_a_training_ended_but_not_its_first_leap():
    axes = plt.figure().subplots()
    failed = np.array([0.1, 0.4, 0.5, *[0.3] * 37])[:, np.newaxis]
    drawing_axes.limit(axes, [failed, failed + 0.4], rising=True)
    low, high = axes.get_ylim()
    assert 0.25 < low < 0.3 and 0.9 < high < 0.95
    leaping = np.array([2.3, 900.0, 40.0, *[0.5] * 36, 0.4])[:, np.newaxis]
    drawing_axes.limit(axes, [leaping], rising=False)
    low, high = axes.get_ylim()
    assert 0.3 < low < 0.4 and 2.3 < high < 2.5
    plt.close()


@pytest.mark.parametrize("way", ["bar", "barh"])
def test_bars_leave_their_lengths_by_category(tmp_path: Path, way: str):
    with svg.style():
        figure, axes = plt.subplots()
        getattr(axes, way)(["A", "B"], [3.0, 5.0], label="size")
    saved(svg.Drawing(figure, "Sizes.", "Bars."), tmp_path / "bars.svg")
    category, length = ("x", "y") if way == "bar" else ("y", "x")
    rows = [(row[category], float(row[length])) for row in table(tmp_path / "bars.csv")]
    assert rows == [("A", 3.0), ("B", 5.0)]


def test_several_models_are_told_apart_and_take_fewer_points(runs: results.Runs, tmp_path: Path):
    both = [model(name, "mlp-3") | {"title": f"{name} (3)"} for name in "AB"]
    saved(curves.learning_curves(both, runs, ""), tmp_path / "compare_x.svg")
    rows = table(tmp_path / "compare_x.csv")
    assert {"A (3) train", "B (3) test seed 2", "A (3) gap"} <= {row["series"] for row in rows}
    many = curves._points([model(str(k), "mlp-3", seeds=(1, 2, 3, 4)) for k in range(4)])
    assert all(few < more for few, more in zip(many, curves._points(both[:1]), strict=True))
    some = list(drawing_axes.subsample(201, 40))
    assert len(some) <= 40
    assert (some[0], some[-1]) == (2, 200)
    assert set(np.diff(some)) == {6}


def overview_table() -> pd.DataFrame:
    rows = []
    for name, part, accuracy in (("A", "part_a", 0.85), ("K", "part_b", 0.9), ("Z", "part_a", 0.1)):
        row = {"model": name, "title": f"Model {name}", "section": part, "seeds": 2, "diverged": 0}
        row |= {"engine": "keras" if name == "K" else "lowlevel", "run": f"run-{name}"}
        rows.append(row | {"test_accuracy": accuracy})
    return pd.DataFrame(rows)


def trainings(overview: pd.DataFrame) -> pd.DataFrame:
    """Two finished seeds of each model, 0.01 around its mean, and one that diverged."""
    return pd.DataFrame(
        {"run": row["run"], "seed": seed, "status": status, "test_accuracy": accuracy}
        for row in overview.to_dict("records")
        for seed, status, accuracy in (
            (1, "finished", row["test_accuracy"] - 0.01),
            (2, "finished", row["test_accuracy"] + 0.01),
            (3, "diverged", 0.1),
        )
    )


NO_COMPARISONS = pd.DataFrame({"metric": [], "first": [], "resolution": []})


def test_the_overview_has_a_column_per_engine_with_seeds_and_published_values(tmp_path: Path):
    compared = pd.DataFrame(
        {
            "metric": ["test_accuracy"] * 3 + ["test_loss", "test_accuracy"],
            "first": ["A", "A", "K", "A", "A"],
            "resolution": [0.004, 0.02, 0.006, 9.0, np.nan],
        }
    )
    overview, published = overview_table(), {"A": {"test_accuracy": 0.86}}
    drawing = plots.models_overview(
        [overview], trainings(overview), published, compared, sections=section_titles(True)
    )
    sizes = (0.012, 0.006)  # the medians of each engine's comparisons
    for axes, size in zip(drawing.figure.axes, sizes, strict=True):
        [ruler] = [line for line in axes.lines if line.get_linestyle() == "-"]
        left, right = np.asarray(ruler.get_xdata())
        assert right - left == pytest.approx(size)
        assert f"{100 * size:.1f} points" in [text.get_text() for text in axes.texts]
    saved(drawing, tmp_path / "models.svg")
    rows = [tuple(row.values()) for row in table(tmp_path / "models.csv")]
    low, keras = "Low-level TensorFlow", "Keras"
    assert (low, "Part A", "0.85", "Model A") in rows
    assert {(low, "Part A, single seeds", x, "Model A") for x in ("0.84", "0.86")} < set(rows)
    assert ("test accuracy", "Part A", "0.1", "Model Z") in rows  # written at the edge
    assert (low, "published", "0.86", "Model A") in rows
    assert (keras, "Part B", "0.9", "Model K") in rows


def test_the_overview_does_without_comparisons_a_second_engine_or_any_model():
    overview = overview_table().query("engine == 'lowlevel'")
    drawing = plots.models_overview(
        [overview], trainings(overview), {}, NO_COMPARISONS, sections=section_titles(False)
    )
    [axes] = drawing.figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["Model A", "Model Z"]
    assert drawing.description == "Dots: seeds; bars: means."
    assert overview["section"].iloc[0] == "part_a"
    assert "Low-level TensorFlow" in [line.get_label() for line in axes.lines]
    nothing = plots.models_overview(
        [overview[:0]], trainings(overview[:0]), {}, NO_COMPARISONS, sections={}
    )
    assert nothing.title == "No model finished its training."


def test_more_than_three_models_become_small_multiples_over_their_siblings(
    runs: results.Runs, tmp_path: Path
):
    four = [model(name, "mlp-3") for name in "ABCD"]
    drawing = curves.learning_curves(four, runs, "Four models")
    saved(drawing, tmp_path / "compare_x.svg")
    top = drawing.figure.axes[:4]
    for axes in top:
        gray = [line for line in axes.lines if line.get_color() == curves.SIBLING]
        assert len(gray) == 3
        assert axes.get_ylim() == top[0].get_ylim()
    assert {(row["panel"], row["series"]) for row in table(tmp_path / "compare_x.csv")} == {
        (f"{one['title']}: {metric}", split)
        for one in four
        for metric in ("accuracy", "loss")
        for split in ("train", "test")
    }


def test_a_model_far_below_its_siblings_does_not_flatten_them(runs: results.Runs, tmp_path: Path):
    for seed in (1, 2):
        lines = ["epoch,split,loss,penalty,accuracy"]
        lines += [f"{e},{split},2.3,0,0.1" for e in range(5) for split in ("train", "test")]
        runtime.write_text(tmp_path / f"guess/seed-{seed}/history.csv", "\n".join([*lines, ""]))
    models = [model("A", "mlp-3"), model("B", "mlp-3"), model("C", "guess")]
    drawing = comparisons.penalty_curves(models, runs)
    first, last = drawing.figure.axes[:2]
    assert first.get_ylim()[0] > 0.15
    assert [text.get_text() for text in last.texts] == ["ends at\n10.0\N{NO-BREAK SPACE}%"]


def comparison_rows() -> pd.DataFrame:
    rows = []
    for second, difference in (("L1", -0.001), ("L2", 0.02), ("other", 0.0005), ("L2", 0.02)):
        for metric in comparisons.DIFFERENCES:
            row = {"metric": metric, "first": "B", "second": second, "first_title": "B"}
            row |= {"second_title": f"B with {second}", "difference": difference}
            rows.append(row | {"low": difference - 0.01, "high": difference + 0.01})
    rows.append(rows[0] | {"first": "X", "second": "Y", "difference": np.nan})
    return pd.DataFrame(rows)


def test_penalties_are_compared_with_the_first_model_in_the_order_given(tmp_path: Path):
    models = [{"name": name, "title": name} for name in ("B", "L2", "L1", "never compared")]
    saved(comparisons.penalties(comparison_rows(), models), tmp_path / "penalties.svg")
    rows = [row for row in table(tmp_path / "penalties.csv") if row["panel"] == "Loss, nats"]
    assert [(row["y"], row["x"], row["low"], row["high"]) for row in rows] == [
        ("L2", "0.02", "0.01", "0.03"),
        ("L1", "-0.001", "-0.011", "0.009"),
    ]


def test_close_models_are_those_with_the_smallest_differences(tmp_path: Path):
    found = comparisons.closest_pairs(comparison_rows(), 2)
    assert list(found["second"]) == ["other", "L1"]
    overview = overview_table().assign(run=["run-B", "run-L1", "run-other"])
    names = {name: f"run-{name}" for name in ("B", "L1", "L2", "other")}
    drawing = comparisons.close_models(comparison_rows(), trainings(overview), names, 10_000)
    saved(drawing, tmp_path / "close_models.svg")
    rows = table(tmp_path / "close_models.csv")
    interval = [float(row["x"]) for row in rows if row["series"] == "test images"][:2]
    assert interval == pytest.approx([0.8429, 0.8569], abs=1e-3)  # of B, around 0.85
    assert len([row for row in rows if row["series"] == "single seeds"]) == 10  # L2 has none


def test_depth_is_counted_in_hidden_layers(tmp_path: Path):
    rows = []
    for name, hidden in (("B", "300-100"), ("softmax", np.nan), ("A", "300")):
        row = {"model": name, "engine": "lowlevel", "run": name, "hidden": hidden}
        rows.append(row | dict.fromkeys(tables.METRICS, 0.5))
    seeds = [{"run": "A", "status": "finished"} | dict.fromkeys(tables.METRICS, 0.5)]
    drawing = plots.depth([pd.DataFrame(rows)], pd.DataFrame(seeds), ["softmax", "A", "B"])
    saved(drawing, tmp_path / "depth.svg")
    found = [row for row in table(tmp_path / "depth.csv") if row["panel"] == "Accuracy"]
    assert [row["x"] for row in found if row["series"] == "test"] == ["0", "1", "2"]
    assert [row["x"] for row in found if row["series"] == "single seeds"] == ["1", "1"]


def test_gaps_have_bands_that_can_be_seen_in_every_file(tmp_path: Path):
    for seed in (1, 2):  # gaps of 0.1 and 0.12
        lines = ["epoch,split,loss,penalty,accuracy"]
        for epoch in range(5):
            gap, loss = 0.08 + 0.02 * seed, 2 / (1 + epoch)
            lines += [f"{epoch},train,{loss},0,0.5", f"{epoch},test,{loss + gap},0,{0.5 - gap}"]
        runtime.write_text(tmp_path / f"mlp-3/seed-{seed}/history.csv", "\n".join([*lines, ""]))
    drawing = curves.learning_curves([model("A", "mlp-3")], results.Runs(tmp_path), "")
    root = saved(drawing, tmp_path / "curves_A.svg")
    hue = plots.HUES[0]
    for name in ("Gap: train − test", "Gap: test − train"):
        [band] = [
            look
            for element, look in svgcheck.looked(root)
            if look.get("data-panel") == name and look.get("fill-opacity")
        ]
        assert band["fill"] == hue
        assert 0.2 <= float(band["fill-opacity"]) < 0.5
    lows = [row for row in table(tmp_path / "curves_A.csv") if row["low"]]
    assert {row["series"] for row in lows} == {"gap"}
    pixels = np.asarray(Image.open(tmp_path / "curves_A.png").convert("RGB")).astype(int)
    paint = np.array([int(hue[place : place + 2], 16) for place in (1, 3, 5)])
    mixed = drawing_axes.BAND * paint + (1 - drawing_axes.BAND) * 255
    assert (np.abs(pixels - mixed).max(axis=2) <= 2).sum() > 500


def test_values_of_a_sweep_are_distinct_and_readable(runs: results.Runs, tmp_path: Path):
    swept = [model(str(k), "mlp-3") for k in range(7)]
    sweep = {"title": "Rate", "vary": "learning_rate", "values": [10.0**-k for k in range(7)]}
    root = saved(curves.sweep_curves(swept, sweep, runs), tmp_path / "sweep_x_curves.svg")
    hues = {
        look["stroke"]
        for element, look in svgcheck.looked(root)
        if look.get("data-panel") == "Test accuracy"
        and look.get("class") == "series"
        and element.tag.endswith("path")
    }
    assert len(hues) == 7


def test_a_diverged_training_is_drawn_as_far_as_it_went(runs: results.Runs, tmp_path: Path):
    drawing = curves.learning_curves([model("bad", "bad", seeds=(1,))], runs, "Bad")
    saved(drawing, tmp_path / "curves_bad.svg")
    texts = [text.get_text() for axes in drawing.figure.axes for text in axes.texts]
    assert "test diverged" in texts
    assert not any("nan" in text for text in texts)


def line(axes: Axes, name: str) -> np.ndarray:
    """The heights of the line of this name."""
    [found] = [line for line in axes.lines if line.get_label() == name]
    return np.ma.filled(np.ma.asarray(found.get_ydata(), dtype=float), np.nan)


def panel(drawing: svg.Drawing, title: str) -> Axes:
    [found] = [axes for axes in drawing.figure.axes if axes.get_title("left") == title]
    return found


@pytest.mark.parametrize("seeds", [(1, 2, 3), (3, 1, 2)])
def test_the_test_dot_of_keras_curves_survives_a_diverged_seed(
    runs: tables.Runs, tmp_path: Path, seeds: tuple[int, ...]
):
    for seed, accuracy in ((1, 0.8), (2, 0.84)):  # the test data are evaluated at the end only
        leave(tmp_path, "K", seed, ("train", "validation"))
        append(tmp_path / f"K/seed-{seed}/history.csv", f"4,test,0.5,0,{accuracy}\n")
    leave(tmp_path, "K", 3, ("train", "validation"), stop=2)
    append(tmp_path / "K/seed-3/history.csv", "2,test,nan,0,0.1\n")
    drawing = curves.learning_curves([model("K", "K", "keras", seeds)], runs, "")
    [dot] = [it for it in panel(drawing, "Accuracy").lines if it.get_label() == "test"]
    assert dot.get_xydata().tolist() == [[4, pytest.approx(0.82)]]
    assert line(panel(drawing, "Loss, nats"), "test") == pytest.approx([0.5])


@pytest.mark.parametrize("stop", [2, 4])
def test_means_of_curves_are_over_the_finished_seeds(runs: tables.Runs, tmp_path: Path, stop: int):
    """Whether the other one diverged early or in the last epoch; its accuracy is then chance."""
    leave(tmp_path, "mlp-3", 3, ("train", "test"), stop)
    path = tmp_path / "mlp-3/seed-3/history.csv"
    rows = path.read_text().splitlines()
    path.write_text(
        "\n".join([*rows[:-2], f"{stop},train,nan,0,0.1", f"{stop},test,nan,0,0.1", ""])
    )
    three = model("A", "mlp-3", seeds=(1, 2, 3))
    alone = curves.learning_curves([model("A", "mlp-3")], runs, "")
    drawing = curves.learning_curves([three], runs, "")
    sweep = {"title": "Rate", "vary": "learning_rate", "values": [0.1]}
    swept = curves.sweep_curves([three], sweep, runs)
    for title, beside in (
        ("Accuracy", "Test accuracy"),
        ("Loss, nats", "Test loss (without penalty), nats"),
    ):
        expected = line(panel(alone, title), "test")
        assert line(panel(drawing, title), "test") == pytest.approx(expected)
        assert line(panel(swept, beside), "0.1") == pytest.approx(expected)
        assert panel(drawing, title).get_ylim() == pytest.approx(panel(alone, title).get_ylim())
        assert [text.get_text() for text in panel(swept, beside).texts] == ["0.1"]
    assert np.isnan(line(panel(drawing, "Accuracy"), "test seed 3")[stop])


def test_a_swept_value_at_which_every_seed_diverged_is_drawn_as_far_as_it_went(
    runs: tables.Runs, tmp_path: Path
):
    leave(tmp_path, "bad", 2, ("train", "test"), stop=3)
    swept = [model("A", "mlp-3"), model("bad", "bad")]
    sweep = {"title": "Rate", "vary": "learning_rate", "values": [0.1, 10.0]}
    for axes in curves.sweep_curves(swept, sweep, runs).figure.axes:
        assert {text.get_text() for text in axes.texts} == {"0.1", "10 diverged"}
        assert np.isfinite(line(axes, "10")).tolist() == [True, True, True, False]


def test_histograms_leave_out_the_weights_of_a_diverged_seed(tmp_path: Path):
    for seed, status, weight in ((1, "finished", 0.1), (2, "diverged", 0.0)):
        runtime.write_json(tmp_path / f"mlp-3/seed-{seed}/metrics.json", {"status": status})
        weights = {"coefficients0": np.full((2, 2), weight, dtype=np.float32)}
        runtime.write_arrays(tmp_path / f"mlp-3/seed-{seed}/weights.npz", weights)
    drawing = plots.weight_histograms([model("A", "mlp-3")], tables.Runs(tmp_path))
    assert drawing.figure.axes[0].get_xlabel() == "0.0\N{NO-BREAK SPACE}% near zero"


@pytest.mark.parametrize("accuracies", [(0.8, None), (None, None)])
def test_diverged_values_of_a_sweep_break_nothing(
    tmp_path: Path, accuracies: tuple[float | None, ...]
):
    rows = []
    for value, accuracy in zip((0.1, 1000.0), accuracies, strict=True):
        row = {"value": value, "engine": "lowlevel"}
        for name in tables.METRICS:
            row |= tables.spread(name, [] if accuracy is None else [accuracy])
        rows.append(row)
    table = pd.DataFrame(rows).astype(float, errors="ignore")
    sweep = {"title": "Rate", "vary": "learning_rate", "values": [0.1, 1000.0]}
    root = saved(plots.sweep_summary(table, sweep), tmp_path / "sweep_rate.svg")
    text = ET.tostring(root, encoding="unicode")
    assert "nan" not in text
    assert "mathdefault" not in text


def swept_rows(accuracies: list[list[float]], engine: str = "lowlevel") -> pd.DataFrame:
    """The rows of a sweep's table, from the test accuracies of each model's seeds."""
    rows = []
    for number, seeds in enumerate(accuracies):
        lost = 2 - len(seeds)
        row = {"engine": engine, "seeds": 2, "diverged": lost}
        for name in tables.METRICS:
            given = seeds if "accuracy" in name else [1.0 - seed for seed in seeds]
            if name.startswith("validation"):  # best where the test data are not
                given = [-number] * len(seeds) if engine == "keras" else []
            row |= tables.spread(name, given)
        rows.append(row)
    return pd.DataFrame(rows)


def test_words_and_layers_of_a_sweep_stand_side_by_side_without_a_line(tmp_path: Path):
    layers = {"title": "Layers", "vary": "hidden", "values": [[], [300], [300, 100]]}
    table = swept_rows([[0.7, 0.8], [0.8, 0.8], []])
    drawing = plots.sweep_summary(table, layers)
    for axes in drawing.figure.axes:
        assert axes.get_xlabel() == "hidden layers"
        assert {line.get_linestyle() for line in axes.lines if len(line.get_xdata()) == 3} == {
            "None"
        }
    saved(drawing, tmp_path / "sweep_x.svg")
    with open(tmp_path / "sweep_x.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["panel"] == "Accuracy"]
    assert [(row["series"], row["x"]) for row in rows] == [
        *(("train", "none"), ("train", "300"), ("test", "none"), ("test", "300"))
    ]
    assert (rows[0]["y"], rows[0]["low"], rows[0]["high"]) == ("0.75", "0.7", "0.8")


def test_curves_of_swept_words_are_named_by_them(runs: results.Runs):
    swept = [model(name, "mlp-3") for name in "ab"]
    words = {"title": "Words", "vary": "activation", "values": ["sigmoid", "relu"]}
    drawing = curves.sweep_curves(swept, words, runs)
    labels = [line.get_label() for line in drawing.figure.axes[0].lines]
    assert labels == ["sigmoid", "ReLU"]  # in the order of the configuration


GRID = {"title": "Grid", "vary": ["activation", "learning_rate"]}
GRID |= {"values": [["relu", "sigmoid"], [0.1, 0.01]]}


@pytest.mark.parametrize("engine", ["lowlevel", "keras"])
def test_a_grid_is_drawn_as_heat_maps_that_mark_what_validation_data_choose(
    tmp_path: Path, engine: str
):
    table = swept_rows([[0.8, 0.82], [0.7, 0.7], [0.9, 0.9], []], engine)
    drawing = heatmaps.grid(table, GRID)
    accuracy, loss = drawing.figure.axes
    assert [text.get_text() for text in accuracy.texts] == ["81.0\n±1.0", "70.0", "90.0", "×"]
    assert [text.get_text() for text in loss.texts] == ["0.190\n±0.010", "0.300", "0.100", "×"]
    for axes in (accuracy, loss):
        marks = [it.get_xy() for it in axes.patches if it.get_label() == "_chosen"]
        assert marks == ([(-0.5, -0.5)] if engine == "keras" else [])
        dark = [text.get_color() for text in axes.texts]
        assert dark[2] == "#ffffff" != dark[0]
    assert ("validation" in drawing.description) == (engine == "keras")
    saved(drawing, tmp_path / "sweep_grid.svg")
    lines = (tmp_path / "sweep_grid.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["panel,series,x,y,low,high", '"Test accuracy, %",ReLU,0.1,81,80,82']
    assert len(lines) == 1 + 2 * 3


def test_a_few_diverging_values_leave_shades_for_the_others_of_a_grid():
    table = swept_rows([[0.1, 0.1], [0.88, 0.88], [0.89, 0.89], [0.9, 0.9]])
    table["test_loss"] = [1e12, 0.5, 0.4, 0.3]
    drawing = heatmaps.grid(table, GRID)
    for axes in drawing.figure.axes:
        shades = [patch.get_facecolor() for patch in axes.patches]
        assert len(shades) == 4  # another one for each cell
    assert drawing.figure.axes[1].texts[0].get_text() == "1.00e12"


def test_labels_at_the_ends_of_lines_do_not_overlap():
    figure, axes = plt.subplots()
    axes.set_ylim(0, 1)
    drawing_axes.label_ends(
        axes, [(0.98, "a", "k"), (0.97, "b", "k"), (0.96, "c", "k"), (0.1, "d", "k")]
    )
    heights = sorted(text.xy[1] for text in axes.texts)
    assert np.diff(heights).min() >= 0.07
    assert heights[-1] <= 1.0
    plt.close(figure)


def test_drawing_starts_without_what_only_analysis_needs():
    modules = ["figures.plots", "figures.errors", "figures.lessons", *DRAWN_BY.values()]
    code = f"""import sys
sys.path[:0] = {sys.path}
import {", ".join(f"fmstudy.{module}" for module in modules)}
print([name for name in ("scipy", "sklearn") if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
