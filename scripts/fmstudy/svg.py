"""Makes matplotlib's SVG fit to stand in a page: small, described, the same bytes each time."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

from fmstudy import runtime

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")


HUES = ("#0072b2", "#b34a00", "#007a59", "#a8477f")
INK, FAINT = "#1b1e22", "#6b7178"
STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans", "sans-serif"],  # comes with matplotlib: the same everywhere
    "font.sans-serif": ["DejaVu Sans"],  # else every word names ten fonts
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # a title may hold a dollar sign
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
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "fmstudy",
    "figure.dpi": 100,
}


class Drawing(NamedTuple):
    """A figure, what it shows in one sentence, and how it is read."""

    figure: Figure
    title: str
    description: str


@contextmanager
def style() -> Iterator[None]:
    """Draw with the study's style."""
    with mpl.rc_context(STYLE):
        yield


def save(drawing: Drawing, path: str | Path) -> None:
    """Write a figure as SVG with a title (the finding, in a sentence) and a description.

    Both are what a reader who cannot see the figure gets.  Ids are made unique by the file's
    name, because several figures stand in one page, and matplotlib's style sheet and metadata,
    which would leak into the page or change with the date, are taken out.
    """
    name = Path(path).stem
    buffer = io.BytesIO()
    with style():
        drawing.figure.savefig(buffer, format="svg", metadata={"Date": None})
    root = ET.fromstring(buffer.getvalue())
    _describe(root, name, drawing.title, drawing.description)
    _clean(root, name)
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    runtime.write_text(path, ET.tostring(root, encoding="unicode") + "\n")


def _describe(root: ET.Element, name: str, title: str, description: str) -> None:
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(f"{{{SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(position, element)


def _clean(root: ET.Element, name: str) -> None:
    """Drop style sheet, metadata and ids that nothing refers to; prefix the others."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)
    # What the style sheet said, where it stays in the figure.
    root.set("style", "stroke-linejoin:round;stroke-linecap:butt")
    used = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            used |= set(_REFERENCE.findall(value))
            if key == f"{{{XLINK}}}href" and value.startswith("#"):
                used.add(value[1:])

    def renamed(match: Any) -> str:
        return f"url(#{name}-{match.group(1)})"

    for element in root.iter():
        if "d" in element.attrib:  # a hundredth of a point is finer than any screen or print
            path = _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.2f}", element.attrib["d"])
            element.set("d", " ".join(path.split()))
        for key, value in list(element.attrib.items()):
            if key == "id" and not value.startswith(f"{name}-"):
                if value in used:
                    element.set(key, f"{name}-{value}")
                else:
                    del element.attrib[key]
            elif key == f"{{{XLINK}}}href" and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, _REFERENCE.sub(renamed, value))
