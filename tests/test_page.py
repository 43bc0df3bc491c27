"""The page in a browser: offline, on any screen, with and without JavaScript, light and dark."""

from pathlib import Path

import pytest
from conftest import watch
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


def test_the_page_needs_nothing_but_itself_and_has_no_errors(report_page: Page):
    report_page.wait_for_load_state("networkidle")  # the fixture looks at what it asks and says
    assert report_page.title()


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<img src="https://example.org/a.png" alt="">', "asked for https://example.org/a.png"),
        ('<img src="beside.png" alt="">', "asked for file:"),
        ("<style>@import 'https://example.org/a.css'</style>", "asked for https://example.org"),
        ("<script>console.warn('careful')</script>", "console: careful"),
        ("<script>nowhere()</script>", "error: nowhere is not defined"),
    ],
)
def test_what_a_page_must_not_do_is_noticed(browser: Browser, tmp_path: Path, html, problem):
    """So that the other tests mean something: each of them relies on `watch`."""
    page = tmp_path / "page.html"
    page.write_text(f"<!DOCTYPE html><title>x</title><body>{html}", encoding="utf-8")
    context = browser.new_context(offline=True)
    problems = watch(context, page.as_uri())
    context.new_page().goto(page.as_uri())
    context.close()
    assert any(problem in found for found in problems), problems


def test_every_internal_link_leads_somewhere_and_ids_are_unique(report_page: Page):
    ids = report_page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))
    targets = report_page.eval_on_selector_all(
        "a[href^='#']", "all => all.map(e => decodeURIComponent(e.hash.slice(1)))"
    )
    assert len(targets) > 50
    assert set(targets) <= set(ids)
