"""The explorer in a browser: choosing, reading, sharing, by mouse and by keyboard, on any screen.

Its models are made up, one with a title that is markup.  Whatever the page writes to the console
or asks for fails the test: `opening` looks.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.hostile import HOSTILE as MARKUP
from fixtures.pages import opening, settle
from fixtures.report import TEMPLATES, configured, fabricate
from playwright.sync_api import Browser, Page, expect

from fmstudy.report import explorer, rendering

pytestmark = pytest.mark.browser

HOSTILE = " ".join(MARKUP.split())
Explore = Callable[..., Page]
EPOCHS = {"A": 10, "B": 10, "keras-2": 4, "A-width-3": 10, "E": 10, "lost": 10}


def curves(name: str) -> list:
    """Accuracy and loss of both splits; no two models have the same."""
    place = 0.01 * list(EPOCHS).index(name)
    grid = range(EPOCHS[name] + 1)
    accuracy = [round(0.5 + place + 0.02 * epoch, 4) for epoch in grid]
    loss = [round(2 + place - 0.1 * epoch, 4) for epoch in grid]
    held_out = [[round(it - 0.05, 4) for it in accuracy], [round(it + 0.2, 4) for it in loss]]
    return [[accuracy, loss], held_out]


def entry(name: str) -> dict:
    accuracy = 0.8 + 0.01 * list(EPOCHS).index(name)
    finished = name != "lost"
    texts = [[str(it)] for it in (0.9, 0.3, None, None, accuracy, 0.5, 0.1, 0.2)]
    return {
        "title": HOSTILE if name == "B" else f"Model {name}",
        "setting": "as configured",
        "grid": list(range(EPOCHS[name] + 1)),
        "mean": curves(name),
        "test": [accuracy, 0.5] if finished else [None, None],
        "final": [["2"], ["7,841"], *(texts if finished else [["diverged"]] * 8)],
    }


CONTENT = {
    "start": ["E", "A"],
    "groups": [
        {"title": "Part A", "models": ["A", "B", "E", "lost"]},
        {"title": "Part B", "models": ["keras-2"]},
        {"title": f"Width {HOSTILE}", "models": ["A-width-3"]},
    ],
    "models": {name: entry(name) for name in EPOCHS},
    "pairs": {
        "A E": [[0.0125, 0.01, 0.015, "better", 1], [0.02, 0.01, 0.03, "worse", 1]],
        "A keras-2": [[0.01, -0.01, 0.03, "not resolved", 0], [-0.2, -0.3, -0.1, "better", 0]],
        "E keras-2": [[-0.01, None, None, "not resolved (too few seeds)", 0]] * 2,
        "A lost": [[None, None, None, "no value", 0]] * 2,
    },
}


@pytest.fixture(scope="module")
def explorer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("explorer")
    given = fabricate(directory, configured())
    explorer.write(CONTENT, directory / "explorer.json.gz")
    path = directory / "report.html"
    context = rendering.load_context(**given | {"explorer": directory / "explorer.json.gz"})
    page = rendering.render(TEMPLATES, context)
    other = r'<section class="[a-z]+" aria-labelledby="sec-(?!explorer").*?</section>'
    path.write_text(re.sub(other, "", page, flags=re.S), encoding="utf-8")  # it opens sooner
    return path


@pytest.fixture
def open_page(browser: Browser, explorer_file: Path) -> Iterator[Explore]:
    """Opens the page as `open_report` opens the report, and the fold in which the explorer is."""
    with opening(browser, explorer_file) as open_:
        yield lambda **options: unfold(open_(**options))


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
        return unfold(screen)

    return load


def unfold(page: Page) -> Page:
    """Open the fold of the explorer, as readers do, unless the address has opened it."""
    page.locator("details:not([open]) > summary", has_text="Choose models").evaluate_all(
        "all => all.forEach(summary => summary.click())"
    )
    page.locator("#x-accuracy path").first.wait_for(state="attached")  # it is drawn
    return page


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
    return page.eval_on_selector_all("#x-chosen select", "all => all.map(s => s.value)")


def choose(page: Page, place: int, name: str) -> None:
    page.locator("#x-chosen select").nth(place).select_option(name)


def rows(page: Page, table: str) -> list[list[str]]:
    """The texts of a table's cells, without the small ones below them."""
    return page.eval_on_selector_all(
        f"#x-{table} tr", "all => all.map(r => [...r.cells].map(c => c.firstChild.textContent))"
    )


