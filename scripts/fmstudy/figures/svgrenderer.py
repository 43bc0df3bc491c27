"""Draws a figure as SVG elements: without ids, style sheet or references, colored by attributes.

Pages theme figures by selectors such as `[stroke="#0072b2"]`, so every color is a lower-case
hexadecimal presentation attribute.  matplotlib's own SVG backend writes styles, and refers to
markers and clip paths by ids, which would collide with those of other figures in the page.  So this
renderer draws each marker in place and clips lines and areas to their axes.
"""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase, RendererBase, register_backend
from matplotlib.colors import to_hex
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Bbox
from PIL import Image

SVG = "http://www.w3.org/2000/svg"
FORMAT = "elements"  # of `Figure.savefig`
# Attributes inherited from the root of a figure.
INHERITED = {"fill": "none", "stroke": "none", "stroke-width": "1"}
INHERITED |= {"stroke-linejoin": "round", "stroke-linecap": "square"}
INHERITED |= {"font-size": "9", "font-weight": "400", "font-style": "normal"}
INHERITED |= {"text-anchor": "start"}
COMMANDS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
CURVE_POINTS = 12  # lines with more vertices are written with one decimal
MARKER_BOX = Bbox([[-12, -12], [12, 12]])  # points; larger than any marker
CLIP_TOLERANCE = 0.1  # points by which a line may exceed its axes
WEIGHTS = {"normal": "400", "regular": "400", "bold": "700"}

Marks = Mapping[str, Mapping[str, str]]


class Renderer(RendererBase):
    """Appends elements to `root`, in points from its upper left corner.

    Groups with an id in `marks` become `<g>` with these attributes; other groups are flattened.
    """

    def __init__(self, width: float, height: float, root: ET.Element, marks: Marks) -> None:
        super().__init__()
        self.width, self.height, self.marks = width, height, marks
        self.groups = [root]
        self.down = Affine2D().scale(1, -1).translate(0, height)

    # Required by matplotlib.
    def get_canvas_width_height(self) -> tuple[float, float]:
        """Width and height in points."""
        return self.width, self.height

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> Any:
        """Measure text independently of pixels."""
        return self._text2path.get_text_width_height_descent(s, prop, ismath)

    def flipy(self) -> bool:
        """Return False: y coordinates start at the bottom."""
        return False

    def option_scale_image(self) -> bool:
        """Return True: `draw_image` accepts a transformation."""
        return True

    def option_image_nocomposite(self) -> bool:
        """Return True: images are drawn individually."""
        return True

    # ------------------------------------------------------------------------------- drawing
    def open_group(self, s: str, gid: str | None = None) -> None:
        """Start a group; adjacent groups with the same attributes are merged."""
        group = parent = self.groups[-1]
        if gid is not None and gid in self.marks:
            wanted = dict(self.marks[gid])
            last = parent[-1] if len(parent) else None
            if last is not None and last.tag == "g" and last.attrib == wanted:
                group = last
            else:
                group = ET.SubElement(parent, "g", wanted)
        self.groups.append(group)

    def close_group(self, s: str) -> None:
        """End a group; empty groups are removed."""
        group = self.groups.pop()
        if group is not self.groups[-1] and not len(group):
            self.groups[-1].remove(group)

    def draw_path(self, gc: Any, path: Path, transform: Any, rgbFace: Any = None) -> None:
        """Draw a line or an area, clipped to its axes."""
        attributes = _presentation(gc, rgbFace)
        path = (transform + self.down).transform_path(path)
        clip = self._clip(gc)
        if clip and _within(path, clip):
            clip = None
        if clip and "fill" in attributes:
            path, clip = path.clip_to_bbox(clip), None
        d = _path_data(path, clip, simplify=None if "fill" not in attributes else False)
        if d and attributes:
            self._add("path", attributes | {"d": d})

    def draw_markers(
        self,
        gc: Any,
        marker_path: Path,
        marker_trans: Any,
        path: Path,
        trans: Any,
        rgbFace: Any = None,
    ) -> None:
        """Draw a marker at each point of a path within its axes."""
        attributes, clip = _presentation(gc, rgbFace), self._clip(gc)
        shape = (marker_trans + Affine2D().scale(1, -1)).transform_path(marker_path)
        radius = _radius(shape)
        if not _within(shape, MARKER_BOX):  # an area, at its own position
            for (*_, x, y), _ in path.transformed(trans).iter_segments(simplify=False):
                place = marker_trans + Affine2D().translate(x, y)
                self.draw_path(gc, marker_path, place, rgbFace)
            return
        for (*_, x, y), _ in (trans + self.down).transform_path(path).iter_segments(simplify=False):
            if not attributes or (clip and not clip.padded(1).contains(x, y)):
                continue
            if radius:
                place = {"cx": _number(x, 2), "cy": _number(y, 2), "r": _number(radius, 2)}
                self._add("circle", attributes | place)
            else:
                moved = shape.transformed(Affine2D().translate(x, y))
                self._add("path", attributes | {"d": _path_data(moved, None, simplify=False)})

    def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:
        """Draw an image upright, without smoothing."""
        height, width = im.shape[:2]
        box = Bbox.from_bounds(0, 0, width, height)
        place = transform if transform is not None else Affine2D()
        if transform is not None:
            place = Affine2D().scale(1 / width, 1 / height) + transform
        place = place + Affine2D().translate(x, y) + self.down
        (x0, y0), (x1, y1) = place.transform(box.get_points())
        pixels = im if y0 < y1 else im[::-1]
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="png", optimize=True)
        data = base64.b64encode(buffer.getvalue()).decode("ascii")
        sides = {"x": x0, "y": min(y0, y1), "width": x1 - x0, "height": abs(y1 - y0)}
        attributes = {key: _number(value, 2) for key, value in sides.items()}
        attributes |= {"preserveAspectRatio": "none", "style": "image-rendering:pixelated"}
        self._add("image", attributes | {"href": f"data:image/png;base64,{data}"})

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        """Write a line of text; the browser aligns it at its anchor."""
        weight = str(prop.get_weight())
        attributes = _presentation(gc, gc.get_rgb(), stroke=False) | {
            "font-size": _number(prop.get_size_in_points(), 2),
            "font-weight": WEIGHTS.get(weight, weight),
            "font-style": prop.get_style(),
        }
        y = self.height - y
        if mtext and not angle:
            attributes["text-anchor"] = {"center": "middle", "right": "end"}.get(
                mtext.get_ha(), "start"
            )
            x = mtext.get_transform().transform(mtext.get_unitless_position())[0]
        place = {"x": _number(x, 1), "y": _number(y, 1)}
        if angle:
            place["transform"] = f"rotate({_number(-angle, 1)} {place['x']} {place['y']})"
        self._add("text", attributes | place).text = s.strip()

    def _clip(self, gc: Any) -> Bbox | None:
        box = gc.get_clip_rectangle()
        if box is None:
            return None
        return Bbox.from_extents(box.xmin, self.height - box.ymax, box.xmax, self.height - box.ymin)

    def _add(self, tag: str, attributes: Mapping[str, str]) -> ET.Element:
        own = {key: it for key, it in attributes.items() if INHERITED.get(key) != it}
        return ET.SubElement(self.groups[-1], tag, own)


