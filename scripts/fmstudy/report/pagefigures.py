"""Figures in the page: one picture per column, and colors for dark pages.

The page shows the columns that `svg.save` marked as separate pictures, which a style sheet arranges
by the available width.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from html import escape

from fmstudy.figures.colors import dark

_LOOK = ("font-family", "font-size", "fill", "stroke-linejoin", "stroke-linecap")
_COLOR = re.compile(r"""\b(fill|stroke)=["'](#[0-9a-f]{6})["']""")


def panels(root: ET.Element, title: str) -> str:
    """Return the HTML of a figure: one `<svg>` per column, or a single one without columns.

    Each has its width in points as the property `--w`, and the size of its smallest letters as
    `--s`, so that the style sheet can keep them legible.  A screen reader announces one picture
    with the names of its panels; title and description are left out, because the caption has them.
    """
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    left, top, width, height = (float(number) for number in root.get("viewBox", "").split())
    content = [child for child in root if child.tag not in ("title", "desc")]
    columns = [child for child in content if child.get("class") == "column"]
    keys = [child for child in content if child.get("class") == "key"]
    pictures = []
    for column in columns:
        start, end = (float(edge) for edge in column.get("data-extent", "").split())
        parts = list(column)
        for key in keys:
            moved = ET.Element("g", {"class": "key", "transform": f"translate({start:g})"})
            moved.extend(key)
            parts.append(moved)
        pictures.append(_picture(root, parts, (start, top, end - start, height)))
    if not columns:
        pictures.append(_picture(root, content, (left, top, width, height)))
    names = [name for name in (element.get("data-panel") for element in root.iter()) if name]
    said = escape("; ".join(names) or title, quote=True)
    kind = "panels" if len(pictures) > 1 else "panels whole"
    return f'<div class="{kind}" role="img" aria-label="{said}">{"".join(pictures)}</div>'


def _picture(
    root: ET.Element, content: Iterable[ET.Element], box: tuple[float, float, float, float]
) -> str:
    """Return this part of a figure as an SVG for HTML, which needs no namespace.

    Its aspect ratio is in its style, too, for browsers that have not laid it out yet.
    """
    attributes = {key: value for key, value in root.attrib.items() if key in _LOOK}
    attributes |= {"viewBox": " ".join(f"{number:g}" for number in box)}
    picture = ET.Element("svg", attributes)
    picture.extend(content)
    letters = [float(it.get("font-size", "inf")) for it in picture.iter()]
    smallest = f";--s:{min(letters):g}" if min(letters) < float("inf") else ""
    picture.set("style", f"--w:{box[2]:g}{smallest};aspect-ratio:{box[2]:g}/{box[3]:g}")
    return ET.tostring(picture, encoding="unicode").replace(" />", "/>")


def dark_colors(svgs: Iterable[str]) -> str:
    """Return the style sheet for these figures on dark pages, on screens only.

    It applies if the root has `data-theme="dark"`, or if the reader's system is dark and the root
    does not have `data-theme="light"`.
    """
    used = {match.groups() for text in svgs for match in _COLOR.finditer(text)}
    names = {color: f"--f{index}" for index, color in enumerate(sorted({c for _, c in used}))}
    shades = ";".join(f"{name}:{dark(color)}" for color, name in names.items())
    rules = "".join(
        f'[{key}="{color}"]{{{key}:var({names[color]},{color})}}'
        for key, color in sorted(used, key=lambda pair: (pair[1], pair[0]))
    )
    if not rules:
        return ""
    return (
        f'@media screen{{:root[data-theme="dark"]{{{shades}}}}}\n'
        "@media screen and (prefers-color-scheme:dark)"
        f'{{:root:not([data-theme="light"]){{{shades}}}}}\n{rules}\n'
    )
