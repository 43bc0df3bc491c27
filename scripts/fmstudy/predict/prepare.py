"""Turns a picture into an image like those of a data set, step by step.

The playground does the same in the browser (report/playground/script.js): its constants and words
come from here, its steps have the same formulas, and a test compares the images pixel by pixel.  To
agree in every whole gray value, both round halves up, even if rounding errors put them just below.

The steps are those by which Fashion-MNIST was made from photos (Xiao, Rasul and Vollgraf 2017),
plus one: a real background is never quite white, so it becomes black.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fmstudy.data.folders import open_image
from fmstudy.runtime import StudyError

FASHION = "fashion-mnist"  # whose images were sharpened
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MOST_PIXELS = 100_000_000  # of a picture
WHITE = 255  # of a picture, with 8 bits per color
EMPTY = (
    "nothing stands out from the background. Use a picture of one thing on a plain background "
    "that is darker or brighter."
)

# What both implementations compute with.
CONSTANTS = {
    "longest": 256,  # pixels of the longer side, after the first reduction
    "red": 19595,  # parts of 65,536: 0.299, 0.587, and 0.114, as Pillow converts to gray
    "green": 38470,
    "blue": 7471,
    "bright": 0.5,  # a border brighter than this is inverted
    "faint": 0.05,  # gray up to this is background, or so many times
    "margin": 2,  # the distance of the border's median from
    "dark": 0.05,  # this quantile of it
    "part": 0.01,  # of a row or column that a thing covers; less is dust or noise
    "tie": 1e-6,  # added before rounding
}

SHARPENED = "Sharpened"
# Names of the steps, and what happens: where the border is bright, and if it differs, where dark.
STEPS = (
    ("Photo", "reduced to at most {longest} pixels"),
    ("Gray", "only brightness is kept"),
    (
        "Black background",
        "the border is bright, so the image is inverted",
        "the border is dark, so the image is not inverted",
    ),
    ("Trimmed", "empty margins are cut off"),
    ("Scaled", "to at most {frame[0]} × {frame[1]} pixels, by area means"),
    (SHARPENED, "to make up for the scaling"),
    ("Centered", "on {shape[0]} × {shape[1]} pixels{inverted}: what the models see"),
)
# Instead of all steps after the second one.
_WORDS = "as in the data set: what the models see"
UNCHANGED = ("Unchanged", _WORDS, _WORDS)


class Target(NamedTuple):
    """What the images of a data set are like.

    shape       rows and columns
    white       the largest gray value
    background  0 for black, 1 for white
    frame       rows and columns that things cover at most
    sharpen     whether its images were sharpened after scaling
    """

    shape: tuple[int, int]
    white: int
    background: int
    frame: tuple[int, int]
    sharpen: bool

    @classmethod
    def of(cls, summary: Mapping[str, Any], samples: np.ndarray) -> Target:
        """Return that of a data set, by its summary and some training images.

        samples: (..., rows, columns), such as `sample_images` of `data.dataset.training_images`.
        """
        rows, columns = summary["shape"]
        background, frame = framing(samples.reshape(-1, rows, columns))
        sharpen = summary["set"]["key"] == FASHION
        return cls((rows, columns), summary["white"], background, frame, sharpen)

    def steps(self) -> list[tuple[str, str, str]]:
        """Return name and words of each step, in order, for a bright border and for a dark one."""
        known = self._asdict() | {"inverted": ", inverted" if self.background else ""} | CONSTANTS
        kept = (step for step in STEPS if step[0] != SHARPENED or self.sharpen)
        return [
            (name, bright.format(**known), (dark or [bright])[0].format(**known))
            for name, bright, *dark in kept
        ]


class Step(NamedTuple):
    """A step of the preparation: its name, what it did, and the picture after it.

    pixels: (rows, columns) in [0, 1], or (rows, columns, 3) for colors.
    """

    name: str
    words: str
    pixels: np.ndarray


@dataclass(frozen=True)
class Prepared:
    """A picture as the models see it.

    size      columns and rows of the picture
    inverted  whether it was inverted, because its border is bright
    steps     of the preparation, from the picture to the image
    image     (rows, columns) uint8, whole gray values from 0 to the data set's white
    """

    size: tuple[int, int]
    inverted: bool
    steps: list[Step]
    image: np.ndarray


def prepare(picture: Image.Image, target: Target) -> Prepared:
    """Prepare a picture, the result of `read_picture`, for models of a data set.

    One that has the size and background of the data set is not changed.  Raises StudyError if
    nothing stands out from the background.
    """
    rows, columns = _reduced(picture.height, picture.width, CONSTANTS["longest"])
    small = picture.convert("RGB").resize((columns, rows), Image.Resampling.BOX)
    gray = whole(area_means(np.asarray(picture.convert("L")), rows, columns), 1) / WHITE
    bright = is_bright(gray)
    shown, named = [np.asarray(small) / WHITE, gray], target.steps()
    if gray.shape == target.shape and bright == bool(target.background):
        image, inverted = whole(gray, target.white).astype(np.uint8), False
        named[2:] = [UNCHANGED]
    else:
        shown.append(blacken(gray))
        shown.append(trim(shown[-1]))
        shown.append(scale(shown[-1], target.frame))
        shown += [sharpen(shown[-1])] if target.sharpen else []
        image, inverted = center(shown[-1], target), bright
    shown.append(image / target.white)
    steps = [
        Step(name, words if inverted else otherwise, pixels)
        for (name, words, otherwise), pixels in zip(named, shown, strict=True)
    ]
    return Prepared(picture.size, inverted, steps, image)


# ------------------------------------------------------------------------------------- reading
def read_picture(source: str | Path | np.ndarray | Image.Image) -> Image.Image:
    """Read a picture: a file, a Pillow image, or an array.

    An array is (rows, columns) gray, or (rows, columns, 3 or 4) red, green, blue and opacity, with
    whole numbers from 0 to 255 (uint8) or fractions from 0 to 1.  Of an animation, the first frame
    counts.  Returns it upright, with 8 bits, gray or in colors, on white where it is transparent.
    Raises StudyError with what is wrong and what to do, without the name of the file.
    """
    if isinstance(source, np.ndarray):
        return _on_white(_from_array(source))
    if isinstance(source, Image.Image):
        return _on_white(source)
    if not os.path.isfile(source):  # False for a name that is too long, unlike Path.is_file
        raise StudyError("is not a file." if os.path.exists(source) else "not found.")
    try:
        with warnings.catch_warnings(action="ignore"), open_image(source, FORMATS) as found:
            _check_size(found.width * found.height)
            return _on_white(found)
    except StudyError:
        raise
    except UnidentifiedImageError as error:
        raise StudyError(
            f"not a picture that can be read. Formats: {', '.join(FORMATS)}; save others, such as "
            "HEIC of phones, as JPEG or PNG."
        ) from error
    except Image.DecompressionBombError:
        _check_size(math.inf)
        raise
    except Exception as error:  # damaged bytes make Pillow raise errors of many types
        if isinstance(error, OSError) and error.errno:  # of the system, not of the content
            raise StudyError(f"cannot be read: {error.strerror}.") from error
        raise StudyError(f"damaged or cut off: {error}. Copy or save it again.") from error


def _check_size(pixels: float) -> None:
    if pixels > MOST_PIXELS:
        raise StudyError(f"more than {MOST_PIXELS:,} pixels. Make the picture smaller.")


def _from_array(pixels: np.ndarray) -> Image.Image:
    depth = pixels.shape[2:]
    if pixels.ndim not in (2, 3) or not pixels.size or depth not in ((), (3,), (4,)):
        raise StudyError(
            f"an array of shape {pixels.shape} is no picture. It must be (rows, columns) for gray "
            "values, or (rows, columns, 3) for colors."
        )
    if pixels.dtype != np.uint8:
        values = pixels.astype(np.float64)
        if not np.isfinite(values).all():
            raise StudyError("has values that are not finite (NaN or infinity).")
        if values.min() < 0 or values.max() > 1:
            raise StudyError(
                f"has values from {values.min():g} to {values.max():g} of type {pixels.dtype}. Use "
                "fractions from 0 to 1, or whole numbers from 0 to 255 of type uint8."
            )
        pixels = whole(values, WHITE).astype(np.uint8)
    return Image.fromarray(pixels)


def _on_white(picture: Image.Image) -> Image.Image:
    with suppress(Exception):  # damaged EXIF data: as it is
        picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("I", "F"):
        raise StudyError("has gray values of 32 bits, whose white is not known. Save it with 8.")
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        color = picture.convert("RGBA")
        white = Image.new("RGBA", color.size, "white")
        return Image.alpha_composite(white, color).convert("RGB")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


# --------------------------------------------------------------------------------------- steps
def whole(values: np.ndarray, white: int) -> np.ndarray:
    """Round fractions of white to whole gray values; halves go up."""
    rounded: np.ndarray = np.floor(white * values + 0.5 + CONSTANTS["tie"])
    return rounded


def _round(value: float) -> int:
    return max(1, math.floor(value + 0.5))


def _reduced(rows: int, columns: int, longest: float) -> tuple[int, int]:
    """Return rows and columns such that the longer side has at most `longest` pixels."""
    factor = max(1, max(rows, columns) / longest)
    return _round(rows / factor), _round(columns / factor)


def area_means(pixels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Scale to rows and columns: each new pixel is the mean of the area that it covers.

    The longer side comes first, which keeps what lies between small.
    """
    if pixels.shape[0] < pixels.shape[1]:
        return area_means(pixels.T, columns, rows).T
    return _row_means(_row_means(pixels, rows).T, columns).T


