"""Figures in a browser: curves are read off by mouse and by keyboard, singled out, downloaded.

What is read off has to be what the figure's data say, which the page carries beside it.
"""

import base64
import csv
import gzip
import io
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fixtures.pages import unfold
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Values = dict[str, dict[str, list[tuple[str, str]]]]  # by panel and series: x and y, as written
READABLE = ["curves_B", "curves_keras-4r", "sweep_l2_curves", "bn_learning-rate", "models"]


@pytest.fixture
def page(open_report: Open) -> Page:
    return open_report(reduced_motion="reduce")  # else the page still moves while we point


def figure_of(page: Page, name: str) -> Locator:
    """A figure, unfolded and scrolled to where it can be seen."""
    figure = page.locator(f"#fig-{name}")
    unfold(page)
    figure.scroll_into_view_if_needed()
    return figure


def unpacked(href: str) -> str:
    """The CSV that the link to a figure's data holds."""
    kind, _, content = href.partition(",")
    assert kind == "data:application/gzip;base64"
    return gzip.decompress(base64.b64decode(content)).decode("utf-8")


def packed(figure: Locator) -> str:
    """The CSV that a figure carries."""
    return unpacked(str(figure.locator("figcaption a.data").get_attribute("href")))


def values_of(figure: Locator) -> Values:
    """The points of each series; what has no value, say because it diverged, is no point."""
    return values_in(packed(figure))


def values_in(data: str) -> Values:
    found: Values = {}
    for row in csv.DictReader(io.StringIO(data)):
        points = found.setdefault(row["panel"], {}).setdefault(row["series"], [])
        if row["x"] and row["y"]:
            points.append((row["x"], row["y"]))
    return found


def panels_of(figure: Locator) -> list[dict[str, Any]]:
    """The panels of a figure: their names, scales, boxes on the screen, and drawn series."""
    return figure.locator(".panel[data-x]").evaluate_all("""all => all.map(panel => {
        const [x0, y0, x1, y1] = panel.dataset.box.split(" ").map(Number);
        const at = (x, y) => new DOMPoint(x, y).matrixTransform(panel.getScreenCTM());
        const series = [...panel.querySelectorAll(".series")].map(s => ({...s.dataset}));
        const [low, high] = [at(x0, y0), at(x1, y1)];
        const {panel: name, x, y, xTicks, yTicks, xName, xUnit, yUnit} = panel.dataset;
        const ticks = {x: JSON.parse(xTicks ?? "{}"), y: JSON.parse(yTicks ?? "{}")};
        const units = {x: xUnit, y: yUnit};
        return {name, x, y, ticks, series, flat: !!yTicks, xName, units,
                left: low.x, top: low.y, right: high.x, bottom: high.y};
    })""")


def share_of(value: str, panel: dict[str, Any], axis: str) -> float:
    """Where a value or a name lies between the ends of a panel's axis; NaN if it lies nowhere."""
    low, high, kind = panel[axis].split(" ")
    to_place = math.log10 if kind == "log" else float
    try:
        places = [to_place(float(panel["ticks"][axis].get(v, v))) for v in (value, low, high)]
    except ValueError:
        return math.nan
    return (places[0] - places[1]) / (places[2] - places[1])


def place_of(panel: dict[str, Any], across: float, up: float) -> tuple[float, float]:
    """The place on the screen that lies at these shares of a panel's width and height."""
    return (
        panel["left"] + across * (panel["right"] - panel["left"]),
        panel["bottom"] - up * (panel["bottom"] - panel["top"]),
    )


def read_out(figure: Locator) -> tuple[str, dict[str, str]]:
    """What the read-out says: its head, and each series' value."""
    box = figure.locator(".readout")
    expect(box).to_be_visible()
    rows = box.locator(":scope > div").evaluate_all("""all => all.map(row => {
        const name = [...row.childNodes].filter(part => part.nodeType === Node.TEXT_NODE);
        return [name.map(part => part.data).join("").trim(), row.querySelector("span").textContent];
    })""")
    return box.locator("b").inner_text(), dict(rows)


def as_shown(value: str, unit: str | None) -> str:
    """A value as its axis shows it."""
    try:
        number = float(value)
    except ValueError:
        return value
    if unit == "percent":
        text = f"{100 * number:.1f} %"
    elif unit == "loss":
        text = f"{number:.3f}"
    else:
        text = f"{number:,.4g}" if abs(number) < 1e4 else f"{number:,.0f}"
        text = f"{number:.10f}".rstrip("0").rstrip(".") if "e" in text else text.replace(",", "")
    return text.replace("-", "\N{MINUS SIGN}")


def strong(panel: dict[str, Any]) -> list[str]:
    """The series of a panel but those of single seeds."""
    return list(dict.fromkeys(s["series"] for s in panel["series"] if s["kind"] != "seed"))


