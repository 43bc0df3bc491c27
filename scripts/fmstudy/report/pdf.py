"""From the report's HTML, as its templates give it for paper, to a PDF file.

WeasyPrint sets it.  It gets all that it may use from here: the figures, the fonts of the report
and a few of matplotlib's for signs that these lack.  Nothing comes from the network, from the
machine's fonts or from the clock, so the same report gives the same bytes on any machine.
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import os
import re
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from fmstudy.runtime import StudyError, log

# What WeasyPrint loads, under the names by which it looks for them: Linux, macOS, Windows.
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

FALLBACKS = {  # of matplotlib: the same everywhere, with signs that the others lack
    "DejaVuSans.ttf": ("DejaVu Sans", "normal", "normal"),
    "DejaVuSans-Bold.ttf": ("DejaVu Sans", "bold", "normal"),
    "DejaVuSansMono.ttf": ("DejaVu Sans Mono", "normal", "normal"),
}
NO_SYSTEM_FONTS = '<?xml version="1.0"?>\n<fontconfig></fontconfig>\n'

SVG = "{http://www.w3.org/2000/svg}"
WIDTH = 498.9  # of the text on the page in points, as in pdf.css
HEIGHT = 280.0  # of a figure there, so that two with their captions fit a page,
LETTERS = 6.5  # unless its smallest letters would get smaller than this
FIGURE_SCALE = WIDTH / 576  # of figures as wide as most are; letters of 7.5 points become 6.5
# What attachments, and fonts that are cut down, carry for the date that they must have.
TIMELESS = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Attachment:
    """A file to be put into the PDF."""

    name: str
    description: str
    content: bytes


def attachments(
    tables: Iterable[str | Path], figures: Iterable[str | Path] = ()
) -> list[Attachment]:
    """Read the CSV files that go into the PDF: tables, and the values that figures show.

    A figure's file is called figure-NAME.csv there, because a table may have its name.
    """
    return [
        Attachment(path.name, f"The table {path.stem} of the study", path.read_bytes())
        for path in sorted(map(Path, tables))
    ] + [
        Attachment(
            f"figure-{path.name}",
            f"The values that the figure {path.stem} shows",
            path.read_bytes(),
        )
        for path in sorted(map(Path, figures))
    ]


# ---------------------------------------------------------------------------------- libraries
def missing_libraries() -> list[str]:
    """Name the system libraries that WeasyPrint needs and that cannot be loaded here."""
    return [name for name, files in LIBRARIES.items() if not any(map(_loads, files))]


def _loads(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


def what_is_missing(path: str | Path) -> str:
    """Say why a PDF cannot be made and what to do, or nothing if it can."""
    missing = missing_libraries()
    if not missing:
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
    """Set HTML as a tagged PDF with outline, links and attachments.

    `style` is CSS, `figures` the SVG behind each `<img src="figure:NAME">`, `fonts` the files
    of the report's own fonts, `page` the name of the HTML page that has what the PDF leaves
    out.  Raises StudyError if a system library is missing or the HTML asks for what it may not.
    """
    if problem := what_is_missing("The PDF"):
        raise StudyError(problem)
    attached = list(attachments)
    faces = {path.as_uri(): face for path, face in _faces(fonts).items()}
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "fonts.conf"
        configuration.write_text(NO_SYSTEM_FONTS, encoding="utf-8")
        os.environ["FONTCONFIG_FILE"] = str(configuration)
        os.environ["SOURCE_DATE_EPOCH"] = f"{TIMELESS.timestamp():.0f}"  # else fonts tell the time
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the machine has no fonts, which is our wish
            import weasyprint
            from weasyprint.text.fonts import FontConfiguration
            from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

        class Fetcher(URLFetcher):
            """Gives the study's own figures and fonts, and what the HTML itself carries."""

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
        _prepare(document.etree_element, figures, {it.name for it in attached}, page)
        collecting = gc.isenabled()
        gc.disable()  # a quarter of the time would go into looking for garbage that is not there
        try:
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
    """The files of all fonts, with family, weight and slant of each."""
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


