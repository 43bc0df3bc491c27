"""Files of figures: values that are what is drawn, marks that lead to them, short clean SVG."""

import base64
import csv
import io
import itertools
import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from fixtures.rules import uses
from fixtures.svgcheck import NS, looked, points, saved, values
from matplotlib import font_manager
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from fmstudy.figures import contents, svg
from fmstudy.figures.contents import COLUMNS
from fmstudy.figures.plots import percent_axis
from fmstudy.report import rendering
from fmstudy.runtime import StudyError
from fmstudy.workflow.digest import modules_of

STEPS = np.array([1.0, 3.0, 10.0, 100.0, 1000.0])
LOSSES = np.array([2.0, 1.5, 0.25, 0.125, 0.0625])


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def two_panels() -> Figure:
    """A linear panel with a mean, a seed and a band, and a logarithmic one that ends inside."""
    with svg.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(6, 2), layout="constrained")
        left.plot([0, 1, 2, 3], [0.1, 0.5, 0.7, 0.8], "--", color="#0072B2", label="train")
        left.plot([0, 1, 2, 3], [0.1, 0.4, 0.5, 0.6], color="#0072B2", label="test")
        left.plot([0, 1, 2, 3], [0.1, 0.3, 0.5, 0.7], color="k", alpha=0.35, label="test seed 2")
        left.fill_between([0, 1, 2, 3], [0.1, 0.3, 0.4, 0.5], [0.1, 0.5, 0.6, 0.7], color="r",
                          alpha=0.2, linewidth=0, label="test")  # fmt: skip
        left.plot([3], [0.55], "o", color="#b34a00", label="dot", gid="held-out")
        left.axhline(0.2, color="#6b7178")
        left.annotate("test 60 %", (3, 0.6))
        left.set_title("Accuracy")
        right.plot(STEPS, LOSSES, color="#007a59", label="loss <b> & co")
        right.set_xscale("log")
        right.set_yscale("log")
        right.set_ylim(0.1, 1.0)
        right.set_title("Loss,\nnats")
        right.set_xlabel("step")
    return figure


def drawing() -> svg.Drawing:
    return svg.Drawing(two_panels(), "What was found.", "How it is read.")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def panel(root: ET.Element, name: str) -> ET.Element:
    [found] = [g for g in root.iter(f"{NS}g") if g.get("data-panel") == name]
    return found


def series(within: ET.Element, name: str) -> ET.Element:
    return next(g for g in within.iter(f"{NS}g") if g.get("data-series") == name)


# ------------------------------------------------------------------------------------- the data
def test_the_data_are_what_was_drawn(tmp_path: Path):
    svg.save(drawing(), tmp_path / "x.svg")
    rows = table(tmp_path / "x.csv")
    assert tuple(rows[0]) == COLUMNS
    test = [row for row in rows if row["series"] == "test"]
    assert [(row["x"], row["y"], row["low"], row["high"]) for row in test] == [
        ("0", "0.1", "0.1", "0.1"),
        ("1", "0.4", "0.3", "0.5"),
        ("2", "0.5", "0.4", "0.6"),
        ("3", "0.6", "0.5", "0.7"),
    ]
    assert {row["panel"] for row in test} == {"Accuracy"}
    losses = [row for row in rows if row["panel"] == "Loss, nats"]
    assert [float(row["x"]) for row in losses] == list(STEPS)  # not their logarithms
    assert [float(row["y"]) for row in losses] == list(LOSSES)  # not only those in sight
    assert {row["series"] for row in rows} == {"train", "test", "test seed 2", "dot",
                                               "loss <b> & co"}  # fmt: skip


def test_settings_of_the_user_for_matplotlib_change_nothing(tmp_path: Path):
    mine = {"lines.markersize": 20, "axes.facecolor": "k", "savefig.facecolor": "r"}
    for name, settings in {"theirs": {}, "mine": mine}.items():
        with plt.rc_context(settings):
            svg.save(drawing(), tmp_path / name / "x.svg")
    for file in ("x.svg", "x.png", "x.csv"):
        theirs, own = (tmp_path / name / file for name in ("theirs", "mine"))
        assert theirs.read_bytes() == own.read_bytes(), file


