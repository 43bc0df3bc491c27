"""Fills the pages of the PDF's body: no page ends early because the next figure does not fit on it.

Paper has no place for figures to float to, so a figure that is too tall for the rest of a page
leaves that rest empty.  The body is therefore laid out once without pages.  From the places of its
blocks follows where pages would end, and where one would end early, the figures around that end
shrink, text moves up from behind the figure, or the figures on the page grow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

HEIGHT = 740.0  # points of a page between its margins, as in pdf.css
FULL = 0.78  # the share of a page to use at least; more than needed, since places are estimates
SLACK = 8.0  # points by which an estimate may be wrong
SPLIT = 60.0  # points that a block needs on a page to be split over two

KEPT = ("h2", "h3", "h4")  # stay with what follows
WHOLE = ("row", "lesson", "note", "formula")  # stand on one page, as figures do
SPLITTABLE = ("p", "ul", "ol", "dl", "pre")
SPLITTABLE_BOXES = ("scroll", "answer")


@dataclass
class Block:
    """A piece of the flow of text.

    top, bottom        places in the layout without pages, in points
    figure             its image's width now, the least, and the largest; None without an image
    height             of the image now, in points
    whole              whether it must stand on one page
    begins             whether it begins a page
    """

    element: Element
    parent: Element
    top: float
    bottom: float
    figure: tuple[float, float, float] | None = None
    height: float = 0.0
    whole: bool = False
    begins: bool = False

    @property
    def kept(self) -> bool:
        """Whether it must stand on the same page as what follows."""
        return self.element.tag in KEPT


Widths = Mapping[Element, tuple[float, float, float]]  # of images: usual, least, largest, in points
Places = Mapping[Element, tuple[float, float]]  # top and bottom, in points


def fill(body: Sequence[Element], places: Places, widths: Widths) -> dict[Element, float]:
    """Move text before figures in place, and return the new width of each image to resize.

    `body` are the sections in order; `places` has their blocks, laid out without pages.
    """
    blocks: list[Block] = []
    begins = True  # the first chapter does, below the contents
    for section in body:
        found = list(_blocks(section, places, widths))
        if found and "chapter" in section.get("class", "").split():
            found[0].begins, begins = begins, False
        blocks += found
    resized: dict[Element, float] = {}
    start, at = 0, 0  # the first block of the page, and the one to place
    above = blocks[0].top if blocks else 0.0  # the place of the page's top
    while at < len(blocks):
        block = blocks[at]
        if block.begins and at > start:
            start, above = at, block.top
        if block.bottom - above <= HEIGHT:
            at += 1
            continue
        first = _first_kept(blocks, start, at)
        if not block.whole and HEIGHT - (block.top - above) > SPLIT:
            above += HEIGHT  # the page ends inside the block, or there are several in it
            start = at
            if block.bottom - above <= HEIGHT:
                at += 1
            continue
        if first > start and blocks[first - 1].bottom - above < FULL * HEIGHT:
            if _shrink(blocks, start, at, block.bottom - above - HEIGHT + SLACK, resized):
                continue
            if _pull_text(blocks, at):
                continue
            _grow(blocks, start, first, FULL * HEIGHT - (blocks[first - 1].bottom - above), resized)
        elif first == start and at == start:
            at += 1  # taller than a page
            continue
        start, at, above = first, max(first, at), blocks[first].top
        if block.bottom - above > HEIGHT:
            at += 1
    return resized


def _blocks(element: Element, places: Places, widths: Widths) -> Iterator[Block]:
    """Yield the blocks of a section, going into whatever contains figures or sections."""
    for child in element:
        if child not in places:
            continue
        images = [image for image in child.iter("img") if image in widths]
        is_container = child.tag in ("div", "details") and child.get("class") not in WHOLE
        if child.tag == "section" or (is_container and images):
            yield from _blocks(child, places, widths)
            continue
        top, bottom = places[child]
        whole = child.tag == "figure" or child.get("class") in WHOLE
        block = Block(child, element, top, bottom, whole=whole)
        if len(images) == 1 and child.tag == "figure":
            block.figure = widths[images[0]]
            block.height = places[images[0]][1] - places[images[0]][0]
        yield block


def _first_kept(blocks: Sequence[Block], start: int, at: int) -> int:
    """Return the first of the blocks that must stand on the same page as a block."""
    while at > start and blocks[at - 1].kept:
        at -= 1
    return at


def _image(block: Block) -> Element:
    return next(block.element.iter("img"))


def _resize(blocks: Sequence[Block], at: int, width: float, resized: dict[Element, float]) -> None:
    """Give an image a new width, and move what follows."""
    block = blocks[at]
    assert block.figure is not None
    now, least, most = block.figure
    change = block.height * (width / now - 1.0)
    block.figure, block.height = (width, least, most), block.height + change
    block.bottom += change
    for later in blocks[at + 1 :]:
        later.top += change
        later.bottom += change
    resized[_image(block)] = width


def _shrink(
    blocks: Sequence[Block], start: int, at: int, needed: float, resized: dict[Element, float]
) -> bool:
    """Shrink the figures of a page and the next one by `needed` points in all, if they can."""
    found = [(i, it.figure) for i, it in enumerate(blocks[start : at + 1], start) if it.figure]
    room = [(i, f, blocks[i].height * (1 - min(1.0, f[1] / f[0]))) for i, f in found]
    total = sum(points for *_, points in room)
    if not blocks[at].figure or total < needed:
        return False
    for i, (now, least, _), points in room:
        if points > 0.0:
            _resize(blocks, i, now - (now - min(now, least)) * needed / total, resized)
    return True


def _grow(
    blocks: Sequence[Block], start: int, end: int, needed: float, resized: dict[Element, float]
) -> None:
    """Enlarge the figures of a page by `needed` points in all, or as far as they can."""
    found = [(i, it.figure) for i, it in enumerate(blocks[start:end], start) if it.figure]
    room = [(i, f, blocks[i].height * (max(1.0, f[2] / f[0]) - 1)) for i, f in found]
    total = sum(points for *_, points in room)
    for i, (now, _, most), points in room:
        if points > 0.0:
            _resize(blocks, i, now + (most - now) * min(1.0, needed / total), resized)


def _pull_text(blocks: list[Block], at: int) -> bool:
    """Move the next block of text behind a figure to before it, but not before its heading."""
    figure, behind = blocks[at], at + 1
    if not figure.figure or behind == len(blocks):
        return False
    text = blocks[behind]
    splits = text.element.tag in SPLITTABLE or text.element.get("class") in SPLITTABLE_BOXES
    if not splits or text.parent is not figure.parent or text.begins:
        return False
    children = list(figure.parent)
    children.remove(text.element)
    children.insert(children.index(figure.element), text.element)
    figure.parent[:] = children
    gap = text.top - figure.bottom
    tall, short = figure.bottom - figure.top, text.bottom - text.top
    text.top = figure.top
    text.bottom = text.top + short
    figure.top = text.bottom + gap
    figure.bottom = figure.top + tall
    blocks[at], blocks[behind] = text, figure
    return True
