"""Converts the report's HTML to PDF with WeasyPrint.

WeasyPrint gets figures and fonts from here only: nothing comes from the network, the machine's
fonts, or the clock, so the same report gives the same bytes on any machine.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import os
import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement

from fmstudy.report import paging
from fmstudy.runtime import StudyError, log

# The libraries that WeasyPrint loads, with their names on Linux, macOS, and Windows.
LIBRARIES = {
    "GObject": ("libgobject-2.0.so.0", "libgobject-2.0.0.dylib", "libgobject-2.0-0"),
    "Pango": ("libpango-1.0.so.0", "libpango-1.0.dylib", "libpango-1.0-0"),
    "HarfBuzz": ("libharfbuzz.so.0", "libharfbuzz.0.dylib", "libharfbuzz-0"),
    "Fontconfig": ("libfontconfig.so.1", "libfontconfig.1.dylib", "libfontconfig-1"),
    "PangoFT2": ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib", "libpangoft2-1.0-0"),
}
REMEDY = (
    "Install Pango: on Debian and Ubuntu `sudo apt-get install --no-install-recommends "
    "libpango-1.0-0 libpangoft2-1.0-0`, on macOS `brew install pango`."
)

FALLBACKS = {  # matplotlib's fonts, for signs that the report's fonts lack
    "DejaVuSans.ttf": ("DejaVu Sans", "normal", "normal"),
    "DejaVuSans-Bold.ttf": ("DejaVu Sans", "bold", "normal"),
    "DejaVuSansMono.ttf": ("DejaVu Sans Mono", "normal", "normal"),
}
NO_SYSTEM_FONTS = '<?xml version="1.0"?>\n<fontconfig></fontconfig>\n'

SVG = "{http://www.w3.org/2000/svg}"
WIDTH = 498.9  # points: the text on a page, as in pdf.css
HEIGHT = 280.0  # points: at most for a figure, so that two fit a page with their captions,
LETTERS = 6.5  # points: unless its smallest letters would be smaller
SMALLEST = 5.6  # points: of letters, where a figure shrinks to fit on a page
ROOMS = {"row": 242.0, "thumbnail": 140.0}  # points: figures beside another, or beside a lesson
FIGURE_SCALE = WIDTH / 576  # of figures with the usual width
POINT = 0.75  # of a CSS pixel
# Lays out everything on one page.
ENDLESS = """
@page { size: 210mm 100000mm }
* { break-before: auto !important; break-after: auto !important }
"""
# The date of attachments and fonts, which need one.
TIMELESS = datetime(2000, 1, 1, tzinfo=UTC)


class Attachment(NamedTuple):
    """A file attached to the PDF."""

    name: str
    description: str
    content: bytes


def attachments(
    tables: Iterable[str | Path], figures: Iterable[str | Path] = ()
) -> list[Attachment]:
    """Read the CSV files to attach: tables, and the values of figures as figure-NAME.csv."""
    return [
        Attachment(prefix + path.name, description.format(path.stem), path.read_bytes())
        for prefix, description, paths in (
            ("", "The table {} of the study", tables),
            ("figure-", "The values that the figure {} shows", figures),
        )
        for path in sorted(map(Path, paths))
    ]


# ---------------------------------------------------------------------------------- libraries
def missing_libraries() -> list[str]:
    """Return the names of system libraries for WeasyPrint that cannot be loaded."""
    return [name for name, files in LIBRARIES.items() if not any(map(_loads, files))]


def _loads(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def what_is_missing(path: str | Path) -> str:
    """Return why a PDF cannot be made and the remedy, or nothing if it can."""
    if not (missing := missing_libraries()):
        return ""
    is_or_are = "is" if len(missing) == 1 else "are"
    return (
        f"{path} cannot be made: {', '.join(missing)}, which WeasyPrint needs to set a PDF, "
        f"{is_or_are} not there. {REMEDY}"
    )


# ------------------------------------------------------------------------------------ setting
def render(
    html: str,
    style: str,
    figures: Mapping[str, str],
    fonts: Iterable[str | Path],
    attachments: Iterable[Attachment] = (),
    page: str = "the page",
) -> bytes:
    """Convert HTML to a tagged PDF with outline, links, and attachments.

    `style` is CSS, `figures` the SVG of each `<img src="figure:NAME">`, `fonts` the files of the
    report's fonts, `page` the name of the HTML page with the parts that the PDF leaves out.  Raises
    StudyError if a system library is missing or the HTML refers to a file.
    """
    if problem := what_is_missing("The PDF"):
        raise StudyError(problem)
    attached = list(attachments)
    faces = {path.as_uri(): face for path, face in _faces(fonts).items()}
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "fonts.conf"
        configuration.write_text(NO_SYSTEM_FONTS, encoding="utf-8")
        os.environ["FONTCONFIG_FILE"] = str(configuration)
        os.environ["SOURCE_DATE_EPOCH"] = f"{TIMELESS.timestamp():.0f}"  # for fonts
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about missing system fonts
            import weasyprint
            from weasyprint.text.fonts import FontConfiguration
            from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

        class Fetcher(URLFetcher):
            """Returns the study's figures and fonts, and data in the HTML itself."""

            def fetch(self, url: str, headers: Any = None) -> Any:
                scheme, _, name = url.partition(":")
                if scheme == "figure" and name in figures:
                    kind = {"Content-Type": "image/svg+xml"}
                    return URLFetcherResponse(url, figures[name].encode(), kind)
                if scheme == "data" or url in faces:
                    return super().fetch(url, headers)
                raise FatalURLFetchingError(f"the PDF may not ask for {url}")

        fetcher = Fetcher()
        font_configuration = FontConfiguration()
        sheets = [
            weasyprint.CSS(string=text, url_fetcher=fetcher, font_config=font_configuration)
            for text in (_font_faces(faces), style)
        ]
        document = weasyprint.HTML(string=html, url_fetcher=fetcher)
        root = document.etree_element
        _prepare(root, {it.name for it in attached}, page)
        widths = _widths(root, figures)
        collecting = gc.isenabled()
        gc.disable()  # saves a quarter of the time; there is no garbage
        try:
            with _body_alone(root) as body:
                endless = [*sheets, weasyprint.CSS(string=ENDLESS)]
                [strip] = document.render(stylesheets=endless, font_config=font_configuration).pages
            for image, width in paging.fill(body, _places(strip), widths).items():
                image.set("style", f"width: {width:.1f}pt")
            content: bytes = document.write_pdf(
                stylesheets=sheets,
                font_config=font_configuration,
                pdf_variant="pdf/ua-1",
                pdf_tags=True,
                pdf_identifier=hashlib.sha256(html.encode()).digest()[:16],
                attachments=[
                    weasyprint.Attachment(
                        string=it.content,
                        name=it.name,
                        description=it.description,
                        created=TIMELESS,
                        modified=TIMELESS,
                        relationship="Data",
                    )
                    for it in attached
                ],
            )
        except FatalURLFetchingError as error:
            raise StudyError(str(error)) from error
        finally:
            if collecting:
                gc.enable()
    log.info("%d bytes, %d files attached", len(content), len(attached))
    return content


