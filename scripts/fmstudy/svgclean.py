"""Rewrites matplotlib's SVG: short, without ids and style sheets, colored by attributes.

A page themes its figures by selectors such as `[stroke="#0072b2"]`, so every color becomes a
lower-case hexadecimal presentation attribute.  What is drawn many times is drawn as one path or as
circles instead of by reference, what lies outside its clip rectangle is cut away, and numbers get
one or two decimals of a point, which is finer than a screen shows.  Nothing here depends on page
CSS, references or custom properties, so a PDF renderer draws the same.
"""

from __future__ import annotations

import base64
import io
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from matplotlib.colors import to_hex
from PIL import Image

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
# What the root says once for all; a path says otherwise where it differs.
INHERITED = {"fill": "none", "stroke-linejoin": "round", "stroke-linecap": "square"}
INHERITED |= {"stroke-width": "1", "font-size": "9", "text-anchor": "start", "font-weight": "400"}
KEPT = ("fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray",
        "stroke-linecap", "stroke-linejoin", "opacity", "font-size", "font-weight", "font-style",
        "text-anchor")  # fmt: skip
MARKER = 12.0  # points; no marker is wider from its middle
LONG = 12  # points from which on a line is a curve, for which a tenth of a point is enough
Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom


class Symbol(NamedTuple):
    """A marker: its path about the origin, and its own style."""

    d: str
    style: dict[str, str]


class Segment(NamedTuple):
    """One command of a path, with absolute points."""

    command: str  # M, L, C, Q or Z
    points: tuple[Point, ...]


class Cleaner:
    """Rewrites one figure; `marks` are attributes that stand for groups of these ids."""

    def __init__(self, root: ET.Element, marks: Mapping[str, Mapping[str, str]]) -> None:
        self.marks = marks
        self.symbols: dict[str, Symbol] = {}
        self.clips: dict[str, Box] = {}
        for element in root.iter():
            name, tag = element.get("id", ""), _tag(element)
            if tag == "clipPath":
                x, y, width, height = (
                    float(element[0].get(key, 0)) for key in ("x", "y", "width", "height")
                )
                self.clips[name] = (x, y, x + width, y + height)
            elif tag == "defs":
                for path in element:
                    if _tag(path) == "path":
                        self.symbols[path.get("id", "")] = Symbol(
                            path.get("d", ""), _style(path.get("style", ""))
                        )

    def cleaned(self, parent: ET.Element, clip: Box | None = None) -> list[ET.Element]:
        """Give what stands in for the children of an element."""
        found: list[ET.Element] = []
        for child in parent:
            tag = _tag(child)
            inside = self._clip(child) or clip
            if tag == "g":
                content = self.cleaned(child, inside)
                if child.get("id", "").startswith("matplotlib.axis"):
                    # Lines of the grid cross no words of their axis: alike beside alike.
                    content.sort(key=lambda element: element.tag)
                given = self.marks.get(child.get("id", ""))
                if given is not None:
                    if content:
                        group = ET.Element("g", dict(given))
                        group.extend(content)
                        found.append(group)
                else:
                    found += content
            elif tag == "text":
                found.append(_text(child))
            elif tag == "image":
                found.append(_image(child))
            elif tag in ("path", "use"):
                found += self._drawn(child, inside)
        return _factored(_merged(found))

    def _clip(self, element: ET.Element) -> Box | None:
        match = re.fullmatch(r"url\(#(.+)\)", element.get("clip-path", ""))
        return self.clips[match[1]] if match else None

    def _drawn(self, element: ET.Element, clip: Box | None) -> list[ET.Element]:
        style = _style(element.get("style", ""))
        if _tag(element) == "path":
            return _path(parsed(element.get("d", "")), style, clip)
        symbol = self.symbols[element.get(f"{{{XLINK}}}href", "#")[1:]]
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        style |= symbol.style
        segments = parsed(symbol.d)
        if not _is_marker(segments):
            return _path(_moved(segments, x, y), style, clip)
        if clip and not (clip[0] - 1 <= x <= clip[2] + 1 and clip[1] - 1 <= y <= clip[3] + 1):
            return []
        return _marker(segments, x, y, style)


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


# ---------------------------------------------------------------------------------- attributes
def _style(text: str) -> dict[str, str]:
    """The properties of a `style` attribute; what it does not say of the fill is black."""
    parts = (part.split(":", 1) for part in text.split(";") if ":" in part)
    return {key.strip(): value.strip() for key, value in parts}


