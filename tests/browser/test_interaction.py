"""What a reader can do with the page: sort, filter and download tables, choose a theme."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from fixtures.pages import opening, unfold
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@pytest.fixture
def report_page(open_report: Open) -> Page:
    """The made-up report, freshly opened, with every fold open: most tables are in one."""
    return unfold(open_report())


@pytest.fixture(scope="module")
def shared_page(browser: Browser, report_file: Path) -> Iterator[Page]:
    """The same, opened once for all tests of this file that leave it as they found it."""
    with opening(browser, report_file) as open_:
        yield unfold(open_(reduced_motion="reduce"))


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
                return {{head: head.textContent, up: press(), down: press()}};
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
    ]
    assert wrong == []


def test_a_head_sorts_up_then_down_and_says_so(report_page: Page):
    table = report_page.locator("#tab-ledger table")
    head = table.get_by_role("columnheader", name="Tolerance")
    other = table.locator("thead th").first
    column = head.evaluate("head => head.cellIndex")
    orders = [[cell["row"] for cell in cells_of(table, column)]]
    for state in ("ascending", "descending", "ascending"):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == state
        orders.append([cell["row"] for cell in cells_of(table, column)])
    assert orders[0] != orders[1] != orders[2]
    assert orders[3] == orders[1]

    other.get_by_role("button").click()
    assert head.get_attribute("aria-sort") is None
    assert other.get_attribute("aria-sort") == "ascending"


def as_people_read(text: str) -> list[str | float]:
    """A text in parts, of which every second one is a number, so that 0.25 comes before 0.5."""
    parts = re.split(r"(\d+(?:\.\d+)?)", text.casefold())
    return [float(part) if place % 2 else part for place, part in enumerate(parts)]


def test_text_is_sorted_as_people_do_and_by_keyboard_too(report_page: Page):
    table = report_page.locator("#tab-models table")
    head = table.locator("thead th").first
    head.get_by_role("button").focus()
    report_page.keyboard.press("Enter")
    texts = [cell["all"] for cell in cells_of(table, 0)]
    expected = sorted(texts, key=as_people_read)
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
    """The choice of a verdict that belongs to a table, or to it and those below."""
    choice = page.locator(f"label:has(+ #tab-{table}) select")
    expect(choice).to_have_accessible_name(re.compile(r"Show"))
    return choice


@pytest.mark.parametrize(
    ("table", "tables"),
    [
        ("ledger", "#tab-ledger"),
        ("claims-softmax", "[id^=tab-claims-]"),
        ("bn-claims", "#tab-bn-claims"),
    ],
)
def test_a_verdict_leaves_the_rows_that_have_it(shared_page: Page, table: str, tables: str):
    rows = f"{tables} tbody tr"
    verdicts = shared_page.eval_on_selector_all(rows, "all => all.map(r => r.dataset.verdict)")
    choice = filter_above(shared_page, table)
    everything = rows_shown(shared_page, tables)
    every, *words = choice.locator("option").all_inner_texts()
    assert every == "all verdicts"
    assert sorted(words) == sorted(set(verdicts))
    for word in words:
        choice.select_option(word)
        left = rows_shown(shared_page, tables)
        assert len(left) == verdicts.count(word) > 0
        assert all(word in row for row in left)
    choice.select_option("")
    assert rows_shown(shared_page, tables) == everything


def test_a_table_whose_rows_have_no_verdicts_offers_no_choice(shared_page: Page):
    assert shared_page.locator("label.filter + #tab-models").count() == 0


def test_a_link_to_a_row_that_is_filtered_out_brings_it_back(shared_page: Page):
    row = shared_page.locator("#tab-ledger tbody tr[id]").last
    choice = filter_above(shared_page, "ledger")
    other = [
        word
        for word in choice.locator("option").all_inner_texts()[1:]
        if word != row.get_attribute("data-verdict")
    ]
    choice.select_option(other[0])
    expect(row).to_be_hidden()
    shared_page.evaluate("id => { location.hash = id; }", row.get_attribute("id"))
    expect(row).to_be_visible()
    expect(row).to_be_in_viewport()
    choice.select_option("")


# ----------------------------------------------------------------------------- downloads
def download(page: Page, table: str, button: str) -> tuple[str, bytes]:
    """Press a button below a table; give the name and the content of the file."""
    with page.expect_download() as waiting:
        page.locator(f"#{table} + .tools").get_by_role("button", name=button, exact=True).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_every_table_can_be_downloaded(shared_page: Page):
    boxes = shared_page.locator(".scroll:has(> table)")
    offered = shared_page.locator(".scroll:has(> table) + .tools:has(> button:nth-child(2))")
    assert boxes.count() == offered.count() > 40


def test_a_table_is_downloaded_as_it_is_shown(report_page: Page):
    head = report_page.locator("#tab-models thead th", has_text="Test accuracy")
    for _ in range(2):
        head.get_by_role("button").click()
    name, content = download(report_page, "tab-models", "CSV")
    assert name == "models.csv"
    [heads, *rows] = csv.reader(io.StringIO(content.decode("utf-8")))
    shown = report_page.locator("#tab-models tbody tr")
    assert len(rows) == shown.count()
    assert heads[:2] == ["Model", "Parameters"]
    place = heads.index("Test accuracy, %")
    assert heads[place + 1 : place + 3] == ["Test accuracy, % (from)", "Test accuracy, % (to)"]
    values = [[float(it) for it in row[place : place + 3] if it] for row in rows]
    assert [value[0] for value in values] == sorted((v[0] for v in values), reverse=True)
    assert all(low <= mean <= high for mean, low, high in (v for v in values if len(v) == 3))
    texts = shown.first.locator("th, td").all_inner_texts()
    assert rows[0][0] == texts[0]
    assert rows[0][1] == texts[1].replace(",", "")


def test_hidden_rows_are_left_out_and_verdicts_are_words(report_page: Page):
    choice = filter_above(report_page, "ledger")
    choice.select_option("reproduced")
    _, content = download(report_page, "tab-ledger", "CSV")
    [heads, *rows] = csv.reader(io.StringIO(content.decode("utf-8")))
    place = heads.index("Difference (tolerance)")  # the small print of a head names that of cells
    assert all(float(row[place]) > 0 for row in rows)
    assert 0 < len(rows) == len(rows_shown(report_page, "#tab-ledger"))
    assert all("reproduced" in row for row in rows)


MONTHS = ["jan", "feb", "mär", "mar", "mrz", "apr", "mai", "may", "jun"]
MONTHS += ["jul", "aug", "sep", "okt", "oct", "nov", "dez", "dec"]


def guess(text: str) -> str:
    """What a German spreadsheet makes of an unquoted or quoted field of a CSV file.

    Written apart from the page: it looks at the parts between separators, not at patterns.
    """
    if text[:1] in ("=", "+", "-", "@"):
        return "number" if guess(text[1:]) == "number" else "formula"
    words = re.split(r"[\s./-]+", text.lower().strip(". "))
    days = [w for w in words if w.isdigit()]
    months = [w for w in words if w[:3] in MONTHS]
    if len(words) > 1 and len(days) + len(months) == len(words) <= 4 and len(months) < 2 and days:
        return "date"
    if re.fullmatch(r"\d+(:\d\d?)+|\d+ ?[ap]m?", text, re.I):
        return "time"
    try:
        float(text.replace(",", "."))
    except ValueError:
        return "text"
    return "date" if "." in text else "number"


@pytest.mark.parametrize("text", ["1.5", "300-100", "4-7", "1/2", "3 May", "Mrz 7", "1.2.2003"])
def test_the_spreadsheet_of_these_tests_sees_dates(text: str):
    assert guess(text) == "date"


RISKY = ["1.5", "300-100", "4-7", "1/2", "1.2.2003", "3 May", "May 3", "Mrz. 7", "12e5", "4 pm"]
RISKY += ["12:30", "=1+1", "+x", "-x", "@x", "10 %", "3-Mar-20"]
HARMLESS = [
    "B (300-100)",
    "not resolved",
    "Decay",
    "2 hidden layers",
    "May",
    'a "quoted"; word',
    "–",
]


def test_a_spreadsheet_takes_texts_for_texts_and_numbers_for_numbers(report_page: Page):
    texts = [*RISKY, *HARMLESS]
    report_page.evaluate(
        """texts => {
            const table = document.querySelector("#tab-models table");
            table.tHead.innerHTML = "<tr><th>Text</th><th class=n>Number</th></tr>";
            table.tBodies[0].replaceChildren(...texts.map(text => {
                const row = document.createElement("tr");
                row.append(document.createElement("th"), document.createElement("td"));
                row.cells[0].textContent = text;
                row.cells[1].innerHTML = "−1,234.5 <span class=range>86.50 to 87.00</span>";
                return row;
            }));
        }""",
        texts,
    )
    name, content = download(report_page, "tab-models", "CSV for Excel with decimal commas")
    assert name == "models-excel.csv"
    assert content.startswith(b"\xef\xbb\xbf")
    [heads, *rows] = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
    assert heads == ["Text", "Number", "Number (from)", "Number (to)"]
    assert [row[0] for row in rows] == [f"'{text}" for text in RISKY] + HARMLESS
    assert {guess(row[0]) for row in rows} == {"text"}
    assert [row[1:] for row in rows] == [["-1234,5", "86,5", "87"]] * len(texts)
    _, content = download(report_page, "tab-models", "CSV")
    [_, *rows] = csv.reader(io.StringIO(content.decode("utf-8")))
    assert rows == [[text, "-1234.5", "86.5", "87"] for text in texts]


def test_no_table_of_the_report_holds_what_a_spreadsheet_takes_for_something_else(
    shared_page: Page,
):
    """All tables at once, as the buttons write them."""
    files = shared_page.evaluate(
        """() => [...document.querySelectorAll(".scroll > table")].map(
            table => toCsv(columnsOf(table), ";", ",").join(""))"""
    )
    fields = [
        field
        for file in files
        for row in csv.reader(io.StringIO(file), delimiter=";")
        for field in row
    ]
    assert len(fields) > 5000
    kinds = {field: guess(field) for field in fields}
    assert {field for field, kind in kinds.items() if kind not in ("text", "number")} == set()
    assert sum(kind == "number" for kind in kinds.values()) > 300


# -------------------------------------------------------------------------------- folding
def test_a_link_to_what_is_folded_away_unfolds_it(open_report: Open, shared_page: Page):
    inside = shared_page.locator("main details figure[id]").first.get_attribute("id")
    page = open_report(fragment=str(inside))
    expect(page.locator(f"#{inside} svg").first).to_be_visible()
    expect(page.locator(f"#{inside}")).to_be_in_viewport()


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
