"""The explorer in a browser: choosing, reading, sharing, by mouse and by keyboard, on any screen.

Its models are made up, one with a title that is markup.  Whatever the page writes to the console
or asks for fails the test: `opening` looks.
"""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import opening, settle
from fixtures.report import TEMPLATES, configured, fabricate
from playwright.sync_api import Browser, Page, expect

from fmstudy.report import explorer, rendering

pytestmark = pytest.mark.browser

Explore = Callable[..., Page]
HOSTILE = "<img src=x onerror=alert(1)>"
EPOCHS = {"A": 10, "B": 10, "keras-2": 4, "A-width-3": 10, "E": 10, "lost": 10}


def curves(name: str, shift: float = 0.0) -> list:
    """Accuracy and loss of both splits; no two models or seeds have the same."""
    place = 0.01 * list(EPOCHS).index(name) + shift
    grid = range(EPOCHS[name] + 1)
    accuracy = [round(0.5 + place + 0.02 * epoch, 4) for epoch in grid]
    loss = [round(2 + place - 0.1 * epoch, 4) for epoch in grid]
    held_out = [[round(it - 0.05, 4) for it in accuracy], [round(it + 0.2, 4) for it in loss]]
    return [[accuracy, loss], held_out]


def entry(name: str) -> dict:
    accuracy = 0.8 + 0.01 * list(EPOCHS).index(name)
    finished = name != "lost"
    confusion = [10 * (row == column) + column for row in range(10) for column in range(10)]
    confusion[1] += list(EPOCHS).index(name)
    numbers = [0.9, 0.3, None, None, accuracy, 0.5, 0.1, 0.2]
    texts = [[str(number)] for number in numbers] if finished else [["diverged"]] * 8
    return {
        "title": HOSTILE if name == "B" else f"Model {name}",
        "setting": "as configured, L2 with delta 1e-3" if name == "E" else "as configured",
        "grid": list(range(EPOCHS[name] + 1)),
        "mean": curves(name),
        "seeds": {"1": curves(name, -0.005), "2": curves(name, 0.005)},
        "numbers": numbers if finished else [None] * 8,
        "final": [["2"], ["7,841"], *texts],
        "confusion": confusion if finished else None,
    }


CONTENT = {
    "classes": [f"Class {i}" for i in range(10)],
    "start": ["A", "B"],
    "groups": [
        {"title": "Part A", "kind": "part_a", "models": ["A", "B", "E", "lost"]},
        {"title": "Part B", "kind": "part_b", "models": ["keras-2"]},
        {"title": f"Width {HOSTILE}", "kind": "sweep", "models": ["A-width-3"]},
    ],
    "models": {name: entry(name) for name in EPOCHS},
}


@pytest.fixture(scope="module")
def explorer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("explorer")
    given = fabricate(directory, configured())
    explorer.write(CONTENT, directory / "explorer.json.gz")
    path = directory / "report.html"
    context = rendering.load_context(**given | {"explorer": directory / "explorer.json.gz"})
    page = rendering.render(TEMPLATES, context)
    other = r'<section aria-labelledby="sec-(?!explorer").*?</section>'
    path.write_text(re.sub(other, "", page, flags=re.S), encoding="utf-8")  # it opens sooner
    return path


@pytest.fixture
def open_page(browser: Browser, explorer_file: Path) -> Iterator[Explore]:
    """Opens the page as `open_report` opens the report, which need not be there."""
    with opening(browser, explorer_file) as open_:
        yield open_


@pytest.fixture(scope="module")
def screen(browser: Browser, explorer_file: Path) -> Iterator[Page]:
    """The page on a screen, for all tests: each loads it afresh, which is less than to open it."""
    with opening(browser, explorer_file) as open_:
        page = open_()
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        yield page


@pytest.fixture
def explore(screen: Page, explorer_file: Path) -> Explore:
    """Loads the page with a fragment, and waits until the explorer is there."""

    def load(fragment: str = "") -> Page:
        screen.goto("about:blank")
        screen.goto(f"{explorer_file.as_uri()}#{fragment}" if fragment else explorer_file.as_uri())
        settle(screen)
        return screen

    return load