def _attributes(style: Mapping[str, str], wanted: Sequence[str] = KEPT) -> dict[str, str]:
    """Presentation attributes for a style, without what the root says anyway."""
    given = {"fill": "#000000", "stroke": "none", "stroke-linecap": "butt"} | dict(style)
    for key in ("fill", "stroke"):
        if given[key] != "none":
            given[key] = to_hex(given[key])
    for key in ("stroke-width", "font-size", "opacity", "fill-opacity", "stroke-opacity"):
        if key in given:
            given[key] = _number(float(given[key].removesuffix("px")), 2)
    if "stroke-dasharray" in given:
        lengths = given["stroke-dasharray"].split(",")
        given["stroke-dasharray"] = " ".join(_number(float(length), 1) for length in lengths)
    if given["stroke"] == "none":
        given = {key: value for key, value in given.items() if not key.startswith("stroke")}
    found = {}
    for key in wanted:
        default = INHERITED.get(key, "1" if key.endswith("opacity") else "none")
        if given.get(key, default) != default:
            found[key] = given[key]
    return found


def _number(value: float, decimals: int) -> str:
    """A number as short as it can be written."""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    if text in ("-0", ""):
        return "0"
    return text.replace("0.", ".", 1) if re.match(r"-?0\.", text) else text


# --------------------------------------------------------------------------------------- paths
def parsed(d: str) -> list[Segment]:
    """Read a path of matplotlib's, which has absolute commands only."""
    found = []
    for command, numbers in re.findall(r"([MLCQZz])([^MLCQZz]*)", d):
        values = [float(number) for number in numbers.split()]
        points = tuple(zip(values[::2], values[1::2], strict=True))
        found.append(Segment(command.upper(), points))
    return found


def written(segments: Sequence[Segment]) -> str:
    """Write a path with relative commands; points are rounded first, so that none drifts."""
    decimals = 1 if len(segments) > LONG else 2
    out: list[str] = []
    last, start, command = (0.0, 0.0), (0.0, 0.0), ""
    for segment in segments:
        if segment.command == "Z":
            out.append("z")
            last, command = start, "z"
            continue
        points = [(round(x, decimals), round(y, decimals)) for x, y in segment.points]
        if segment.command == "M":
            last = start = points[0]
            out.append(f"M{_joined([*last], decimals)}")
            command = "l"  # what follows a start is a line
            continue
        if points[-1] == last and segment.command == "L" and len(segments) > 2:
            continue
        key = segment.command.lower()
        moves = [(x - last[0], y - last[1]) for x, y in points]
        if key == "l" and len(segments) <= LONG and 0.0 in moves[0]:
            key = "h" if moves[0][1] == 0 else "v"
            numbers = [moves[0][0] or moves[0][1]]
        else:
            numbers = [number for move in moves for number in move]
        text = _joined(numbers, decimals)
        if key == command and not (key == "l" and out[-1].startswith("M")):
            out.append(text if text.startswith("-") else f" {text}")
        else:
            out.append(f"{key}{text}")
        last, command = points[-1], key
    return "".join(out)


def _joined(numbers: Iterable[float], decimals: int) -> str:
    text = " ".join(_number(number, decimals) for number in numbers)
    return text.replace(" -", "-")


def _path(segments: list[Segment], style: dict[str, str], clip: Box | None) -> list[ET.Element]:
    attributes = _attributes(style)
    if "fill" not in attributes and "stroke" not in attributes:
        return []
    if clip and segments and not _within(segments, clip):
        segments = _cut(segments, clip, closed="fill" in attributes)
    if not segments:
        return []
    return [ET.Element("path", {**attributes, "d": written(segments)})]


def _within(segments: Iterable[Segment], box: Box) -> bool:
    left, top, right, bottom = box
    return all(
        left - 0.1 <= x <= right + 0.1 and top - 0.1 <= y <= bottom + 0.1
        for segment in segments
        for x, y in segment.points
    )


def _lines(segments: Iterable[Segment]) -> list[list[Point]]:
    """The parts of a path as lines; the study's clipped paths have no curves."""
    found: list[list[Point]] = []
    for segment in segments:
        if segment.command == "M":
            found.append([segment.points[0]])
        elif segment.command == "L":
            found[-1].append(segment.points[0])
        elif segment.command == "Z":
            found[-1].append(found[-1][0])
        else:
            raise ValueError("a curve cannot be cut at the edge of its axes")
    return found


