"""What a reader can do with the page in a browser: sort and filter tables, choose a theme."""

import math
import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


# --------------------------------------------------------------------------- sorting tables
def value_of(cell: dict[str, str | None]) -> float:
    """A cell's number: its data-v, else the first number of its first line; NaN without one."""
    if cell["v"]:
        return float(cell["v"])
    text = str(cell["text"]).replace(",", "").replace("\N{MINUS SIGN}", "-")
    found = NUMBER.search(text)
    return float(found[0]) if found else math.nan


CELLS = """function cells(table, column) {
    return [...table.tBodies[0].rows].map(row => {
        const cell = row.cells[column];
        row.dataset.place ??= row.sectionRowIndex;
        const text = cell.firstChild?.textContent.trim() ?? "";
        return {text, v: cell.dataset.v ?? null, all: cell.textContent, row: row.dataset.place};
    });
}"""


def cells_of(table: Locator, column: int) -> list[dict[str, str | None]]:
    """Text, value and first place of a column's cells, in the order in which they stand."""
    return table.evaluate(f"(table, column) => {{ {CELLS}; return cells(table, column); }}", column)


def is_sorted(values: list[float], sign: int) -> bool:
    """Whether numbers go up (sign 1) or down (-1), with those that are none at the end."""
    known = [value for value in values if not math.isnan(value)]
    return all(math.isnan(value) for value in values[len(known) :]) and all(
        sign * a <= sign * b for a, b in pairwise(known)
    )


def test_sortable_tables_can_be_sorted_by_every_column_of_numbers(report_page: Page):
    """All in one go: as many presses of buttons by name would take a minute."""
    tables = report_page.evaluate(f"""() => {{
        {CELLS}
        return [...document.querySelectorAll("main table.sortable")].map(table => {{
            const heads = [...table.tHead.rows[0].cells];
            const columns = heads.filter(head => head.classList.contains("n")).map(head => {{
                const press = () => {{
                    head.querySelector("button").click();
                    return cells(table, head.cellIndex);
                }};
                const first = cells(table, head.cellIndex);
                return {{head: head.textContent, first, up: press(), down: press(), back: press()}};
            }});
            const buttons = table.tHead.querySelectorAll("th > button").length;
            const name = table.caption.textContent.slice(0, 50);
            return {{name, columns, buttons, heads: heads.length}};
        }});
    }}""")
    assert len(tables) > 30
    assert [table["name"] for table in tables if table["buttons"] != table["heads"]] == []
    wrong = [
        (table["name"], column["head"])
        for table in tables
        for column in table["columns"]
        if not is_sorted([value_of(cell) for cell in column["up"]], 1)
        or not is_sorted([value_of(cell) for cell in column["down"]], -1)
        or column["back"] != column["first"]
    ]
    assert wrong == []


def test_a_head_sorts_up_then_down_then_back_and_says_so(report_page: Page):
    table = report_page.locator("#tab-ledger table")
    head = table.get_by_role("columnheader", name="Tolerance")
    other = table.locator("thead th").first
    column = head.evaluate("head => head.cellIndex")
    first = [cell["row"] for cell in cells_of(table, column)]
    orders = []
    for state in ("ascending", "descending", None):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") in (state, state or "none")
        orders.append([cell["row"] for cell in cells_of(table, column)])
    assert orders[0] != first
    assert orders[1] != orders[0]
    assert orders[2] == first

    head.get_by_role("button").click()
    other.get_by_role("button").click()
    assert head.get_attribute("aria-sort") in (None, "none")
    assert other.get_attribute("aria-sort") == "ascending"


def test_text_is_sorted_as_people_do_and_by_keyboard_too(report_page: Page):
    table = report_page.locator("#tab-models table")
    head = table.locator("thead th").first
    head.get_by_role("button").focus()
    report_page.keyboard.press("Enter")
    texts = [cell["all"] for cell in cells_of(table, 0)]
    expected = report_page.evaluate(
        "texts => texts.toSorted(new Intl.Collator('en', {numeric: true}).compare)", texts
    )
    assert texts == expected
    assert head.get_attribute("aria-sort") == "ascending"
    report_page.keyboard.press("Space")
    assert [cell["all"] for cell in cells_of(table, 0)] == expected[::-1]


# ---------------------------------------------------------------------------- filtering rows
def rows_shown(page: Page, tables: str) -> list[str]:
    """The text of the rows that can be seen in these tables."""
    return page.eval_on_selector_all(
        f"{tables} tbody tr", "rows => rows.filter(r => r.checkVisibility()).map(r => r.innerText)"
    )


