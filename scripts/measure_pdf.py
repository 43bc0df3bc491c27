"""Measure how full each page of a report's PDF is, and count the pages of body and appendix.

    python scripts/measure_pdf.py report/final.pdf

For developers: it needs the packages in requirements/dev.txt, and poppler-utils (see
requirements/apt-test.txt).  A page is full down to its last ink above the bottom margin.  The exit
code is 1 if there are too many pages, or if a page of the body is less than three quarters full
although no chapter ends there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pypdf
from PIL import Image

DPI = 36
TOP, BOTTOM = 19.0, 17.0  # margins in mm, as in pdf.css
FULL = 0.75  # the least share of a page of the body that is used
MOST_BODY, MOST_PAGES = 28, 50
APPENDIX = "Appendix"  # what the headings behind the body contain


class Sheet(NamedTuple):
    """A page: its number from 1, the used share, and whether it is of the body or ends a part."""

    number: int
    full: float
    body: bool
    ends: bool

    @property
    def fails(self) -> bool:
        """Whether the page is of the body and emptier than it may be."""
        return self.body and not self.ends and self.full < FULL


def used_shares(file: Path) -> list[float]:
    """Return, for each page, the share of the text's height down to the last ink."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["pdftoppm", "-gray", "-r", str(DPI), str(file), f"{folder}/page"]
        subprocess.run(command, check=True)
        return [_used(np.asarray(Image.open(path))) for path in sorted(Path(folder).iterdir())]


def _used(pixels: np.ndarray) -> float:
    top, bottom = (round(margin / 25.4 * DPI) for margin in (TOP, BOTTOM))
    text = pixels[top : pixels.shape[0] - bottom]
    inked = np.flatnonzero(text.min(axis=1) < 250)
    return float(inked[-1] + 1) / text.shape[0] if inked.size else 0.0


def chapters(reader: pypdf.PdfReader) -> Iterator[tuple[str, int, float]]:
    """Yield title, page (from 1) and place (points from the bottom) of each chapter's heading."""
    for item in reader.outline:
        if not isinstance(item, list):
            page: Any = reader.get_destination_page_number(item)
            yield item.title or "", page + 1, float(item.top or 0.0)


def measure(file: Path) -> list[Sheet]:
    """Measure every page."""
    reader = pypdf.PdfReader(file)
    found = list(chapters(reader))
    shares = used_shares(file)
    behind = [page for title, page, _ in found if APPENDIX in title]
    last = min(behind, default=len(shares) + 1) - 1
    # A chapter that begins at the top of a page lets the page before it end early.
    height = float(reader.pages[0].mediabox.height)
    at_top = {page for _, page, top in found if top > height * 0.85}
    at_top |= {
        number
        for number, page in enumerate(reader.pages, start=1)
        if number <= 4 and "\nContents\n" in f"\n{page.extract_text()}\n"
    }
    return [
        Sheet(number, full, number <= last, number == last or number + 1 in at_top)
        for number, full in enumerate(shares, start=1)
    ]


def table(sheets: list[Sheet]) -> str:
    """Format the pages, one per line, with marks on those that are too empty."""
    lines = [
        f"page {it.number:3}  {'body' if it.body else 'appendix':8}  {100 * it.full:3.0f} % "
        f"{'#' * round(30 * it.full):30}"
        f"{'  TOO EMPTY' if it.fails else '  end of a chapter' if it.body and it.ends else ''}"
        for it in sheets
    ]
    body = sum(it.body for it in sheets)
    empty = sum(it.fails for it in sheets)
    lines.append(f"body: {body} pages (at most {MOST_BODY}), of which {empty} are too empty")
    lines.append(f"in all: {len(sheets)} pages (at most {MOST_PAGES})")
    return "\n".join(lines)


def is_within_budget(sheets: list[Sheet]) -> bool:
    """Return whether no page is too empty, and there are not too many."""
    body = sum(it.body for it in sheets)
    few = body <= MOST_BODY and len(sheets) <= MOST_PAGES
    return few and not any(it.fails for it in sheets)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure how full the pages of a PDF are.")
    parser.add_argument("pdf", type=Path, help="the report, such as report/final.pdf")
    file = parser.parse_args().pdf
    if not file.is_file():
        parser.error(f"no such file: {file}")
    sheets = measure(file)
    print(table(sheets))
    sys.exit(not is_within_budget(sheets))