def _cut(segments: Iterable[Segment], box: Box, closed: bool) -> list[Segment]:
    """Cut away what lies outside a box, of lines or of areas."""
    found: list[Segment] = []
    for line in _lines(segments):
        for part in [_cut_area(line, box)] if closed else _cut_line(line, box):
            found += [Segment("L" if i else "M", (point,)) for i, point in enumerate(part)]
            if closed and part:
                found.append(Segment("Z", ()))
    return found


def _cut_line(line: Sequence[Point], box: Box) -> list[list[Point]]:
    parts: list[list[Point]] = []
    for start, end in pairwise(line):
        inside = _cut_step(start, end, box)
        if inside is None:
            continue
        if parts and parts[-1][-1] == inside[0]:
            parts[-1].append(inside[1])
        else:
            parts.append([*inside])
    return parts


def _cut_step(start: Point, end: Point, box: Box) -> tuple[Point, Point] | None:
    """The part of a straight step inside a box (Liang and Barsky), None if there is none."""
    x, y = start
    dx, dy = end[0] - x, end[1] - y
    first, last = 0.0, 1.0
    for move, room in ((-dx, x - box[0]), (dx, box[2] - x), (-dy, y - box[1]), (dy, box[3] - y)):
        if move == 0:
            if room < 0:
                return None
        elif move < 0:
            first = max(first, room / move)
        else:
            last = min(last, room / move)
    if first > last:
        return None
    ends = [start if first == 0 else (x + first * dx, y + first * dy)]
    ends.append(end if last == 1 else (x + last * dx, y + last * dy))
    return ends[0], ends[1]


def _cut_area(line: Sequence[Point], box: Box) -> list[Point]:
    """An area cut at the four sides in turn (Sutherland and Hodgman)."""
    points = list(line[:-1]) if line[0] == line[-1] else list(line)
    for axis, limit, sign in ((0, box[0], 1), (0, box[2], -1), (1, box[1], 1), (1, box[3], -1)):
        kept: list[Point] = []
        for here, following in zip(points, points[1:] + points[:1], strict=True):
            room, next_room = sign * (here[axis] - limit), sign * (following[axis] - limit)
            if room >= 0:
                kept.append(here)
            if (room >= 0) != (next_room >= 0):
                share = room / (room - next_room)
                kept.append(
                    (
                        here[0] + share * (following[0] - here[0]),
                        here[1] + share * (following[1] - here[1]),
                    )
                )
        points = kept
    return points


# ------------------------------------------------------------------------------------- markers
def _is_marker(segments: Iterable[Segment]) -> bool:
    """Whether a path lies about the origin; an area of a collection has its own place."""
    return all(max(abs(x), abs(y)) <= MARKER for each in segments for x, y in each.points)


def _moved(segments: Iterable[Segment], x: float, y: float) -> list[Segment]:
    return [
        Segment(each.command, tuple((x + a, y + b) for a, b in each.points)) for each in segments
    ]


def _marker(
    segments: Sequence[Segment], x: float, y: float, style: dict[str, str]
) -> list[ET.Element]:
    attributes = _attributes(style)
    if "fill" not in attributes and "stroke" not in attributes:
        return []
    radius = _radius(segments)
    if radius:
        attributes.pop("stroke-linejoin", None)
        attributes.pop("stroke-linecap", None)
        if attributes.get("fill") == attributes.get("stroke") and "opacity" not in attributes:
            # the edge as part of the disc
            radius += float(attributes.pop("stroke-width", 1)) / 2
            del attributes["stroke"]
        place = {"cx": _number(x, 1), "cy": _number(y, 1), "r": _number(radius, 2)}
        return [ET.Element("circle", {**attributes, **place})]
    return [ET.Element("path", {**attributes, "d": written(_moved(segments, x, y))})]


def _radius(segments: Sequence[Segment]) -> float:
    """The radius of a path that is a circle about the origin, else 0."""
    curves = [segment for segment in segments if segment.command == "C"]
    if len(curves) < 4 or len(curves) + 2 < len(segments):
        return 0.0
    distances = [math.hypot(*segment.points[-1]) for segment in curves]
    return distances[0] if max(distances) - min(distances) < 1e-3 else 0.0


# ------------------------------------------------------------------------------ text and images
def _text(element: ET.Element) -> ET.Element:
    style = _style(element.get("style", ""))
    attributes = _attributes(style, [key for key in KEPT if not key.startswith("stroke")])
    x, y, turn = element.get("x"), element.get("y"), ""
    transform = element.get("transform", "")
    moved = re.search(r"translate\(([-\d.e]+) ([-\d.e]+)\)", transform)
    turned = re.search(r"rotate\(([-\d.e]+)", transform)
    if moved:
        x, y = moved[1], moved[2]
    place = [_number(float(value or 0), 1) for value in (x, y)]
    if turned and float(turned[1]) != 0:
        turn = f"rotate({_number(float(turned[1]), 1)} {place[0]} {place[1]})"
    attributes |= {"x": place[0], "y": place[1]} | ({"transform": turn} if turn else {})
    text = ET.Element("text", attributes)
    text.text = "".join(element.itertext()).strip()
    return text


