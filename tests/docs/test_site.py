"""The documentation site: no broken link, nothing from the web, a search, a complete reference."""

import html
import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fixtures import REPOSITORY, run_command
from playwright.sync_api import Browser, expect

from fmstudy.analysis import columns
from fmstudy.study import schema


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does it: a broken link or a page outside `nav` is an error."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    options = ("--strict", "--site-dir", folder)  # --quiet would count no warning
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = run_command(
        sys.executable, "-m", "mkdocs", "build", *options, cwd=REPOSITORY, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Loaded(HTMLParser):
    """The addresses of whatever a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            self.found += [value or "" for name, value in attributes if name in ("src", "href")]


def loaded_by(site: Path) -> Iterator[tuple[str, str]]:
    for file in site.rglob("*.html"):
        parser = Loaded()
        parser.feed(file.read_text(encoding="utf-8"))
        yield from ((file.name, it) for it in parser.found)
    for file in site.rglob("*.css"):
        for found in re.findall(r"url\(([^)]*)\)", file.read_text(encoding="utf-8")):
            yield file.name, found.strip("\"'")


def test_no_page_loads_anything_from_the_web(site: Path):
    found = list(loaded_by(site))
    assert len(found) > 100
    assert [it for it in found if re.match(r"(\w+:)?//", it[1])] == []


def test_the_search_works_in_pages_that_are_opened_as_files(site: Path, browser: Browser):
    with browser.new_context(offline=True) as context:
        page, asked = context.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.goto((site / "index.html").as_uri())
        search = page.get_by_role("textbox", name="Search")
        search.click()
        search.press_sequentially("dropout")
        expect(page.locator(".md-search-result__meta")).to_have_text(re.compile(r"\d+ match"))
        expect(page.locator(".md-search-result__link").first).to_be_visible()
        assert {url.partition(":")[0] for url in asked} == {"file"}


def names(site: Path, page: str) -> set[str]:
    """What stands as code in a page of the reference."""
    text = (site / f"reference/{page}.html").read_text(encoding="utf-8")
    return set(map(html.unescape, re.findall(r"<code[^>]*>([^<]*)</code>", text)))


def test_the_reference_has_every_key_target_and_column(site: Path):
    keys = {it for content in schema.json_schemas().values() for it in keys_in(content)}
    assert {"models", "learning_rate", "with", "batch-size"} <= keys
    assert keys - names(site, "configuration") == set()
    targets = names(site, "targets")
    assert {"report", "part_a", "bn_learning_rate", "sweep_width", "train_keras"} <= targets
    assert {*columns.COLUMNS, "ledger", "sweep_width"} - names(site, "files") == set()
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    listed = {f"make {it}" for it in re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)}
    assert listed - names(site, "make") == set()


def keys_in(content: object) -> Iterator[str]:
    """Yield the keys of all groups in a JSON schema."""
    if isinstance(content, dict):
        # A grid's keys are those of a model, and shown as the values of `vary`.
        if content.get("description") == "Values of a grid.":
            return
        if isinstance(content.get("properties"), dict):
            yield from content["properties"]
        for value in content.values():
            yield from keys_in(value)
    elif isinstance(content, list):
        for value in content:
            yield from keys_in(value)


def test_commands_in_sentences_name_targets_that_exist(site: Path):
    """Commands in blocks are run (test_commands.py); others stand in the text."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    targets = names(site, "targets")
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    pages += [REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "config/README.md"]
    for page in pages:
        text = re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.M | re.S)
        for command in re.findall(r"`((?:make|snakemake) [^`]+)`", text):
            program, *words = command.split()
            asked = [it for it in words[:3] if re.fullmatch(r"[a-z][a-z_-]*", it)]
            if program == "make":
                assert set(asked) <= known, f"{page.name}: {command}"
            elif re.match(r"snakemake (--cores \d+ )?[a-z_]+( |$)", command):
                assert asked[0] in targets, f"{page.name}: {command}"
