"""Turns the report's prose, Markdown files with values filled in by Jinja, into HTML.

What an author writes in `report/text/*.md`:

    # Title {#key}                     a numbered chapter, ## a numbered section, ### a heading
    {{ value }}, {% if fact %}         Jinja; put each condition on its own line
    ![Takeaway.](figure:depth)         a figure with its takeaway; two in a paragraph share a row
    ![Caption.](table:part_a)          a table of results
    ![](block:ledger)                  a block of `blocks.html.j2`: the macro of that name
    [](#fig-depth)                     a reference: Figure 7; also #tab-, #sec-, #ref-
    $\\delta$ and $$ ... $$             formulas in LaTeX
    ::: note ... :::                   a box of that class
    ::: fold Title {#key}              folded on the page, under a heading in the PDF
    ::: aside Title {#key}             folded on the page, and only named in the PDF

Values are escaped, and they never count as Markdown: until the Markdown is converted, a sign of
the private-use area stands for each.  Raw HTML is not allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup, escape
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

FIRST, LAST = "\ue000", "\ue001"  # around the number of a value
_MARK = re.compile(f"{FIRST}([0-9]+){LAST}")
_ID = re.compile(r"\s*\{#([^\s{}]+)\}\s*$")
_REFERENCE = re.compile(r'( \()?<a href="#(\w+)-([^"]+)"></a>(\))?')
BOXES = ("lesson", "note", "box", "finding", "answer", "small")


class Html(Markup):
    """HTML that stands in the page as it is, unlike the Markdown of a macro in a text."""


class Prose:
    """Converts the texts of a folder; `blocks` has what they name: figure, table, and blocks.

    blocks    functions that return HTML: figure(name, caption), table(name, caption),
              heading(level, key, title), refer(kind, key), fold(level, key, title, aside),
              unfold(aside), and the blocks by name, with a caption
    formula   converts LaTeX, with `display` as "inline" or "block"
    """

    def __init__(
        self,
        folder: str,
        blocks: Mapping[str, Callable[..., Any]],
        formula: Callable[..., Markup],
        known: Mapping[str, Any],
        filters: Mapping[str, Callable[..., Any]],
    ) -> None:
        self._values: list[str] = []
        self._levels: list[int] = [1]  # of the last heading, also before each open fold
        self._blocks, self._formula = blocks, formula
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=self._keep,
            comment_start_string="<!--",
            comment_end_string="-->",
        )
        self._environment.globals |= dict(known)
        self._environment.filters |= filters
        self._markdown = self._converter()

    def __call__(self, name: str, /, **values: Any) -> Html:
        """Return a text as HTML; an empty one, if all of it is left out, is falsy."""
        source = self._environment.get_template(f"{name}.md").render(values)
        return Html(self._fill(self._refer(self._markdown.render(source))).strip())

    # ------------------------------------------------------------------------------- values
    def _keep(self, value: Any) -> Any:
        """Keep a value until the Markdown is converted, and return what stands for it."""
        if isinstance(value, Markup) and not isinstance(value, Html):
            return value.strip("\n")  # a macro's text, whose values are kept already
        plain = re.sub(f"[{FIRST}{LAST}]", "", value if isinstance(value, Html) else str(value))
        self._values.append(str(plain if isinstance(value, Html) else escape(plain)))
        return Markup(f"{FIRST}{len(self._values) - 1}{LAST}")

    def _fill(self, text: str) -> str:
        return _MARK.sub(lambda found: self._values[int(found[1])], text)

    def _name(self, text: str) -> str:
        return str(Markup(self._fill(text)).unescape())

    # ----------------------------------------------------------------------------- Markdown
    def _converter(self) -> MarkdownIt:
        markdown = MarkdownIt("commonmark", {"html": False})
        markdown.normalizeLink = _unchanged  # type: ignore[method-assign]
        markdown.use(dollarmath_plugin, allow_space=False, allow_digits=False, allow_labels=False)
        for box in BOXES:
            markdown.use(container_plugin, name=box)
        for name in ("fold", "aside"):
            markdown.use(container_plugin, name=name, render=self._fold(aside=name == "aside"))
        markdown.core.ruler.after("inline", "blocks", _find_blocks)
        rules = {
            "blocks": self._draw_blocks,
            "heading_open": self._open_heading,
            "heading_close": lambda *_: "",
            "heading_inline": lambda *_: "",
            "math_inline": self._math("inline"),
            "math_block": self._math("block"),
            "text": lambda tokens, i, *_: str(escape(tokens[i].content)),
            "softbreak": lambda *_: " ",
        }
        for name, rule in rules.items():
            markdown.renderer.rules[name] = rule  # type: ignore[attr-defined]
        return markdown

    def _inline(self, token: Token) -> str:
        html = self._markdown.renderer.render(token.children or [], self._markdown.options, {})
        return self._refer(html)

    def _refer(self, html: str) -> str:
        """Replace empty links by references; a work outside parentheses is part of the sentence."""

        def reference(found: re.Match[str]) -> str:
            opening, kind, closing = found[1] or "", found[2], found[4] or ""
            key = self._name(found[3])
            if not self._blocks["has"](kind, key):  # a study of another shape leaves it out
                return "" if opening and closing else f"{opening}this report{closing}"
            before = html[: found.start()] + opening
            if kind == "ref" and before.rfind("(") <= before.rfind(")"):
                return f"{opening}{self._blocks['narrative'](key)}{closing}"
            return f"{opening}{self._blocks['refer'](kind, key)}{closing}"

        return _REFERENCE.sub(reference, html)

    def _math(self, display: str) -> Callable[..., str]:
        def rule(tokens: list[Token], place: int, *_: Any) -> str:
            formula = str(self._formula(self._name(tokens[place].content.strip()), display))
            if display == "inline":
                return formula
            return f'<div class="formula" tabindex="0">{formula}</div>'

        return rule

    def _fold(self, aside: bool) -> Callable[..., str]:
        def rule(_: Any, tokens: list[Token], place: int, *__: Any) -> str:
            if tokens[place].nesting < 0:
                self._levels.pop()
                return str(self._blocks["unfold"](aside))
            title = tokens[place].info.strip().partition(" ")[2]
            key = None
            if found := _ID.search(title):
                key, title = self._name(found[1]), title[: found.start()]
            level = self._levels[-1] + 1
            self._levels.append(level)
            return str(
                self._blocks["fold"](level, key, Html(self._fill(str(escape(title)))), aside)
            )

        return rule

    def _open_heading(self, tokens: list[Token], place: int, *_: Any) -> str:
        inline = tokens[place + 1]
        level, key = int(tokens[place].tag[1]) + 1, None
        self._levels[-1] = level
        for last in (inline.children or [])[-1:]:
            if found := _ID.search(last.content):
                key, last.content = self._name(found[1]), last.content[: found.start()]
        title = Html(self._fill(self._inline(inline)))
        inline.children = []
        return str(self._blocks["heading"](level, key, title))

    def _draw_blocks(self, tokens: list[Token], place: int, *_: Any) -> str:
        """Draw a paragraph of images: figures side by side, tables, and blocks."""
        images = [child for child in tokens[place].children or [] if child.type == "image"]
        drawn = []
        for image in images:
            kind, name = self._name(str(image.attrs["src"])).split(":")
            caption = Html(self._fill(self._inline(image)).strip())
            block = self._blocks[name if kind == "block" else kind]
            drawn.append(str(block(caption) if kind == "block" else block(name, caption)))
        drawn = [it for it in drawn if it]  # not what the study does not have
        text = "\n".join(drawn)
        return f'<div class="row">\n{text}\n</div>\n' if len(drawn) > 1 else f"{text}\n"


def _unchanged(url: str) -> str:
    """Leave the marks of values in a URL as they are."""
    return url


def _find_blocks(state: StateCore) -> None:
    """Mark paragraphs of images alone."""
    for before, token, after in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if before.type == "paragraph_open" and token.type == "inline":
            kinds = {child.type for child in token.children or []}
            if "image" in kinds and kinds <= {"image", "softbreak"}:
                before.hidden = after.hidden = True
                token.type = "blocks"