# ------------------------------------------------------------------------------------ choosing
def test_it_starts_with_the_models_that_the_study_says(explore: Explore):
    page = explore()
    assert chosen(page) == ["E", "A", "", ""]
    assert [row[0] for row in rows(page, "final")] == ["1. Model E", "2. Model A"]
    assert not page.url.partition("#")[2]
    expect(page.locator("#x-off")).to_be_hidden()


def test_models_are_chosen_and_removed_and_keep_their_color(explore: Explore):
    page = explore()
    choose(page, 2, "keras-2")
    color = "e => getComputedStyle(e).borderLeftColor"
    names = page.locator("#x-final th")
    assert names.all_inner_texts()[2].startswith("3. Model keras-2")
    labels = page.locator("#x-chosen label")
    assert [it.evaluate(color) for it in names.all()] == [
        it.evaluate(color) for it in labels.all()[:3]
    ]
    before = names.nth(2).evaluate(color)
    choose(page, 1, "")
    assert [row[0] for row in rows(page, "final")] == ["1. Model E", "3. Model keras-2"]
    assert names.nth(1).evaluate(color) == before
    assert page.locator("#x-accuracy .held").count() == 2


def test_every_model_can_be_chosen_by_its_title(explore: Explore):
    page = explore()
    groups = page.eval_on_selector_all(
        "#x-chosen select:first-of-type optgroup",
        "all => all.slice(0, 3).map(g => [g.label, [...g.children].map(o => o.text)])",
    )
    assert groups == [
        [group["title"], [CONTENT["models"][name]["title"] for name in group["models"]]]
        for group in CONTENT["groups"]
    ]
    assert page.locator("#x-chosen option").count() == 4 * len(EPOCHS) + 3


# ------------------------------------------------------------------------------------ verdicts
@pytest.mark.parametrize(
    ("names", "answer"),
    [
        (
            "E,A",
            "By test accuracy, yes: it is 1.25 points higher (95 % interval +1.00 to +1.50; "
            "planned). By test loss, no, worse: it is 0.020 nats higher (95 % interval +0.010 to "
            "+0.030; planned).",
        ),
        (
            "A,E",
            "By test accuracy, no, worse: it is 1.25 points lower (95 % interval −1.50 to −1.00; "
            "planned). By test loss, yes: it is 0.020 nats lower (95 % interval −0.030 to −0.010; "
            "planned).",
        ),
        (
            "keras-2,A",
            "By test accuracy, not resolved: it is 1.00 points higher (95 % interval −1.00 to "
            "+3.00; not planned). By test loss, yes: it is 0.200 nats lower (95 % interval −0.300 "
            "to −0.100; not planned).",
        ),
        (
            "E,keras-2",
            "By test accuracy, not resolved (too few seeds): it is 1.00 points higher (not "
            "planned). By test loss, not resolved (too few seeds): it is 0.010 nats higher (not "
            "planned).",
        ),
        (
            "lost,A",
            "By test accuracy, no value, because trainings diverged. By test loss, no value, "
            "because trainings diverged.",
        ),
    ],
)
def test_it_says_whether_the_first_model_is_better_than_the_second(
    explore: Explore, names: str, answer: str
):
    page = explore(f"explore={names}")
    first, second = (CONTENT["models"][name]["title"] for name in names.split(","))
    expect(page.locator("#x-question")).to_have_text(f"Is {first} better than {second}?")
    expect(page.locator("#x-answer")).to_have_text(answer)
    assert page.locator("[role=status]:has(#x-answer)").count() == 1  # read out when it changes


