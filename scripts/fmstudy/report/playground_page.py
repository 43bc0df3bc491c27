"""Renders the playground: one self-contained page, with the models' weights in it.

Nothing depends on when or where the page is rendered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from fmstudy.analysis import columns
from fmstudy.predict import prepare
from fmstudy.report import playground
from fmstudy.report.fonts import characters_of, embedded
from fmstudy.report.pages import as_text, environment, source_hash
from fmstudy.runtime import StudyError
from fmstudy.study.spec import RunSpec

PAGE, STYLE, SCRIPT = "page.html.j2", "style.css", "script.js"
# Of the report: the colors, and the theme that the reader chose there.
REPORT_STYLE, REPORT_THEME = "style.css", "theme.js"


def colors(style: str) -> str:
    """Return the first paragraph of the report's style sheet, which defines its colors and fonts.

    Raises StudyError if it does not.
    """
    first = style.partition("\n\n")[0]
    if "--paper:" not in first:
        raise StudyError(
            f"{REPORT_STYLE} of the report must start with its colors, then a blank line"
        )
    return first


def shown_models(
    models: Sequence[playground.Model], packed: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Describe the models in the page, in the order of their columns."""
    return [
        {key: model[key] for key in ("name", "title")}
        | {key: model["spec"][key] for key in ("activation", "hidden", "dropout", "batch_norm")}
        | {"sizes": list(RunSpec.from_dict(model["spec"]).layer_sizes)}
        for model in models
        if playground.unpack(packed, model["name"])
    ]


def load_context(
    title: str,
    report: str,
    models: Sequence[playground.Model],
    packed: Mapping[str, np.ndarray],
    table: Sequence[Mapping[str, Any]],
    data: Mapping[str, Any],
    samples: np.ndarray,
) -> dict[str, Any]:
    """Return what the template uses.

    title    of the study
    report   file name of the report, which lies beside the page
    models   as dictionaries, in the order of the page
    packed   the result of `playground.pack`
    table    the rows of `playground.agreement_table`
    data     the summary of the data set
    samples  some of its training images, (..., rows, columns)
    """
    shown = shown_models(models, packed)
    names = {model["name"] for model in shown}
    nets = [playground.unpack(packed, model["name"]) for model in shown]
    target = prepare.Target.of(data, samples)
    setup = {
        "models": [{key: it[key] for key in ("title", "activation", "sizes")} for it in shown],
        "classes": data["classes"],
        **target._asdict(),
        "preparation": prepare.CONSTANTS | {"most": prepare.MOST_PIXELS, "empty": prepare.EMPTY},
        "labels": packed["labels"].tolist(),
        "places": packed["places"].tolist(),
    }
    return {
        "title": title,
        "report": report,
        "data": data,
        "is_fashion": target.sharpen,
        "background": target.background,
        "steps": [*target.steps(), prepare.UNCHANGED],
        "models": shown,
        "diverged": [model["title"] for model in models if model["name"] not in names],
        "linear": next((it["title"] for it in shown if not it["hidden"]), None),
        "agreement": {row["model"]: row for row in table},
        "agreement_columns": columns.on_page("playground"),
        "images": len(packed["labels"]),
        "setup": json_markup(setup),
        "weights": as_text(playground.compressed(playground.weight_parts(nets))),
        "pixels": as_text(playground.compressed([packed["pixels"]])),
    }


def json_markup(content: Any) -> Markup:
    """Return JSON that may stand in a script element: no character of it ends the element."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def render(files: Sequence[str | Path], context: Mapping[str, Any]) -> str:
    """Render the page from its files, and the result of `load_context`.

    files: those of the playground (PAGE, STYLE, SCRIPT), then the report's REPORT_STYLE and
    REPORT_THEME.
    """
    page, style, script, report_style, theme = map(Path, files)
    template = environment(page.parent).get_template(page.name)
    scripts = [_read(theme), _read(script)]
    look = f"{colors(_read(report_style))}\n{_read(style)}"

    def rendered(fonts: str) -> str:
        styles = f"{fonts}\n{look}"
        allowed = {
            "allowed_scripts": Markup(" ".join(map(source_hash, scripts))),
            "allowed_styles": Markup(source_hash(styles)),
        }
        own = {"theme": Markup(scripts[0]), "script": Markup(scripts[1]), "styles": Markup(styles)}
        return template.render({**context, **allowed, **own, "column": columns.column})

    return rendered(embedded(*characters_of(rendered(""))))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
