"""The colors of figures: hues on white and dark paper, with readable contrast on both.

Colors are written as "#rrggbb", in lower case.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

HUES = ("#0072b2", "#b34a00", "#007a59", "#a8477f")
INK, FAINT, PAPER = "#1b1e22", "#6b7178", "#ffffff"
DARK_PAPER = "#16181b"
DARK = dict(zip(HUES, ("#56b4e9", "#ff9d5c", "#3ccfa0", "#e39ac4"), strict=True))
DARK |= {PAPER: DARK_PAPER}
MIN_CONTRAST = 4.5  # of text to its background


def _channels(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _to_hex(parts: Iterable[float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)


def luminance(color: str) -> float:
    """Return the relative luminance of a color as defined by WCAG, from 0 (black) to 1 (white)."""
    weighted = 0.0
    for weight, part in zip((0.2126, 0.7152, 0.0722), _channels(color), strict=True):
        weighted += weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
    return weighted


def readable(color: str) -> str:
    """Darken a color until text in it is readable on white paper."""
    shade, share = color, 1.0
    while 1.05 / (luminance(shade) + 0.05) < MIN_CONTRAST:
        share -= 0.01
        shade = _to_hex(share * part for part in _channels(color))
    return shade


def dark(color: str) -> str:
    """Return the counterpart of a color on dark paper, with the same hue.

    Its contrast to dark paper is that of the color to white (WCAG), so that two colors also keep
    their contrast to each other, and text on colored areas stays readable.
    """
    if color in DARK:
        return DARK[color]
    contrast = 1.05 / (luminance(color) + 0.05)
    wanted = min(1.0, contrast * (luminance(DARK_PAPER) + 0.05) - 0.05)
    hue, _, saturation = colorsys.rgb_to_hls(*_channels(color))
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        found = luminance(_to_hex(colorsys.hls_to_rgb(hue, middle, saturation)))
        low, high = (middle, high) if found < wanted else (low, middle)
    return _to_hex(colorsys.hls_to_rgb(hue, high, saturation))