def test_a_pair_that_is_not_tested_says_so_and_one_model_asks_nothing(explore: Explore):
    page = explore("explore=A,A-width-3")
    expect(page.locator("#x-answer")).to_contain_text("does not test these two")
    choose(page, 1, "")
    expect(page.locator("#x-question")).to_be_empty()
    expect(page.locator("#x-answer")).to_be_empty()


# ------------------------------------------------------------------------------------- reading
def written(place: int, name: str, epoch: int) -> list[str]:
    (accuracy, loss), (held_accuracy, held_loss) = curves(name)
    shares = [f"{100 * it[epoch]:.2f}" for it in (accuracy, held_accuracy)]
    losses = [f"{it[epoch]:.3f}" for it in (loss, held_loss)]
    return [f"{place}. Model {name}", str(epoch), *shares, *losses]


def test_the_slider_reads_the_values_of_the_data(explore: Explore):
    page = explore("explore=A,keras-2")
    assert rows(page, "values") == [written(1, "A", 10), written(2, "keras-2", 4)]
    slider = page.get_by_role("slider", name="Epoch")
    slider.focus()
    slider.press("ArrowLeft")
    assert rows(page, "values") == [written(1, "A", 9), written(2, "keras-2", 4)]
    slider.press("Home")
    assert rows(page, "values") == [written(1, "A", 0), written(2, "keras-2", 0)]


@pytest.mark.parametrize("chart", ["accuracy", "loss"])
def test_pointing_at_a_chart_reads_the_values_there(explore: Explore, chart: str):
    page = explore("explore=A,keras-2")
    label = page.locator(f"#x-{chart} .middle").get_by_text("2", exact=True)
    page.locator(f"#x-{chart}").scroll_into_view_if_needed()
    place, area = label.bounding_box(), page.locator(f"#x-{chart}").bounding_box()
    assert place and area
    page.mouse.move(place["x"] + place["width"] / 2, area["y"] + 100)
    read_off = [written(1, "A", 2), written(2, "keras-2", 2)]
    until(page, lambda: rows(page, "values"), read_off)


def test_a_line_goes_through_its_values(explore: Explore):
    """Heights are taken back from the drawing by two labels of the axis."""
    page = explore("explore=A")
    labels = page.eval_on_selector_all(
        "#x-accuracy .end", "all => all.map(t => [t.textContent, +t.getAttribute('y') - 4])"
    )
    (low, at_low), (high, at_high) = [
        (float(text.removesuffix(" %")) / 100, y) for text, y in labels if "%" in text
    ][:2]
    for kind, split in (("train", 0), ("held", 1)):
        path = page.locator(f"#x-accuracy .{kind}").get_attribute("d")
        assert path
        heights = [float(point.split(" ")[1]) for point in path.removeprefix("M").split(",")]
        read = [low + (y - at_low) * (high - low) / (at_high - at_low) for y in heights]
        assert read == pytest.approx(curves("A")[split][0], abs=5e-4)
    dot = float(page.locator("#x-accuracy circle").first.get_attribute("cy") or 0)
    assert low + (dot - at_low) * (high - low) / (at_high - at_low) == pytest.approx(0.8)


def test_a_model_without_results_is_drawn_as_far_as_it_went(explore: Explore):
    page = explore("explore=lost,A")
    assert rows(page, "final")[0][3:] == ["diverged"] * 8
    assert page.locator("#x-accuracy circle").count() == 2  # of A, once for each of its lines


# ------------------------------------------------------------------------------------- sharing
def test_the_address_holds_what_is_chosen_and_brings_it_back(explore: Explore):
    page = explore()
    choose(page, 3, "keras-2")
    assert page.url.partition("#")[2] == "explore=E,A,,keras-2"
    again = explore(page.url.partition("#")[2])
    assert chosen(again) == ["E", "A", "", "keras-2"]
    expect(again.locator("#x-explore")).to_be_in_viewport()
    again.evaluate("location.hash = 'explore=B'")
    expect(again.locator("#x-final th")).to_have_text([f"1. {HOSTILE}as configured"])


