"""Number formats of the study: for the page, the PDF, the explorer, LaTeX and figures."""

from __future__ import annotations

import re

from fmstudy.numbers import MINUS, MISSING, brief, number, rounded
from fmstudy.study.words import setting_text

__all__ = ["FORMATS", "MINUS", "MISSING", "brief", "number", "rounded"]

Value = float | None

DIVERGED = "diverged"  # in tables, if no training finished
THIN = "\N{NARROW NO-BREAK SPACE}"


def fixed(value: Value, digits: int = 2) -> str:
    """Format a number with a fixed number of decimals, with a real minus sign and never as -0."""
    if value is None:
        return MISSING
    text = rounded(value, f",.{digits}f")
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.lstrip("-")


def percent(value: Value, digits: int = 1) -> str:
    """Format a fraction as a percentage: 0.867 is 86.7 %."""
    return MISSING if value is None else f"{fixed(100 * value, digits)}{THIN}%"


def loss(value: Value, digits: int = 3) -> str:
    """Format a loss in nats: 0.384."""
    return fixed(value, digits)


def signed(value: Value, digits: int = 2) -> str:
    """Format a difference with its sign: +0.35."""
    text = fixed(value, digits)
    positive = value is not None and value > 0 and re.search("[1-9]", text)
    return f"+{text}" if positive else text


def points(value: Value, digits: int = 2) -> str:
    """Format a difference of fractions in percentage points, with its sign: 0.021 is +2.10."""
    return MISSING if value is None else signed(100 * value, digits)


def count(value: Value) -> str:
    """Format an integer: 60,000."""
    return fixed(value, 0)


WORDS = [
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
]


def spelled(value: int) -> str:
    """Format a small number in words: ten, but 60,000."""
    return WORDS[value] if value < len(WORDS) else count(value)


def scientific(value: Value, digits: int = 1) -> str:
    """Format a number in scientific notation: 3.1e−7."""
    if value is None:
        return MISSING
    mantissa, power = rounded(value, f".{digits}e").split("e")
    return f"{mantissa}e{int(power)}".replace("-", MINUS)


def significant(value: Value, digits: int = 3) -> str:
    """Format a number with significant digits: 0.0451, 1.21, 4.2e−7."""
    if value is None:
        return MISSING
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        power = int(rounded(value, f".{digits - 1}e").partition("e")[2])  # of the rounded value
        return fixed(value, max(0, digits - 1 - power))
    return scientific(value, digits - 1)


def seconds(value: Value) -> str:
    """Format a duration: 9.4 s, 1 min 05 s, 2 h 03 min."""
    if value is None:
        return MISSING
    if value < 59.95:
        return f"{fixed(value, 1)}{THIN}s"
    whole = int(rounded(value, ".0f"))
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60:02d}{THIN}s"
    minutes = int(rounded(whole / 60, ".0f"))
    return f"{minutes // 60}{THIN}h {minutes % 60:02d}{THIN}min"


def p_value(value: Value) -> str:
    """Format a p-value: 0.034, or < 0.001."""
    if value is None:
        return MISSING
    return "< 0.001" if value < 0.001 else fixed(value, 3)


FORMATS = {
    "percent": percent,
    "percent1": lambda value: MISSING if value is None else fixed(100 * value, 1),
    "p_value": p_value,
    "percent2": lambda value: MISSING if value is None else fixed(100 * value, 2),
    "points": points,
    "loss": loss,
    "signed": signed,
    "signed3": lambda value: signed(value, 3),
    "fixed": fixed,
    "fixed1": lambda value: fixed(value, 1),
    "count": count,
    "spelled": spelled,
    "number": number,
    "setting": setting_text,
    "scientific": scientific,
    "seconds": seconds,
    "significant": significant,
    "factor": lambda value: MISSING if value is None else f"× {significant(10.0**value)}",
}
