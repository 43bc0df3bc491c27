"""The developers' tool that holds a page against its budget, and the browser that it starts."""

import math
from pathlib import Path

import pytest
from playwright.sync_api import Browser

import measure_page


def test_sizes_are_those_of_code_without_data_and_fonts():
    script = "<script>12345</script><script type='application/json'>[1, 2, 3]</script>"
    style = "<style>@font-face { src: url(data:font/woff2;base64,AAAA) } p { margin: 0 }</style>"
    found = measure_page.sizes(f"<!DOCTYPE html>{script}{style}é")
    assert found["script"] == 0.005
    assert found["style"] == pytest.approx(0.016)
    assert found["raw"] == pytest.approx((15 + len(script) + len(style) + 2) / 1e6)
    assert 0 < found["gzip"] < found["raw"]


@pytest.mark.parametrize(
    ("factor", "mark"), [(1.0, ""), (1.01, "above target"), (9.0, "ABOVE"), (math.nan, "ABOVE")]
)
def test_the_budget_marks_what_is_above_it(factor: float, mark: str):
    lines = measure_page.table({b.key: factor * b.target for b in measure_page.BUDGET})
    for line in lines.splitlines()[1:]:
        assert mark in line
        assert mark or "ABOVE" not in line.upper()


@pytest.mark.browser
def test_times_are_those_of_the_first_paint_and_of_the_mark(browser: Browser, tmp_path: Path):
    page = tmp_path / "page.html"
    page.write_text("<p>x<script>performance.mark('ready')</script>", encoding="utf-8")
    found = measure_page.load_times(browser, page)
    assert found["paint"] > 0
    assert found["ready"] > 0
    page.write_text("<p>x", encoding="utf-8")
    assert math.isnan(measure_page.load_times(browser, page)["ready"])


# ---------------------------------------------------------------------------- which Chromium
def fake(folder: Path, name: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / name).chmod(0o755)
    return str(folder / name)


def test_the_chromium_asked_for_comes_before_those_in_path(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CHROMIUM", raising=False)
    for name in reversed(measure_page.COMMANDS):
        path = fake(tmp_path / "bin", name)
        assert measure_page.find_chromium() == path
    own = fake(tmp_path / "own", "mine")
    monkeypatch.setenv("CHROMIUM", own)
    assert measure_page.find_chromium() == own


@pytest.mark.parametrize("asked", ["", "/nowhere/chromium"])
def test_without_chromium_the_message_says_what_to_install(monkeypatch, tmp_path, asked: str):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CHROMIUM", asked)
    with pytest.raises(FileNotFoundError, match=r"no Chromium.*install chromium-headless-shell"):
        measure_page.find_chromium()