@pytest.mark.parametrize(
    ("fragment", "left"),
    [
        ("explore=A,nobody,E", ["A", "", "E", ""]),
        ("explore=A,B,E,keras-2,A-width-3", ["A", "B", "E", "keras-2"]),
        ("explore=constructor,__proto__,toString", [""] * 4),
        ("explore=%3Cimg%20src=x%20onerror=alert(1)%3E", [""] * 4),
        ("explore=", [""] * 4),
    ],
)
def test_an_address_can_only_choose_models_of_the_study(explore: Explore, fragment, left):
    page = explore(fragment)
    assert chosen(page) == left
    assert len(rows(page, "final")) == len([name for name in left if name])
    assert page.locator("#x-explore img").count() == 0


def test_links_within_the_page_leave_the_choice_alone(explore: Explore):
    page = explore("explore=E")
    page.evaluate("""() => new Promise(done => {
        addEventListener("hashchange", done, {once: true});  // after the page has listened itself
        location.hash = "sec-data";
    })""")
    assert chosen(page) == ["E", "", "", ""]


# ------------------------------------------------------------------------------------ everyone
def test_markup_in_titles_stays_text(explore: Explore):
    page = explore("explore=B,A")
    assert page.locator("#x-explore img").count() == 0
    for place in ("chosen", "question", "final"):
        assert HOSTILE in str(page.locator(f"#x-{place}").text_content())


def test_the_keyboard_reaches_everything(explore: Explore):
    page = explore()
    page.locator("#x-chosen select").first.focus()
    seen = []
    for _ in range(14):
        seen.append(page.evaluate("(e => e.id || e.textContent)(document.activeElement)"))
        page.keyboard.press("Tab")
    # What scrolls may be wider than the screen.
    for wanted in ("x-epoch", "tab-curves", "tab-compared", "CSV", "x-data"):
        assert wanted in seen, wanted
    page.locator("#x-chosen select").first.focus()
    page.keyboard.type("Model lost")
    assert chosen(page)[0] == "lost"


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen_or_too_small_to_read(open_page: Explore, width: int):
    page = open_page(width=width, fragment="explore=A,B,keras-2,A-width-3")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    chart = page.locator("#x-accuracy").bounding_box()
    assert chart and chart["x"] + chart["width"] <= width
    sizes = page.eval_on_selector_all(
        "#x-explore :is(text, th, td, span, label, select, p, button, b)",
        "all => all.map(e => parseFloat(getComputedStyle(e).fontSize))",
    )
    assert min(sizes) >= 12


def test_charts_follow_the_width_of_the_window(open_page: Explore):
    page = open_page()
    page.set_viewport_size({"width": 600, "height": 800})
    cut = "e => +e.querySelector('path').getAttribute('d').split('H')[1] / e.clientWidth"
    expect(page.locator("#x-accuracy")).to_have_css("height", "280px")
    until(page, lambda: 0.8 < page.locator("#x-accuracy").evaluate(cut) < 1, True)
    assert 500 < page.locator("#x-accuracy").evaluate("e => e.clientWidth") < 600


def test_charts_are_drawn_when_they_are_unfolded(browser: Browser, explorer_file: Path):
    with opening(browser, explorer_file) as open_:
        page = open_()
        expect(page.locator("#x-explore")).to_be_hidden()
        assert page.locator("#x-accuracy path").count() == 0
        page.evaluate("location.hash = 'explore=A'")
        expect(page.locator("#x-explore")).to_be_in_viewport()
        cut = "e => +e.querySelector('path').getAttribute('d').split('H')[1]"
        until(page, lambda: page.locator("#x-accuracy").evaluate(cut) > 200, True)


def test_without_javascript_it_says_where_the_numbers_stand(browser: Browser, explorer_file: Path):
    with opening(browser, explorer_file) as open_:
        page = open_(java_script_enabled=False)
        page.locator("summary", has_text="Choose models").click()
        expect(page.locator("#x-off")).to_be_visible()
        expect(page.locator("#x-off a").first).to_be_visible()
        expect(page.locator("#x-explore")).to_be_hidden()
