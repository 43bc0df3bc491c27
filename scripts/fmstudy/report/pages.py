"""What the report and the playground share: templates, data in a page, and its security policy."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fmstudy.analysis.formats import FORMATS
from fmstudy.study.words import setting_name


def environment(folder: str | Path) -> Environment:
    """Return the templates of a folder: values are escaped, and a missing one is an error."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= FILTERS
    return made


def article(noun: str) -> str:
    """Return a noun with its indefinite article: a digit, an image, an 8."""
    vowel = re.match(r"[aeiou8]|1[18]\b|[fhlmnrsx]\b", noun, re.IGNORECASE)
    return f"{'an' if vowel else 'a'} {noun}"


FILTERS = FORMATS | {"article": article, "setting_name": setting_name}


def as_text(content: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(content).decode("ascii")


def gzip_url(content: bytes) -> str:
    """Return compressed bytes as a URL, for links that download them."""
    return f"data:application/gzip;base64,{as_text(content)}"


def source_hash(text: str) -> str:
    """Return the hash by which a security policy allows a script or a style sheet."""
    return f"'sha256-{as_text(hashlib.sha256(text.encode()).digest())}'"