def _faces(fonts: Iterable[str | Path]) -> dict[Path, tuple[str, str, str]]:
    """Return family, weight, and slant of each font file."""
    from matplotlib import get_data_path

    from fmstudy.report.fonts import text_faces

    weights = {400: "normal", 700: "bold"}
    faces = {it.path.name: (it.family, weights[it.weight], it.style) for it in text_faces()}
    ours = {Path(path).name: Path(path).resolve() for path in fonts}
    if lacking := sorted(set(faces) - set(ours)):
        raise StudyError(f"fonts of the report are missing: {', '.join(lacking)}")
    others = Path(get_data_path()).resolve() / "fonts/ttf"
    return {ours[name]: face for name, face in faces.items()} | {
        others / name: face for name, face in FALLBACKS.items()
    }


def _font_faces(faces: Mapping[str, tuple[str, str, str]]) -> str:
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-style: {slant};'
        f' src: url("{url}") }}'
        for url, (family, weight, slant) in faces.items()
    )


# ------------------------------------------------------------------------------- adaptation
def _prepare(root: Element, attached: set[str], page: str) -> None:
    """Adapt a page to paper, in place.

    Closed `<details>` open if they have the attribute `data-print`; others become a line that says
    where their content is.  Links to omitted parts become text, and the same instructions for
    figures appear once.
    """
    for parent in list(root.iter()):
        for place, child in enumerate(parent):
            if child.tag != "details" or child.get("open") is not None:
                continue
            if child.get("data-print") is not None:
                child.set("open", "")
            else:
                parent[place] = _left_out(child, attached, page)
    _say_once(root)
    there = {element.get("id") for element in root.iter()}
    for element in root.iter():
        target = element.get("href", "")
        if element.tag == "a" and target.startswith("#") and target[1:] not in there:
            del element.attrib["href"]
        if element.tag == f"{SVG}svg" and element.find(f"{SVG}title") is None:
            title = Element(f"{SVG}title")  # WeasyPrint ignores aria-label
            title.text = element.get("aria-label", "")
            element.insert(0, title)


