"""Formulas for the PDF: LaTeX as an outline picture, with words for screen readers.

The page shows formulas as MathML, which WeasyPrint would reduce to a line of text.
"""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from functools import cache

from latex2mathml.converter import convert
from markupsafe import Markup
from ziamath.config import config
from ziamath.zmath import Latex

MATHML = "{http://www.w3.org/1998/Math/MathML}"
SIZE = 20  # of letters, in the picture's units

WORDS = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "δ": "delta",
    "ε": "epsilon",
    "ϵ": "epsilon",
    "μ": "mu",
    "π": "pi",
    "σ": "sigma",
    "+": "plus",
    "-": "minus",
    "−": "minus",
    "=": "equals",
    "/": "over",
    "·": "times",
    "×": "times",
    "≤": "is at most",
    "≥": "is at least",
    "≈": "is about",
    "→": "to",
    "∂": "d",
    "∑": "sum",
    "∣": "|",
    "(": "open bracket",
    ")": "close bracket",
    ",": ",",
    "…": "and so on",
}
OVER = {"^": "hat", "¯": "bar", "―": "bar", "‾": "bar", "_": "bar", "ˉ": "bar"}


@cache
def picture(latex: str, display: str = "inline") -> Markup:
    """Draw a formula as an `<img>` on the baseline; `display` is "inline" or "block".

    The same formula gives the same bytes.  Raises ValueError for an unknown command.
    """
    words = spoken(latex)
    drawn = Latex(latex, size=SIZE, inline=display == "inline").svgxml()
    _, top, width, height = (float(number) for number in drawn.attrib["viewBox"].split())
    svg = base64.b64encode(ET.tostring(drawn)).decode()
    return Markup(
        '<img class="math" src="data:image/svg+xml;base64,{svg}" alt="{words}"'
        ' style="width: {width:.3f}em; height: {height:.3f}em; vertical-align: {depth:.3f}em">'
    ).format(
        svg=svg, words=words, width=width / SIZE, height=height / SIZE, depth=-(top + height) / SIZE
    )


def spoken(latex: str) -> str:
    """Put a formula into words: `\\frac{1}{n}` is "1 over n"."""
    mathml = convert(latex)
    if "\\" in mathml:  # the converter copies commands that it does not know
        raise ValueError(f"not converted to MathML: {latex}")
    words = " ".join(_say(ET.fromstring(mathml)).split())
    words = re.sub(r"\| (.+?) \|", r"the absolute value of \1", words)
    return re.sub(r"(\s*,)+", ",", words).strip(",")


def _say(element: ET.Element) -> str:
    kind = element.tag.removeprefix(MATHML)
    parts = [_say(child) for child in element]
    text = (element.text or "").strip()
    if not parts:
        return WORDS.get(text, text)
    if kind == "mfrac":
        return f"{_grouped(element[0], parts[0])} over {_grouped(element[1], parts[1])},"
    if kind == "msqrt":
        return f"the square root of {' '.join(parts)},"
    if kind == "msub" and parts[0] == "sum":
        return f"sum over {parts[1]} of"
    if kind == "msub":
        return f"{parts[0]} sub {parts[1]}"
    if kind in ("msubsup", "munderover") and parts[0] == "sum":
        return f"sum from {parts[1]} to {parts[2]} of"
    if kind in ("msup", "msubsup"):
        base = f"{parts[0]} sub {parts[1]}" if kind == "msubsup" else parts[0]
        return f"{base} squared" if parts[-1] == "2" else f"{base} to the power {parts[-1]},"
    if kind == "mover":
        mark = (element[1].text or "").strip()
        return f"{parts[0]} {OVER.get(mark, parts[1])}"
    return " ".join(parts)


def _grouped(element: ET.Element, words: str) -> str:
    """Return the words of a numerator or denominator, grouped if it has several parts."""
    several = len(element) > 1 and "row" in element.tag and not words.startswith("d ")
    return f"the whole of {words}," if several else words


config.svg2 = False  # outlines in place, not symbols with ids