def test_words_at_an_axis_stand_for_their_places(tmp_path: Path):
    with svg.style():
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(6, 2))
        left.bar(["1,000", "few"], [3, 4], label="bars")
        left.set_title("Bars")
        middle.errorbar([0.5, 0.7], [0.2, 1.1], xerr=[[0.1, 0.2], [0.3, 0.1]], fmt="o", label="e")
        middle.set_yticks([0, 1], ["first", "second"])
        middle.set_title("Dots")
        right.plot([0.1, 1], [1, 2], label="numbers")
        right.set_xticks([0.1, 1], ["0.1", "1"])
        right.set_title("Line")
    root = saved(svg.Drawing(figure, "t", "d"), tmp_path / "x.svg")
    rows = [tuple(row.values()) for row in table(tmp_path / "x.csv")]
    assert rows[:4] == [
        ("Bars", "bars", "1,000", "3", "", ""),
        ("Bars", "bars", "few", "4", "", ""),
        ("Dots", "e", "0.5", "first", "0.4", "0.8"),
        ("Dots", "e", "0.7", "second", "0.5", "0.8"),
    ]
    assert rows[4][2] == "0.1"
    assert panel(root, "Bars").get("data-x-ticks") == '{"1,000": 0.0, "few": 1.0}'
    assert panel(root, "Dots").get("data-y-ticks") == '{"first": 0.0, "second": 1.0}'
    assert panel(root, "Line").get("data-x-ticks") is None


def test_an_axis_says_what_it_is_and_how_it_shows_its_numbers(tmp_path: Path):
    names = ("Accuracy", "Test loss", "Steps", "Both")
    with svg.style():
        figure, axes = plt.subplots(2, 2, sharex=True)
        for place, title in zip(axes.flat, names, strict=True):
            place.plot([1, 2], [0.1, 0.2], label="test")
            place.set_title(title)
        percent_axis(axes[0, 0])
        percent_axis(axes[1, 1], "x")
        axes[1, 0].set_xlabel("learning rate")
    root = saved(svg.Drawing(figure, "What was found.", "How it is read."), tmp_path / "axes.svg")
    found = {name: panel(root, name) for name in names}
    assert {it.get("data-x-name") for it in found.values()} == {"Learning rate"}
    units = {name: (it.get("data-x-unit"), it.get("data-y-unit")) for name, it in found.items()}
    assert units["Accuracy"][1] == "percent"
    assert units["Test loss"][1] == "loss"
    assert units["Steps"][1] is None
    assert units["Both"] == ("percent", None)


def test_marks_at_an_edge_have_no_value_there_and_gaps_no_row(tmp_path: Path):
    with svg.style():
        figure, axes = plt.subplots()
        axes.plot([7], [0.1], "x", transform=axes.get_xaxis_transform(), label="diverged")
        axes.plot([1, 2, 3], [1, np.nan, 3], label="line")
    svg.save(svg.Drawing(figure, "t", "d"), tmp_path / "x.svg")
    rows = [(row["series"], row["x"], row["y"]) for row in table(tmp_path / "x.csv")]
    assert rows == [("diverged", "7", ""), ("line", "1", "1"), ("line", "3", "3")]


def test_a_figure_without_series_has_data_too(tmp_path: Path):
    with svg.style():
        figure, axes = plt.subplots()
        axes.text(0, 0, "nothing")
    svg.save(svg.Drawing(figure, "Nothing there.", "d"), tmp_path / "x.svg")
    assert table(tmp_path / "x.csv") == [
        {"panel": "", "series": "", "x": "", "y": "Nothing there."}
    ]
    svg.save(svg.Drawing(figure, "t", "d", [("p", "s", "c", 1.23456789)]), tmp_path / "x.svg")
    assert table(tmp_path / "x.csv") == [{"panel": "p", "series": "s", "x": "c", "y": "1.2346"}]


