"""Templates of Markdown in which texts of a configuration stay texts."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fmstudy.analysis.formats import FORMATS


def escape(text: str) -> str:
    """Return a text on one line that Markdown shows as it is, without markup or HTML."""
    text = re.sub(r"([\\`*_{}\[\]<>#|~$])", r"\\\1", re.sub(r"\s+", " ", text))
    return text.replace("&", "&amp;")


def environment(folder: str | Path) -> Environment:
    """Return the Markdown templates of a folder; values are escaped, a missing one is an error."""
    made = Environment(
        loader=FileSystemLoader(folder),
        finalize=lambda value: value if isinstance(value, Markup) else escape(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= FORMATS | {"raw": Markup}
    return made