def _row_means(pixels: np.ndarray, count: int) -> np.ndarray:
    """Return `count` rows, each the mean of the rows that it covers, (count, columns) float64."""
    rows = len(pixels)
    means = np.empty((count, pixels.shape[1]))
    for place in range(count):
        start, end = place * rows / count, (place + 1) * rows / count
        covered = np.arange(math.floor(start), min(rows, math.ceil(end)))
        shares = np.minimum(covered + 1, end) - np.maximum(covered, start)
        means[place] = shares @ pixels[covered[0] : covered[-1] + 1] / shares.sum()
    return means


def is_bright(gray: np.ndarray) -> bool:
    """Return whether the border of a picture is bright."""
    return _quantile(border(gray), 0.5) > CONSTANTS["bright"]


def blacken(gray: np.ndarray) -> np.ndarray:
    """Make the background black; a bright one becomes dark first.

    The background has the median gray of the border.  How much it varies is told by the border's
    darker half alone, because a thing that touches the border is brighter.
    """
    dark = 1 - gray if is_bright(gray) else gray
    edge = border(dark)
    level = _quantile(edge, 0.5)
    spread = level - _quantile(edge, CONSTANTS["dark"])
    black = np.clip((dark - level) / (1 - level), 0, 1)
    limit = max(CONSTANTS["faint"], CONSTANTS["margin"] * spread / (1 - level))
    return np.where(black > limit, black, 0)


