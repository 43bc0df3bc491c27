"""Figures: drawn from results, told in words that follow them, clean enough to stand in a page."""

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
from fmstudy.figures import plots, svg
from fmstudy.study.experiments import DRAWN_BY
from fmstudy.study.spec import REFERENCE

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
    runtime.write_text(directory / run / f"seed-{seed}/history.csv", "\n".join(lines))


@pytest.fixture
def runs(tmp_path: Path) -> results.Runs:
    for seed in (1, 2):
        leave(tmp_path, "mlp-3", seed, ("train", "test"))
        leave(tmp_path, "keras-mlp-3", seed, ("train", "validation", "test"))
    leave(tmp_path, "bad", 1, ("train", "test"), stop=2)
    return results.Runs(tmp_path)


def saved(drawing: svg.Drawing, path: Path) -> ET.Element:
    """Save a figure whose words and lines can be read on light and on dark paper."""
    root = svgcheck.saved(drawing, path)
    assert not svgcheck.unreadable(root)
    return root


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_figure_says_its_finding_and_how_to_read_it(runs: results.Runs, tmp_path: Path):
    drawing = plots.learning_curves([model("A", "mlp-3")], runs, {"A": {"test_accuracy": 0.7}})
    root = saved(drawing, tmp_path / "curves_A.svg")
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert "after 4 epochs test accuracy 80.0" in str(title.text)
    assert "loss 0.415" in str(title.text)  # 2 / 5 + (0.01 + 0.02) / 2
    assert "mean of 2 seeds" in str(title.text)
    assert "published" in str(description.text)
    assert root.get("role") == "img"


def test_keras_curves_are_held_against_the_validation_part(runs: results.Runs, tmp_path: Path):
    drawing = plots.learning_curves([model("K", "keras-mlp-3", "keras")], runs)
    assert "validation accuracy" in drawing.title
    assert "Dots: test data" in drawing.description
    assert "the first 10,000 training images (tables show" in drawing.description
    assert "published" not in drawing.description


def test_a_figure_can_stand_in_a_page_with_others(runs: results.Runs, tmp_path: Path):
    """Only referenced ids are left, under the figure's name; no style sheet, date or version."""
    drawing = plots.learning_curves([model("A", "mlp-3"), model("B", "mlp-3")], runs)
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
        drawing = plots.learning_curves([model("A", "mlp-3")], runs)
        svg.save(drawing, tmp_path / name / "curves_A.svg")
    first, second = (
        (tmp_path / name / "curves_A.svg").read_bytes() for name in ("first", "second")
    )
    assert first == second


def test_curves_leave_their_values_by_series(runs: results.Runs, tmp_path: Path):
    drawing = plots.learning_curves([model("A", "mlp-3")], runs, {"A": {"test_accuracy": 0.7}})
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
    both = [model("A", "mlp-3"), model("B", "mlp-3")]
    saved(plots.learning_curves(both, runs), tmp_path / "compare_x.svg")
    rows = table(tmp_path / "compare_x.csv")
    assert {"A train", "B test seed 2", "A gap"} <= {row["series"] for row in rows}
    many = plots._points([model(str(k), "mlp-3", seeds=(1, 2, 3, 4)) for k in range(4)])
    assert all(few < more for few, more in zip(many, plots._points(both[:1]), strict=True))
    some = list(plots.subsample(201, 40))
    assert len(some) <= 40
    assert (some[0], some[-1]) == (2, 200)
    assert set(np.diff(some)) == {6}


def overview_table() -> pd.DataFrame:
    rows = []
    for name, part, accuracy in (("A", "part_a", 0.85), ("K", "part_b", 0.9), ("Z", "part_a", 0.1)):
        row = {"model": name, "title": f"Model {name}", "section": part, "seeds": 3, "diverged": 0}
        row |= {"test_accuracy": accuracy, "test_accuracy_min": accuracy - 0.01}
        rows.append(row | {"test_accuracy_max": accuracy + 0.02})
    return pd.DataFrame(rows)


def test_the_overview_has_a_ruler_of_what_the_seeds_resolve(tmp_path: Path):
    comparisons = pd.DataFrame(
        {
            "metric": ["test_accuracy"] * 3 + ["test_loss", "test_accuracy"],
            "resolution": [0.004, 0.02, 0.006, 9.0, np.nan],
        }
    )
    published = {"A": {"test_accuracy": 0.86}}
    drawing = plots.models_overview([overview_table()], published, comparisons)
    axes = drawing.figure.axes[0]
    [ruler] = [line for line in axes.lines if line.get_marker() == "|"]
    left, right = np.asarray(ruler.get_xdata())
    assert right - left == pytest.approx(0.006)
    words = " ".join(text.get_text() for text in axes.texts)
    assert "0.6 points (median of 3 comparisons)" in words
    saved(drawing, tmp_path / "models.svg")
    rows = [tuple(row.values())[1:] for row in table(tmp_path / "models.csv")]
    assert ("Part A", "0.85", "Model A", "0.84", "0.87") in rows
    assert ("Part A", "0.1", "Model Z", "", "") in rows  # written at the edge
    assert ("published", "0.86", "Model A", "", "") in rows


