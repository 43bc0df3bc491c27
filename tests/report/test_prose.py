"""The report's texts: what an author may write, and what becomes of it."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup, escape

from fmstudy.report.prose import Html, Prose
from fmstudy.report.rendering import math_markup


def figure(name: str, caption: str) -> Html:
    return Html(f'<figure id="fig-{escape(name)}"><figcaption>{caption}</figcaption></figure>')


def heading(level: int, key: str | None, title: str) -> Html:
    return Html(f'<h{level} id="{escape(key)}">{title}</h{level}>')


def fold(level: int, key: str | None, title: str, aside: bool) -> Html:
    return Html(f'<details class="{level} {escape(key)} {aside}"><summary>{title}</summary>\n')


BLOCKS = {
    "fold": fold,
    "unfold": lambda aside: Html("</details>\n"),
    "figure": figure,
    "heading": heading,
    "table": lambda name, caption: Html(f"<table data-name={name}><caption>{caption}</table>"),
    "numbers": lambda caption: Html(f"<dl>{caption}</dl>"),
    "has": lambda kind, key: Html("yes" if key != "gone" else ""),
    "narrative": lambda key: Html(f"{escape(key)} (2015)"),
    "refer": lambda kind, key: Html(f'<a href="#{kind}-{escape(key)}">No. 7</a>'),
}


@pytest.fixture
def convert(tmp_path: Path):
    def of(source: str, **values: object) -> str:
        (tmp_path / "text.md").write_text(source, encoding="utf-8")
        return Prose(str(tmp_path), BLOCKS, math_markup, {}, {"math": math_markup})(
            "text", **values
        )

    return of


def test_sentences_on_lines_of_their_own_make_a_paragraph(convert):
    assert convert("One.\nTwo is *new*.\n\nThree.") == (
        "<p>One. Two is <em>new</em>.</p>\n<p>Three.</p>"
    )


@pytest.mark.parametrize(
    "value", ["<b>x</b>", "*x*", "[x](http://y)", "`x`", "![x](figure:x)", "# x", "$x$", "_x_"]
)
def test_a_value_is_text_and_neither_html_nor_markdown(convert, value):
    assert convert("It is {{ value }}.", value=value) == f"<p>It is {escape(value)}.</p>"


def test_a_value_cannot_stand_for_another(convert):
    """Whatever signs it contains: the marks of other values are removed from it."""
    page = convert("{{ first }} {{ second }}", first="secret", second="\ue0000\ue001")
    assert page == "<p>secret 0</p>"


def test_html_of_a_block_stays_and_html_of_an_author_is_text(convert):
    assert convert("{{ it }}", it=Html("<i>x</i>")) == "<p><i>x</i></p>"
    assert convert("<script>x</script>") == "<p>&lt;script&gt;x&lt;/script&gt;</p>"


def test_an_image_alone_is_a_figure_with_its_caption(convert):
    page = convert(
        "![**It rises** to {{ top }}.\nRead it.](figure:{{ name }})", top="<9>", name="a.b"
    )
    assert page == (
        '<figure id="fig-a.b"><figcaption><strong>It rises</strong> to &lt;9&gt;. Read it.'
        "</figcaption></figure>"
    )


def test_two_images_in_a_paragraph_share_a_row(convert):
    page = convert("![](figure:a)\n![](figure:b)")
    assert page.startswith('<div class="row">\n<figure id="fig-a">')
    assert page.count("<figure") == 2 and page.endswith("</figure>\n</div>")


def test_tables_and_blocks_are_named_like_figures(convert):
    assert convert("![All.](table:a)\n") == "<table data-name=a><caption>All.</table>"
    assert convert("![All.](block:numbers)") == "<dl>All.</dl>"


def test_a_heading_has_its_key_and_a_subheading_needs_none(convert):
    page = convert("# A {{ name }} {#key-{{ name }}}\n\n## B\n", name="net")
    assert page == '<h2 id="key-net">A net</h2>\n<h3 id="None">B</h3>'.replace("\n", "")


def test_an_empty_link_is_a_reference(convert):
    assert convert("See [](#fig-{{ name }}).", name="x") == (
        '<p>See <a href="#fig-x">No. 7</a>.</p>'
    )


def test_a_reference_to_what_a_study_leaves_out_is_left_out(convert):
    assert convert("So it is ([](#sec-gone)), as [](#sec-x) says.") == (
        '<p>So it is, as <a href="#sec-x">No. 7</a> says.</p>'
    )
    assert convert("See [](#fig-gone).") == "<p>See this report.</p>"


def test_a_work_is_cited_as_part_of_the_sentence_or_in_parentheses(convert):
    page = convert("[](#ref-x) and others ([](#ref-y), [](#ref-z)) (so far) say [](#ref-x).")
    assert page == (
        '<p>x (2015) and others (<a href="#ref-y">No. 7</a>, <a href="#ref-z">No. 7</a>)'
        " (so far) say x (2015).</p>"
    )


def test_formulas_stand_between_dollars(convert):
    page = convert("A $\\delta$ of 5 $ and\n\n$$ \\sqrt{x} $$")
    assert page.count("<math") == 2 and '<div class="formula" tabindex="0"><math' in page


def test_boxes_and_folds_enclose_markdown(convert):
    assert convert("::: note\nA *b*.\n:::") == '<div class="note">\n<p>A <em>b</em>.</p>\n</div>'
    assert convert("::: fold All of {{ it }}\nA.\n:::", it="<x>") == (
        '<details class="2 None False"><summary>All of &lt;x&gt;</summary>\n<p>A.</p>\n</details>'
    )


def test_a_fold_has_a_key_and_the_level_of_a_heading_where_it_stands(convert):
    page = convert("## A\n\n:::: fold B {#b-{{ it }}}\n::: aside C\n:::\n::::\n", it=1)
    assert '<details class="4 b-1 False"><summary>B<' in page
    assert '<details class="5 None True"><summary>C<' in page


def test_macros_of_a_text_return_markdown_whose_values_are_escaped(convert):
    source = "{% macro say(x) %}It is *{{ x }}*.{% endmacro %}\n{{ say(value) }}"
    assert convert(source, value="<1>") == "<p>It is <em>&lt;1&gt;</em>.</p>"


def test_a_text_that_leaves_out_everything_is_empty(convert):
    assert not convert("{% if fact %}\n# A {#a}\n\nB.\n{% endif %}", fact=False)


def test_a_misspelled_value_is_an_error(convert):
    with pytest.raises(UndefinedError, match="typo"):
        convert("It is {{ typo }}.")


def test_markup_of_a_macro_is_not_taken_for_html(convert):
    """Only what blocks return is: a text cannot smuggle HTML in."""
    assert convert("{{ it }}", it=Markup("<b>x</b>")) == "<p>&lt;b&gt;x&lt;/b&gt;</p>"
