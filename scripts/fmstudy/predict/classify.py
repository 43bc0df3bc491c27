"""Classifies pictures with the trained models of a finished study.

    from fmstudy.predict.classify import classify

    for answer in classify(["boot.jpg", "bag.png"], "results/quick"):
        print(answer.name, answer.classes)

Every picture gets one of the classes that the models know, whatever it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fmstudy.predict.likeness import Likeness, likeness
from fmstudy.predict.models import Study, load
from fmstudy.predict.prepare import Prepared, prepare, read_picture
from fmstudy.runtime import StudyError

Source = str | Path | np.ndarray | Image.Image


@dataclass(frozen=True)
class Answer:
    """What the models answer to a picture.

    name           its path, or its number if it is no file
    prepared       the picture as the models see it, with the steps of its preparation
    probabilities  of each class, (classes,) float64, by the model's name
    classes        the most probable class, by the model's name
    likeness       to the training images; None if those are not there
    """

    name: str
    prepared: Prepared
    probabilities: Mapping[str, np.ndarray]
    classes: Mapping[str, str]
    likeness: Likeness | None


def classify(
    images: Iterable[Source] | Source,
    results: str | Path | Study = "results",
    models: Sequence[str] | None = None,
    errors: dict[str, str] | None = None,
) -> list[Answer]:
    """Classify pictures with the trained models of a study.

    images   paths of files, Pillow images, or arrays: (rows, columns) or (rows, columns, 3 or 4),
             uint8 or fractions from 0 to 1; or one of these
    results  the result folder of a finished study, or the result of `models.load`
    models   names of models; None means those of the study's sections, no sweeps
    errors   if given, takes the problems by the names of pictures that cannot be used;
             without it, the first such problem is raised

    Returns an answer per picture, in their order.  Raises StudyError as `models.load`,
    `prepare.read_picture` and `prepare.prepare` do.
    """
    study = results if isinstance(results, Study) else load(results, models)
    given = [images] if isinstance(images, Source) else images
    prepared = list(_prepared(given, study, errors))
    if not prepared:
        return []
    x = np.stack([it.image.ravel() for _, it in prepared], axis=1) / np.float32(study.target.white)
    found = {model.name: model.probabilities(x) for model in study.models}
    like = likeness(x, study.x_train, study.of_test) if study.of_test.size else [None] * x.shape[1]
    return [
        Answer(
            name,
            picture,
            {model: p[:, place] for model, p in found.items()},
            {model: study.classes[int(p[:, place].argmax())] for model, p in found.items()},
            like[place],
        )
        for place, (name, picture) in enumerate(prepared)
    ]


def _prepared(
    images: Iterable[Source], study: Study, errors: dict[str, str] | None
) -> Iterator[tuple[str, Prepared]]:
    """Yield name and preparation of each picture."""
    for place, source in enumerate(images, 1):
        name = str(source) if isinstance(source, str | Path) else f"picture {place}"
        name = name.encode(errors="backslashreplace").decode()  # bytes that are no text
        try:
            yield name, prepare(read_picture(source), study.target)
        except StudyError as error:
            if errors is None:
                raise StudyError(f"{name}: {error}") from error
            errors[name] = str(error)