def test_the_overview_has_no_ruler_without_comparisons():
    for comparisons in (None, pd.DataFrame({"metric": [], "resolution": []})):
        drawing = plots.models_overview([overview_table()], {}, comparisons)
        assert not [line for line in drawing.figure.axes[0].lines if line.get_marker() == "|"]
        assert "ruler" not in drawing.description


def test_a_phone_shows_the_whole_overview_with_words_to_be_read(tmp_path: Path):
    titles = ["Short", "A model with a name too long for one line", "much " * 30]
    overview = overview_table().assign(test_accuracy=[0.85, 0.9, 0.8], title=titles)
    comparisons = pd.DataFrame({"metric": ["test_accuracy"], "resolution": [0.004]})
    root = saved(plots.models_overview([overview], {}, comparisons), tmp_path / "models.svg")
    _, _, width, _ = map(float, root.get("viewBox", "").split())
    looks = [(element, look) for element, look in svgcheck.looked(root) if element.text]
    words = {element.text: look for element, look in looks if element.tag == f"{SVG}text"}
    sizes = [float(look.get("font-size", 9)) for look in words.values()]
    assert min(sizes) * 358 / width > 7.8
    assert {"Short", "A model with a name", "too long for one line"} <= words.keys()
    assert sum(text.startswith("much much") for text in words) == 2  # cut, but not at the edge
    for text, look in words.items():
        if look.get("text-anchor") == "end":  # a letter is less wide than two thirds of its height
            assert float(look["x"]) - 0.55 * 9 * len(text) > 0, text
    said = {row["y"] for row in table(tmp_path / "models.csv")}
    assert titles[1] in said


def test_gaps_have_bands_that_can_be_seen_in_every_file(tmp_path: Path):
    for seed in (1, 2):  # gaps of 0.1 and 0.12
        lines = ["epoch,split,loss,penalty,accuracy"]
        for epoch in range(5):
            gap, loss = 0.08 + 0.02 * seed, 2 / (1 + epoch)
            lines += [f"{epoch},train,{loss},0,0.5", f"{epoch},test,{loss + gap},0,{0.5 - gap}"]
        runtime.write_text(tmp_path / f"mlp-3/seed-{seed}/history.csv", "\n".join(lines))
    drawing = plots.learning_curves([model("A", "mlp-3")], results.Runs(tmp_path))
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
    mixed = plots.BAND * paint + (1 - plots.BAND) * 255
    assert (np.abs(pixels - mixed).max(axis=2) <= 2).sum() > 500


def test_values_of_a_sweep_are_distinct_and_readable(runs: results.Runs, tmp_path: Path):
    swept = [model(str(k), "mlp-3") for k in range(7)]
    sweep = {"title": "Rate", "vary": "learning_rate", "values": [10.0**-k for k in range(7)]}
    root = saved(plots.sweep_curves(swept, sweep, runs), tmp_path / "sweep_x_curves.svg")
    hues = {
        look["stroke"]
        for element, look in svgcheck.looked(root)
        if look.get("data-panel") == "Test accuracy"
        and look.get("class") == "series"
        and element.tag.endswith("path")
    }
    assert len(hues) == 7


def test_a_diverged_training_is_drawn_as_far_as_it_went(runs: results.Runs, tmp_path: Path):
    drawing = plots.learning_curves([model("bad", "bad", seeds=(1,))], runs)
    saved(drawing, tmp_path / "curves_bad.svg")
    assert "diverged" in drawing.title
    assert "nan" not in drawing.title


def test_a_diverged_seed_stays_out_of_the_final_means(runs: results.Runs, tmp_path: Path):
    leave(tmp_path, "mlp-3", 3, ("train", "test"), stop=2)
    drawing = plots.learning_curves([model("A", "mlp-3", seeds=(1, 2, 3))], runs)
    assert "loss 0.415" in drawing.title


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
        append(tmp_path / f"K/seed-{seed}/history.csv", f"\n4,test,0.5,0,{accuracy}")
    leave(tmp_path, "K", 3, ("train", "validation"), stop=2)
    append(tmp_path / "K/seed-3/history.csv", "\n2,test,nan,0,0.1")
    drawing = plots.learning_curves([model("K", "K", "keras", seeds)], runs)
    [dot] = [it for it in panel(drawing, "Accuracy").lines if it.get_label() == "test"]
    assert dot.get_xydata().tolist() == [[4, pytest.approx(0.82)]]
    assert line(panel(drawing, "Loss, nats"), "test") == pytest.approx([0.5])