def _image(element: ET.Element) -> ET.Element:
    """A picture the right way up, with as few colors as it has, without smoothing."""
    data = element.get(f"{{{XLINK}}}href", "").partition(",")[2]
    picture: Image.Image = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")
    width, height = (float(element.get(key, 0)) for key in ("width", "height"))
    transform = element.get("transform", "")
    numbers = [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", transform)]
    if transform.startswith("matrix"):
        across, _, _, down, x, y = numbers
        width, height = width * across, height * down
    elif transform.startswith("scale(1 -1)"):
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        y = numbers[3] - y - height
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    else:
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
    place = {"x": x, "y": y, "width": width, "height": height}
    return ET.Element(
        "image",
        {key: _number(value, 2) for key, value in place.items()}
        | {
            "preserveAspectRatio": "none",
            "style": "image-rendering:pixelated",
            "href": f"data:image/png;base64,{_png(picture)}",
        },
    )


def _png(picture: Image.Image) -> str:
    """The same pixels as a small PNG: gray or with a palette where that loses nothing."""
    red, green, blue, alpha = picture.split()
    if alpha.getextrema() == (255, 255):
        if red.tobytes() == green.tobytes() == blue.tobytes():
            small = red
        else:
            small = picture.convert("RGB")
            if small.getcolors(256) is not None:
                small = small.convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
    else:
        small = picture
    buffer = io.BytesIO()
    small.save(buffer, format="png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


# ---------------------------------------------------------------------------------- less of all
def _merged(elements: Iterable[ET.Element]) -> list[ET.Element]:
    """Neighbors that look the same as one path; neighboring groups of one series as one."""
    found: list[ET.Element] = []
    for element in elements:
        before = found[-1] if found else None
        if before is None or before.tag != element.tag:
            found.append(element)
        elif element.tag == "path":
            looks = [{k: v for k, v in e.attrib.items() if k != "d"} for e in (before, element)]
            flat = not {"fill", "opacity", "stroke-opacity"} & looks[0].keys()
            if flat and looks[0] == looks[1]:
                before.set("d", before.get("d", "") + element.get("d", ""))
            else:
                found.append(element)
        elif (
            element.tag == "g"
            and element.attrib == before.attrib
            and "data-series" in element.attrib
        ):
            content = [*_unfactored(before), *_unfactored(element)]
            for child in list(before):
                before.remove(child)
            before.extend(_factored(_merged(content)))
        else:
            found.append(element)
    return found


def _unfactored(group: ET.Element) -> list[ET.Element]:
    """The content of a group, with what its plain groups say once said by each again."""
    found = []
    for child in group:
        if child.tag == "g" and "class" not in child.attrib:
            for grandchild in child:
                own = dict(grandchild.attrib)
                grandchild.attrib.clear()
                grandchild.attrib.update({**child.attrib, **own})
                found.append(grandchild)
        else:
            found.append(child)
    return found


def _factored(elements: list[ET.Element]) -> list[ET.Element]:
    """Say once, in a group, what neighbors say each."""
    found: list[ET.Element] = []
    index = 0
    while index < len(elements):
        look = _look(elements[index])
        end = index + 1
        while look and end < len(elements) and _look(elements[end]) == look:
            end += 1
        run = elements[index:end]
        if len(run) > 1:
            group = ET.Element("g", look)
            for element in run:
                for key in look:
                    del element.attrib[key]
            group.extend(run)
            found.append(group)
        else:
            found += run
        index = end
    return found


def _look(element: ET.Element) -> dict[str, str]:
    """What an element says of its look that its children could inherit."""
    if element.tag not in ("path", "circle", "text"):
        return {}
    if "opacity" in element.attrib:
        return {}
    return {key: element.attrib[key] for key in KEPT if key in element.attrib}


def clean(root: ET.Element, marks: Mapping[str, Mapping[str, str]]) -> list[ET.Element]:
    """Give the drawn elements of a figure's SVG, rewritten, without a namespace.

    Groups with an id among `marks` stay, with these attributes instead of the id; all others are
    dissolved.
    """
    return Cleaner(root, marks).cleaned(root)
