"""The PDF: sound, tagged, complete, the same bytes each time, and nothing of the machine in it."""

import html
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pypdf
import pytest
from fixtures import REPOSITORY, run_command
from fixtures.report import TEMPLATES, configured, fabricate

from fmstudy.report import formulas, pdf, rendering
from fmstudy.runtime import StudyError

FONTS = sorted((REPOSITORY / "report/fonts").glob("*.ttf"))
STYLE = (TEMPLATES / "pdf.css").read_text(encoding="utf-8")


def tool(name: str, *arguments: object) -> str:
    """What a command of the system prints; it has to be there and to succeed."""
    assert shutil.which(name), f"the tests of the PDF need the command {name} (qpdf, poppler-utils)"
    done = run_command(name, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def small(body: str, **arguments) -> bytes:
    page = f'<html lang="en"><title>T</title><body>{body}</body></html>'
    return pdf.render(page, style=STYLE, fonts=FONTS, **({"figures": {}} | arguments))


def text_of(content: bytes, path: Path) -> str:
    path.write_bytes(content)
    return " ".join(tool("pdftotext", path, "-").split())


class Paper:
    """The report of a made-up study, as HTML for paper and as PDF."""

    def __init__(self, directory: Path) -> None:
        given = fabricate(directory / "study", configured())
        self.context = context = rendering.load_context(**given)
        shown = [path.with_suffix(".csv") for path in given["figures"]]
        self.tables = {path.name: path.read_bytes() for path in given["tables"]}
        self.tables |= {f"figure-{path.name}": path.read_bytes() for path in shown}
        self.html = rendering.render_paper(TEMPLATES, context, formulas.picture)
        self.figures = {name: str(figure.svg) for name, figure in context["figures"].items()}
        self.attachments = pdf.attachments(given["tables"], shown)
        self.file = directory / "final.pdf"
        self.file.write_bytes(self.rendered())
        self.pdf = pypdf.PdfReader(self.file)
        self.text = tool("pdftotext", self.file, "-")

    def rendered(self) -> bytes:
        return pdf.render(
            self.html, STYLE, self.figures, FONTS, attachments=self.attachments, page="final.html"
        )

    def tagged(self, kind: str) -> list[pypdf.generic.DictionaryObject]:
        """The elements of the structure of one kind, such as /Figure."""
        root = self.pdf.trailer["/Root"]["/StructTreeRoot"]
        return [element for element in below(root) if element.get("/S") == kind]

    def outline(self) -> list[tuple[int, str, int]]:
        """Level, title and page (from 1) of each bookmark."""
        return list(self._bookmarks(self.pdf.outline, 2))

    def _bookmarks(self, items: list, level: int) -> Iterator[tuple[int, str, int]]:
        for item in items:
            if isinstance(item, list):
                yield from self._bookmarks(item, level + 1)
            else:
                yield level, item.title, self.pdf.get_destination_page_number(item) + 1


def below(element) -> Iterator[pypdf.generic.DictionaryObject]:
    """The elements of a structure tree below one, in order."""
    kids = element.get("/K", [])
    for kid in kids if isinstance(kids, list) else [kids]:
        kid = kid.get_object()
        if isinstance(kid, pypdf.generic.DictionaryObject) and "/S" in kid:
            yield kid
            yield from below(kid)


def headings(page: str) -> list[tuple[int, str]]:
    """Level and words of the headings of a page."""
    found = re.findall(r"<h([23])[^>]*>(.*?)</h[23]>", page, re.DOTALL)
    texts = [html.unescape(re.sub("<[^>]*>", "", words)) for _, words in found]
    return [(int(level), " ".join(t.split())) for (level, _), t in zip(found, texts, strict=True)]


def numbered(page: str) -> list[tuple[int, str]]:
    """The headings with a number; those without are folded on the page."""
    found = headings("".join(re.findall(r'<h[23][^>]*><span class="no">.*?</h[23]>', page)))
    assert len(found) > 40
    return found


def named(text: str) -> Iterator[str]:
    """The figures and tables that a text names; "Tables 3–5 and 7" names four."""
    for kind, listed in re.findall(r"(Figure|Table)s?\s((?:\d+(?:–|,\s|\sand\s)?)+)", text):
        for first, last in re.findall(r"(\d+)(?:–(\d+))?", listed):
            yield from (f"{kind} {n}" for n in range(int(first), int(last or first) + 1))


def words_of(file: Path, page: int) -> str:
    """The words of one page, column by column."""
    return " ".join(tool("pdftotext", "-f", page, "-l", page, file, "-").split())


@pytest.fixture(scope="module")
def paper(tmp_path_factory) -> Paper:
    return Paper(tmp_path_factory.mktemp("paper"))


# --------------------------------------------------------------------------------- the file
def test_the_file_is_sound(paper):
    tool("qpdf", "--check", paper.file)


def test_the_file_says_what_it_is(paper):
    told = dict(line.split(":", 1) for line in tool("pdfinfo", paper.file).splitlines())
    told = {key: value.strip() for key, value in told.items()}
    assert told["Title"] == configured()["title"]
    assert told["Author"]
    assert told["Tagged"] == "yes"
    assert told["Page size"].endswith("(A4)")
    assert 20 <= int(told["Pages"]) <= 60
    assert "CreationDate" not in told and "ModDate" not in told
    assert paper.file.stat().st_size < 4e6


def test_the_file_claims_to_be_accessible_pdf_and_keeps_what_a_program_can_check(paper):
    """PDF/UA-1 (ISO 14289-1): marked content, a language, and a title that viewers show."""
    root = paper.pdf.trailer["/Root"]
    assert re.search(r'pdfuaid:part="1"', root["/Metadata"].get_data().decode())
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]