# ------------------------------------------------------------------------------------- the marks
def test_places_in_a_panel_lead_to_the_values(tmp_path: Path):
    """What a page reads off box and scales at a corner of a line is the value in the table."""
    root = saved(drawing(), tmp_path / "x.svg")
    accuracy = panel(root, "Accuracy")
    for name, wanted in (("train", [0.1, 0.5, 0.7, 0.8]), ("test", [0.1, 0.4, 0.5, 0.6])):
        path = next(
            element
            for group in accuracy.iter(f"{NS}g")
            if group.get("data-series") == name
            for element, look in looked(group)
            if element.tag == f"{NS}path" and "stroke" in look
        )
        found = [values(accuracy, place) for place in points(path.attrib["d"])[0]]
        assert [x for x, _ in found] == pytest.approx([0, 1, 2, 3], abs=0.002)
        assert [y for _, y in found] == pytest.approx(wanted, abs=0.001)
    dot = next(series(accuracy, "dot").iter(f"{NS}circle"))
    place = float(dot.attrib["cx"]), float(dot.attrib["cy"])
    assert values(accuracy, place) == pytest.approx((3, 0.55), abs=0.003)


def test_a_line_is_cut_at_the_edge_of_logarithmic_axes(tmp_path: Path):
    root = saved(drawing(), tmp_path / "x.svg")
    loss = panel(root, "Loss, nats")
    [path] = series(loss, "loss <b> & co").iter(f"{NS}path")
    [places] = points(path.attrib["d"])
    found = [values(loss, place) for place in places]
    # From (3, 1.5) to (10, 0.25) it passes 1, and from (100, 0.125) to (1000, 0.0625) 0.1: both
    # straight in logarithms.
    share = np.log(1.5 / 1) / np.log(1.5 / 0.25)
    enters = np.exp(np.log(3) + share * np.log(10 / 3))
    share = np.log(0.125 / 0.1) / np.log(0.125 / 0.0625)
    leaves = np.exp(np.log(100) + share * np.log(10))
    assert [x for x, _ in found] == pytest.approx([enters, 10, 100, leaves], rel=0.01)
    assert [y for _, y in found] == pytest.approx([1, 0.25, 0.125, 0.1], rel=0.01)


def test_series_have_a_kind_and_labels_name_them(tmp_path: Path):
    accuracy = panel(saved(drawing(), tmp_path / "x.svg"), "Accuracy")
    kinds = {
        g.get("data-series"): g.get("data-kind")
        for g in accuracy.iter(f"{NS}g")
        if g.get("class") == "series"
    }
    assert kinds == {"train": "train", "test": "held-out", "test seed 2": "seed", "dot": "held-out"}
    [label] = [g for g in accuracy.iter(f"{NS}g") if g.get("class") == "label"]
    assert label.get("data-series") == "test"
    assert "".join(label.itertext()) == "test 60 %"


def test_words_with_commas_are_labels_of_the_longest_name():
    figure, axes = plt.subplots()
    for name in ("plain", "plain, train", "1", "10"):
        axes.plot([1, 2], [3, 4], label=name)
    for words in ("plain, train 0.3", "plain 0.4", "plainly", "10", "100"):
        axes.annotate(words, (1, 3))
    [found] = contents.panels(figure)
    named = {text.get_text(): name for name, text in found.labels}
    assert named == {"plain, train 0.3": "plain, train", "plain 0.4": "plain", "10": "10"}


def test_marks_do_not_stay_on_the_figure(tmp_path: Path):
    figure = two_panels()
    svg.save(svg.Drawing(figure, "t", "d"), tmp_path / "a.svg")
    assert [line.get_gid() for line in figure.axes[0].lines] == [None] * 3 + ["held-out", None]


# ----------------------------------------------------------------------------------- the columns
def columns(root: ET.Element) -> list[list[float]]:
    found = [g.get("data-extent") for g in root if g.get("class") == "column"]
    return [[float(edge) for edge in str(extent).split()] for extent in found]


def test_axes_side_by_side_are_columns_that_hold_their_words(tmp_path: Path):
    root = saved(drawing(), tmp_path / "x.svg")
    (start, end), (next_start, next_end) = columns(root)
    assert (start, next_end) == (0, 432)
    assert end == next_start
    for column, (low, high) in zip(root.findall(f"{NS}g"), columns(root), strict=True):
        for element, look in looked(column):
            if element.tag == f"{NS}text":
                assert low <= float(look["x"]) <= high
            for x, _ in itertools.chain(*points(element.get("d", ""))):
                assert low <= x <= high
    assert len(panel(root, "Accuracy").findall(".//*")) > 5


