"""Measure a rendered report against its budget: how large it is, how soon it shows and reacts.

    python scripts/measure_page.py report/final.html

For developers: it needs requirements-dev.txt and a Chromium (apt-test.txt), which is started
afresh for each of five loads, at full speed and as on a processor four times slower.
"""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from playwright.sync_api import Browser, Playwright

COMMANDS = ("chromium-headless-shell", "chromium", "google-chrome")
LOADS = 5
SLOWER = 4


class Line(NamedTuple):
    """One line of the budget: what, what is aimed at, and what is too much."""

    what: str
    target: float
    limit: float
    unit: str


BUDGET = {
    "raw": Line("page", 3.0, 5.0, "MB"),
    "gzip": Line("page, compressed by gzip", 1.2, 2.0, "MB"),
    "script": Line("JavaScript", 8.0, 20.0, "KB"),
    "style": Line("CSS without fonts", 12.0, 25.0, "KB"),
    "paint": Line("first paint", 0.2, 0.5, "s"),
    "paint slow": Line("first paint, four times slower", 0.4, 1.0, "s"),
    "ready": Line("all interaction ready", 0.3, 0.8, "s"),
    "ready slow": Line("all interaction ready, four times slower", 1.0, 2.5, "s"),
}


# ----------------------------------------------------------------------------------- Chromium
def find_chromium() -> str:
    """Find the Chromium to use: $CHROMIUM if it is set, else the first in PATH.

    Raises FileNotFoundError, which says what to install.
    """
    asked = os.environ.get("CHROMIUM")
    for command in [asked] if asked else COMMANDS:
        if found := shutil.which(command):
            return found
    what = f"CHROMIUM={asked} is no command" if asked else f"none of {', '.join(COMMANDS)} in PATH"
    raise FileNotFoundError(
        f"no Chromium: {what}. On Debian and Ubuntu: sudo apt-get install "
        "chromium-headless-shell. Any other will do: CHROMIUM=/path/to/chromium make test"
    )


def launch(playwright: Playwright) -> Browser:
    """Start the Chromium of this machine. Raises FileNotFoundError if there is none."""
    arguments = ["--disable-dev-shm-usage"]  # containers have a small /dev/shm
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium refuses its sandbox to root
    return playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