def test_every_font_is_embedded_and_ours(paper):
    rows = [line.split() for line in tool("pdffonts", paper.file).splitlines()[2:]]
    assert len(rows) > 4
    ours = re.compile(r"[A-Z]{6}\+(Report-Sans|Report-Serif|DejaVu-Sans)(-\w+)*$")
    assert [row[0] for row in rows if not ours.match(row[0])] == []
    assert {row[-5] for row in rows} == {"yes"}  # the column "emb"


def test_a_sign_that_no_font_of_ours_has_does_not_bring_one_of_the_machine(tmp_path):
    (tmp_path / "a.pdf").write_bytes(small("<p>plain, and \N{CJK UNIFIED IDEOGRAPH-4E2D}</p>"))
    names = tool("pdffonts", tmp_path / "a.pdf").splitlines()[2:]
    assert len(names) >= 1
    assert all(re.search(r"\+(Report|DejaVu)", name) for name in names)


def test_the_same_page_gives_the_same_bytes_on_another_day(monkeypatch):
    formula = formulas.picture(r"\frac{1}{n}")
    body = (
        f'<h2>A</h2><p>{formula}</p><img src="figure:a" alt="a"><table><tr><td>1</td></tr></table>'
    )
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" font-size="9"></svg>'
    more = {"figures": {"a": svg}, "attachments": [pdf.Attachment("b.csv", "b", b"1\n")]}
    before = small(body, **more)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert small(body, **more) == before


def test_nothing_of_this_machine_is_in_the_file(paper, tmp_path):
    plain = tmp_path / "plain.pdf"
    tool("qpdf", "--qdf", "--object-streams=disable", paper.file, plain)
    for place in (str(REPOSITORY), str(Path.home()), str(paper.file.parent), "file:/"):
        assert place.encode() not in plain.read_bytes(), place


# --------------------------------------------------------------------------- finding one's way
def test_the_outline_has_the_headings(paper):
    expected = headings(paper.html)
    assert len(expected) > 40
    assert [(level, title) for level, title, _ in paper.outline()] == expected


