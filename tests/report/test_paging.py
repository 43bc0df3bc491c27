"""The pages of the PDF's body are full: figures give way, and text fills what they leave."""

import re
import subprocess
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import pytest
from fixtures import REPOSITORY
from fixtures.report import TEMPLATES

import measure_pdf
from fmstudy.report import paging, pdf

FONTS = sorted((REPOSITORY / "report/fonts").glob("*.ttf"))
PAGE = paging.HEIGHT
FIXED = (400.0, 400.0, 400.0)  # the widths of a figure that cannot change


class Flow:
    """A section whose blocks stand one below the other; `fill` decides on its pages."""

    def __init__(self, **attributes: str) -> None:
        self.section = Element("section", attributes)
        self.places: dict[Element, tuple[float, float]] = {}
        self.widths: dict[Element, tuple[float, float, float]] = {}
        self.at = 0.0

    def add(self, tag: str, height: float, **attributes: str) -> Element:
        block = SubElement(self.section, tag, attributes)
        self.places[block] = (self.at, self.at + height)
        self.at += height
        return block

    def figure(self, height: float, widths: tuple[float, float, float]) -> Element:
        figure = self.add("figure", height + 30)  # with a caption
        image = SubElement(figure, "img")
        top, _ = self.places[figure]
        self.places[image] = (top, top + height)
        self.widths[image] = widths
        return image

    def fill(self) -> dict[Element, float]:
        return paging.fill([self.section], self.places, self.widths)

    @property
    def order(self) -> str:
        return " ".join(block.tag for block in self.section)


def test_a_figure_that_fits_keeps_its_size_and_place():
    flow = Flow()
    flow.add("p", 300)
    flow.figure(200, (400, 200, 500))
    flow.add("p", 900)
    assert flow.fill() == {}
    assert flow.order == "p figure p"


def test_a_figure_behind_a_page_that_is_full_enough_keeps_its_size():
    flow = Flow()
    flow.add("p", 0.8 * PAGE)
    flow.figure(200, (400, 200, 500))
    assert flow.fill() == {}


def test_figures_of_a_page_shrink_together_so_that_the_next_one_fits():
    flow = Flow()
    flow.add("p", 200)
    first, second = (flow.figure(250, (400, 300, 400)) for _ in range(2))
    widths = flow.fill()
    heights = [250 * widths[image] / 400 for image in (first, second)]
    assert 200 + sum(heights) + 60 == pytest.approx(PAGE - paging.SLACK)
    assert heights[0] == pytest.approx(heights[1])


def test_no_figure_becomes_smaller_than_it_may():
    flow = Flow()
    flow.add("p", 500)
    image = flow.figure(400, (400, 350, 400))
    flow.add("h3", 20)
    assert image not in flow.fill()


def test_text_moves_up_from_behind_a_figure_that_does_not_fit():
    flow = Flow()
    flow.add("p", 500)
    flow.figure(300, FIXED)
    flow.add("ul", 200)
    flow.add("p", 100)
    flow.fill()
    assert flow.order == "p ul figure p"


@pytest.mark.parametrize("text", [{"tag": "p"}, {"tag": "div", "class": "answer"}])
def test_text_moves_between_a_heading_and_its_figure(text):
    flow = Flow()
    flow.add("p", 500)
    flow.add("h3", 20)
    flow.figure(300, FIXED)
    flow.add(height=100, **text)
    flow.fill()
    assert flow.order == f"p h3 {text['tag']} figure"


def test_no_text_moves_over_a_heading():
    flow = Flow()
    flow.add("p", 500)
    flow.figure(300, FIXED)
    flow.add("h3", 20)
    flow.add("p", 200)
    flow.fill()
    assert flow.order == "p figure h3 p"


def test_figures_grow_if_nothing_else_fills_their_page():
    flow = Flow()
    image = flow.figure(250, (300, 250, 450))
    flow.add("p", 200)
    flow.figure(400, FIXED)
    widths = flow.fill()
    assert list(widths) == [image]
    assert 250 * widths[image] / 300 + 230 == pytest.approx(paging.FULL * PAGE)


