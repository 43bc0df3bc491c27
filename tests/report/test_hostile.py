"""What people write is shown as it is, in every format: it is no markup, formula, or command."""

import copy
import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import weasyprint
from fixtures import REPOSITORY
from fixtures.hostile import HARMLESS, HOSTILE, squeezed
from fixtures.pages import opening
from fixtures.report import EXPECTED, TEMPLATES, configured, fabricate, write_csv
from fixtures.svgcheck import saved
from playwright.sync_api import Browser

from fmstudy.figures import svg
from fmstudy.report import formulas, rendering
from fmstudy.study import plan, published
from fmstudy.study.text import checked

# Columns of tables whose text comes from the configuration, its files, or the machine.
WRITTEN = {"title", "first_title", "second_title", "other_title", "says", "place", "reason"}
WRITTEN |= {"hypothesis", "printed_hypothesis", "literature_says", "assumed", "setting"}
WRITTEN |= {"published_setting", "source_model", "processor", "system"}

# What a parser of HTML reads: tag, attributes, and the text right inside of an element.
Element = tuple[str, dict[str, str], str]
READ = """html => [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("*")].map(
    element => [
        element.localName,
        Object.fromEntries([...element.attributes].map(({ name, value }) => [name, value])),
        [...element.childNodes].map(node => node.nodeType === 3 ? node.data : "").join("|"),
    ])"""