def until(page: Page, read: Callable[[], object], expected: object) -> None:
    """Wait until something has a value, as `expect` does for elements, and fail if it never does.

    What a pointer or a resized window changes follows with the next frame of the page.
    """
    for _ in range(600):
        if read() == expected:
            return
        page.wait_for_timeout(50)
    assert read() == expected


def chosen(page: Page) -> list[str]:
    return [text.removesuffix(" ×") for text in page.locator("#x-chosen button").all_inner_texts()]


def box(page: Page, name: str):
    return page.locator(f"#x-list input[value='{name}']")


def rows(page: Page, table: str) -> list[list[str]]:
    """The texts of a table's cells, without the small ones below them."""
    return page.eval_on_selector_all(
        f"#x-{table} tr", "all => all.map(r => [...r.cells].map(c => c.firstChild.textContent))"
    )


def listed(page: Page) -> list[str]:
    return page.eval_on_selector_all(
        "#x-list input", "all => all.filter(b => b.checkVisibility()).map(b => b.value)"
    )


# ------------------------------------------------------------------------------------ choosing
def test_it_starts_with_the_models_that_the_study_says(explore: Explore):
    page = explore()
    assert chosen(page) == ["A", "B"]
    assert [row[0] for row in rows(page, "final")] == ["A", "B"]
    assert page.locator("#x-confusion table").count() == 3  # of each, and the difference
    assert not page.url.partition("#")[2]
    expect(page.locator("#x-off")).to_be_hidden()


def test_models_are_chosen_and_taken_away(explore: Explore):
    page = explore()
    box(page, "keras-2").check()
    assert chosen(page) == ["A", "B", "keras-2"]
    color = "e => getComputedStyle(e).borderLeftColor"
    before = page.locator("#x-chosen button").nth(1).evaluate(color)
    page.get_by_role("button", name="Remove A", exact=True).click()
    assert chosen(page) == ["B", "keras-2"]
    assert page.locator("#x-chosen button").first.evaluate(color) == before
    assert not box(page, "A").is_checked()
    box(page, "B").uncheck()
    assert chosen(page) == ["keras-2"]
    assert page.locator("#x-accuracy .mean").count() == 2  # training and held-out


def test_a_fifth_model_is_refused_with_a_word(explore: Explore):
    page = explore("explore=A,B,E,keras-2")
    box(page, "A-width-3").click()
    assert chosen(page) == ["A", "B", "E", "keras-2"]
    assert not box(page, "A-width-3").is_checked()
    expect(page.get_by_role("status").filter(has_text="Four at most")).to_be_visible()


def test_with_none_chosen_it_is_empty_and_goes_on(explore: Explore):
    page = explore()
    for name in ("A", "B"):
        box(page, name).uncheck()
    assert rows(page, "final") == rows(page, "values") == []
    assert page.locator("#x-confusion table").count() == 0
    box(page, "E").check()
    assert chosen(page) == ["E"]


# ----------------------------------------------------------------------------------- filtering
def test_words_and_parts_filter_the_list(explore: Explore):
    page = explore()
    field = page.get_by_role("searchbox", name="Find a model")
    assert listed(page) == ["A", "B", "E", "lost", "keras-2", "A-width-3"]
    field.fill("MODEL keras")
    assert listed(page) == ["keras-2"]
    field.fill("l2")
    assert listed(page) == ["E"]
    expect(page.locator("#x-list").get_by_text("Part B")).to_be_hidden()  # none of it is left
    field.fill("")
    assert len(listed(page)) == len(EPOCHS)
    page.get_by_role("radio", name="Sweeps").check()
    assert listed(page) == ["A-width-3"]
    page.get_by_role("radio", name="Part A").check()
    field.fill("lost")
    assert listed(page) == ["lost"]


# ------------------------------------------------------------------------------------- reading
def written(name: str, epoch: int) -> list[str]:
    (accuracy, loss), (held_accuracy, held_loss) = curves(name)
    shares = [f"{100 * it[epoch]:.2f}" for it in (accuracy, held_accuracy)]
    return [name, str(epoch), *shares, *(f"{it[epoch]:.3f}" for it in (loss, held_loss))]


def test_the_slider_reads_the_values_of_the_data(explore: Explore):
    page = explore("explore=A,keras-2")
    assert rows(page, "values") == [written("A", 10), written("keras-2", 4)]
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    assert rows(page, "values") == [written("A", 9), written("keras-2", 4)]
    said = slider.evaluate("e => e.ariaValueText")
    assert said == f"epoch 9, A {written('A', 9)[3]} %, keras-2 {written('keras-2', 4)[3]} %"
    slider.press("Home")
    assert rows(page, "values") == [written("A", 0), written("keras-2", 0)]


