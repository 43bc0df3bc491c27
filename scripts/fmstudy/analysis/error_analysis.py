"""Misclassified images: by class, by agreement of models, and the hardest images.

Labels and predicted classes are (n,) integers, predictions (classes, n) probabilities.
Counts and scores are means over the finished trainings.  `summary` is that of the data set.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fmstudy.analysis.results import ModelPredictions
from fmstudy.analysis.tables import spread

SCORES = ("precision", "recall", "f1")

# sklearn is slow to import, so only the functions that need it import it.


# ------------------------------------------------------------------------------------ classes
def confusion(labels: np.ndarray, predicted: ModelPredictions) -> np.ndarray:
    """Return the confusion matrix, labels in rows: (classes, classes), mean over trainings."""
    from sklearn import metrics

    every = np.arange(len(predicted.predictions[0]))
    counts = [metrics.confusion_matrix(labels, it, labels=every) for it in predicted.classes]
    mean: np.ndarray = np.mean(counts, axis=0)
    return mean


def scores(labels: np.ndarray, predicted: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """Return precision, recall and F1 of each class, (classes,), for one training.

    Scores of 0/0 are NaN: the precision of a class that is never predicted, and the recall of a
    class without images.
    """
    from sklearn import metrics

    found = metrics.precision_recall_fscore_support(
        labels, predicted, labels=np.arange(classes), zero_division=np.nan
    )
    return dict(zip(SCORES, found, strict=False))


def classes_table(
    labels: np.ndarray, predicted: ModelPredictions, summary: Mapping[str, Any]
) -> pd.DataFrame:
    """One row per class: number of images, and mean and range of each score over trainings.

    `taken_for` is the class that its images are most often mistaken for, and `taken` their number.
    """
    names = summary["classes"]
    found = [scores(labels, classes, len(names)) for classes in predicted.classes]
    mistaken = confusion(labels, predicted) if found else np.zeros((len(names), len(names)))
    np.fill_diagonal(mistaken, 0)
    rows = []
    for label, name in enumerate(names):
        row = predicted.model_columns() | {"label": label, "class": name}
        row["support"] = int(np.sum(labels == label))
        for score in SCORES:
            values = [training[score][label] for training in found]
            row |= spread(score, [value for value in values if np.isfinite(value)])
        most = int(np.argmax(mistaken[label]))
        taken = float(mistaken[label, most])
        rows.append(row | {"taken_for": names[most] if taken else "", "taken": taken})
    columns = [*ModelPredictions.COLUMNS, "label", "class", "support"]
    spreads = [column for score in SCORES for column in spread(score, [])]
    return pd.DataFrame(rows, columns=[*columns, *spreads, "taken_for", "taken"])


# ---------------------------------------------------------------------------------- agreement
class Agreement(NamedTuple):
    """The agreement of two trainings.

    agreement      fraction of images with the same predicted class
    shared_errors  images misclassified by both, as a fraction of those misclassified by either
    kappa          Cohen's kappa of errors: 0 if errors are independent, 1 if they are on the same
                   images (error consistency, Geirhos, Meding and Wichmann 2020, arXiv:2006.16736)
    """

    agreement: float
    shared_errors: float
    kappa: float


def agree(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> Agreement:
    """Compare the predicted classes of two trainings; undefined measures are NaN."""
    from sklearn import metrics

    wrong, other = first != labels, second != labels
    either = int(np.sum(wrong | other))
    defined = wrong.any() and other.any() and not (wrong.all() and other.all())
    return Agreement(
        float(np.mean(first == second)),
        float(np.sum(wrong & other)) / either if either else np.nan,
        float(metrics.cohen_kappa_score(wrong, other)) if defined else np.nan,
    )


def agreement_table(labels: np.ndarray, predicted: Sequence[ModelPredictions]) -> pd.DataFrame:
    """One row per pair of models, and one per model with itself: means over pairs of trainings.

    Pairs have different seeds if possible, because trainings with equal seeds start from equal
    weights and are more similar; a training is never compared with itself.  A model is compared
    with itself only if two of its seeds finished, which shows the effect of the seed alone.
    """
    measures = Agreement._fields
    rows = []
    for first, second in itertools.combinations_with_replacement(predicted, 2):
        pairs = _pairs(first, second)
        if not pairs:
            continue
        found = np.array([agree(labels, *pair) for pair in pairs])
        row = {"model": first.model["name"], "title": first.model["title"]}
        row |= {"other": second.model["name"], "other_title": second.model["title"]}
        row["pairs"] = len(pairs)
        for name, values in zip(measures, found.T, strict=True):
            known = values[np.isfinite(values)]
            row[name] = float(known.mean()) if known.size else None
        rows.append(row)
    columns = ["model", "title", "other", "other_title", "pairs", *measures]
    return pd.DataFrame(rows, columns=columns)


def _pairs(
    first: ModelPredictions, second: ModelPredictions
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the predicted classes of every pair of trainings to compare, without repetition."""
    left = zip(first.trainings, first.classes, strict=True)
    right = list(zip(second.trainings, second.classes, strict=True))
    every = {
        frozenset((one, other)): (classes, others, one[1] != other[1])
        for one, classes in left
        for other, others in right
        if one != other
    }
    apart = any(differ for *_, differ in every.values())
    return [(a, b) for a, b, differ in every.values() if differ or not apart]


