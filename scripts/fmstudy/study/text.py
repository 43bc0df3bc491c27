"""The limits of text that people write, such as titles and claims, which appear in many formats."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"\s*[=+@-]")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")


def checked(text: str) -> str:
    """Return the text, if pages, papers, and spreadsheets show it as written.

    Raises ValueError for text that spreadsheets would run as a formula when they open a table, and
    for characters that reverse the text and numbers after them.
    """
    if _FORMULA.match(text):
        raise ValueError(
            'must not start with "=", "+", "-", or "@", which make spreadsheets run it as a '
            f'formula. Start with a word; found "{text[:40]}".'
        )
    if found := _DIRECTION.search(text):
        raise ValueError(
            f"contains U+{ord(found[0]):04X}, which changes the direction of the text after it. "
            "Remove it: letters such as those of Hebrew and Arabic do not need it."
        )
    return text