def expected_at(panel: dict[str, Any], values: Values, share: float) -> tuple[str, dict[str, str]]:
    """What lies nearest to a place along a panel's axis, and the values of all series there.

    Along the axis of x; or, where the axis of y has names such as those of models, along that.
    """
    along, across = ("y", "x") if panel["flat"] else ("x", "y")
    found = {}
    for series in strong(panel):
        for point in values[panel["name"]][series]:
            at = dict(zip("xy", point, strict=True))
            if all(math.isfinite(share_of(at[axis], panel, axis)) for axis in "xy"):
                found.setdefault(at[along], {}).setdefault(series, at[across])
    nearest = min(found, key=lambda label: abs(share_of(label, panel, along) - share))
    head = as_shown(nearest, panel["units"][along])
    if not panel["flat"] and nearest not in panel["ticks"]["x"]:
        head = f"{panel['xName']} {head}"
    units = panel["units"][across]
    return head, {series: as_shown(it, units) for series, it in found[nearest].items()}


# ----------------------------------------------------------------------------------- the data
def test_every_figure_carries_its_data(shared_page: Page, report_file: Path):
    links = shared_page.eval_on_selector_all(
        "figure[id^=fig-] figcaption a.data",
        "all => all.map(a => [a.closest('figure').id, a.href, a.download])",
    )
    assert len(links) > 60
    for figure, href, download in links:
        name = figure.removeprefix("fig-")
        file = report_file.parent / f"figures/{name}.csv"
        assert unpacked(href) == file.read_text(encoding="utf-8"), name
        assert download == f"{name}.csv.gz"


def test_every_series_that_is_drawn_has_its_values_in_the_data(shared_page: Page):
    readable = shared_page.locator("figure:has(.panel[data-x] .series)").evaluate_all("""
        all => all.map(figure => ({
            name: figure.id,
            href: figure.querySelector("figcaption a.data").href,
            panels: [...figure.querySelectorAll(".panel[data-x]")].map(panel => [
                panel.dataset.panel,
                [...panel.querySelectorAll(".series")].map(series => series.dataset.series),
            ]),
        }))""")
    assert len(readable) > 30
    for figure in readable:
        values = values_in(unpacked(figure["href"]))
        names = [name for name, _ in figure["panels"]]
        assert len(set(names)) == len(names), figure["name"]
        for name, drawn in figure["panels"]:
            assert set(drawn) <= set(values.get(name, {})), (figure["name"], name)


@pytest.mark.parametrize("name", ["curves_B", "curves_keras-4r", "sweep_l2_curves"])
def test_curves_are_drawn_where_the_data_and_the_scales_say(shared_page: Page, name: str):
    figure = figure_of(shared_page, name)
    values, checked = values_of(figure), 0
    for place, panel in enumerate(panels_of(figure)):
        drawn = figure.locator(".panel[data-x]").nth(place).locator(".series")
        ends = drawn.evaluate_all("""all => all.map(series => {
            const path = series.querySelector("path[stroke]:not([stroke=none])");
            const end = path?.getPointAtLength(path.getTotalLength());
            const at = end?.matrixTransform(path.getScreenCTM());
            return at && [at.x, at.y];
        })""")
        for series, end in zip(panel["series"], ends, strict=True):
            if series["kind"] == "seed" or end is None:  # a dot has no line
                continue
            x, y = values[panel["name"]][series["series"]][-1]
            expected = place_of(panel, share_of(x, panel, "x"), share_of(y, panel, "y"))
            assert end == pytest.approx(expected, abs=1.5)
            checked += 1
    assert checked


def test_the_data_are_downloaded_as_plain_csv(page: Page):
    figure = figure_of(page, "curves_B")
    with page.expect_download() as waiting:
        figure.locator("a.data").click()
    assert waiting.value.suggested_filename == "curves_B.csv"
    assert Path(waiting.value.path()).read_text(encoding="utf-8") == packed(figure)


# -------------------------------------------------------------------------------- reading off
@pytest.mark.parametrize("name", READABLE)
def test_pointing_at_a_panel_reads_the_values_off_the_data(shared_page: Page, name: str):
    figure = figure_of(shared_page, name)
    values = values_of(figure)
    panels = panels_of(figure)
    assert panels
    for panel in panels[:2]:
        for share in (0.11, 0.52, 0.93):
            place = (0.5, share) if panel["flat"] else (share, 0.5)
            shared_page.mouse.move(*place_of(panel, *place))
            label, expected = expected_at(panel, values, share)
            expect(figure.locator(".readout b")).to_have_text(label)
            assert read_out(figure) == (label, expected)
            assert expected
            if len(panels) > 1:
                expect(figure.locator(".readout")).to_contain_text(panel["name"])
    shared_page.mouse.move(1, 1)
    expect(figure.locator(".readout")).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "head", "row"),
    [
        ("curves_B", r"Epoch \d+", r"\d\d\.\d %"),
        ("sweep_width", r"Width [\d,]+", r"\d\d\.\d %"),
        ("bn_learning-rate", r"Learning rate 0\.\d+|Learning rate \d+", r"\d+\.\d %"),
    ],
)
def test_a_read_out_names_the_place_and_shows_values_as_the_axis_does(
    shared_page: Page, name: str, head: str, row: str
):
    figure = figure_of(shared_page, name)
    shared_page.mouse.move(*place_of(panels_of(figure)[0], 0.5, 0.5))
    expect(figure.locator(".readout b")).to_have_text(re.compile(f"^({head})$"))
    assert all(re.fullmatch(row, value) for value in read_out(figure)[1].values())