def filter_above(page: Page, table: str) -> Locator:
    """The search field, buttons and count that belong to a table, or to it and those below."""
    bar = page.locator(f"div:has(> input[type=search]):has(+ #tab-{table})")
    expect(bar.get_by_role("searchbox")).to_have_accessible_name(re.compile(r"\w"))
    return bar


@pytest.mark.parametrize(
    ("table", "tables", "word"),
    [
        ("ledger", "#tab-ledger", "softmax"),
        ("claims-softmax", "[id^=tab-claims-]", "dropout"),
        ("models", "#tab-models", "dropout"),
    ],
)
def test_words_leave_the_rows_that_hold_them(shared_page: Page, table: str, tables: str, word: str):
    bar = filter_above(shared_page, table)
    count, field = bar.locator("output[aria-live=polite]"), bar.get_by_role("searchbox")
    everything = rows_shown(shared_page, tables)
    expect(count).to_have_text(f"{len(everything)} rows")
    field.fill(word.upper())
    left = rows_shown(shared_page, tables)
    assert 0 < len(left) < len(everything)
    assert all(word in row.lower() for row in left)
    assert len(left) == sum(word in row.lower() for row in everything)
    expect(count).to_have_text(f"{len(left)} of {len(everything)} rows")
    field.fill("nothing has this")
    assert rows_shown(shared_page, tables) == []
    field.fill("")
    assert rows_shown(shared_page, tables) == everything


@pytest.mark.parametrize(
    ("table", "tables"),
    [
        ("ledger", "#tab-ledger"),
        ("claims-softmax", "[id^=tab-claims-]"),
        ("bn-claims", "#tab-bn-claims"),
    ],
)
def test_buttons_leave_the_rows_with_their_verdict(shared_page: Page, table: str, tables: str):
    def with_verdict(*words: str) -> int:
        rows = f"{tables} tbody tr"
        verdicts = shared_page.eval_on_selector_all(rows, "all => all.map(r => r.dataset.verdict)")
        return sum(verdict in words for verdict in verdicts)

    bar = filter_above(shared_page, table)
    everything = rows_shown(shared_page, tables)
    buttons = {button.inner_text(): button for button in bar.locator("[aria-pressed]").all()}
    assert len(buttons) > 1
    assert sum(with_verdict(word) for word in buttons) == len(everything)
    for word, button in buttons.items():
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        left = rows_shown(shared_page, tables)
        assert len(left) == with_verdict(word) > 0
        assert all(word in row for row in left)
        button.click()
        assert button.get_attribute("aria-pressed") == "false"
        assert rows_shown(shared_page, tables) == everything
    two = list(buttons)[:2]
    for word in two:
        buttons[word].click()
    assert len(rows_shown(shared_page, tables)) == with_verdict(*two)
    for word in two:
        buttons[word].click()
    assert rows_shown(shared_page, tables) == everything


def test_a_link_to_a_row_that_is_filtered_out_brings_it_back(shared_page: Page):
    row = shared_page.locator("#tab-ledger tbody tr[id]").last
    filter_above(shared_page, "ledger").get_by_role("searchbox").fill("nothing has this")
    expect(row).to_be_hidden()
    shared_page.evaluate("id => { location.hash = id; }", row.get_attribute("id"))
    expect(row).to_be_visible()
    expect(row).to_be_in_viewport()


def test_a_link_to_what_is_folded_away_unfolds_it(open_report: Open, shared_page: Page):
    inside = shared_page.locator("main details figure[id]").first.get_attribute("id")
    page = open_report(fragment=str(inside))
    expect(page.locator(f"#{inside} svg").first).to_be_visible()


# ------------------------------------------------------------------------------------- theme
def paper(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_follows_the_system_until_the_reader_chooses(open_report: Open, system: str):
    other = {"light": "dark", "dark": "light"}[system]
    page, reference = open_report(color_scheme=system), open_report(color_scheme=other)
    papers = {system: paper(page), other: paper(reference)}
    assert papers["light"] != papers["dark"]
    button = page.locator("#theme")
    seen = {}
    for _ in range(3):
        button.click()
        chosen = page.evaluate("document.documentElement.dataset.theme") or "auto"
        seen[chosen] = paper(page)
        expect(button).to_contain_text(chosen)
    assert seen == papers | {"auto": papers[system]}


def test_the_chosen_theme_is_there_again_the_next_time(open_report: Open):
    page = open_report(color_scheme="light")
    light = paper(page)
    while page.evaluate("document.documentElement.dataset.theme") != "dark":
        page.locator("#theme").click()
    page.reload()
    assert paper(page) != light
