"""Renders the report as one self-contained page, from results, figures, and templates.

The numbers in its sentences come from the tables.  Everything is escaped except for formulas and,
after a check, the study's own figures.  Nothing depends on when or where a page is rendered.
"""

from __future__ import annotations

import gzip
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from latex2mathml.converter import convert
from markupsafe import Markup

from fmstudy.analysis import columns, verdicts
from fmstudy.analysis.columns import between, read_rows
from fmstudy.analysis.statistics import ALPHA
from fmstudy.report import facts, pagefigures, provenance, reuse
from fmstudy.report.fonts import characters_of, embedded
from fmstudy.report.pages import as_text, environment, gzip_url, source_hash
from fmstudy.report.prose import Html, Prose
from fmstudy.runtime import StudyError, read_json, reading
from fmstudy.study import reader

Row = dict[str, Any]

PAGE, PAPER = "report.html.j2", "pdf.html.j2"  # the templates of the page and of the PDF

SVG = "{http://www.w3.org/2000/svg}"
# The elements that a figure may have; none of them can run anything.
DRAWN = {"svg", "title", "desc", "g", "path", "rect", "circle", "text", "image"}


# ------------------------------------------------------------------------------------- input
@dataclass(frozen=True)
class Figure:
    """A figure: whole (`svg`, for the PDF), as panels for the page, and its values as CSV."""

    svg: Markup
    panels: Markup
    title: str
    description: str
    data: str

    @property
    def packed(self) -> str:
        """The compressed data as a URL."""
        return gzip_url(gzip.compress(self.data.encode(), mtime=0))