def _left_out(details: Element, attached: set[str], page: str) -> Element:
    """Return a line in place of details that names their figures, tables, and files."""
    summary = details.find("summary")
    title = " ".join("".join(summary.itertext() if summary is not None else ()).split())
    where = details.get("data-instead", f"in {page}")
    numbers: dict[str, list[int]] = {}
    anchors: list[str] = []
    names = details.get("data-files", "").split()
    for element in details.iter():
        kind, _, name = element.get("id", "").partition("-")
        if kind in ("fig", "tab"):
            anchors.append(element.get("id", ""))
            if label := re.search(r"(Figure|Table) (\d+)", " ".join(element.itertext())):
                numbers.setdefault(label[1], []).append(int(label[2]))
            names += [f"figure-{name}"] if kind == "fig" else [name, name.partition("-")[0]]
    files = sorted({f"{name}.csv" for name in names} & attached)
    line = Element("p", {"class": "left-out"})
    for anchor in anchors:
        SubElement(line, "span", {"id": anchor})
    bold = SubElement(line, "b")
    bold.text = title
    shown = f" ({', '.join(_numbered(*item) for item in numbers.items())})" if numbers else ""
    given = f"; attached: {', '.join(files)}" if files else ""
    bold.tail = f"{shown}: {where}{given}."
    line.tail = details.tail
    return line


def _numbered(kind: str, numbers: Sequence[int]) -> str:
    """Name figures or tables by their numbers: Figure 4, or Figures 4–6 and 9."""
    groups = [[number, number] for number in numbers[:1]]
    for number in numbers[1:]:
        if number == groups[-1][1] + 1:
            groups[-1][1] = number
        else:
            groups.append([number, number])
    texts = [str(first) if first == last else f"{first}–{last}" for first, last in groups]
    listed = " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
    return f"{kind}{'s' if len(numbers) > 1 else ''} {listed}"


def _say_once(root: Element) -> None:
    """Replace repeated instructions in captions by a reference to the first figure with them."""
    first: dict[str, str] = {}
    for figure in root.iter("figure"):
        number = re.search(r"Figure \d+", " ".join(figure.itertext()))
        for how in figure.iter("span"):
            if how.get("class") == "how" and number:
                words = " ".join(how.itertext())
                if (like := first.setdefault(words, number[0])) != number[0]:
                    how[:] = []
                    how.text = f"Read like {like}."


# -------------------------------------------------------------------------------------- sizes
@contextmanager
def _body_alone(root: Element) -> Iterator[list[Element]]:
    """Take the appendix away for a moment; give the sections of the body."""
    [body] = root.iter("body")
    every = list(body)
    ours = [it for it in every if "appendix" not in it.get("class", "").split()]
    body[:] = ours
    yield ours
    body[:] = every


def _places(page: Any) -> dict[Element, tuple[float, float]]:
    """Return the top and bottom, in points, of the first box of each element on a page."""
    found: dict[Element, tuple[float, float]] = {}
    for box in page._page_box.descendants():
        if box.element is not None and box.element not in found and hasattr(box, "margin_top"):
            top = box.position_y + (box.margin_top if box.margin_top != "auto" else 0)
            found[box.element] = (POINT * top, POINT * (top + box.border_height()))
    return found


def _widths(root: Element, figures: Mapping[str, str]) -> dict[Element, tuple[float, float, float]]:
    """Give each figure its usual width; return this, the least, and the largest one, in points."""
    rooms = {
        image: ROOMS[box.get("class", "")]
        for box in root.iter("div")
        if box.get("class") in ROOMS
        for image in box.iter("img")
    }
    found = {}
    for image in root.iter("img"):
        source = image.get("src", "")
        if source.startswith("figure:"):
            svg = figures.get(source.removeprefix("figure:"), "")
            found[image] = _size(svg, rooms.get(image, WIDTH))
            image.set("style", f"width: {found[image][0]:.1f}pt")
    return found


def _size(svg: str, room: float = WIDTH) -> tuple[float, float, float]:
    """Return the usual, the least, and the largest width of a figure, in points."""
    found = re.search(r'viewBox="\S+ \S+ ([\d.]+) ([\d.]+)"', svg)
    width, height = (float(found[1]), float(found[2])) if found else (576.0, 288.0)
    letters = min(map(float, re.findall(r'font-size="([\d.]+)"', svg)), default=9.0)
    usual = min(max(HEIGHT / height, LETTERS / letters), FIGURE_SCALE, room / width)
    least = min(SMALLEST / letters, usual)
    return usual * width, least * width, min(FIGURE_SCALE * width, room)