def test_the_contents_give_the_right_pages(paper):
    """Chapters and sections are in the contents; what is folded on the page is not."""
    [first] = [page for page in range(1, 4) if "Contents" in words_of(paper.file, page)[:200]]
    places = {" ".join(title.split()): page for _, title, page in paper.outline()}
    listed = {title: page for title, page in places.items() if re.match(r"(\d+|[A-Z])[ .]", title)}
    assert 40 < len(listed) < len(places)
    text = words_of(paper.file, first)
    assert len(re.findall(r"(?:\. ){2,}\d+", text)) == len(listed)
    for title, page in listed.items():
        found = re.search(rf"{re.escape(title)}\s*(?:\. ?){{2,}}\s*(\d+)", text)
        assert found, f"{title} is not in the contents"
        assert int(found[1]) == page, title


def test_links_lead_to_places_that_are_there(paper):
    places = set(paper.pdf.named_destinations)
    linked = [
        annotation.get_object()["/Dest"]
        for page in paper.pdf.pages
        for annotation in page.get("/Annots", [])
        if "/Dest" in annotation.get_object()
    ]
    assert len(linked) > 100
    assert {str(place) for place in linked} <= places


# ----------------------------------------------------------------------------- what it holds
def printed(page: str) -> str:
    """The part of a page that is printed: without folds that are left to the HTML page."""
    kept, depth = [], []
    for part in re.split(r"(<details[^>]*>|</details>)", page):
        if part.startswith("<details"):
            depth.append("data-print" not in part)
        elif part == "</details>":
            depth.pop()
        elif not any(depth):
            kept.append(part)
    return "".join(kept)


def test_every_figure_and_formula_has_words(paper):
    alternatives = [str(element.get("/Alt", "")) for element in paper.tagged("/Figure")]
    shown = re.findall(r'<img src="figure:[\w-]+" alt="([^"]*)"', printed(paper.html))
    assert len(shown) > 40
    assert set(map(html.unescape, shown)) <= set(alternatives)
    assert all(text.strip() for text in alternatives)
    assert sum(text.startswith("Title of") for text in alternatives) > 30
    mean = "mu equals 1 over m, sum from k equals 1 to m of x sub k"
    assert any(mean in text for text in alternatives)


def test_tables_have_header_cells(paper):
    tables = paper.tagged("/Table")
    assert len(tables) > 20
    for table in tables:
        assert any(element["/S"] == "/TH" for element in below(table))


def test_formulas_are_not_run_together(paper):
    """WeasyPrint would make one line of letters of MathML, and say nothing."""
    assert "<math" not in paper.html
    assert not re.search(
        "[\N{MATHEMATICAL BOLD CAPITAL A}-\N{MATHEMATICAL BOLD DIGIT ZERO}∑√]", paper.text
    )


def test_nothing_is_left_unfilled(paper):
    assert not re.search(r"\b(nan|None|inf|Undefined)\b|\{\{|\}\}|\{%", paper.text)


def test_tables_and_what_figures_show_are_attached_as_they_are(paper):
    attached = {name: content[0] for name, content in paper.pdf.attachments.items()}
    assert attached == paper.tables
    names = paper.pdf.trailer["/Root"]["/Names"]["/EmbeddedFiles"]["/Names"]
    files = [item.get_object() for item in names[1::2]]
    assert len(files) == len(attached) > 50
    assert all(file["/Desc"] for file in files)


def test_what_is_left_to_the_page_is_named_with_its_file(paper):
    text = " ".join(paper.text.split())
    assert re.search(
        r"All \d+ trainings \(Table \d+\): in final\.html; attached: runs\.csv\.", text
    )
    assert "The configuration: in final.html." in text


def test_no_word_stands_beyond_the_margins(paper):
    """A table that is too wide runs out of the page, and nobody says so."""
    words = tool("pdftotext", "-bbox", paper.file, "-")
    edges = re.findall(r'<word xMin="([\d.]+)" yMin="[\d.]+" xMax="([\d.]+)"', words)
    assert len(edges) > 10_000
    margin, width = 17 / 25.4 * 72, 595.28
    assert min(float(left) for left, _ in edges) > margin - 1
    assert max(float(right) for _, right in edges) < width - margin + 1