# ------------------------------------------------------------------------------ single images
HARDEST = (
    *("image", "label", "given", "predicted_label", "predicted"),
    *("votes", "trainings", "models", "confidence"),
)


def hardest_table(
    labels: np.ndarray, predicted: Sequence[ModelPredictions], summary: Mapping[str, Any]
) -> pd.DataFrame:
    """One row per image that every finished training of every model misclassifies.

    predicted is the most frequently predicted class (the first of ties), votes the number of
    trainings that predict it, and confidence their mean probability for it.  Images with the most
    votes come first: their labels may be wrong.
    """
    finished = [model for model in predicted if model.predictions]
    trained = {
        training: predictions
        for model in finished
        for training, predictions in zip(model.trainings, model.predictions, strict=True)
    }
    if not trained:
        return pd.DataFrame(columns=list(HARDEST))
    names = summary["classes"]
    every = np.stack(list(trained.values()))  # a run shared by two models has one vote
    classes = every.argmax(axis=1)
    rows = []
    for image in np.flatnonzero((classes != labels).all(axis=0)):
        votes = np.bincount(classes[:, image], minlength=len(names))
        voted = int(votes.argmax())
        voters = classes[:, image] == voted
        rows.append(
            {
                "image": int(image),
                "label": int(labels[image]),
                "given": names[labels[image]],
                "predicted_label": voted,
                "predicted": names[voted],
                "votes": int(votes[voted]),
                "trainings": len(trained),
                "models": len(finished),
                "confidence": float(every[voters, voted, image].astype(np.float64).mean()),
            }
        )
    table = pd.DataFrame(rows, columns=list(HARDEST))
    order = ["votes", "confidence", "image"]
    return table.sort_values(order, ascending=[False, False, True], ignore_index=True)


def confident_mistakes(labels: np.ndarray, predicted: ModelPredictions, count: int) -> pd.DataFrame:
    """Return the images that a model misclassifies most confidently, the most confident first.

    Columns: image, label, predicted, confidence.  Includes only images with the same wrong class in
    all finished trainings, sorted by the mean probability of that class.
    """
    columns = ["image", "label", "predicted", "confidence"]
    if not predicted.predictions:
        return pd.DataFrame(columns=columns)
    classes = np.stack(predicted.classes)
    same = (classes == classes[0]).all(axis=0) & (classes[0] != labels)
    images = np.flatnonzero(same)
    chosen = classes[0, images]
    confidence = np.mean([p[chosen, images] for p in predicted.predictions], axis=0, dtype=float)
    order = np.lexsort((images, -confidence))[:count]
    found = (images[order], labels[images[order]], chosen[order], confidence[order])
    return pd.DataFrame(dict(zip(columns, found, strict=True)))
