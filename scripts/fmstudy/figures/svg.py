"""Writes figures as SVG for pages, as PNG, and their values as CSV, reproducibly."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fmstudy import runtime
from fmstudy.figures import contents, svgrenderer
from fmstudy.figures.colors import FAINT, INK

FONTS = Path(__file__).resolve().parents[3] / "report/fonts"
FAMILY = "'Report Sans','DejaVu Sans',sans-serif"
DPI = 300  # of the PNG
PHONE = 358.0  # points: a wider column would have small letters on a phone, 390 px wide

STYLE: dict[Any, Any] = {
    "font.family": ["Report Sans", "DejaVu Sans"],  # the report's; matplotlib's as a fallback
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # titles may contain dollar signs
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": FAINT,
    "axes.edgecolor": "#b9bec5",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "ytick.left": False,
    "ytick.alignment": "center",
    "legend.frameon": False,
    "figure.dpi": 100,
}


class Drawing(NamedTuple):
    """A figure, a short title without its findings, and how to read it in at most 25 words.

    `rows` (panel, series, x, y) are values that it shows besides lines, dots and bars, such as the
    numbers in a heat map or the images in a gallery.
    """

    figure: Figure
    title: str
    description: str
    rows: Sequence[tuple[Any, Any, Any, Any]] = ()


@contextmanager
def style() -> Iterator[None]:
    """Use the study's style and fonts for drawing."""
    known = {font.fname for font in font_manager.fontManager.ttflist}
    fonts = sorted(FONTS.glob("ReportSans-*.ttf"))
    if not fonts:
        raise runtime.StudyError(f"{FONTS}: the fonts of the report, ReportSans-*.ttf, are missing")
    for path in fonts:
        if str(path) not in known:
            font_manager.fontManager.addfont(path)
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever the user has in a matplotlibrc
        mpl.rcParams.update(STYLE)
        yield


# ---------------------------------------------------------------------------------------- saving
def save(drawing: Drawing, path: str | Path) -> None:
    """Write a figure as SVG and, beside it, as PNG (300 dpi) and its values as CSV.

    The SVG has a title and a description for screen readers.  It has no style sheet, no metadata,
    and no ids except for those two; panels and series are marked (see `contents`), so that a page
    can read values from it.  Axes side by side form columns, which narrow pages stack.
    """
    path = Path(path)
    figure = drawing.figure
    drawn, picture = ET.Element("svg"), io.BytesIO()
    with style():
        panels = contents.panels(figure)
        with contents.marked(figure, panels) as marks:
            figure.savefig(
                picture, format=svgrenderer.FORMAT, transparent=True, root=drawn, marks=marks
            )
        extents = _extents(figure)
        # Like savefig, but without its draft for the layout, which is done.
        figure.set_layout_engine("none")
        figure.set_dpi(DPI)
        FigureCanvasAgg(figure).print_png(picture, metadata={"Software": None})
    root = _root(figure, drawing, path.stem)
    root.extend(_arrange(drawn, panels, figure, extents))
    runtime.write_text(path, ET.tostring(root, encoding="unicode").replace(" />", "/>") + "\n")
    with runtime.atomic_write(path.with_suffix(".png")) as file:
        file.write(picture.getvalue())
    runtime.write_text(path.with_suffix(".csv"), _table(drawing, panels))


def _size(figure: Figure) -> tuple[float, float]:
    """Width and height in points."""
    width, height = figure.get_size_inches()
    return 72 * float(width), 72 * float(height)


def _root(figure: Figure, drawing: Drawing, name: str) -> ET.Element:
    width, height = (f"{side:g}" for side in _size(figure))
    root = ET.Element(
        "svg",
        {
            "xmlns": svgrenderer.SVG,
            "width": f"{width}pt",
            "height": f"{height}pt",
            "viewBox": f"0 0 {width} {height}",
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc",
            "font-family": FAMILY,
            "font-size": "9",
            "fill": "none",
            "stroke-linejoin": "round",
            "stroke-linecap": "square",
        },
    )
    for tag, text in (("title", drawing.title), ("desc", drawing.description)):
        ET.SubElement(root, tag, {"id": f"{name}-{tag}"}).text = text
    return root


def _extents(figure: Figure) -> list[tuple[float, float]]:
    """Return the left and right ends of each axes, including labels, in points."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    scale = 72 / figure.dpi
    found = []
    for axes in figure.axes:
        box = axes.get_tightbbox(renderer)
        found.append((box.x0 * scale, box.x1 * scale) if box else (0.0, 0.0))
    return found


def _arrange(
    drawn: ET.Element,
    panels: Sequence[contents.Panel],
    figure: Figure,
    extents: Sequence[tuple[float, float]],
) -> list[ET.Element]:
    """Return the axes as panels, in columns if the figure has separate columns."""
    width, height = _size(figure)
    groups: dict[int, ET.Element] = {}
    rest = []
    for element in drawn:
        if element.get("class") == "axes":
            groups[int(element.attrib.pop("data-index"))] = element
        else:
            rest.append(element)
    for index, group in groups.items():
        del group.attrib["class"]
        if panels[index].series:
            group.attrib.update(contents.panel_attributes(panels[index], width, height))
    edges = _columns(extents, width) if _has_separate_columns(figure) else []
    widest = max((right - left for left, right in pairwise(edges)), default=0.0)
    if len(edges) < 3 or widest > PHONE:
        return [*groups.values(), *rest]
    if rest:  # a legend over all columns, which a page repeats over each one
        key = ET.Element("g", {"class": "key"})
        key.extend(rest)
        rest = [key]
    columns = []
    for left, right in pairwise(edges):
        ends = f"{left:g} {right:g}"
        columns.append(ET.Element("g", {"class": "column", "data-extent": ends}))
    for index, group in groups.items():
        middle = sum(extents[index]) / 2
        place = sum(middle > edge for edge in edges[1:-1])
        columns[place].append(group)
    return [*columns, *rest]


def _has_separate_columns(figure: Figure) -> bool:
    """Return whether columns are readable on their own, because each axes has its labels."""
    return not figure.texts and all(
        axes.yaxis.get_tick_params().get("labelleft", True) for axes in figure.axes
    )


def _columns(extents: Sequence[tuple[float, float]], width: float) -> list[float]:
    """Return the edges of columns: the midpoints of gaps between axes, and the figure's edges."""
    reach, edges = -1.0, [0.0]
    for left, right in sorted(extents):
        if reach >= 0 and left > reach:
            edges.append(round((reach + left) / 2, 1))
        reach = max(reach, right)
    return [*edges, width]


def _table(drawing: Drawing, panels: Sequence[contents.Panel]) -> str:
    """Return the values as CSV, without columns that are empty in every row."""
    rows = contents.rows(panels)
    given = (dict(zip(contents.COLUMNS, row, strict=False)) for row in drawing.rows)
    empty = dict.fromkeys(contents.COLUMNS, "")
    rows += [{**empty, **row} for row in given]
    rows = rows or [{**empty, "y": drawing.title}]
    spread = any(row["low"] != "" for row in rows)
    columns = contents.COLUMNS if spread else contents.COLUMNS[:4]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(contents.cell(row[column], 6 if column == "x" else 5) for column in columns)
    return buffer.getvalue()
