"""The fonts of the report, reduced to the characters that a page uses.

Report Sans and Report Serif are beside the templates, STIX Two Math comes with ziamath, and DejaVu
Sans, for signs that the others lack, with matplotlib.
"""

from __future__ import annotations

import base64
import io
import re
import unicodedata
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
    """A font file with its properties in style sheets."""

    family: str
    weight: int
    style: str
    path: Path


def text_faces() -> list[Face]:
    """Return regular, italic, and bold of both text families."""
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
    """Return the font of formulas."""
    spec = find_spec("ziamath")
    if spec is None or not spec.submodule_search_locations:
        raise StudyError("the package ziamath, which brings the font of formulas, is not installed")
    path = Path(spec.submodule_search_locations[0]) / "fonts" / "STIXTwoMath-Regular.ttf"
    return Face(MATH, 400, "normal", path)


def signs_face() -> Face:
    """Return the font of arrows, check marks, and other signs."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return Face(SIGNS, 400, "normal", path)


def embedded(text: Iterable[str], formulas: Iterable[str]) -> str:
    """Return the @font-face rules of a page.

    `text` has the characters outside formulas, `formulas` those of MathML, both as `characters_of`
    returns them.  Fonts of text also keep the usual characters, which scripts may write; so most
    pages share their fonts.  The math font keeps the larger and stretched forms of each character.
    """
    wanted, in_formulas = set(text) | USUAL, set(formulas)
    faces = text_faces()
    covered: set[str] = set()
    for face in faces:
        covered |= _characters(face.path)
    rules = [_rule(face, wanted) for face in faces]
    rules.append(_rule(signs_face(), wanted - covered))
    if in_formulas:
        rules.append(_rule(math_face(), in_formulas))
    return "\n".join(rule for rule in rules if rule)


def _slanted(characters: Iterable[str]) -> set[str]:
    """Return the italic mathematical letters by which browsers draw single letters in MathML."""
    alphabets = (("A", "Z", 0x1D434), ("a", "z", 0x1D44E), ("Α", "Ω", 0x1D6E2), ("α", "ω", 0x1D6FC))
    italic = {
        chr(start + ord(character) - ord(first))
        for character in characters
        for first, last, start in alphabets
        if first <= character <= last
    }
    others = ("PLANCK CONSTANT", "MATHEMATICAL ITALIC EPSILON SYMBOL", "PARTIAL DIFFERENTIAL")
    return italic | set(map(unicodedata.lookup, others))


@cache
def _characters(path: Path) -> frozenset[str]:
    with TTFont(path, lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def _rule(face: Face, characters: set[str]) -> str:
    """Return a @font-face rule, or nothing if the font has none of the characters."""
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
    """Return a font with these characters only, as WOFF2 in base64."""
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["kern", "liga", "tnum", "lnum", "mark", "mkmk", "ssty", "rtlm"]
    options.hinting = False
    options.drop_tables += ["FFTM"]  # dates of the font
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
    """Return the characters of a page outside MathML, and those that browsers draw for MathML."""
    formulas = "".join(re.findall(r"<math.*?</math>", page, flags=re.DOTALL))
    outside = re.sub(r"<math.*?</math>", "", page, flags=re.DOTALL)
    return _readable(outside), _drawn(formulas) if formulas else set()


def _drawn(formulas: str) -> set[str]:
    """Return the characters of MathML, and those that browsers draw without being told.

    These are the signs of roots, the minus sign for a hyphen, and italic forms of single letters.
    """
    written = _readable(formulas)
    added = {"√"} if re.search(r"<m(sqrt|root)\b", formulas) else set()
    if "-" in written:
        added.add("−")
    return written | added | _slanted(written)


def _readable(markup: str) -> set[str]:
    return set(unescape(re.sub(r"<[^>]*>", "", markup))) - set("\t\n\r") | {" "}