@pytest.mark.parametrize("stop", [2, 4])
def test_means_of_curves_are_over_the_finished_seeds(runs: tables.Runs, tmp_path: Path, stop: int):
    """Whether the other one diverged early or in the last epoch; its accuracy is then chance."""
    leave(tmp_path, "mlp-3", 3, ("train", "test"), stop)
    path = tmp_path / "mlp-3/seed-3/history.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join([*rows[:-2], f"{stop},train,nan,0,0.1", f"{stop},test,nan,0,0.1"]))
    three = model("A", "mlp-3", seeds=(1, 2, 3))
    alone = plots.learning_curves([model("A", "mlp-3")], runs)
    drawing = plots.learning_curves([three], runs)
    sweep = {"title": "Rate", "vary": "learning_rate", "values": [0.1]}
    swept = plots.sweep_curves([three], sweep, runs)
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


def test_a_swept_value_at_which_every_seed_diverged_is_named(runs: tables.Runs, tmp_path: Path):
    leave(tmp_path, "bad", 2, ("train", "test"), stop=3)
    swept = [model("A", "mlp-3"), model("bad", "bad")]
    sweep = {"title": "Rate", "vary": "learning_rate", "values": [0.1, 10.0]}
    drawing = plots.sweep_curves(swept, sweep, runs)
    assert drawing.title.endswith(" Diverged: 10.")
    for axes in drawing.figure.axes:
        assert np.isfinite(line(axes, "10")).tolist() == [True, True, True, False]


def test_histograms_leave_out_the_weights_of_a_diverged_seed(tmp_path: Path):
    for seed, status, weight in ((1, "finished", 0.1), (2, "diverged", 0.0)):
        runtime.write_json(tmp_path / f"mlp-3/seed-{seed}/metrics.json", {"status": status})
        weights = {"coefficients0": np.full((2, 2), weight, dtype=np.float32)}
        runtime.write_arrays(tmp_path / f"mlp-3/seed-{seed}/weights.npz", weights)
    drawing = plots.weight_histograms([model("A", "mlp-3")], tables.Runs(tmp_path))
    assert " 0.0\N{NO-BREAK SPACE}%" in drawing.title


def test_sweeps_are_summed_up_in_words(tmp_path: Path):
    names = tables.METRICS
    rows = []
    for value, accuracy in ((1e-4, 0.85), (1e-3, 0.87), (1.0, 0.10)):
        row = {"value": value, "engine": "lowlevel", "near_zero_share": 0.5, "weight_norm": 1.0}
        for name in names:
            row |= tables.spread(name, [accuracy if name == "test_accuracy" else 0.5])
        rows.append(row)
    sweep = {"title": "Delta", "vary": "delta", "values": [1e-4, 1e-3, 1.0]}
    drawing = plots.sweep_summary(pd.DataFrame(rows), sweep)
    assert "87.0\N{NO-BREAK SPACE}% at 0.001" in drawing.title
    assert "10.0\N{NO-BREAK SPACE}% at 1" in drawing.title
    text = ET.tostring(saved(drawing, tmp_path / "sweep_x.svg"), encoding="unicode")
    assert "mathdefault" not in text


@pytest.mark.parametrize("accuracies", [(0.8, None), (None, None)])
def test_diverged_values_of_a_sweep_are_named_and_break_nothing(
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
    drawing = plots.sweep_summary(table, sweep)
    saved(drawing, tmp_path / "sweep_rate.svg")
    assert "iverged" in drawing.title
    assert "nan" not in drawing.title


def test_labels_at_the_ends_of_lines_do_not_overlap():
    figure, axes = plt.subplots()
    axes.set_ylim(0, 1)
    plots.label_ends(axes, [(0.98, "a", "k"), (0.97, "b", "k"), (0.96, "c", "k"), (0.1, "d", "k")])
    heights = sorted(text.xy[1] for text in axes.texts)
    assert np.diff(heights).min() >= 0.07
    assert heights[-1] <= 1.0
    plt.close(figure)


def test_drawing_starts_without_what_only_analysis_needs():
    modules = ["figures.plots", "figures.errors", "figures.network", *DRAWN_BY.values()]
    code = f"""import sys
sys.path[:0] = {sys.path}
import {", ".join(f"fmstudy.{module}" for module in modules)}
print([name for name in ("scipy", "sklearn") if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
