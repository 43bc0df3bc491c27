"""Reads the contents of a figure from its artists: values for its CSV, marks for its SVG.

An artist's `label` is the name of its series (none if it starts with an underscore), and the title
of the axes is the name of the panel.  The kind of a series is the artist's `gid`, or follows from
its name ("seed 3", "train", "test").  So the exported data are the drawn data by construction.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter

from fmstudy.analysis.formats import rounded

COLUMNS = ("panel", "series", "x", "y", "low", "high")
KINDS = {"train", "held-out", "seed", "other"}
_KIND_PATTERNS = (
    ("seed", r"\bseed \d"),
    ("train", r"\btrain(ing)?\b"),
    ("held-out", r"\b(test|validation|held-out)\b"),
)
Value = float | str


class Series(NamedTuple):
    """A series: its name, its artists, and its rows (x, y, low, high)."""

    name: str
    kind: str
    artists: tuple[Artist, ...]
    rows: tuple[tuple[Value, Value, Value, Value], ...]


class Panel(NamedTuple):
    """Axes with series; `labels` are texts and legend keys, by the series that they name."""

    name: str
    axes: Axes
    series: tuple[Series, ...]
    labels: tuple[tuple[str, Artist], ...]


def panels(figure: Figure) -> list[Panel]:
    """Return all panels of a figure after its layout, including those without series."""
    found: list[Panel] = []
    names: dict[str, int] = {}
    for index, axes in enumerate(figure.axes, 1):
        name = _panel_name(axes) or f"panel {index}"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name} ({names[name]})"
        series = tuple(_series(axes))
        known = sorted({one.name for one in series}, key=len, reverse=True)
        found.append(Panel(name, axes, series, tuple(_labels(axes, known))))
    return found


def _panel_name(axes: Axes) -> str:
    given = str(axes.get_label())
    if given and not given.startswith(("_", "<")):
        return given
    titles = [axes.get_title(loc=place) for place in ("left", "center", "right")]
    for text in (*titles, axes.get_ylabel(), axes.get_xlabel()):
        if text.strip():
            return " ".join(text.split())
    return ""


# -------------------------------------------------------------------------------------- series
def _series(axes: Axes) -> Iterator[Series]:
    """Yield the series of axes in drawing order."""
    held: set[Artist] = set()
    for container in axes.containers:
        name = str(container.get_label())
        artists = tuple(_members(container))
        held.update(artists)
        if _is_name(name):
            gid = getattr(artists[0], "get_gid", lambda: None)()
            yield Series(name, _kind(name, gid), artists, tuple(_container_rows(axes, container)))
    for artist in axes.get_children():
        name = str(artist.get_label())
        if artist in held or not _is_name(name):
            continue
        if isinstance(artist, Line2D):
            rows = _line_rows(axes, artist)
        elif isinstance(artist, StepPatch):
            rows = _step_rows(artist)
        elif isinstance(artist, PolyCollection):
            rows = _band_rows(artist)
        else:
            continue
        yield Series(name, _kind(name, artist.get_gid()), (artist,), tuple(rows))


def _members(container: Any) -> Iterable[Artist]:
    """Yield the artists of a container, including nested ones."""
    for part in container:
        if isinstance(part, Artist):
            yield part
        elif part is not None:
            yield from _members(part)


def _is_name(label: str) -> bool:
    return bool(label) and not label.startswith("_")


def _kind(name: str, gid: str | None) -> str:
    if gid in KINDS:
        return str(gid)
    return next((kind for kind, words in _KIND_PATTERNS if re.search(words, name)), "other")


def _line_rows(axes: Axes, line: Line2D) -> Iterator[tuple[Value, Value, Value, Value]]:
    """Yield the points of a line, without coordinates that are not data, such as marks at edges."""
    data_x, data_y = line.get_transform().contains_branch_seperately(axes.transData)
    x, y = (np.asarray(values, dtype=float) for values in line.get_data(orig=False))
    across, up = _categories(axes.xaxis), _categories(axes.yaxis)
    for left, height in zip(x, y, strict=True):
        if math.isfinite(left) and math.isfinite(height):
            yield (
                _place(left, across) if data_x else "",
                _place(height, up) if data_y else "",
                "",
                "",
            )


def _band_rows(band: PolyCollection) -> Iterator[tuple[Value, Value, Value, Value]]:
    """Yield the lowest and highest point of a band at each x."""
    ends: dict[float, list[float]] = {}
    for path in band.get_paths():
        for x, y in np.asarray(path.vertices, dtype=float):
            if math.isfinite(x) and math.isfinite(y):
                ends.setdefault(float(x), []).append(float(y))
    for x in sorted(ends):
        yield x, "", min(ends[x]), max(ends[x])


def _step_rows(steps: StepPatch) -> Iterator[tuple[Value, Value, Value, Value]]:
    """Yield the center and height of each bin."""
    values, edges, _ = steps.get_data()
    for left, right, value in zip(edges, edges[1:], values, strict=False):
        yield (float(left) + float(right)) / 2, float(value), "", ""


def _container_rows(axes: Axes, container: Any) -> Iterator[tuple[Value, Value, Value, Value]]:
    across, up = _categories(axes.xaxis), _categories(axes.yaxis)
    if isinstance(container, BarContainer):
        for bar in container:
            if container.orientation == "horizontal":
                y = bar.get_y() + bar.get_height() / 2
                yield float(bar.get_width()), _place(y, up), "", ""
            else:
                x = bar.get_x() + bar.get_width() / 2
                yield _place(x, across), float(bar.get_height()), "", ""
    elif isinstance(container, ErrorbarContainer):
        line, _, bars = container
        x, y = (np.asarray(values, dtype=float) for values in line.get_data(orig=False))
        spans = _spans(bars, 1 if container.has_yerr else 0)
        for left, height in zip(x, y, strict=True):
            if math.isfinite(left) and math.isfinite(height):
                low, high = spans.get(float(left if container.has_yerr else height), ("", ""))
                yield _place(left, across), _place(height, up), low, high


def _spans(bars: Iterable[LineCollection], along: int) -> dict[float, tuple[Value, Value]]:
    """Return the ends of error bars by position; `along` is the axis of their direction."""
    found: dict[float, tuple[Value, Value]] = {}
    for collection in bars:
        for segment in collection.get_segments():
            if len(segment):  # empty if a value is missing
                start, end = segment
                ends = sorted((float(start[along]), float(end[along])))
                found[float(start[1 - along])] = (ends[0], ends[1])
    return found


# ------------------------------------------------------------------------------------ categories
def _categories(axis: Axis) -> dict[float, str]:
    """Return the tick labels of an axis by position, if they are words rather than numbers."""
    formatter, locator = axis.get_major_formatter(), axis.get_major_locator()
    by_name = "StrCategory" in type(formatter).__name__
    if not by_name and not isinstance(locator, FixedLocator):
        return {}
    places = [float(place) for place in axis.get_majorticklocs()]
    texts = [" ".join(text.split()) for text in formatter.format_ticks(places)]
    if not by_name and all(_is_number(text) for text in texts):
        return {}
    return dict(zip(places, texts, strict=True))


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "") or "0")
    except ValueError:
        return False
    return True


def _place(value: float, words: dict[float, str]) -> Value:
    """Return a position on an axis as a number, or as the nearest word."""
    if not words:
        return float(value)
    return words[min(words, key=lambda place: abs(place - value))]


# ---------------------------------------------------------------------------------------- labels
def _labels(axes: Axes, names: Sequence[str]) -> Iterator[tuple[str, Artist]]:
    """Yield texts that start with the name of a series, and legend entries."""
    for text in axes.texts:
        name = str(text.get_label())
        if not _is_name(name):
            name = _find_series(text, names)
        if name:
            yield name, text
    legend = axes.get_legend()
    if legend is not None:
        yield from legend_entries(legend)


def _find_series(text: Text, names: Sequence[str]) -> str:
    content = " ".join(text.get_text().split())  # it may have two lines
    for name in names:
        if content == name or (content.startswith(name) and content[len(name)] in " ,"):
            return name
    return ""


def legend_entries(legend: Legend) -> Iterator[tuple[str, Artist]]:
    """Yield the keys and names of a legend."""
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        for artist in (handle, text):
            if isinstance(artist, Artist):
                yield text.get_text(), artist


# ----------------------------------------------------------------------------------------- marks
@contextmanager
def marked(figure: Figure, found: Sequence[Panel]) -> Iterator[dict[str, dict[str, str]]]:
    """Assign ids to artists while a figure is written; yield the attributes for each id."""
    marks: dict[str, dict[str, str]] = {}
    before: list[tuple[Artist, str | None]] = []

    def mark(artist: Artist, attributes: dict[str, str]) -> None:
        before.append((artist, artist.get_gid()))
        key = f"mark-{len(before)}"
        artist.set_gid(key)
        marks[key] = attributes

    try:
        for index, panel in enumerate(found):
            mark(panel.axes, {"class": "axes", "data-index": str(index)})
            for series in panel.series:
                given = {"class": "series", "data-series": series.name, "data-kind": series.kind}
                for artist in series.artists:
                    mark(artist, given)
            for name, artist in panel.labels:
                mark(artist, {"class": "label", "data-series": name})
        for legend in figure.legends:
            for name, artist in legend_entries(legend):
                mark(artist, {"class": "label", "data-series": name})
        yield marks
    finally:
        for artist, gid in reversed(before):
            artist.set_gid(gid)


def panel_attributes(panel: Panel, width: float, height: float) -> dict[str, str]:
    """Return attributes that let a page read values in a panel; width and height are the figure's.

    `data-box` is left, top, right and bottom in SVG units; `data-x` and `data-y` are the values at
    left and right, or bottom and top, and the scale; `data-x-ticks` and `data-y-ticks` are the
    positions of words on an axis, by word.  `data-x-name` is the name of the x axis, and
    `data-x-unit` and `data-y-unit` are "percent" for fractions shown as percentages, or "loss".
    """
    place = panel.axes.get_position()
    box = (place.x0 * width, (1 - place.y1) * height, place.x1 * width, (1 - place.y0) * height)
    found = {
        "class": "panel",
        "data-panel": panel.name,
        "data-box": " ".join(f"{edge:.6g}" for edge in box),
    }
    axes = panel.axes
    for key, limits, axis in (
        ("x", axes.get_xlim(), axes.xaxis),
        ("y", axes.get_ylim(), axes.yaxis),
    ):
        found[f"data-{key}"] = f"{limits[0]:.9g} {limits[1]:.9g} {axis.get_scale()}"
        words = _categories(axis)
        if words:
            places = {word: place for place, word in words.items()}
            found[f"data-{key}-ticks"] = json.dumps(places, ensure_ascii=False)
        elif unit := _unit(axis, axis.get_label_text() or (panel.name if key == "y" else "")):
            found[f"data-{key}-unit"] = unit
    if name := _axis_name(axes):
        found["data-x-name"] = name
    return found


def _axis_name(axes: Axes) -> str:
    """Return the label of the x axis, which panels that share it may show only once.

    A label that starts with a number is a note.
    """
    shared = (axes, *axes.get_shared_x_axes().get_siblings(axes))
    text = next((label for it in shared if (label := it.get_xlabel().strip())), "")
    return "" if text[:1].isdigit() else " ".join((text[:1].upper() + text[1:]).split())


def _unit(axis: Axis, name: str) -> str:
    """Return how an axis with this name shows its numbers."""
    formatter = axis.get_major_formatter()
    if isinstance(formatter, FuncFormatter) and formatter(0.5, 0).endswith("%"):
        return "percent"
    return "loss" if "loss" in name.lower() else ""


# ------------------------------------------------------------------------------------------- rows
def rows(found: Iterable[Panel]) -> list[dict[str, Value]]:
    """Return the rows of a figure's data; bands and bars share rows with their series' points."""
    table: list[dict[str, Value]] = []
    for panel in found:
        points: dict[tuple[str, Value], dict[str, Value]] = {}
        own: list[dict[str, Value]] = []
        for series in sorted(panel.series, key=_bands_last):
            for x, y, low, high in series.rows:
                known = points.get((series.name, x))
                if y == "" and low != "" and known is not None and known["low"] == "":
                    known |= {"low": low, "high": high}
                    continue
                row: dict[str, Value] = {"panel": panel.name, "series": series.name}
                row |= {"x": x, "y": y, "low": low, "high": high}
                points.setdefault((series.name, x), row)
                own.append(row)
        table += own
    return table


def _bands_last(series: Series) -> bool:
    return any(isinstance(artist, PolyCollection) for artist in series.artists)


def cell(value: Any, digits: int = 6) -> str:
    """Format a value: a number with this many significant digits, or text."""
    if isinstance(value, str):
        return value
    return f"{float(rounded(value, f'.{digits - 1}e')):.{digits}g}"
