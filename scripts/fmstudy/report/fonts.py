"""The fonts of the report: whole for figures, cut down to what is used for the page.

Report Sans and Report Serif lie beside the templates, STIX Two Math comes with ziamath, and
DejaVu Sans, which has the signs that the others lack, with matplotlib.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from html import unescape
from importlib.util import find_spec
from pathlib import Path

import matplotlib
from fontTools import subset
from fontTools.ttLib import TTFont

from fmstudy.figures.svg import FONTS
from fmstudy.runtime import StudyError

USUAL = {chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100))} | set("–—‘’“”…−→γβ✓✗≠")
SANS, SERIF, MATH, SIGNS = "Report Sans", "Report Serif", "Report Math", "Report Signs"


@dataclass(frozen=True)
class Face:
    """One font file as style sheets name it."""

    family: str
    weight: int
    style: str
    path: Path


def text_faces() -> list[Face]:
    """Regular, italic and bold of both families of text."""
    return [
        Face(f"Report {family}", weight, style, FONTS / f"Report{family}-{name}.ttf")
        for family in ("Sans", "Serif")
        for name, weight, style in (
            ("Regular", 400, "normal"),
            ("Italic", 400, "italic"),
            ("Bold", 700, "normal"),
        )
    ]


def math_face() -> Face:
    """The font of formulas."""
    spec = find_spec("ziamath")
    if spec is None or not spec.submodule_search_locations:
        raise StudyError("the package ziamath, which brings the font of formulas, is not installed")
    path = Path(spec.submodule_search_locations[0]) / "fonts" / "STIXTwoMath-Regular.ttf"
    return Face(MATH, 400, "normal", path)


def signs_face() -> Face:
    """The font of arrows, check marks and other signs that the fonts of text lack."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return Face(SIGNS, 400, "normal", path)


def embedded(text: Iterable[str], formulas: Iterable[str]) -> str:
    """Give the @font-face rules of a page with all that it needs to be read.

    `text` holds the characters of running text, headings, tables and figures, `formulas` those
    of MathML.  Each font is cut down to these characters and the usual ones, because scripts
    write, too, and because pages that differ in a character or two then share their fonts.
    """
    wanted, in_formulas = set(text) | USUAL, set(formulas)
    faces = text_faces()
    covered: set[str] = set()
    for face in faces:
        covered |= _characters(face.path)
    rules = [_rule(face, wanted) for face in faces]
    rules.append(_rule(signs_face(), wanted - covered))
    if in_formulas:
        rules.append(_rule(math_face(), in_formulas | _slanted(in_formulas)))
    return "\n".join(rule for rule in rules if rule)


def _slanted(characters: Iterable[str]) -> set[str]:
    """The slanted letters of mathematics that stand for single letters in MathML."""
    slanted = {"\N{PLANCK CONSTANT}"}
    for character in characters:
        for first, last, start in (
            ("A", "Z", 0x1D434),
            ("a", "z", 0x1D44E),
            ("Α", "Ω", 0x1D6E2),
            ("α", "ω", 0x1D6FC),
        ):
            if first <= character <= last:
                slanted.add(chr(start + ord(character) - ord(first)))
    return slanted | {"\N{MATHEMATICAL ITALIC EPSILON SYMBOL}", "\N{PARTIAL DIFFERENTIAL}"}


@cache
def _characters(path: Path) -> frozenset[str]:
    with TTFont(path, lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def _rule(face: Face, characters: set[str]) -> str:
    """One @font-face rule, or nothing where the font has none of the characters."""
    used = frozenset(characters & _characters(face.path))
    if not used:
        return ""
    return (
        f'@font-face{{font-family:"{face.family}";font-weight:{face.weight};'
        f"font-style:{face.style};font-display:block;"
        f'src:url("data:font/woff2;base64,{_cut(face.path, used)}")format("woff2")}}'
    )


@cache
def _cut(path: Path, characters: frozenset[str]) -> str:
    """A font with these characters only, as WOFF2 in base64."""
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["kern", "liga", "tnum", "lnum", "mark", "mkmk", "ssty", "rtlm"]
    options.hinting = False
    options.drop_tables += ["FFTM"]  # dates of the font's making, which no reader needs
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 13, 14]  # copyright and license stay with the font
    font = subset.load_font(str(path), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=sorted(map(ord, characters)))
    cutter.subset(font)
    buffer = io.BytesIO()
    subset.save_font(font, buffer, options)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def characters_of(page: str) -> tuple[set[str], set[str]]:
    """Tell the characters of a page apart: those outside of MathML, and those inside."""
    formulas = re.findall(r"<math.*?</math>", page, flags=re.DOTALL)
    outside = re.sub(r"<math.*?</math>", "", page, flags=re.DOTALL)
    return _readable(outside), _readable("".join(formulas))


def _readable(markup: str) -> set[str]:
    text = unescape(re.sub(r"<[^>]*>", "", markup))
    return {character for character in set(text) if not character.isspace()} | {" "}