@pytest.mark.parametrize(
    ("width", "height", "letters", "points"),
    [
        (576, 250, 9, 499),  # the width of the text
        (403, 250, 9, 349),  # with the same letters
        (576, 400, 9, 416),  # lower, for the page
        (576, 400, 7.5, 499),  # not so low that nobody can read it
        (800, 250, 9, 499),  # nowhere beyond the margin
    ],
)
def test_the_size_of_a_figure(width, height, letters, points):
    svg = f'<svg viewBox="0 0 {width} {height}" font-size="{letters}"></svg>'
    usual, least, largest = pdf._size(svg)
    assert usual == pytest.approx(points, abs=1)
    assert least <= usual <= largest <= pdf.WIDTH
    assert letters * least / width == pytest.approx(pdf.SMALLEST, abs=0.01)


def test_numbers_are_those_of_the_page(paper):
    """The page has an explorer, which the paper has not and which may not shift its numbers."""
    page = rendering.render(TEMPLATES, paper.context)
    caption = re.compile(r'id="caption-([\w-]+)"[^>]*>(?:<span>)?<b>((?:Figure|Table) \d+)\.')
    on_paper, on_page = dict(caption.findall(paper.html)), dict(caption.findall(page))
    assert len(on_paper) > 100
    assert on_paper == on_page
    after = paper.html.index('id="sec-explorer"')
    assert len(caption.findall(paper.html, after)) > 2, "no caption could have been shifted"
    assert numbered(page) == numbered(paper.html)
    assert set(on_page.values()) <= set(named(paper.text))


# ------------------------------------------------------------------------ what it may not do
@pytest.mark.parametrize(
    "source", ["https://127.0.0.1/a.svg", "file:///etc/hostname", "figure:unknown"]
)
def test_nothing_is_fetched_but_the_figures(source):
    with pytest.raises(StudyError, match="may not ask for"):
        small(f'<img src="{source}" alt="a">')


def test_a_font_that_is_not_there_is_named():
    with pytest.raises(StudyError, match=r"ReportSerif-Bold\.ttf"):
        pdf.render("<p>a</p>", style="", figures={}, fonts=FONTS[:-3] + FONTS[-2:])


def test_closed_details_give_way_to_a_line_and_links_to_text(tmp_path):
    body = (
        '<p><a href="#fig-a">there</a> <a href="#gone">gone</a></p>'
        "<details><summary>More</summary><figure id='fig-a'>"
        "<figcaption><b>Figure 7. A</b></figcaption></figure>"
        "<div id='tab-b'><table><tr><td>Table 3. B</td></tr></table></div><p id='gone'>x</p>"
        "</details><details open><summary>Shown</summary><p>inside</p></details>"
        "<details data-print><summary>Folded</summary><p>on the page alone</p></details>"
    )
    content = small(body, attachments=[pdf.Attachment("b.csv", "b", b"1\n")], page="page.html")
    text = text_of(content, tmp_path / "a.pdf")
    assert "More (Figure 7, Table 3): in page.html; attached: b.csv." in text
    assert "inside" in text and "on the page alone" in text and "x" not in text.split()
    links = pypdf.PdfReader(tmp_path / "a.pdf").pages[0]["/Annots"]
    assert [link.get_object()["/Dest"] for link in links] == ["fig-a"]


def test_how_to_read_a_figure_is_said_once(tmp_path):
    body = "".join(
        f"<figure><figcaption><b>Figure {n}.</b> <span class='how'>{how}</span></figcaption>"
        "</figure>"
        for n, how in ((1, "Dots: means."), (2, "Bars: sums."), (3, "Dots: means."))
    )
    text = text_of(small(body), tmp_path / "a.pdf")
    assert text.count("Dots: means.") == 1 and "Figure 3. Read like Figure 1." in text