def border(pixels: np.ndarray) -> np.ndarray:
    """Return the pixels at the edges, (n,)."""
    at_edge = np.ones(pixels.shape, dtype=bool)
    at_edge[1:-1, 1:-1] = False
    return pixels[at_edge]


def _quantile(values: np.ndarray, share: float) -> float:
    return float(np.sort(values)[math.floor(share * (len(values) - 1))])


def trim(black: np.ndarray) -> np.ndarray:
    """Cut off margins in whose rows or columns next to nothing stands out from the background.

    Raises StudyError if nothing is left.
    """
    kept = [np.flatnonzero(np.mean(black > 0, axis=axis) > CONSTANTS["part"]) for axis in (1, 0)]
    if not all(map(len, kept)):
        raise StudyError(EMPTY)
    rows, columns = kept
    return black[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def scale(pixels: np.ndarray, frame: tuple[int, int]) -> np.ndarray:
    """Scale to fit into a frame of rows and columns, with the same proportions."""
    rows, columns = pixels.shape
    factor = max(rows / frame[0], columns / frame[1])
    return area_means(pixels, _round(rows / factor), _round(columns / factor))


def sharpen(pixels: np.ndarray) -> np.ndarray:
    """Add the difference from a Gaussian blur, with a radius and a standard deviation of one pixel.

    Outside of the picture is black.
    """
    rows, columns = pixels.shape
    padded = np.pad(pixels, 1)
    shares = np.exp(-np.array([1, 0, 1]) / 2)
    kernel = np.outer(shares, shares)
    blurred = sum(
        kernel[down, right] * padded[down : down + rows, right : right + columns]
        for down in range(3)
        for right in range(3)
    )
    return np.clip(2 * pixels - blurred / kernel.sum(), 0, 1)


def center(pixels: np.ndarray, target: Target) -> np.ndarray:
    """Put pixels into the middle of an image, (rows, columns) uint8, on the set's background."""
    image = np.zeros(target.shape)
    (rows, columns), (high, wide) = target.shape, pixels.shape
    upper, left = (rows - high) // 2, (columns - wide) // 2
    image[upper : upper + high, left : left + wide] = pixels
    return whole(1 - image if target.background else image, target.white).astype(np.uint8)


# ------------------------------------------------------------------------------------ the frame
def framing(images: np.ndarray) -> tuple[int, tuple[int, int]]:
    """Return how images (m, rows, columns) show things: their background, 0 or 1, and their size.

    The size, rows and columns, is that of a picture's frame, so that a thing covers as much of the
    image as things usually cover in the longer direction.
    """
    _, rows, columns = images.shape
    edges = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    level = np.median(np.concatenate([edge.ravel() for edge in edges]))
    background = int(2 * level > images.max())
    inked = np.abs(images.astype(int) - level) > 0.1 * images.max()
    spans = [_spans(inked.any(axis=axis)) / side for axis, side in ((2, rows), (1, columns))]
    share = float(np.median(np.maximum(*spans)))
    return background, (max(1, round(share * rows)), max(1, round(share * columns)))


def _spans(used: np.ndarray) -> np.ndarray:
    """Return the distance from the first to the last True in each row, both included."""
    length = used.shape[1] - used.argmax(axis=1) - used[:, ::-1].argmax(axis=1)
    return np.where(used.any(axis=1), length, 0)