def test_a_heading_stays_with_its_figure():
    """So the page ends before it, and is too empty already there."""
    flow = Flow()
    flow.add("p", 0.76 * PAGE)
    flow.add("h3", 0.04 * PAGE)
    image = flow.figure(180, (400, 200, 400))
    assert image in flow.fill()


def test_the_page_before_the_first_chapter_may_be_empty():
    body = [Flow(), Flow()]
    body[0].add("p", 100)
    body[1].section.set("class", "chapter")
    body[1].at = 100
    body[1].figure(PAGE - 80, (400, 200, 400))
    places = body[0].places | body[1].places
    assert paging.fill([it.section for it in body], places, body[1].widths) == {}


def test_what_is_taller_than_a_page_ends_nothing():
    flow = Flow()
    flow.add("p", 100)
    flow.figure(2 * PAGE, FIXED)
    flow.add("p", 3 * PAGE)
    flow.figure(2 * PAGE, FIXED)
    flow.fill()
    assert sorted(flow.order.split()) == ["figure", "figure", "p", "p"]


# ------------------------------------------------------------------------------- as a document
def drawing(height: int, letters: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 576 {height}"><title>t</title>'
        f'<rect width="576" height="{height}"/><text font-size="{letters}">a</text></svg>'
    )


def written(directory: Path, body: str, **figures: str) -> Path:
    html = f'<html lang="en"><title>T</title><body>{body}</body></html>'
    style = (TEMPLATES / "pdf.css").read_text(encoding="utf-8")
    file = directory / "a.pdf"
    file.write_bytes(pdf.render(html, style, figures, FONTS))
    return file


def figure(name: str, **attributes: str) -> str:
    given = "".join(f' {key.rstrip("_")}="{value}"' for key, value in attributes.items())
    caption = f"<figcaption>Caption {name}</figcaption>"
    return f'<figure{given}><img src="figure:{name}" alt="{name}">{caption}</figure>'


def test_pages_of_the_body_are_full_and_the_appendix_begins_a_page(tmp_path: Path):
    text = "<p>" + "Some words of the text. " * 60 + "</p>"
    part = f"<h3>Part</h3>{text}{figure('a')}{text}{figure('b')}"
    body = (
        f'<section class="chapter"><h2>One</h2>{part * 4}</section>'
        f'<section class="chapter"><h2>Two</h2>{part * 3}</section>'
        '<h2 class="appendix-title">Appendix</h2>'
        f'<section class="appendix"><h2>A</h2>{figure("a")}</section>'
        f'<section class="appendix"><h2>B</h2>{text}</section>'
    )
    file = written(tmp_path, body, a=drawing(330, 8), b=drawing(250, 9))
    sheets = measure_pdf.measure(file)
    assert [it.number for it in sheets if it.fails] == [], measure_pdf.table(sheets)
    assert [it.body for it in sheets] == [True] * (len(sheets) - 1) + [False]
    assert sum(it.ends for it in sheets if it.body) == 1  # chapters follow each other


def test_figures_of_a_row_stand_side_by_side(tmp_path: Path):
    names = ("left", "right", "below")
    row = "".join(map(figure, names))
    drawn = dict.fromkeys(names, drawing(300, 9))
    file = written(tmp_path, f'<section><div class="row">{row}</div></section>', **drawn)
    command = ["pdftotext", "-bbox", str(file), "-"]
    boxes = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    word = re.compile(r'xMin="([\d.]+)" yMin="([\d.]+)".*>(left|right|below)<')
    places = {name: (float(x), float(y)) for x, y, name in word.findall(boxes)}
    assert places["left"][1] == places["right"][1] < places["below"][1]
    assert places["left"][0] == places["below"][0] < places["right"][0]


def test_a_page_that_is_too_empty_is_found(tmp_path: Path):
    filler = '<div style="height: 400pt; background: #ccc"></div>'
    tall = '<div class="note" style="height: 500pt"></div>'
    sheets = measure_pdf.measure(written(tmp_path, f"<section>{filler}{tall}</section>"))
    assert [it.fails for it in sheets] == [True, False]
    assert sheets[0].full == pytest.approx(400 / PAGE, abs=0.02)
    assert "TOO EMPTY" in measure_pdf.table(sheets)
    assert not measure_pdf.is_within_budget(sheets)