# ---------------------------------------------------------------------------------- formulas
@pytest.mark.parametrize(
    ("latex", "words"),
    [
        (r"\frac{1}{n} \sum_{k=1}^{n} x_k", "1 over n, sum from k equals 1 to n of x sub k"),
        (r"\sqrt{\sigma^2 + \epsilon}", "the square root of sigma squared plus epsilon"),
        (r"\hat{x}_k", "x hat sub k"),
        (r"\frac{x - \mu}{\sigma}", "the whole of x minus mu, over sigma"),
        (r"\delta \sum_{w} w^2", "delta sum over w of w squared"),
        (r"\delta \sum_{w} |w|", "delta sum over w of the absolute value of w"),
        (r"\sigma_k^2 \le \sigma_k^m", "sigma sub k squared is at most sigma sub k to the power m"),
    ],
)
def test_a_formula_is_read_aloud(latex, words):
    assert formulas.spoken(latex) == words


def test_every_sign_of_the_reports_formulas_is_read_as_a_word(paper):
    words = re.findall(r'<img class="math"[^>]*? alt="([^"]*)"', paper.html)
    assert len(words) > 20
    assert [it for it in words if not re.fullmatch(r"[A-Za-z0-9 ,.]+", html.unescape(it))] == []


def test_an_unknown_command_in_a_formula_is_refused():
    with pytest.raises(ValueError, match="not converted"):
        formulas.picture(r"\nosuchthing{x}")


def test_a_formula_in_a_line_stands_on_it():
    def depth(latex: str) -> float:
        return float(re.search(r"vertical-align: (-?[\d.]+)em", formulas.picture(latex))[1])

    assert depth(r"\frac{1}{n}") < depth("y") < depth("x") <= 0  # a fraction reaches far below
    assert "<defs" not in formulas.picture("y") and "id=" not in formulas.picture("y")


# ------------------------------------------------------------------- without the system library
def test_a_missing_library_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setattr(pdf, "_loads", lambda file: "pango" not in file)
    assert pdf.missing_libraries() == ["Pango", "PangoFT2"]
    with pytest.raises(StudyError, match=r"apt-get install .*libpango-1\.0-0 libpangoft2-1\.0-0"):
        small("<p>a</p>")
    listed = (REPOSITORY / "requirements/apt.txt").read_text(encoding="utf-8").split()
    assert {"libpango-1.0-0", "libpangoft2-1.0-0"} <= set(listed)


def planned(target: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Draw the graph of a target's jobs where Pango cannot be loaded."""
    (folder / "sitecustomize.py").write_text(
        "import ctypes\n"
        "load = ctypes.CDLL.__init__\n"
        "def refuse(self, name, *arguments, **named):\n"
        "    if name and 'libpango' in str(name):\n"
        "        raise OSError(name)\n"
        "    load(self, name, *arguments, **named)\n"
        "ctypes.CDLL.__init__ = refuse\n",
        encoding="utf-8",
    )
    command = (sys.executable, "-m", "snakemake", target, "--dag")
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return run_command(
        *command, "--snakefile", REPOSITORY / "Snakefile", cwd=folder, env=environment
    )


@pytest.mark.workflow
def test_without_the_library_the_report_is_the_page_and_a_line_says_why(tmp_path):
    done = planned("report", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "render_report" in done.stdout and "render_pdf" not in done.stdout
    [line] = [line for line in done.stderr.splitlines() if "libpango-1.0-0" in line]
    assert "Making only the page" in line


@pytest.mark.workflow
def test_asked_for_itself_the_pdf_without_the_library_is_an_error_before_the_first_job(tmp_path):
    done = planned("report/final.pdf", tmp_path)
    assert done.returncode == 1
    assert "report/final.pdf cannot be made: Pango, PangoFT2" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr and "Only the page" not in done.stdout