class Canvas(FigureCanvasBase):
    """The canvas of `Figure.savefig` for this format; `root` receives the elements."""

    filetypes = {FORMAT: "SVG elements"}  # noqa: RUF012

    def print_elements(
        self, file: Any, *, root: ET.Element | None = None, marks: Marks | None = None, **_: Any
    ) -> None:
        """Draw the figure."""
        self.figure.dpi = 72
        width, height = self.figure.get_size_inches()
        root = ET.Element("svg") if root is None else root
        self.figure.draw(Renderer(72 * width, 72 * height, root, marks or {}))

    @classmethod
    def get_default_filetype(cls) -> str:
        """Return the only format."""
        return FORMAT


register_backend(FORMAT, Canvas, "SVG elements")


# ---------------------------------------------------------------------------------- attributes
def _presentation(gc: Any, face: Any, stroke: bool = True) -> dict[str, str]:
    """Return presentation attributes; none for invisible elements."""
    attributes, line, forced = {}, gc.get_rgb(), gc.get_forced_alpha()
    if face is not None and (len(face) < 4 or face[3] > 0):
        attributes["fill"] = to_hex(face[:3])
        if len(face) == 4 and face[3] < 1 and not forced:
            attributes["fill-opacity"] = _number(face[3], 2)
    if stroke and gc.get_linewidth() and line[3] > 0:
        attributes["stroke"] = to_hex(line[:3])
        attributes["stroke-width"] = _number(gc.get_linewidth(), 2)
        attributes["stroke-linejoin"] = gc.get_joinstyle()
        attributes["stroke-linecap"] = gc.get_capstyle().replace("projecting", "square")
        if dashes := gc.get_dashes()[1]:
            attributes["stroke-dasharray"] = " ".join(_number(length, 1) for length in dashes)
        if line[3] < 1 and not forced:
            attributes["stroke-opacity"] = _number(line[3], 2)
    if attributes and forced and gc.get_alpha() < 1:
        attributes["opacity"] = _number(gc.get_alpha(), 2)
    return attributes


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _within(path: Path, box: Bbox) -> bool:
    """Return whether all points of a path, except gaps, lie within a box."""
    points: Any = path.vertices
    low, high = np.asarray(box.min) - CLIP_TOLERANCE, np.asarray(box.max) + CLIP_TOLERANCE
    return not bool(((points < low) | (points > high)).any())


def _path_data(path: Path, clip: Bbox | None, simplify: bool | None) -> str:
    """Return a path in SVG syntax, with absolute coordinates."""
    decimals = 1 if np.shape(path.vertices)[0] > CURVE_POINTS else 2
    # matplotlib clips lines one point outside the given box.
    box = None if clip is None else clip.padded(-1).extents
    return "".join(
        "z" if code == Path.CLOSEPOLY
        else COMMANDS[code] + " ".join(_number(value, decimals) for value in values)
        for values, code in path.iter_segments(clip=box, simplify=simplify)
    )  # fmt: skip


def _radius(path: Path) -> float:
    """Return the radius of a circle around the origin; 0 for any other path."""
    codes: Any = path.codes
    circle: Any = Path.unit_circle().codes
    is_circle = codes is not None and list(codes) == list(circle)
    return float(np.abs(np.asarray(path.vertices)).max()) if is_circle else 0.0
