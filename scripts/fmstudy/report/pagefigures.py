"""Figures in the page: their columns side by side or one below the other, and on dark paper.

A PDF and the file itself show a figure whole.  The page shows the columns that `svg.save` marked
as pictures of their own, which a style sheet arranges by the width that there is.
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
    """Give the HTML of a figure: one `<svg>` a column, or one of all where it has no columns.

    Each carries its width in points as the property `--w`.  The whole is one picture to a screen
    reader, which hears the names of its panels; the finding and how to read it stand in the
    caption, so the title and the description of the file are left out.
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
    """An SVG of its own with this part of a figure, without a namespace, which HTML knows."""
    attributes = {key: value for key, value in root.attrib.items() if key in _LOOK}
    attributes |= {"viewBox": " ".join(f"{number:g}" for number in box)}
    attributes |= {"style": f"--w:{box[2]:g}"}
    picture = ET.Element("svg", attributes)
    picture.extend(content)
    return ET.tostring(picture, encoding="unicode").replace(" />", "/>")


def dark_colors(svgs: Iterable[str]) -> str:
    """Give the style sheet that shows these figures on a dark page: on a screen, not in print.

    It applies where the root has `data-theme="dark"`, and where the reader's system is dark unless
    the root has `data-theme="light"`.
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
