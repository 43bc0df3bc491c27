"""Classify pictures with the trained models of a finished study.

    python scripts/predict_images.py boot.jpg --results results/quick --picture boot-steps.png

As `make predict IMAGE=boot.jpg STUDY=quick PICTURE=boot-steps.png`.  The exit code is 0 if every
picture was classified, and otherwise 1.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from fmstudy import runtime
from fmstudy.predict import models, output
from fmstudy.predict.classify import Answer, classify
from fmstudy.study.configuration import printable

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
SUFFIXES |= {".avif", ".heic", ".heif"}  # cannot be read, which is then said


def main(*arguments: str) -> int:
    """Print the answers, and write what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(
        description="Classify pictures with the trained models of a finished study.",
        epilog="Every picture gets one of the classes that the models know, whatever it shows.",
    )
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="a picture, or a folder of them")
    parser.add_argument(
        "--results", default="results", help="the study's result folder, such as results/quick"
    )
    parser.add_argument("--models", default="", help='names of models, such as "a b"; default: all')
    parser.add_argument(
        "--picture", help="PNG of the steps and probabilities; for several pictures, a folder"
    )
    parser.add_argument("--json", help="file for all probabilities, as JSON")
    given = parser.parse_args(arguments)
    try:
        paths = pictures(given.images)
        refuse_overwriting(paths, given.picture, given.json)
        study = models.load(given.results, given.models.split() or None)
        errors: dict[str, str] = {}
        answers = classify(paths, study, errors=errors)
        print(output.terminal(answers, study, errors))
        if given.json:
            runtime.write_json(given.json, output.as_json(answers, study, errors))
            print(f"\nAll probabilities: {given.json}")
        if given.picture and answers:
            save(answers, study, given.picture, one=len(paths) == 1)
            print(f"\nSteps and probabilities: {given.picture}")
    except (runtime.StudyError, OSError) as error:
        number = getattr(error, "errno", None)
        text = runtime.remedy(number, getattr(error, "filename", "")) or str(error)
        print(printable(text), file=sys.stderr)
        return 1
    return 1 if errors else 0


def pictures(given: Sequence[str]) -> list[Path]:
    """Return the pictures that are named, and those in named folders and in their folders.

    One text may name several, quoted where their names contain spaces, as make passes them on.
    Raises StudyError if there is none.
    """
    found: list[Path] = []
    for path in (Path(os.path.expanduser(name)) for text in given for name in _names(text)):
        if not os.path.isdir(path):  # False for a name that is too long, unlike Path.is_dir
            found.append(path)
            continue
        inside = [
            it
            for it in sorted(path.rglob("*"))
            if it.suffix.lower() in SUFFIXES and it.is_file() and not it.name.startswith(".")
        ]
        if not inside:
            raise runtime.StudyError(f"{path}: there are no pictures in this folder.")
        found += inside
    return list(dict.fromkeys(found))


def _names(text: str) -> list[str]:
    """Return the names in a text: the whole text if it is one, or else as a shell splits it."""
    if not text.strip():
        raise runtime.StudyError("A picture without a name. Name a picture or a folder.")
    if os.path.exists(os.path.expanduser(text)):
        return [text]
    try:
        return [name for name in shlex.split(text) if name] or [text]
    except ValueError:  # a quote without its partner belongs to the name
        return [text]


def refuse_overwriting(paths: Sequence[Path], *places: str | None) -> None:
    """Raise StudyError if an answer would be written over a picture, or among the pictures."""
    taken = {os.path.realpath(it) for path in paths for it in (path, path.parent)}
    for place in places:
        if place and os.path.realpath(place) in taken:
            raise runtime.StudyError(
                f"{place}: the pictures to classify are here. Name a new place."
            )


def save(answers: Sequence[Answer], study: models.Study, place: str, one: bool) -> None:
    """Draw one answer into a file, or each of them into a folder, under the picture's name."""
    from fmstudy.predict import pictures as drawing  # which takes a second to import

    if one:
        drawing.save(answers[0], study, place)
        return
    names: set[str] = set()
    for answer in answers:
        name, count = Path(answer.name).stem, 1
        while name in names:
            count += 1
            name = f"{Path(answer.name).stem}-{count}"
        names.add(name)
        drawing.save(answer, study, Path(place) / f"{name}.png")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
