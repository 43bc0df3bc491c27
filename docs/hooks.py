"""Fills the pages of docs/reference from the code, and gives the site the report's fonts.

MkDocs calls the functions `on_...` (see mkdocs.yml).  Where a page says `<!-- generated: NAME -->`,
it gets what the function of that name in GENERATED returns.
"""

from __future__ import annotations

import functools
import html
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from fmstudy.analysis import columns  # noqa: E402
from fmstudy.predict import classify, likeness, models, prepare  # noqa: E402
from fmstudy.study import schema  # noqa: E402
from fmstudy.study.reader import read_study  # noqa: E402
from fmstudy.study.resolved import resolve  # noqa: E402
from fmstudy.workflow.layout import Layout  # noqa: E402

Schema = dict[str, Any]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the report's fonts to the site."""
    for font in sorted((ROOT / "report/fonts").glob("ReportSans-*.ttf")):
        files.append(File.generated(config, f"assets/{font.name}", abs_src_path=str(font)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put in what is generated."""
    return re.sub(r"<!-- generated: (\w+) -->", lambda found: GENERATED[found[1]](), markdown)


def _code(text: object) -> str:
    return f"<code>{_escaped(text)}</code>"


def _escaped(text: object) -> str:
    return re.sub(r"[|*_`\[\]{}\\$]", lambda it: f"&#{ord(it[0])};", html.escape(str(text)))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


# ------------------------------------------------------------------------------- configuration
FILES: dict[str, tuple[str, Any]] = {
    "config": ("The study: `config.yaml`", schema.Configuration),
    "claims": ("Claims of the source: `claims.yaml`", schema.Claims),
    "batchnorm": (
        "Claims and predictions on batch normalization: `batchnorm.yaml`",
        schema.Expectations,
    ),
}


def configuration() -> str:
    """Return every key of the files in config/, from the models that check them."""
    parts = []
    for name, (title, kind) in FILES.items():
        content = kind.model_json_schema()
        prefix = "" if name == "config" else f"{name}."
        parts += [f"## {title}\n", *_group("", content, content.get("$defs", {}), prefix)]
    return "\n".join(parts)


def _group(path: str, group: Schema, definitions: Schema, prefix: str) -> Iterator[str]:
    """Yield the table of a group's keys, then the groups in it, each under a heading."""
    if path:
        label = html.escape(path).replace(".", ".\u200b")  # a long path breaks after a dot
        yield f'### `{path}` {{ #{_anchor(prefix + path)} data-toc-label="{label}" }}\n'
    yield f"{_escaped(' '.join(group['description'].split()))}\n"
    rows, inner = [], []
    for key, value in group["properties"].items():
        place = f"{path}.{key}" if path else key
        found = _inner(value, definitions)
        if found:
            inner.append((f"{place}{found[0]}", found[1]))
        described = value.get("description") or (found[1]["description"] if found else "")
        described = described[:1].upper() + described[1:].rstrip(".")
        default = "required" if key in group.get("required", []) else ""
        if "default" in value:
            default = _code(_yaml(value["default"]))
        link = f"[keys](#{_anchor(prefix + inner[-1][0])})" if found else _kind(value)
        anchor = _anchor(f"{prefix}{place}")
        # The heading of a group has the anchor of its key.
        name = _code(key) if found and not found[0] else f'<a id="{anchor}"></a>{_code(key)}'
        rows.append((name, link, default, _escaped(described)))
    yield _table(("key", "value", "default", "meaning"), rows)
    for place, content in inner:
        yield from _group(place, content, definitions, prefix)


def _anchor(path: str) -> str:
    return re.sub(r"[^a-z0-9.-]+", "-", path.lower().replace("<name>", "name")).strip("-")


def _inner(value: Schema, definitions: Schema) -> tuple[str, Schema] | None:
    """Return the group in a key's value, if any, and the end of its path."""
    if "$ref" in value:
        return "", definitions[value["$ref"].rpartition("/")[2]]
    named = [*value.get("patternProperties", {}).values(), value.get("additionalProperties")]
    for end, content in [*((".<name>", it) for it in named), ("[]", value.get("items"))]:
        if isinstance(content, dict) and "$ref" in content:
            return end, definitions[content["$ref"].rpartition("/")[2]]
    return None


def _kind(value: Schema) -> str:
    """Say what a key's value must be."""
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_kind(it) for it in value["anyOf"]))
    if "enum" in value:
        return ", ".join(_code(it) for it in value["enum"])
    kind = value.get("type")
    if kind == "array":
        entries = _kind(value["items"])
        return f"list{_count(value, 'Items')}: {entries}"
    if kind == "object":
        named = [*value.get("patternProperties", {}).values(), value.get("additionalProperties")]
        inside = [_kind(it) for it in named if isinstance(it, dict)]
        return f"by name: {inside[0]}" if inside else "group"
    if kind in ("integer", "number"):
        return ("whole number" if kind == "integer" else "number") + _range(value)
    return {"string": "text", "boolean": "<code>true</code>, <code>false</code>"}.get(kind, "")