def test_a_figure_that_cannot_be_parted_stays_whole(tmp_path: Path):
    with svg.style():
        shared, (one, other) = plt.subplots(1, 2, sharey=True)
        for axes in (one, other):
            axes.plot([1, 2], [3, 4], label="a")
        titled, _ = plt.subplots(1, 2)
        titled.suptitle("over both")
        wide, grid = plt.subplots(1, 2, width_ratios=[4, 1], figsize=(8, 2))
        for axes in grid:
            axes.plot([1, 2], [3, 4], label="a")
    for figure in (shared, titled, wide):  # a phone would shrink the letters of a wide column
        assert not columns(saved(svg.Drawing(figure, "t", "d"), tmp_path / "x.svg"))
    with svg.style():
        other.tick_params(axis="y", labelleft=True)
    assert len(columns(saved(svg.Drawing(shared, "t", "d"), tmp_path / "x.svg"))) == 2


# --------------------------------------------------------------------------------- what is clean
def test_colors_are_attributes_that_a_style_sheet_can_select(tmp_path: Path):
    root = saved(drawing(), tmp_path / "x.svg")
    found = set()
    for element in root.iter():
        assert "style" not in element.attrib
        assert "clip-path" not in element.attrib
        for key in ("fill", "stroke"):
            found.add(element.get(key, "none"))
    assert {"#0072b2", "#b34a00", "#007a59", "#000000", "#ff0000", "none"} <= found
    assert all(color == "none" or re.fullmatch("#[0-9a-f]{6}", color) for color in found)
    assert {e.get("id") for e in root.iter()} == {None, "x-title", "x-desc"}
    assert not {"use", "defs", "clipPath"} & {e.tag.removeprefix(NS) for e in root.iter()}


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path):
    for place in ("one", "two"):
        svg.save(drawing(), tmp_path / place / "x.svg")
    for suffix in ("svg", "png", "csv"):
        first, second = ((tmp_path / p / f"x.{suffix}").read_bytes() for p in ("one", "two"))
        assert first == second, suffix


def test_the_picture_has_300_dots_an_inch_and_no_date(tmp_path: Path):
    svg.save(drawing(), tmp_path / "x.svg")
    content = (tmp_path / "x.png").read_bytes()
    assert struct.unpack(">II", content[16:24]) == (1800, 600)
    assert b"matplotlib" not in content.lower()
    assert b"tEXt" not in content


def test_words_are_laid_out_with_the_fonts_of_the_report():
    with svg.style():
        regular = Path(font_manager.findfont("Report Sans"))
        bold = Path(
            font_manager.findfont(font_manager.FontProperties(family="Report Sans", weight="bold"))
        )
    assert regular.name == "ReportSans-Regular.ttf"
    assert bold.name == "ReportSans-Bold.ttf"


def test_missing_fonts_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(svg, "FONTS", tmp_path)
    with pytest.raises(StudyError, match="fonts of the report"), svg.style():
        pass


def test_a_picture_keeps_its_pixels_the_right_way_up(tmp_path: Path):
    gray = np.linspace(0, 1, 12).reshape(3, 4)
    colored = np.dstack([gray, gray[::-1], 1 - gray])
    with svg.style():
        figure, (left, right) = plt.subplots(1, 2)
        left.imshow(gray, cmap="gray", vmin=0, vmax=1, interpolation="none")
        right.imshow(colored, interpolation="none")
    root = saved(svg.Drawing(figure, "t", "d"), tmp_path / "x.svg")
    images = list(root.iter(f"{NS}image"))
    for image, wanted in zip(images, (np.dstack([gray] * 3), colored), strict=True):
        data = base64.b64decode(image.attrib["href"].partition(",")[2])
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) / 255
        assert pixels == pytest.approx(wanted, abs=0.005)
        width, height = (float(image.attrib[side]) for side in ("width", "height"))
        assert width / height == pytest.approx(4 / 3, abs=0.001)


def test_an_area_is_cut_at_its_axes(tmp_path: Path):
    with svg.style():
        figure, axes = plt.subplots()
        axes.fill_between([0, 1, 2], [-5, -1, -5], [5, 3, 5], linewidth=0, label="band")
        axes.set_xlim(0, 2)
        axes.set_ylim(0, 4)
        axes.set_title("P")
    root = saved(svg.Drawing(figure, "t", "d"), tmp_path / "x.svg")
    [path] = series(panel(root, "P"), "band").iter(f"{NS}path")
    found = {
        tuple(np.round(values(panel(root, "P"), place), 1)) for place in points(path.attrib["d"])[0]
    }
    assert found == {(0, 0), (2, 0), (2, 4), (1.5, 4), (1, 3), (0.5, 4), (0, 4)}