# --------------------------------------------------------------- what paper does not have
def _prepare(root: Element, figures: Mapping[str, str], attached: Iterable[str], page: str) -> None:
    """Turn what only a page can do into what paper can, in place.

    Closed `<details>` become a line that says where their content is, links to what is left
    out become text, how to read a figure is said once, and figures get their size.
    """
    for parent in list(root.iter()):
        for place, child in enumerate(parent):
            if child.tag == "details" and child.get("open") is None:
                parent[place] = _left_out(child, set(attached), page)
    _say_once(root)
    for parent in root.iter("section"):
        _let_text_pass(parent)
    there = {element.get("id") for element in root.iter()}
    for element in root.iter():
        target = element.get("href", "")
        if element.tag == "a" and target.startswith("#") and target[1:] not in there:
            del element.attrib["href"]
        if element.tag == f"{SVG}svg" and element.find(f"{SVG}title") is None:
            title = Element(f"{SVG}title")  # the only place where WeasyPrint looks for words
            title.text = element.get("aria-label", "")
            element.insert(0, title)
        source = element.get("src", "")
        if element.tag == "img" and source.startswith("figure:"):
            width, scale = _size(figures.get(source.removeprefix("figure:"), ""))
            element.set("style", f"width: {scale * width:.1f}pt")


def _left_out(details: Element, attached: set[str], page: str) -> Element:
    """A line in the place of details, with the figures, tables and files that hold them."""
    summary = details.find("summary")
    title = " ".join("".join(summary.itertext() if summary is not None else ()).split())
    where = details.get("data-instead", f"in {page}")
    labels: list[str] = []
    anchors: list[str] = []
    names = details.get("data-files", "").split()
    for element in details.iter():
        kind, _, name = element.get("id", "").partition("-")
        if kind in ("fig", "tab"):
            anchors.append(element.get("id", ""))
            label = re.search(r"(Figure|Table) \d+", " ".join(element.itertext()))
            labels += [label[0]] if label else []
            names.append(f"figure-{name}" if kind == "fig" else name)
    files = sorted({f"{name}.csv" for name in names} & attached)
    line = Element("p", {"class": "left-out"})
    for anchor in anchors:
        line.append(Element("span", {"id": anchor}))
    bold = Element("b")
    bold.text = title
    shown = f" ({', '.join(labels)})" if labels else ""
    given = f"; attached: {', '.join(files)}" if files else ""
    bold.tail = f"{shown}: {where}{given}."
    line.append(bold)
    line.tail = details.tail
    return line


def _let_text_pass(parent: Element) -> None:
    """Put the paragraphs and tables that follow figures before them.

    A page without room for the figure ends with those then, and not with nothing: they can be
    broken between pages, and a figure cannot.
    """
    children = list(parent)
    for place, child in enumerate(children):
        first = place
        while first and children[first - 1].tag == "figure":
            first -= 1
        if first < place and _can_be_broken(child):
            children.insert(first, children.pop(place))
    parent[:] = children


def _can_be_broken(element: Element) -> bool:
    if element.get("class") == "scroll":
        return element.find("table") is not None
    return element.tag == "p" and len(" ".join("".join(element.itertext()).split())) > 200


def _say_once(root: Element) -> None:
    """Replace what a caption says on how to read a figure by a reference, if one said it before."""
    first: dict[str, str] = {}
    for figure in root.iter("figure"):
        number = re.search(r"Figure \d+", " ".join(figure.itertext()))
        for how in figure.iter("span"):
            if how.get("class") == "how" and number:
                words = " ".join(how.itertext())
                if (like := first.setdefault(words, number[0])) != number[0]:
                    how[:] = []
                    how.text = f"Read like {like}."


def _size(svg: str) -> tuple[float, float]:
    """Width of a figure in its own units, and the scale at which it is set."""
    found = re.search(r'viewBox="\S+ \S+ ([\d.]+) ([\d.]+)"', svg)
    width, height = (float(found[1]), float(found[2])) if found else (576.0, 288.0)
    letters = min(map(float, re.findall(r'font-size="([\d.]+)"', svg)), default=9.0)
    scale = max(HEIGHT / height, LETTERS / letters)
    return width, min(scale, FIGURE_SCALE, WIDTH / width)