def _count(value: Schema, of: str) -> str:
    low, high = value.get(f"min{of}"), value.get(f"max{of}")
    if low == high and low:
        return f" of {low}"
    words = [f"{word} {it}" for word, it in (("at least", low), ("at most", high)) if it]
    return f" of {' and '.join(words)}" if words else ""


def _range(value: Schema) -> str:
    limits = {
        "≥": value.get("minimum", value.get("ge")),
        ">": value.get("exclusiveMinimum", value.get("gt")),
        "≤": value.get("maximum", value.get("le")),
        "<": value.get("exclusiveMaximum", value.get("lt")),
    }
    words = [f"{html.escape(sign)}&nbsp;{it:,}" for sign, it in limits.items() if it is not None]
    return f" {', '.join(words)}" if words else ""


def _yaml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


# ------------------------------------------------------------------------------------- targets
@functools.cache
def _rules() -> dict[str, str]:
    """Return the docstrings of all rules of the default study, as Snakemake lists them."""
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--list-rules"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    listed = re.findall(r"^(\w+)(?: \((.*)\))?$", done.stdout, re.MULTILINE)
    return {name: text for name, text in listed if text}


def _steps() -> set[str]:
    """Return the names of the rules that are not in targets.smk."""
    files = set((ROOT / "workflow/rules").glob("*.smk")) - {ROOT / "workflow/rules/targets.smk"}
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(files))
    return set(re.findall(r"^ *(?:rule|use rule \w+ as) (\w+)", text, re.MULTILINE))


def targets() -> str:
    """Return the targets for people, each with its docstring."""
    steps = _steps()
    rows = [(_code(name), _escaped(text)) for name, text in _rules().items() if name not in steps]
    return _table(("target", "makes"), rows)


def steps() -> str:
    """Return the rules that make single files, each with its docstring."""
    names = _steps()
    rows = [(_code(name), _escaped(text)) for name, text in _rules().items() if name in names]
    return _table(("rule", "makes"), rows)


def make() -> str:
    """Return the targets of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z-]+):.*?## (.*)", text, re.MULTILINE)
    return _table(
        ("command", "does"), ((_code(f"make {it}"), _escaped(said)) for it, said in found)
    )


# -------------------------------------------------------------------------- tables and columns
def tables() -> str:
    """Return the tables of the default study, and the columns that the page shows of each."""

    def find(path: str) -> str:
        return str(ROOT / path)

    study = resolve(*read_study([ROOT / "config/config.yaml"], find), find, "config").study
    names = [Path(path).stem for path in Layout(study).all_tables()]
    rows = []
    for name in names:
        shown = [it for pattern, it in columns.PAGE.items() if fnmatchcase(name, pattern)]
        rows.append((_code(name), ", ".join(map(_code, shown[0].split())) if shown else ""))
    return _table(("table", "columns that the page shows"), rows)


FORMATS = {
    "text": "text", "code": "text, a name", "words": "text, a name", "verdict": "text, a verdict",
    "count": "whole number", "number": "number", "setting": "number or text",
    "loss": "nats", "fixed": "number", "fixed1": "number", "scientific": "number",
    "significant": "number", "percent1": "share in [0, 1]", "percent2": "share in [0, 1]",
    "points": "difference of shares", "signed": "difference", "signed3": "difference, nats",
    "p_value": "probability", "seconds": "seconds", "factor": "factor",
    "amount": "unit or metric of the row", "value": "unit or metric of the row",
    "difference": "unit or metric of the row", "plus_minus": "unit or metric of the row",
}  # fmt: skip


def column_table() -> str:
    """Return every column, with its heading and what its values are."""
    rows = [
        (_code(key), "all", _escaped(head), FORMATS[kind])
        for key, (head, kind) in columns.COLUMNS.items()
    ]
    for place, (head, kind) in columns.IN_TABLE.items():
        table, _, key = place.rpartition(".")
        rows.append((_code(key), _code(table), _escaped(head), FORMATS[kind]))
    rows.sort(key=lambda row: (re.sub("<.*?>", "", row[0]), row[1] != "all", row[1]))
    return _table(("column", "tables", "heading", "values"), rows)


# -------------------------------------------------------------------------------------- Python
def python() -> str:
    """Return signature and docstring of what people call in their own programs."""
    parts = []
    for item in (
        classify.classify,
        classify.Answer,
        prepare.Prepared,
        likeness.Likeness,
        models.load,
    ):
        name, text = item.__name__, inspect.getdoc(item) or ""
        where = f"from {item.__module__} import {name}\n\n"
        source = "" if inspect.isclass(item) else f"{name}{_parameters(item)}\n\n"
        parts.append(f"## `{name}`\n\n```text\n{where}{source}{text}\n```\n")
    return "\n".join(parts)


def _parameters(function: Callable[..., Any]) -> inspect.Signature:
    """Return the parameters with their defaults; the docstring says what they take."""
    signature = inspect.signature(function)
    plain = [it.replace(annotation=it.empty) for it in signature.parameters.values()]
    return signature.replace(parameters=plain, return_annotation=signature.empty)


GENERATED = {
    function.__name__: function
    for function in (configuration, targets, steps, make, tables, column_table, python)
}
