"""What tests read off a figure's SVG: paths, the values they stand for, colours and contrasts.

Nothing here uses the code under test but `dark`, whose results are what is checked.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fmstudy import colours, svg

NS = "{http://www.w3.org/2000/svg}"
# Lines that only guide the eye, and may be fainter than what they guide it along.
QUIET = {"#e3e6ea", "#b9bec5"}


def saved(drawing: svg.Drawing, path: Path) -> ET.Element:
    svg.save(drawing, path)
    return ET.fromstring(path.read_text(encoding="utf-8"))


def points(d: str) -> list[list[tuple[float, float]]]:
    """The corners of the parts of a path, for the commands M, l, h, v, c and z."""
    parts: list[list[tuple[float, float]]] = []
    x = y = 0.0
    for command, text in re.findall(r"([Mlhvcqz])([^Mlhvcqz]*)", d):
        numbers = [float(number) for number in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", text)]
        if command == "M":
            x, y = numbers
            parts.append([(x, y)])
        elif command == "z":
            x, y = parts[-1][0]
            parts[-1].append((x, y))
        else:
            size = {"h": 1, "v": 1, "l": 2, "q": 4, "c": 6}[command]
            assert len(numbers) % size == 0, (command, text)
            for start in range(0, len(numbers), size):
                move = numbers[start : start + size]
                x += 0 if command == "v" else move[-1 if command == "h" else -2]
                y += 0 if command == "h" else move[-1]
                parts[-1].append((x, y))
    return parts


def values(panel: ET.Element, place: tuple[float, float]) -> tuple[float, float]:
    """The values at a place of the SVG, by what the panel says of its axes."""
    left, top, right, bottom = map(float, panel.get("data-box", "").split())
    found = []
    for key, at, start, end in (("x", place[0], left, right), ("y", place[1], bottom, top)):
        low, high, scale = panel.get(f"data-{key}", "").split()
        share = (at - start) / (end - start)
        ends = np.array([float(low), float(high)])
        ends = np.log(ends) if scale == "log" else ends
        value = ends[0] + share * (ends[1] - ends[0])
        found.append(float(np.exp(value) if scale == "log" else value))
    return found[0], found[1]


def looked(root: ET.Element) -> Iterator[tuple[ET.Element, dict[str, str]]]:
    """Elements in the order of drawing, with attributes that they have or inherit."""

    def walk(
        element: ET.Element, above: dict[str, str]
    ) -> Iterator[tuple[ET.Element, dict[str, str]]]:
        look = above | dict(element.attrib)
        yield element, look
        for child in element:
            yield from walk(child, look)

    yield from walk(root, {})


def contrast(one: str, other: str) -> float:
    """The ratio of contrast of WCAG 2.2."""
    found = []
    for colour in (one, other):
        parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        found.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(found) / min(found)


def unreadable(root: ET.Element) -> list[str]:
    """What stands out too little from its paper, in light or dark: words 4.5, lines and dots 3."""
    fields: list[tuple[float, float, float, float, str]] = []
    poor = []
    for element, look in looked(root):
        tag = element.tag.removeprefix(NS)
        fill, stroke = look.get("fill", "none"), look.get("stroke", "none")
        faint = any(key.endswith("opacity") for key in look)
        behind, checks = "#ffffff", []
        if tag == "text":
            x, y = float(look["x"]), float(look["y"]) - 2
            inside = [f[4] for f in fields if f[0] <= x <= f[2] and f[1] <= y <= f[3]]
            behind = inside[-1] if inside else behind
            checks = [(fill, 4.5)]
        elif tag in ("path", "circle") and not faint:
            if stroke not in {"none", *QUIET}:
                checks.append((stroke, 3.0))
            if tag == "circle" and fill not in ("none", "#ffffff"):
                checks.append((fill, 3.0))
            if tag == "path" and fill != "none":
                for part in points(look["d"]):
                    x, y = np.array(part).T
                    fields.append((x.min(), y.min(), x.max(), y.max(), fill))
        for colour, least in checks:
            for paper, shade in ((behind, colour), (colours.dark(behind), colours.dark(colour))):
                if contrast(paper, shade) < least - 0.02:  # colours come in steps
                    poor.append(f"{tag} {shade} on {paper}: {contrast(paper, shade):.2f}")
    return poor