@pytest.mark.parametrize("chart", ["accuracy", "loss"])
@pytest.mark.parametrize("log", [False, True])
def test_pointing_at_a_chart_reads_the_values_there(explore: Explore, chart: str, log: bool):
    page = explore("explore=A,keras-2")
    page.get_by_role("checkbox", name="logarithmic epochs").set_checked(log)
    label = page.locator(f"#x-{chart} .middle").get_by_text("2", exact=True)
    if log:  # which has 1 and 10
        label = page.locator(f"#x-{chart} .middle").get_by_text("1", exact=True)
    page.locator(f"#x-{chart}").scroll_into_view_if_needed()
    place, area = label.bounding_box(), page.locator(f"#x-{chart}").bounding_box()
    assert place and area
    page.mouse.move(place["x"] + place["width"] / 2, area["y"] + 100)
    epoch = 1 if log else 2
    read_off = [written("A", epoch), written("keras-2", epoch)]
    until(page, lambda: rows(page, "values"), read_off)


def test_a_line_goes_through_its_values(explore: Explore):
    """Heights are taken back from the drawing by two labels of the axis."""
    page = explore("explore=A")
    page.get_by_role("checkbox", name="training data").uncheck()
    labels = page.eval_on_selector_all(
        "#x-accuracy .end", "all => all.map(t => [t.textContent, +t.getAttribute('y') - 4])"
    )
    (low, at_low), (high, at_high) = [
        (float(text.removesuffix(" %")) / 100, y) for text, y in labels if "%" in text
    ][:2]
    path = page.locator("#x-accuracy .held.mean").get_attribute("d")
    assert path
    heights = [float(point.split(" ")[1]) for point in path.removeprefix("M").split(",")]
    read = [low + (y - at_low) * (high - low) / (at_high - at_low) for y in heights]
    assert read == pytest.approx(curves("A")[1][0], abs=5e-4)
    dot = float(page.locator("#x-accuracy circle").get_attribute("cy") or 0)
    assert low + (dot - at_low) * (high - low) / (at_high - at_low) == pytest.approx(0.8)


def test_what_is_drawn_can_be_chosen(explore: Explore):
    page = explore("explore=A")

    def drawn() -> list[str]:
        return page.eval_on_selector_all(
            "#x-loss svg path", "all => all.map(p => p.getAttribute('class'))"
        )

    assert drawn() == ["mean train", "mean held"]
    page.get_by_role("checkbox", name="held-out data").uncheck()
    assert drawn() == ["mean train"]
    page.get_by_role("checkbox", name="single seeds").check()
    assert drawn() == ["seed train", "seed train", "mean train"]


def test_differences_are_to_the_first_chosen(explore: Explore):
    page = explore("explore=E,A")
    first, second = page.locator("#x-final tr").all()
    assert "Δ" not in first.inner_text()
    test_accuracy = second.locator("td").nth(6)
    assert test_accuracy.inner_text().split("\n") == ["0.8", "Δ −4.00"]
    assert second.locator("td").nth(4).inner_text() == "None"  # no validation: no difference


def test_confusion_matrices_hold_the_counts_and_their_difference(explore: Explore):
    page = explore("explore=A,E")
    tables = page.locator("#x-confusion table")
    assert tables.locator("caption").all_inner_texts() == ["A", "E", "E minus A"]
    for table, name in zip(tables.all(), ("A", "E"), strict=False):
        counts = [int(text) for text in table.locator("td").all_inner_texts()]
        assert counts == CONTENT["models"][name]["confusion"]
    assert tables.nth(2).locator("td").all_inner_texts() == ["0", "+4", *["0"] * 98]


def test_a_model_without_results_is_drawn_as_far_as_it_went(explore: Explore):
    page = explore("explore=lost,A")
    assert rows(page, "final")[0][3:] == ["diverged"] * 8
    assert page.locator("#x-accuracy circle").count() == 2  # of A, once for each of its lines
    assert page.locator("#x-confusion caption").all_inner_texts() == ["A"]