def load_context(
    study: Mapping[str, Any],
    config: Mapping[str, Any],
    summary: str | Path,
    tables: Iterable[str | Path],
    figures: Iterable[str | Path],
    citation: str | Path,
    configuration: Iterable[str | Path],
    explorer: str | Path | None = None,
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Read everything that the templates use.

    `study` is the resolved study in built-in types, `config` the merged configuration, `summary`
    the description of the data, `citation` CITATION.cff, `configuration` the files that the
    configuration names and `given` what it was before (see `reuse.describe`), `explorer` compressed
    JSON; tables (CSV) and figures
    (SVG) have the names of their files.  Raises StudyError for a missing or invalid file.
    """
    data, read = read_json(summary), {Path(path).stem: read_rows(path) for path in tables}
    results = {
        row["model"]: row
        for name in ("part_a", "part_b", "batchnorm")
        for row in read.get(name, [])
    }
    _check_ledger(read.get("ledger", []), config)
    costs = read.get("cost", [])
    shown = {Path(path).stem: read_figure(path) for path in figures}
    models = {model["name"]: _with_result(model, results, costs) for model in study["models"]}
    context = {
        "study": study,
        "config": config,
        "data": data,
        "tables": read,
        "figures": shown,
        "figure_colors": Markup(
            pagefigures.dark_colors(figure.panels for figure in shown.values())
        ),
        "models": models,
        "explorer": read_explorer(explorer) if explorer else None,
        "provenance": provenance.summary(study, read),
        "reuse": reuse.describe(config, citation, configuration, data["set"]["key"], given),
    }
    return context | {"facts": facts.collect(context)}


def of_job(job: Any, template: str) -> tuple[Path, dict[str, Any]]:
    """Return the directory of a Snakemake job's template, and the context from its inputs."""
    [path] = [path for path in job.input.templates if Path(path).name == template]
    context = load_context(
        study=job.params.study,
        config=job.params.config,
        summary=job.input.summary,
        tables=job.input.tables,
        figures=job.input.figures,
        citation=job.input.citation,
        configuration=job.input.configuration,
        explorer=job.input.get("explorer"),
        given=job.params.given,
    )
    return Path(path).parent, context


def record(context: Mapping[str, Any], labels: np.ndarray) -> dict[str, Any]:
    """Return what the results are of, for comparisons with those of another study.

    `context` is the result of `load_context`, `labels` are those of all test images, one-hot.
    """
    kept = ("title", "models", "further", "versions", "code")
    return {key: context["study"][key] for key in kept} | {
        "configuration": context["config"],
        "data": context["data"],
        "labels": " ".join(map(str, labels.argmax(axis=0))),
    }


def _with_result(
    model: Mapping[str, Any], results: Mapping[str, Row], costs: Iterable[Row]
) -> dict[str, Any]:
    """Return a model with its row of results and the mean seconds of its trainings."""
    if model["name"] not in results:
        raise StudyError(f"the tables of results have no row for the model {model['name']}")
    seconds = [row["training_seconds"] for row in costs if row["run"] == model["run"]]
    mean = sum(seconds) / len(seconds) if seconds else None
    return {**model, "result": results[model["name"]], "seconds": mean}


def _check_ledger(ledger: Iterable[Row], config: Mapping[str, Any]) -> None:
    """Refuse a report that lacks a published number."""
    known = {row["id"] for row in ledger}
    for source, given in config.get("published", {}).get("models", {}).items():
        for missing in sorted({*given["numbers"]} - known):
            raise StudyError(
                f'the ledger has no row for the published number {missing} of "{source}"'
            )


def read_explorer(path: str | Path) -> dict[str, Any] | None:
    """Read the explorer's data; `blob` is the file itself in base64, for the page.

    None if there is only one model, which cannot be compared.
    """
    with reading(path):
        packed = Path(path).read_bytes()
        content: dict[str, Any] = json.loads(gzip.decompress(packed))
    return content | {"blob": as_text(packed)} if len(content["models"]) > 1 else None


def read_figure(path: str | Path) -> Figure:
    """Read an SVG figure and the CSV beside it, and check that the page can include it unescaped.

    It must be well-formed, have a title and a description, and contain only elements and attributes
    that run nothing and refer to nothing outside the figure.
    """
    path = Path(path)
    with reading(path):
        text = path.read_text(encoding="utf-8")
        root = ET.fromstring(text)
    title, description = (root.findtext(f"{SVG}{tag}", "").strip() for tag in ("title", "desc"))
    if root.tag != f"{SVG}svg" or not title or not description:
        raise StudyError(f"{path}: not an SVG figure with a title and a description")
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        if tag not in DRAWN:
            raise StudyError(f"{path}: <{tag}> may not stand in a figure")
        for key, value in element.attrib.items():
            name = key.rpartition("}")[2].lower()  # HTML ignores case
            outside = name == "href" and not value.startswith(("#", "data:image/"))
            if name.startswith("on") or outside or re.search(r"url\(\s*['\"]?[^#'\"\s]", value):
                raise StudyError(f"{path}: the attribute {name} may not stand in a figure")
    svg = re.sub(r"^\s*(<\?xml.*?\?>)?\s*(<!DOCTYPE[^>]*>)?\s*", "", text, flags=re.DOTALL)
    values = path.with_suffix(".csv")
    with reading(values):
        data = values.read_text(encoding="utf-8")
    page = Markup(pagefigures.panels(root, title))
    return Figure(Markup(svg.strip()), page, title, description, data)


def math_markup(latex: str, display: str = "inline") -> Markup:
    """Convert a formula from LaTeX to MathML."""
    mathml = convert(latex, display=display)
    if "\\" in mathml:  # the converter copies commands that it does not know
        raise ValueError(f"not converted to MathML: {latex}")
    # A thin space separates a function's name, such as log, from all but operators and brackets.
    name, space = r"<mi>\w{2,}</mi>", r'\1<mspace width="0.167em" />'
    mathml = re.sub(rf"(</m(?!o\b)\w+>)(?={name})", space, mathml)
    return Markup(re.sub(rf"({name})(?=<m(?!o\b))", space, mathml))


# ------------------------------------------------------------------------------------ verdicts
@dataclass(frozen=True)
class Mark:
    """The sign beside a verdict, and its kind in the style sheet."""

    sign: str
    kind: str


MARKS = {
    verdicts.SUPPORTED: Mark("✓", "good"),
    verdicts.REPRODUCED: Mark("✓", "good"),
    verdicts.CONTRADICTED: Mark("✗", "bad"),
    verdicts.NOT_REPRODUCED: Mark("✗", "bad"),
    verdicts.CONTRADICTION: Mark("≠", "bad"),
    "better": Mark("▲", "good"),
    "worse": Mark("▼", "bad"),
    "larger gap": Mark("↔", "bad"),
    "smaller gap": Mark("→", "good"),
    verdicts.AS_EXPECTED: Mark("✓", "good"),
    verdicts.OTHERWISE: Mark("✗", "bad"),
    verdicts.IN_PART: Mark("±", "open"),
    verdicts.LITERATURE_ONLY: Mark("–", "open"),
}
OPEN = Mark("?", "open")  # not resolved, not tested, or without a value


def mark(word: str) -> Mark:
    """Return the mark of a verdict."""
    return MARKS.get(word, OPEN)


def uses_all(known: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Return whether the study uses all images of the data set."""
    return all(getattr(known["used"], part) == data[part]["samples"] for part in ("train", "test"))


def same_validation(known: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Return whether the Keras models hold out the part that the data's summary describes."""
    whole: bool = known["used"].train == data["train"]["samples"]
    return whole and known["usual"].part_b.get("validation_split") == data["validation"]["share"]


# ----------------------------------------------------------------------------------- rendering
# The chapters, and the appendix, in order: files of the texts, by the key of their heading.
CHAPTERS = ("lessons", "verdict", "data", "part-a", "part-b", "part-c", "noise", "use")
APPENDIX = (
    *("ledger", "claims", "experiments", "results", "mistakes", "statistics", "explorer"),
    *("provenance", "references"),
)


# The groups of the configuration that some chapters are about.
GROUPS = {
    "verdict": "claims",
    "ledger": "published",
    "claims": "claims",
    "experiments": "batchnorm",
    "mistakes": "closer",
}


def _has(chapter: str, context: Mapping[str, Any]) -> bool:
    """Return whether the study has what a chapter is about."""
    return chapter not in GROUPS or GROUPS[chapter] in context["config"]


@dataclass
class Numbering:
    """Numbers of chapters, figures and tables, in order of appearance; appendices have letters.

    A page is rendered twice: the first pass collects the numbers and headings that the second
    refers to.
    """

    known: Numbering | None = None
    numbers: dict[tuple[str, str], str] = field(default_factory=dict)
    headings: list[tuple[int, str, str, str]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    letters: bool = False
    explanations: dict[str, str] = field(default_factory=dict)

    def declare(self, kind: str, key: str) -> str:
        """Return the next number of a kind (figure, table) for `key`."""
        if (kind, key) in self.numbers:
            raise ValueError(f"the {kind} {key} stands in the page twice")
        self.counters[kind] = self.counters.get(kind, 0) + 1
        return self.numbers.setdefault((kind, key), str(self.counters[kind]))

    def explained(self, figure: str, description: str) -> str | None:
        """Return the first figure with this description, unless that is this one."""
        first = self.explanations.setdefault(description, figure)
        return first if first != figure else None

    def heading(self, level: int, key: str, title: str) -> str:
        """Return the next number for a chapter (level 2) or section (level 3)."""
        if ("section", key) in self.numbers:
            raise ValueError(f"the section {key} stands in the page twice")
        chapter = "appendix" if self.letters else "chapter"
        if level == 2:
            self.counters[chapter] = self.counters.get(chapter, 0) + 1
            self.counters["section"] = 0
        else:
            self.counters["section"] += 1
        text = self._chapter(self.counters[chapter])
        if level > 2:
            text += f".{self.counters['section']}"
        self.numbers["section", key] = text
        self.headings.append((level, key, text, title))
        return text

    def part(self, key: str) -> None:
        """Let references to `key` give the number of the current chapter."""
        kind = "appendix" if self.letters else "chapter"
        self.numbers["section", key] = self._chapter(self.counters[kind])

    def _chapter(self, number: int) -> str:
        return chr(ord("A") + number - 1) if self.letters else str(number)

    def cite(self, key: str) -> None:
        """List a work in the references."""
        self.numbers["ref", key] = ""

    @property
    def has_works(self) -> bool:
        """Whether the page cites any work; True while it is not known."""
        return self.known is None or any(kind == "ref" for kind, _ in self.known.numbers)

    def has(self, kind: str, key: str) -> bool:
        """Return whether `key` has appeared already."""
        return (kind, key) in self.numbers

    def leads_somewhere(self, kind: str, key: str) -> bool:
        """Return whether the page has a section, figure, or table; True while it is not known."""
        return self.known is None or (kind, key) in self.known.numbers

    def refer(self, kind: str, key: str) -> str:
        """Return the number of a section, figure, or table anywhere in the page."""
        if self.known is None:
            return "0"
        if (kind, key) not in self.known.numbers:
            raise StudyError(f"the report refers to the {kind} {key}, which it does not have")
        return self.known.numbers[kind, key]

    def start_appendix(self) -> None:
        """Number the following chapters by letters."""
        self.letters = True
        self.counters["section"] = 0

    @property
    def contents(self) -> list[tuple[int, str, str, str]]:
        """Level, id, number and title of every heading."""
        return self.known.headings if self.known else []


def render(templates: str | Path, context: Mapping[str, Any]) -> str:
    """Render the page from the templates in a directory and the result of `load_context`."""
    made = _environment(str(templates), math_markup)
    given = {**context, "target": "html", "fonts": ""}
    draft, collected = _render(made, PAGE, given, Numbering())
    given["fonts"] = Markup(embedded(*characters_of(draft)))
    return _render(made, PAGE, given, Numbering(known=collected))[0]


def render_paper(
    templates: str | Path, context: Mapping[str, Any], formula: Callable[..., Markup]
) -> str:
    """Render the HTML of the PDF; `formula` converts LaTeX, figures are <img src="figure:NAME">."""
    made = _environment(str(templates), formula)
    given = {**context, "target": "pdf"}
    collected = _render(made, PAPER, given, Numbering())[1]
    return _render(made, PAPER, given, Numbering(known=collected))[0]


# The scripts of the page, in order.  Its security policy lists their hashes, so nothing else runs.
SCRIPTS = ("theme.js", "script.js", "explorer.js")


def script_text(templates: str | Path, name: str) -> str:
    """Return a script of the templates as the page includes it."""
    return (Path(templates) / name).read_text(encoding="utf-8").strip()


def script_policy(templates: str | Path) -> str:
    """Return the hashes of the page's scripts for its security policy."""
    return " ".join(source_hash(script_text(templates, name)) for name in SCRIPTS)


@cache
def _environment(templates: str, formula: Callable[..., Markup]) -> Environment:
    """Return the templates of a directory, compiled once per kind of formulas."""
    made = environment(templates)
    made.filters["math"] = formula
    made.tests["open"] = lambda verdict: mark(verdict) is OPEN
    return made


def _render(
    made: Environment, page: str, context: Mapping[str, Any], numbering: Numbering
) -> tuple[str, Numbering]:
    templates = made.loader.searchpath[0]  # type: ignore[union-attr]
    tables = context["tables"]
    known = context["facts"]
    chapters = [[key for key in keys if _has(key, context)] for keys in (CHAPTERS, APPENDIX)]
    computed = known["appendix"].tables

    def table(name: str) -> list[Row]:
        return computed[name] if name in computed else _found(tables, name)

    def figure(name: str) -> Figure:
        return _found(context["figures"], name)

    def inline(name: str) -> Markup:
        """Return a file of the templates as it is, such as the style sheet."""
        return Markup((Path(templates) / name).read_text(encoding="utf-8"))

    def script(name: str) -> Markup:
        """Return a script element for a script of the templates."""
        return Markup("<script>{}</script>").format(Markup(script_text(templates, name)))

    own = {
        "ALPHA": ALPHA,
        "between": between,
        "column": columns.column,
        "columns_of": columns.columns,
        "columns_on_page": columns.on_page,
        "figure_file": figure,
        "allowed_scripts": Markup(script_policy(templates)),
        "inline": inline,
        "script": script,
        "mark": mark,
        "number_of": numbering,
        "same_validation": same_validation(known, context["data"]),
        "table_file": table,
        "uses_all": uses_all(known, context["data"]),
        "works": reader.read(Path(templates) / "works.yaml")[0],
        "CHAPTERS": chapters[0],
        "APPENDIX": chapters[1],
        **known,
    }
    given = {**context, **own, "literature": made.get_template("literature.j2").module}
    blocks = {
        name: _as_html(block)
        for template in ("blocks.html.j2", "appendix.html.j2")
        for name, block in vars(made.get_template(template).make_module(given)).items()
        if callable(block)
    }
    prose = Prose(
        str(Path(templates).parent / "text"),
        blocks,
        made.filters["math"],
        given,
        made.filters,
    )
    return made.get_template(page).render(**given, text=prose), numbering


class NotInStudy(Exception):
    """The study does not have what a block shows."""


def _as_html(block: Callable[..., Markup]) -> Callable[..., Html]:
    """Return a block that is left out if it shows what the study does not have."""

    def shown(*given: Any, **named: Any) -> Html:
        try:
            return Html(block(*given, **named))
        except NotInStudy:
            return Html("")

    return shown


def _found(files: Mapping[str, Any], name: str) -> Any:
    """Return a file by name; the rules make every one of the study's, so it has no other."""
    if name not in files:
        raise NotInStudy(name)
    return files[name]
