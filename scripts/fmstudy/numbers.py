"""Numbers as readers see them: one value reads the same in tables, figures, titles, and sentences.

Formats for particular quantities, such as percentages and durations, are in `analysis.formats`.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

MISSING = "–"  # in tables, if no value applies
MINUS = "\N{MINUS SIGN}"


def rounded(value: float, form: str) -> str:
    """Format a number by a form such as ".2f" or ".2e", rounding half up, as everywhere.

    89.065 becomes 89.07, although its binary value may be slightly less.
    """
    if value == 0:
        return format(0.0, form)  # a decimal zero keeps its exponent
    with localcontext(rounding=ROUND_HALF_UP):
        return format(Decimal(f"{value:.12g}"), form)


def number(value: float | str | None) -> str:
    """Format a setting briefly, with up to six significant digits: 0.0001, 1e−5, 0.3, 1,000.

    Whole numbers, of either type, have all their digits.  Other texts stay as they are.
    """
    if not isinstance(value, int | float):
        return MISSING if value is None else str(value)
    value = float(f"{value:.12g}") if isinstance(value, float) else value  # 0.1 + 0.2 is 0.3
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", MINUS)
    return brief(value, 6)


def brief(value: float, digits: int) -> str:
    """Format a number with at most this many digits, without trailing zeros: 30, 1.5, 4e−7."""
    text = f"{float(rounded(value, f'.{digits - 1}e')):g}"
    mantissa, exponent, power = text.partition("e")
    return (f"{mantissa}e{int(power)}" if exponent else mantissa).replace("-", MINUS)