# ------------------------------------------------------------------- what may stand in the page
SAFE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
    "<title>Finding</title><desc>How to read it.</desc>{}</svg>"
)


def read(directory: Path, text: str) -> rendering.Figure:
    """Read a figure whose values lie beside it, as they must."""
    (directory / "x.svg").write_text(text, encoding="utf-8")
    (directory / "x.csv").write_text("panel,series,x,y\n", encoding="utf-8")
    return rendering.read_figure(directory / "x.svg")


@pytest.mark.parametrize(
    "content",
    [
        "<rect width='9' height='9' fill='#0072b2'/>",
        "<g id='g'><path d='M0 0h9'/><circle r='2'/></g>",
        "<rect fill='url(#g)' stroke='url( &quot;#g&quot; )'/>",
        "<image href='data:image/png;base64,AAAA'/>",
        "<text>onload = url(x) javascript:</text>",
    ],
)
def test_a_harmless_figure_is_read_as_it_is(tmp_path: Path, content: str):
    figure = read(tmp_path, SAFE.format(content))
    assert (figure.title, figure.description) == ("Finding", "How to read it.")
    assert figure.svg == SAFE.format(content)
    assert figure.data == "panel,series,x,y\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<svg", "damaged: unclosed token"),
        ("<p xmlns='http://www.w3.org/2000/svg'/>", "not an SVG figure"),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", "with a title and a description"),
        (SAFE.replace("Finding", " "), "with a title and a description"),
        (SAFE.replace("How to read it.", ""), "with a title and a description"),
    ],
)
def test_what_is_no_figure_with_words_is_refused(tmp_path: Path, text: str, reason: str):
    with pytest.raises(StudyError, match=rf"x\.svg: .*{reason}"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<script/>", "<script>"),
        ("<script xmlns='http://www.w3.org/1999/xhtml'>x()</script>", "<script>"),
        ("<SCRIPT/>", "<SCRIPT>"),
        ("<foreignObject/>", "<foreignObject>"),
        ("<img xmlns='http://www.w3.org/1999/xhtml' src='x.png'/>", "<img>"),
        ("<iframe/>", "<iframe>"),
        ("<style>p { color: red }</style>", "<style>"),
        ("<a href='#x'/>", "<a>"),
        ("<g><animate attributeName='href'/></g>", "<animate>"),
        ("<set attributeName='href'/>", "<set>"),
        ("<rect onload='x()'/>", "the attribute onload"),
        ("<g><g onclick=''/></g>", "the attribute onclick"),
        ("<g ONCLICK=''/>", "the attribute onclick"),
        ("<image href='https://example.org/x.png'/>", "the attribute href"),
        ("<image href='data:text/html,x'/>", "the attribute href"),
        ("<image xmlns:x='http://www.w3.org/1999/xlink' x:href='x.png'/>", "the attribute href"),
        ("<rect fill='url(https://example.org/x)'/>", "the attribute fill"),
        ("<rect style='fill: url( &quot;x.svg#a&quot; )'/>", "the attribute style"),
    ],
)
def test_a_figure_that_could_harm_the_page_is_refused(tmp_path: Path, content: str, reason: str):
    """That nothing else is wrong with it, the harmless ones show, which are read the same way."""
    with pytest.raises(StudyError, match=rf"x\.svg: {reason} may not stand in a figure"):
        read(tmp_path, SAFE.format(content))


def test_a_figure_is_named_to_screen_readers_by_its_title_and_description(tmp_path: Path):
    root = saved(drawing(), tmp_path / "x.svg")
    assert root.get("role") == "img"
    names = {e.get("id"): e.text for e in root if e.get("id")}
    assert [names[name] for name in root.get("aria-labelledby", "").split()] == [
        "What was found.",
        "How it is read.",
    ]


# ------------------------------------------------------------------------------------ what redraws
def test_changes_of_the_page_redraw_no_figure():
    drawn = {rule: used for rule, used in uses().items() if used[0] == "figure"}
    assert len(drawn) > 10
    for rule, used in drawn.items():
        assert not {"report", "pagefigures", "pdf", "explorer"} & set(modules_of(*used)), rule