def test_the_curves_come_as_csv_seed_by_seed(explore: Explore, tmp_path: Path):
    page = explore("explore=keras-2")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="as CSV").click()
    waiting.value.save_as(tmp_path / "curves.csv")
    with open(tmp_path / "curves.csv", encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 2 * 2 * 5
    accuracy, loss = curves("keras-2", 0.005)[1]
    assert found[-1] == {
        **{"model": "keras-2", "seed": "2", "epoch": "4", "split": "held-out"},
        **{"accuracy": str(accuracy[-1]), "loss": str(loss[-1])},
    }


# ------------------------------------------------------------------------------------- sharing
def test_the_address_holds_what_is_chosen_and_brings_it_back(explore: Explore):
    page = explore()
    box(page, "keras-2").check()
    assert page.url.partition("#")[2] == "explore=A,B,keras-2"
    again = explore(page.url.partition("#")[2])
    assert chosen(again) == ["A", "B", "keras-2"]
    expect(again.locator("#x-explore")).to_be_in_viewport()
    again.evaluate("location.hash = 'explore=E'")
    expect(again.locator("#x-chosen")).to_have_text("E ×")


@pytest.mark.parametrize(
    ("fragment", "left"),
    [
        ("explore=A,nobody,E", ["A", "E"]),
        ("explore=A,A,A", ["A"]),
        ("explore=A,B,E,keras-2,A-width-3", ["A", "B", "E", "keras-2"]),
        ("explore=constructor,__proto__,toString", []),
        ("explore=%3Cimg%20src=x%20onerror=alert(1)%3E", []),
        ("explore=", []),
    ],
)
def test_an_address_can_only_choose_models_of_the_study(explore: Explore, fragment, left):
    page = explore(fragment)
    assert chosen(page) == left
    assert page.locator("#x-explore img").count() == 0


def test_links_within_the_page_leave_the_choice_alone(explore: Explore):
    page = explore("explore=E")
    page.evaluate("""() => new Promise(done => {
        addEventListener("hashchange", done, {once: true});  // after the page has listened itself
        location.hash = "sec-data";
    })""")
    assert chosen(page) == ["E"]


# ------------------------------------------------------------------------------------ everyone
def test_markup_in_titles_stays_text(explore: Explore):
    page = explore("explore=B,A")
    assert page.locator("#x-explore img").count() == 0
    for place in ("list", "final"):
        assert HOSTILE in page.locator(f"#x-{place}").inner_text()


def test_the_keyboard_reaches_everything(explore: Explore):
    page = explore()
    page.get_by_role("searchbox", name="Find a model").focus()
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                "(e => e.closest('#x-explore') && (e.id || e.value || e.ariaLabel || e.name))"
                "(document.activeElement)"
            )
        )
    # The last is a table that may be wider than the screen.
    for wanted in ("A", "lost", "x-split1", "x-log", "x-epoch", "x-csv", "B minus A"):
        assert wanted in seen, wanted
    box(page, "E").focus()
    page.keyboard.press("Space")
    assert chosen(page) == ["A", "B", "E"]
    page.get_by_role("button", name="Remove B").focus()
    page.keyboard.press("Enter")
    assert chosen(page) == ["A", "E"]
    assert page.evaluate("document.activeElement.id") == "x-chosen"  # not lost at the page's top


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(open_page: Explore, width: int):
    page = open_page(width=width, fragment="explore=A,B,keras-2,A-width-3")
    page.get_by_role("checkbox", name="single seeds").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    chart = page.locator("#x-accuracy").bounding_box()
    assert chart and chart["x"] + chart["width"] <= width


def test_charts_follow_the_width_of_the_window(open_page: Explore):
    page = open_page()
    page.set_viewport_size({"width": 600, "height": 800})
    inside = page.locator("#x-accuracy > svg")
    width = page.locator("#x-accuracy").evaluate("e => e.clientWidth")
    assert 500 < width < 600
    expect(inside).to_have_attribute("viewBox", f"0 8 {width} 232")


def test_without_javascript_it_says_where_the_numbers_stand(open_page: Explore):
    page = open_page(java_script_enabled=False)
    expect(page.locator("#x-off")).to_be_visible()
    expect(page.locator("#x-off a").first).to_be_visible()
    expect(page.locator("#x-explore")).to_be_hidden()
