"""Answers as text for the terminal, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fmstudy.analysis.formats import spelled
from fmstudy.predict.classify import Answer
from fmstudy.predict.likeness import RARE
from fmstudy.predict.models import Study
from fmstudy.study.configuration import printable

NEXT = 2  # further classes of each answer
UNLIKE = "*"


def percent(p: float) -> str:
    """Format a probability; hardly any is 0 or 1."""
    return "< 0.1 %" if 0 < p < 0.0005 else "> 99.9 %" if 0.9995 < p < 1 else f"{100 * p:.1f} %"


def ranked(answer: Answer, model: str, study: Study) -> list[tuple[str, float]]:
    """Return the classes with their probabilities, the most probable first."""
    p = answer.probabilities[model]
    return [(study.classes[place], float(p[place])) for place in (-p).argsort(kind="stable")]


def terminal(answers: Sequence[Answer], study: Study, errors: Mapping[str, str]) -> str:
    """Return what a person reads: a table, what the models do not know, and the errors."""
    parts = [f'Models of "{study.title}", results in {study.folder}']
    if study.diverged:
        parts[0] += f"\nWithout an answer, because every training diverged: {study.diverged[0]}"
        parts[0] += "".join(f", {title}" for title in study.diverged[1:])
    if len(answers) == 1 and not errors:
        parts += _one(answers[0], study)
    elif answers:
        parts += _many(answers, study)
    if answers:
        parts.append(limits(study))
    if errors:
        lines = [f"  {printable(name)}: {text}" for name, text in errors.items()]
        parts.append("\n".join([f"Not classified: {len(errors)}", *lines]))
    return "\n\n".join("\n".join(map(printable, part.split("\n"))) for part in parts)


def limits(study: Study) -> str:
    """Say what the models do not know."""
    return (
        f"Every picture gets one of the {spelled(len(study.classes))} classes, whatever it shows.\n"
        "A probability says how sure a model is, not how often it is right."
    )


def _name(answer: Answer) -> str:
    """Return the name of a picture on one line, whatever the file is called."""
    return printable(answer.name)


def _one(answer: Answer, study: Study) -> list[str]:
    columns, rows = answer.prepared.size
    inverted = ", inverted" if answer.prepared.inverted else ""
    table = [("Model", "Name", "Answer", "", "Next")]
    for model in study.models:
        (best, p), *others = ranked(answer, model.name, study)[: NEXT + 1]
        further = ", ".join(f"{name} {percent(q)}" for name, q in others)
        table.append((model.title, model.name, best, percent(p), further))
    parts = [f"{_name(answer)}: {columns} × {rows} pixels{inverted}", _aligned(table, right={3})]
    if like := answer.likeness:
        unlike = "It is unlike the training images, so the answers mean little.\n" * like.unlike
        parts.append(
            f"{unlike}Its correlation with the most similar training image is "
            f"{like.correlation:.2f}; {percent(like.share)} of the test\nimages have none that is "
            "more similar."
        )
    return parts


def _many(answers: Sequence[Answer], study: Study) -> list[str]:
    table = [("Picture", "Answer", "Models", "Probability", "Others")]
    agreed, unlike = 0, 0
    for answer in answers:
        best, count = majority(answer)
        agreed += count == len(study.models)
        inside = [
            max(answer.probabilities[name]) for name, it in answer.classes.items() if it == best
        ]
        low, high = percent(min(inside)), percent(max(inside))
        others = Counter(it for it in answer.classes.values() if it != best)
        strange = answer.likeness is not None and answer.likeness.unlike
        unlike += strange
        table.append(
            (
                f"{_name(answer)} {UNLIKE * strange}".rstrip(),
                best,
                f"{count} of {len(study.models)}",
                low if low == high else f"{low} to {high}",
                ", ".join(f"{name} ({times})" for name, times in others.items()),
            )
        )
    by_class = Counter(majority(answer)[0] for answer in answers)
    summary = [
        f"{len(answers)} picture{'s'[: len(answers) - 1]}; all models agree on {agreed}.",
        "By answer: " + ", ".join(f"{name} ({n})" for name, n in by_class.most_common()) + ".",
    ]
    if unlike:
        summary.append(
            f"{UNLIKE} marks {unlike} that {'is' if unlike == 1 else 'are'} unlike the training "
            "images, so these answers mean little:\n"
            f"  fewer than {percent(RARE)} of the test images are as unlike them."
        )
    return [_aligned(table, right=set()), "\n".join(summary)]


def majority(answer: Answer) -> tuple[str, int]:
    """Return the class that most models answer, and how many; the first of those with as many."""
    return Counter(answer.classes.values()).most_common(1)[0]


def _aligned(rows: Sequence[Sequence[str]], right: set[int]) -> str:
    """Return rows of texts as columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def as_json(answers: Sequence[Answer], study: Study, errors: Mapping[str, str]) -> dict[str, Any]:
    """Return all answers as an object for JSON.

    docs/how-to/classify-your-own-pictures.md describes it.
    """
    return {
        "title": study.title,
        "results": study.folder,
        "classes": list(study.classes),
        "models": [
            {"name": it.name, "title": it.title, "run": it.run, "seed": it.seed}
            for it in study.models
        ],
        "pictures": [_picture(answer, study) for answer in answers],
        "errors": [{"file": name, "problem": text} for name, text in errors.items()],
    }


def _picture(answer: Answer, study: Study) -> dict[str, Any]:
    like = answer.likeness
    return {
        "file": answer.name,
        "size": list(answer.prepared.size),
        "inverted": answer.prepared.inverted,
        "image": answer.prepared.image.tolist(),
        "white": study.target.white,
        "likeness": like and like._asdict() | {"unlike": like.unlike},
        "answers": {
            name: {
                "class": answer.classes[name],
                "probabilities": dict(zip(study.classes, p.tolist(), strict=True)),
            }
            for name, p in answer.probabilities.items()
        },
    }