def study(text: str, directory: Path) -> dict[str, Any]:
    """The arguments of `load_context` for a made-up study with this text wherever people write."""
    config = configured()
    config["title"] = text
    for group in ("models", "sweeps", "comparisons"):
        for name, entry in config[group].items():
            entry["title"] = f"{name} {text}"
    for source in config["published"]["models"].values():
        source["assumed"] = text
    given = fabricate(directory, config)
    for path in given["tables"]:
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            for key in WRITTEN & set(row):
                if row[key] and text not in row[key]:
                    row[key] += f" {text}"
        if rows:
            write_csv(path, rows)
    given["study"] = copy.deepcopy(given["study"])
    for key in ("code", "directory"):
        given["study"][key] += text
    batchnorm = given["study"]["batchnorm"]
    batchnorm["revised"] = dict.fromkeys(EXPECTED.revised, text)
    for reasons in batchnorm["set_aside"].values():
        reasons.update(dict.fromkeys(reasons, text))
    return given


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the templates use for a hostile study, and for a harmless one."""
    return [
        rendering.load_context(**study(text, tmp_path_factory.mktemp("study")))
        for text in (HOSTILE, HARMLESS)
    ]


def check(hostile: list[Element], harmless: list[Element], least: int) -> None:
    """Check that all is the same but the text itself, which appears at least so many times."""
    assert [tag for tag, *_ in hostile] == [tag for tag, *_ in harmless]
    assert attributes(hostile) == [
        {key: it.replace(squeezed(HARMLESS), squeezed(HOSTILE)) for key, it in each.items()}
        for each in attributes(harmless)
    ]
    assert words(hostile) == words(harmless).replace(squeezed(HARMLESS), squeezed(HOSTILE))
    assert words(hostile).count(squeezed(HOSTILE)) >= least


def attributes(elements: list[Element]) -> list[dict[str, str]]:
    return [
        {key: squeezed(it) for key, it in each.items() if not it.startswith("data:")}
        for _, each, _ in elements
    ]


def words(elements: list[Element]) -> str:
    """All text but the style, whose fonts depend on the characters, and YAML, which quotes it."""
    quoted = ("style", "code")
    return squeezed("".join(text for tag, _, text in elements if tag not in quoted))


@pytest.mark.browser
def test_the_page_shows_what_people_write(
    browser: Browser, contexts: list[dict[str, Any]], tmp_path: Path
):
    pages = [rendering.render(TEMPLATES, context) for context in contexts]
    (tmp_path / "report.html").write_text(pages[0], encoding="utf-8")
    with opening(browser, tmp_path / "report.html") as open_:  # notices what it runs
        for width in (320, 1280):
            page = open_(width=width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        check(*(page.evaluate(READ, it) for it in pages), least=800)


def test_the_pdf_shows_what_people_write(contexts: list[dict[str, Any]]):
    papers = [rendering.render_paper(TEMPLATES, it, formulas.picture) for it in contexts]
    check(*(read(weasyprint.HTML(string=it).etree_element) for it in papers), least=800)


def read(root: ET.Element) -> list[Element]:
    """The elements of a tree, with the text inside of each."""
    return [
        (it.tag, dict(it.attrib), "".join([it.text or "", *(below.tail or "" for below in it)]))
        for it in root.iter()
    ]


def test_figures_show_what_people_write(tmp_path: Path, coarse: None):
    def drawn(text: str) -> list[Element]:
        with svg.style():
            figure, axes = plt.subplots()
            axes.plot([0, 1], [1, 2], label=text)
            axes.set(title=text, xlabel=f"Epoch {text}")
            axes.set_xticks([0, 1], [text, "b"])
            axes.legend()
        root = saved(svg.Drawing(figure, text, text, [(text, text, 1, 2)]), tmp_path / "x.svg")
        rendering.read_figure(tmp_path / "x.svg")  # would refuse anything else
        for element in root.iter():
            for place in {"x", "y", "d", "data-box", "transform"} & set(element.attrib):
                del element.attrib[place]
            if ticks := element.attrib.pop("data-x-ticks", ""):
                assert list(map(squeezed, json.loads(ticks))) == [squeezed(text), "b"]
        return read(root)

    check(drawn(HOSTILE), drawn(HARMLESS), least=5)
    drawn(HOSTILE)
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        assert [HOSTILE, HOSTILE, "1", "2"] in list(csv.reader(file))


# ------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1", "-x", " @SUM(1)", "\t=x"])
def test_text_that_spreadsheets_run_as_a_formula_is_refused(text: str):
    with pytest.raises(ValueError, match='must not start with "="'):
        checked(text)
    config = configured()
    config["models"]["A"]["title"] = text
    _, problems = plan.build(config)
    assert [it.path for it in problems] == [("models", "A", "title")]


@pytest.mark.parametrize("sign", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_text_that_reverses_the_text_after_it_is_refused(sign: str):
    with pytest.raises(ValueError, match=rf"contains U\+{ord(sign):04X}"):
        checked(f"Model {sign}A")


@pytest.mark.parametrize("text", [HOSTILE, "Model A − B", "50 %", "a=b", "עברית", "e-mail@x"])
def test_other_text_is_accepted(text: str):
    assert checked(text) == text


def test_published_text_is_held_to_the_same(tmp_path: Path):
    study, _ = plan.build(configured())
    table = (REPOSITORY / study.published_file).read_text(encoding="utf-8")
    setting = table.splitlines()[1].split(",")[3]
    path = tmp_path / "published.csv"
    path.write_text(table.replace(setting, "=1+1", 1), encoding="utf-8")
    _, errors = published.read(path, study.published_numbers)
    assert errors[0].startswith(f'{path}, line 2: published_setting must not start with "="')


@pytest.mark.parametrize(
    "name",
    ["../x", "a/b", "$(x)", "`x`", "a b", "a;rm", "a\n", "a\0", "=x", "-x", "{x}", "א", "a<b"],
)
@pytest.mark.parametrize("group", ["models", "sweeps", "comparisons"])
def test_names_of_files_cannot_hold_more_than_letters_digits_and_hyphens(group: str, name: str):
    config = configured()
    config[group][name] = copy.deepcopy(next(iter(config[group].values())))
    _, problems = plan.build(config)
    assert any("letters, digits and hyphens" in it.text for it in problems)


@pytest.mark.parametrize(
    "path", ["results/../x", "/etc", "results/$(x)", "results/a b", "results\n", "results/`x`"]
)
def test_results_and_reports_stay_in_their_folders(path: str):
    config = configured()
    report = path.replace("results", "report", 1) + ".html"
    config["output"] |= {"directory": path, "report": report, "playground": report}
    _, problems = plan.build(config)
    assert {it.path[-1] for it in problems} >= {"directory", "report", "playground"}