def test_a_read_out_shows_losses_with_three_decimals(shared_page: Page):
    figure = figure_of(shared_page, "curves_B")
    [panel] = [it for it in panels_of(figure) if it["name"].startswith("Loss")]
    shared_page.mouse.move(*place_of(panel, 0.5, 0.5))
    expect(figure.locator(".readout")).to_contain_text("Loss")
    assert all(re.fullmatch(r"\d\.\d{3}", it) for it in read_out(figure)[1].values())


def test_the_read_out_stays_on_a_phone(open_report: Open):
    page = open_report(width=390, reduced_motion="reduce")
    figure = figure_of(page, "curves_B")
    panel = panels_of(figure)[0]
    for share in (0.02, 0.98):
        page.mouse.move(*place_of(panel, share, 0.5))
        expect(figure.locator(".readout")).to_be_visible()
        box = figure.locator(".readout").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_arrow_keys_move_the_read_out_and_escape_ends_it(page: Page):
    figure = figure_of(page, "curves_B")
    panels, values = panels_of(figure), values_of(figure)
    xs = sorted({x for s in strong(panels[0]) for x, _ in values[panels[0]["name"]][s]}, key=float)

    def head() -> str:
        return read_out(figure)[0].removeprefix("Epoch ")

    figure.locator(".scroll[tabindex='0']").focus()
    for x in (xs[0], xs[1], xs[2]):
        page.keyboard.press("ArrowRight")
        expect(figure.locator(".readout b")).to_have_text(f"Epoch {x}")
    page.keyboard.press("ArrowLeft")
    assert head() == xs[1]
    for _ in xs[1:]:
        page.keyboard.press("ArrowRight")
    expect(figure.locator(".readout")).to_contain_text(panels[1]["name"])  # past the end
    page.keyboard.press("Escape")
    expect(figure.locator(".readout")).to_be_hidden()


# ------------------------------------------------------------------------------- singling out
def opacities(figure: Locator) -> dict[str, float]:
    """How opaque each series and label is, its ancestors in the figure included."""
    found = figure.locator(".series, .label").evaluate_all("""all => all.map(element => {
        let share = 1;
        for (let up = element; up; up = up.parentElement) share *= getComputedStyle(up).opacity;
        return [element.dataset.series, share];
    })""")
    return dict(found)


def test_clicking_a_label_singles_its_series_out(page: Page):
    figure = figure_of(page, "sweep_width_curves")
    everything = opacities(figure)
    labels = figure.locator(".label")
    names = labels.evaluate_all("all => all.map(label => label.dataset.series)")
    assert set(names) <= set(everything)
    assert set(everything.values()) == {1.0}
    labels.first.click()
    found = opacities(figure)
    assert found.pop(names[0]) == 1.0
    assert found
    assert max(found.values()) < 0.5
    labels.first.click()
    assert opacities(figure) == everything


def test_clicking_a_curve_singles_it_out_and_escape_brings_the_others_back(page: Page):
    figure = figure_of(page, "curves_B")
    panel = panels_of(figure)[0]
    x, y = values_of(figure)[panel["name"]]["test"][-1]
    page.mouse.click(*place_of(panel, share_of(x, panel, "x"), share_of(y, panel, "y")))
    expect(figure.locator(".dim").first).to_be_attached()
    assert opacities(figure)["train"] < 0.5 < opacities(figure)["test"]
    page.keyboard.press("Escape")
    expect(figure.locator(".dim")).to_have_count(0)


def test_arrow_keys_single_out_one_series_after_the_other(page: Page):
    figure = figure_of(page, "curves_B")
    names = strong({"series": [s for panel in panels_of(figure) for s in panel["series"]]})
    figure.locator(".scroll[tabindex='0']").focus()
    for name in names[:2]:
        page.keyboard.press("ArrowDown")
        assert [it for it, share in opacities(figure).items() if share == 1.0] == [name]
    page.keyboard.press("ArrowUp")
    assert opacities(figure)[names[0]] == 1.0 > opacities(figure)[names[1]]
