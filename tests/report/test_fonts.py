"""The page's fonts: cut down, yet with every character that a reader may meet."""

import base64
import io
import re

import pytest
from fontTools.ttLib import TTFont

from fmstudy.report import fonts, rendering

RULE = re.compile(
    r'@font-face\{font-family:"([^"]+)";font-weight:(\d+);font-style:(\w+);.*?base64,([^"]+)"'
)


def unpacked(css: str) -> dict[tuple[str, str, str], TTFont]:
    return {
        (family, weight, style): TTFont(io.BytesIO(base64.b64decode(content)))
        for family, weight, style, content in RULE.findall(css)
    }


@pytest.fixture(scope="module")
def embedded() -> dict[tuple[str, str, str], TTFont]:
    page = "Zażółć ✓ ≠ → δ" + rendering.math_markup(r"W x \sigma \delta h \sum - \sqrt{2}")
    return unpacked(fonts.embedded(*fonts.characters_of(page)))


def characters(font: TTFont) -> set[str]:
    return set(map(chr, font.getBestCmap()))


def test_all_faces_that_the_style_sheet_uses_are_there(embedded):
    text = [("400", "normal"), ("400", "italic"), ("700", "normal")]
    expected = {(family, *face) for family in ("Report Sans", "Report Serif") for face in text}
    expected |= {("Report Signs", "400", "normal"), ("Report Math", "400", "normal")}
    assert set(embedded) == expected


def test_what_the_fonts_of_text_lack_comes_from_the_font_of_signs(embedded):
    assert characters(embedded["Report Signs", "400", "normal"]) >= set("✓≠→ż")
    assert not characters(embedded["Report Signs", "400", "normal"]) & set("abcZ09δ")
    assert characters(embedded["Report Sans", "700", "normal"]) >= set("abcZ09δ–—−×±%“”")


def test_the_math_font_has_what_browsers_draw_unasked(embedded):
    # MathML shows <mi>x</mi> as U+1D465, <mi>h</mi> as the Planck constant (there is no other h),
    # a hyphen as a minus sign, and <msqrt> with a root sign that no text contains.
    found = characters(embedded["Report Math", "400", "normal"])
    assert found >= {"\U0001d465", "\U0001d44a", "\U0001d6ff", "\U0001d70e", "\u210e", *"∑√−"}


def sizes_of(font: TTFont, character: str) -> list[int]:
    """How many larger forms and parts of a stretched form the font has: vertical, horizontal."""
    variants, glyph, found = font["MATH"].table.MathVariants, font.getBestCmap()[ord(character)], []
    for covered, constructions in (
        (variants.VertGlyphCoverage, variants.VertGlyphConstruction),
        (variants.HorizGlyphCoverage, variants.HorizGlyphConstruction),
    ):
        if covered is None or glyph not in covered.glyphs:
            found += [0, 0]
            continue
        construction = constructions[covered.glyphs.index(glyph)]
        parts = construction.GlyphAssembly.PartRecords if construction.GlyphAssembly else []
        forms = [it.VariantGlyph for it in construction.MathGlyphVariantRecord]
        assert set(forms) | {part.glyph for part in parts} <= set(font.getGlyphOrder())
        found += [len(forms), len(parts)]
    return found


def test_signs_that_stretch_keep_all_their_sizes(embedded):
    latex = r"\left( \left[ \left| \left\{ \sqrt{\sum x} \right\} \right| \right] \right)"
    page = rendering.math_markup(latex)
    cut = unpacked(fonts.embedded(*fonts.characters_of(page)))["Report Math", "400", "normal"]
    with TTFont(fonts.math_face().path) as whole:
        for character in "()[]|{}√∑":
            assert sizes_of(cut, character) == sizes_of(whole, character) != [0, 0, 0, 0]


def test_fonts_keep_their_license_and_lose_what_is_not_used(embedded):
    for (family, *_), font in embedded.items():
        names = {record.nameID: str(record) for record in font["name"].names}
        told = names.get(13, "") + names.get(14, "")  # the license, or where it stands
        assert "OFL" in told or "Open Font License" in told or family == "Report Signs"
        assert font.flavor == "woff2"
    whole = sum(face.path.stat().st_size for face in [*fonts.text_faces(), fonts.math_face()])
    assert len(fonts.embedded("a", "x")) < whole / 10


def test_no_formula_no_font_of_formulas():
    assert "Report Math" not in fonts.embedded("text", "")


def test_the_same_characters_give_the_same_bytes_in_any_order():
    first = fonts.embedded("αβ≠✓", "xy")
    fonts._cut.cache_clear()
    assert fonts.embedded("✓≠βα", "yx") == first


def test_characters_of_formulas_are_told_from_those_of_text():
    text, formulas = fonts.characters_of("<p title='q'>a&ne;b<math><mn>7</mn></math>&#x3b1;</p>")
    assert text == set("a≠bα ")
    assert "7" in formulas and not formulas & text - {" "}
    assert fonts.characters_of("<p>text</p>")[1] == set()


def test_the_committed_fonts_bear_names_of_their_own():
    # The license of Source Sans reserves its name for unchanged files.
    assert len(fonts.text_faces()) > 3
    for face in fonts.text_faces():
        with TTFont(face.path) as font:
            assert font["name"].getDebugName(1) == face.family
            assert "Source" not in font["name"].getDebugName(4)
