"""Figures in the page: their columns, and their colors on dark paper."""

import colorsys
import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from fixtures.svgcheck import contrast, saved
from matplotlib import pyplot as plt

from fmstudy.figures import colors, svg
from fmstudy.report import pagefigures, rendering

DARK = "#16181b"


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def figure(columns: int, legend: bool = False) -> svg.Drawing:
    with svg.style():
        drawn, grid = plt.subplots(1, columns, squeeze=False, figsize=(6, 2), layout="constrained")
        for index, axes in enumerate(grid[0]):
            lines = axes.plot([1, 2], [3, 4], color="#0072b2", label='a "b"')
            axes.set_title(f"Panel <{index}>")
        if legend:
            drawn.legend(lines, ["key"], loc="outside upper left")
    return svg.Drawing(drawn, "Finding & more.", "How it is read.")


def page(drawing: svg.Drawing, path: Path) -> tuple[rendering.Figure, ET.Element]:
    saved(drawing, path)
    found = rendering.read_figure(path)
    return found, ET.fromstring(str(found.panels))


def test_the_page_gets_a_picture_a_column(tmp_path: Path):
    found, wrapper = page(figure(3), tmp_path / "x.svg")
    assert wrapper.attrib == {"class": "panels", "role": "img",
                              "aria-label": "Panel <0>; Panel <1>; Panel <2>"}  # fmt: skip
    boxes = [[float(n) for n in picture.attrib["viewBox"].split()] for picture in wrapper]
    assert [picture.tag for picture in wrapper] == ["svg"] * 3
    assert boxes[0][0] == 0
    assert sum(box[2] for box in boxes) == pytest.approx(432)
    for box, following in itertools.pairwise(boxes):
        assert box[0] + box[2] == pytest.approx(following[0], abs=0.06)
    letters = [[float(e.get("font-size", "inf")) for e in p.iter()] for p in wrapper]
    styles = [
        f"--w:{width:g};--s:{min(it):g};aspect-ratio:{width:g}/{height:g}"
        for (_, _, width, height), it in zip(boxes, letters, strict=True)
    ]
    assert [p.attrib["style"] for p in wrapper] == styles
    assert [len(p.findall(".//g[@data-panel]")) for p in wrapper] == [1, 1, 1]
    # Title and description stand in the caption; the file has them still, for the PDF.
    assert "Finding" not in found.panels
    assert found.title == "Finding & more."
    assert "<title" in found.svg
    assert found.data.startswith("panel,series,x,y\n")


def test_a_figure_of_one_column_is_one_picture(tmp_path: Path):
    found, wrapper = page(figure(1), tmp_path / "x.svg")
    assert wrapper.attrib["class"] == "panels whole"
    [picture] = wrapper
    assert picture.attrib["viewBox"] == "0 0 432 144"
    assert "xmlns" not in found.panels


def test_a_picture_without_panels_is_named_by_its_finding(tmp_path: Path):
    with svg.style():
        drawn, axes = plt.subplots()
        axes.text(0, 0, "x")
    _, wrapper = page(svg.Drawing(drawn, 'A "finding".', "d"), tmp_path / "x.svg")
    assert wrapper.attrib["aria-label"] == 'A "finding".'


def test_the_key_stands_over_each_column(tmp_path: Path):
    found, wrapper = page(figure(2, legend=True), tmp_path / "x.svg")
    for picture in wrapper:
        start = picture.attrib["viewBox"].split()[0]
        [key] = [g for g in picture if g.get("class") == "key"]
        assert key.attrib["transform"] == f"translate({start})"
        assert "".join(key.itertext()) == "key"
    assert found.svg.count(">key<") == 1


# --------------------------------------------------------------------------------- dark colors
@pytest.mark.parametrize(
    "color",
    ["#1b1e22", "#6b7178", "#e3e6ea", "#fbf1e9", "#440154", "#1f9e89", "#d9a27a", "#ff0000"],
)
def test_a_color_stands_out_from_dark_paper_as_from_white(color: str):
    found = colors.dark(color)
    wanted = min(contrast(color, "#ffffff"), contrast("#ffffff", DARK))
    assert contrast(found, DARK) == pytest.approx(wanted, rel=0.03)
    hues = [colorsys.rgb_to_hls(*(int(c[k : k + 2], 16) / 255 for k in (1, 3, 5)))
            for c in (color, found)]  # fmt: skip
    if min(hues[0][2], hues[1][2]) > 0.2:
        assert hues[1][0] == pytest.approx(hues[0][0], abs=0.02)


def test_words_in_dark_colors_are_readable():
    for hue in colors.HUES:
        assert contrast(hue, "#ffffff") >= 4.5
        assert contrast(colors.dark(hue), DARK) >= 4.5
    assert colors.dark("#ffffff") == DARK
    assert contrast(colors.readable("#35b779"), "#ffffff") >= 4.5
    assert colors.readable("#0072b2") == "#0072b2"


def test_every_color_of_the_figures_is_themed_on_screens_only(tmp_path: Path):
    found, _ = page(figure(2), tmp_path / "x.svg")
    css = pagefigures.dark_colors([found.panels, '<g fill="#d9a27a"/>'])
    used = set(re.findall(r'(fill|stroke)="(#\w{6})"', found.panels)) | {("fill", "#d9a27a")}
    variables = {}
    for key, color in used:
        [name] = re.findall(rf'\[{key}="{color}"\]{{{key}:var\((--f\d+),{color}\)}}', css)
        variables[name] = colors.dark(color)
    conditions = (
        '@media screen{:root[data-theme="dark"]{',
        '@media screen and (prefers-color-scheme:dark){:root:not([data-theme="light"]){',
    )
    for condition in conditions:
        block = css.partition(condition)[2].partition("}")[0]
        assert dict(pair.split(":") for pair in block.split(";")) == variables
    assert pagefigures.dark_colors([]) == ""
