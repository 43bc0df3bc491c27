"""Measure a rendered report against its budget: length, size, first paint, time to interactive.

    python scripts/measure_page.py report/final.html

For developers: it needs the packages in requirements/dev.txt, and a Chromium (see
requirements/apt-test.txt).  Times are medians of five loads, each in a new browser window without a
cache.  The exit code is 1 if anything exceeds its limit.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Playwright, ViewportSize, sync_playwright

COMMANDS = ("chromium-headless-shell", "chromium", "google-chrome")
LOADS = 5
SLOWER = 4  # roughly a phone
SCREEN = ViewportSize(width=1280, height=800)


class Budget(NamedTuple):
    """A measured quantity, its target, and its limit."""

    key: str
    what: str
    target: float
    limit: float
    unit: str


BUDGET = (
    Budget("words", "words of the body, without labels in figures", 6000, 8000, ""),
    Budget("screens", "screens of the body, 1280 x 800", 35, 45, ""),
    Budget("tables", "tables in the body", 8, 12, ""),
    Budget("caption", "words of the longest caption in the body", 30, 40, ""),
    Budget("raw", "the page", 3.0, 5.0, "MB"),
    Budget("gzip", "the page, compressed", 1.2, 2.0, "MB"),
    Budget("script", "JavaScript", 8.0, 20.0, "KB"),
    Budget("style", "CSS without fonts", 12.0, 25.0, "KB"),
    Budget("paint", "first paint", 0.2, 0.5, "s"),
    Budget("ready", "all interaction ready", 0.3, 0.8, "s"),
    Budget("slow paint", f"first paint, CPU {SLOWER}x slower", 0.4, 1.0, "s"),
    Budget("slow ready", f"all interaction ready, CPU {SLOWER}x slower", 1.0, 2.5, "s"),
)


def find_chromium() -> str:
    """Find the Chromium to use: $CHROMIUM if it is set, else the first in PATH.

    Raises FileNotFoundError with advice on what to install.
    """
    chosen = os.environ.get("CHROMIUM")
    for command in [chosen] if chosen else COMMANDS:
        if found := shutil.which(command):
            return found
    missing = f"none of {', '.join(COMMANDS)} in PATH"
    if chosen:
        missing = f"CHROMIUM={chosen} is not a command"
    raise FileNotFoundError(
        f"no Chromium: {missing}. On Debian and Ubuntu: sudo apt-get install "
        "chromium-headless-shell. Or use another one: CHROMIUM=/path/to/chromium make test"
    )


def launch(playwright: Playwright) -> Browser:
    """Start Chromium.  Raises FileNotFoundError if there is none."""
    arguments = ["--disable-dev-shm-usage"]  # /dev/shm is small in containers
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # root cannot use Chromium's sandbox
    return playwright.chromium.launch(executable_path=find_chromium(), args=arguments)


def sizes(html: str) -> dict[str, float]:
    """Return the size of a page (MB) and of its JavaScript and CSS without data and fonts (KB)."""

    def inside(element: str) -> float:
        parts = re.findall(rf"<{element}(?![^>]*json)[^>]*>(.*?)</{element}>", html, re.DOTALL)
        text = re.sub(r"@font-face\s*{[^}]*}", "", "".join(parts))
        return len(text.encode()) / 1e3

    raw = html.encode()
    whole = {"raw": len(raw) / 1e6, "gzip": len(gzip.compress(raw, mtime=0)) / 1e6}
    return whole | {"script": inside("script"), "style": inside("style")}


def length(browser: Browser, page_file: Path) -> dict[str, float]:
    """Return the length of the body, which ends where the appendix begins."""
    context = browser.new_context(viewport=SCREEN, offline=True)
    page = context.new_page()
    page.goto(page_file.resolve().as_uri())
    page.add_style_tag(content="figure svg { content-visibility: visible !important }")
    found: dict[str, float] = page.evaluate(
        """() => {
            const of = selector => [...document.querySelectorAll(`.chapter ${selector}`)];
            const count = text => (text.match(/[^\\s]*[\\p{L}\\p{N}][^\\s]*/gu) || []).length;
            const labels = element => [...element.querySelectorAll("svg text")]
                .map(it => it.textContent).join(" ");
            const words = element => count(element.innerText) - count(labels(element));
            const chapters = [...document.querySelectorAll(".chapter")];
            const end = document.getElementById("appendix").getBoundingClientRect().top;
            return {
                words: chapters.map(words).reduce((sum, it) => sum + it, 0),
                screens: (end + window.scrollY) / window.innerHeight,
                tables: of("table").filter(it => it.checkVisibility()).length,
                caption: Math.max(0, ...of("figcaption").map(words)),
            };
        }"""
    )
    context.close()
    return found


def load_times(browser: Browser, page_file: Path, slower: int = 1) -> dict[str, float]:
    """Return the seconds to the first paint and to the end of script.js, NaN if not reached."""
    context = browser.new_context(viewport=SCREEN, offline=True)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(page_file.resolve().as_uri())
    seconds: dict[str, float] = page.evaluate(
        """async () => {
            // Painting may be late on a busy machine.
            await new Promise(done => {
                new PerformanceObserver(list => {
                    if (list.getEntriesByName("first-contentful-paint").length) done();
                }).observe({type: "paint", buffered: true});
                setTimeout(done, 30_000);
            });
            const at = name => (performance.getEntriesByName(name)[0]?.startTime ?? NaN) / 1e3;
            return {paint: at("first-contentful-paint"), ready: at("ready")};
        }"""
    )
    context.close()
    return seconds


def measure(page_file: Path) -> dict[str, float]:
    """Measure everything in the budget, by key."""
    found = sizes(page_file.read_text(encoding="utf-8"))
    with sync_playwright() as playwright:
        browser = launch(playwright)
        found |= length(browser, page_file)
        for prefix, slower in (("", 1), ("slow ", SLOWER)):
            loads = [load_times(browser, page_file, slower) for _ in range(LOADS)]
            for key in ("paint", "ready"):
                found[prefix + key] = statistics.median(load[key] for load in loads)
        browser.close()
    return found


def table(found: dict[str, float]) -> str:
    """Format the budget, one line per quantity, with marks above the target or limit."""
    lines = [f"{'':46}{'measured':>12}{'target':>10}{'limit':>10}"]
    for line in BUDGET:
        value = found[line.key]
        mark = "" if value <= line.target else "  above target"
        if not value <= line.limit:  # NaN, too
            mark = "  ABOVE LIMIT"
        measured = f"{value:.2f} {line.unit:2}"
        lines.append(f"{line.what:46}{measured:>12}{line.target:>10g}{line.limit:>10g}{mark}")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure a rendered report against its budget.")
    parser.add_argument("page", type=Path, help="the report, such as report/final.html")
    page = parser.parse_args().page
    if not page.is_file():
        parser.error(f"no such file: {page}")
    try:
        found = measure(page)
    except FileNotFoundError as error:
        parser.error(str(error))
    print(table(found))
    sys.exit(any(not found[line.key] <= line.limit for line in BUDGET))
