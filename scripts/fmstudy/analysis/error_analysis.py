"""Which images models get wrong: by class, by agreement of models, and the most telling ones.

Labels and predicted classes are (n,) whole numbers from 0 to 9, predictions (10, n)
probabilities.  Of several seeds, counts and scores are means over the finished trainings.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from fmstudy.analysis.results import Predicted
from fmstudy.analysis.tables import spread
from fmstudy.data.dataset import CLASSES

SCORES = ("precision", "recall", "f1")
_ALL = np.arange(len(CLASSES))

# sklearn is slow to import, so the functions that need it import it.


# ------------------------------------------------------------------------------------ classes
def confusion(labels: np.ndarray, predicted: Predicted) -> np.ndarray:
    """Count images by label (row) and predicted class (column): (10, 10), mean over trainings."""
    from sklearn import metrics

    counts = [metrics.confusion_matrix(labels, c, labels=_ALL) for c in predicted.classes]
    mean: np.ndarray = np.mean(counts, axis=0)
    return mean


def scores(labels: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """Give precision, recall and F1 of each class, (10,), of one training.

    A score that is 0/0 is NaN: the precision of a class that was never predicted, the recall of
    one that has no image.
    """
    from sklearn import metrics

    found = metrics.precision_recall_fscore_support(
        labels, classes, labels=_ALL, zero_division=np.nan
    )
    return dict(zip(SCORES, found, strict=False))


def classes_table(labels: np.ndarray, predicted: Predicted) -> pd.DataFrame:
    """A row a class: its images, and each score as mean and range over the trainings."""
    found = [scores(labels, classes) for classes in predicted.classes]
    rows = []
    for label, name in enumerate(CLASSES):
        row = predicted.described() | {"label": label, "class": name}
        row["support"] = int(np.sum(labels == label))
        for score in SCORES:
            values = [training[score][label] for training in found]
            row |= spread(score, [value for value in values if np.isfinite(value)])
        rows.append(row)
    columns = [*Predicted.COLUMNS, "label", "class", "support"]
    return pd.DataFrame(rows, columns=[*columns, *(c for s in SCORES for c in spread(s, []))])


# ---------------------------------------------------------------------------------- agreement
class Agreement(NamedTuple):
    """How alike two trainings are.

    agreement      share of images to which both give the same class
    shared_errors  images that both get wrong, as a share of those that at least one gets wrong
    kappa          Cohen's kappa of being wrong: how much more often both are right or both wrong
                   than if their mistakes were independent; 0 is chance, 1 the same images
                   (the error consistency of Geirhos, Meding and Wichmann 2020, arXiv:2006.16736)
    """

    agreement: float
    shared_errors: float
    kappa: float


def agree(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> Agreement:
    """Compare the predicted classes of two trainings; NaN where there is nothing to share."""
    from sklearn import metrics

    wrong, other = first != labels, second != labels
    either = int(np.sum(wrong | other))
    told = wrong.any() and other.any() and not (wrong.all() and other.all())
    return Agreement(
        float(np.mean(first == second)),
        float(np.sum(wrong & other)) / either if either else np.nan,
        float(metrics.cohen_kappa_score(wrong, other)) if told else np.nan,
    )


def agreement_table(labels: np.ndarray, predicted: Sequence[Predicted]) -> pd.DataFrame:
    """A row for each two models, and one for each model with itself: means over pairs.

    Trainings of different seeds are compared, because equal seeds start from equal weights and
    are alike for that reason alone; only where there are none, those of equal seeds, and never a
    training with itself.  So a model stands beside itself only if two of its seeds finished, and
    there tells how much a seed alone changes.
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


def _pairs(first: Predicted, second: Predicted) -> list[tuple[np.ndarray, np.ndarray]]:
    """The predicted classes of every two trainings that are compared, each two once."""
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


def hardest_table(labels: np.ndarray, predicted: Sequence[Predicted]) -> pd.DataFrame:
    """A row for each image that every finished training of every model gets wrong.

    predicted is the class that most trainings give it (of equals the first), votes how many do,
    and confidence the mean probability that these give it.  The images on which the trainings
    agree most stand first: their labels deserve a second look.
    """
    finished = [model for model in predicted if model.predictions]
    trained = {
        training: predictions
        for model in finished
        for training, predictions in zip(model.trainings, model.predictions, strict=True)
    }
    if not trained:
        return pd.DataFrame(columns=list(HARDEST))
    every = np.stack(list(trained.values()))  # two models may share a run: it votes once
    classes = every.argmax(axis=1)
    rows = []
    for image in np.flatnonzero((classes != labels).all(axis=0)):
        votes = np.bincount(classes[:, image], minlength=len(CLASSES))
        voted = int(votes.argmax())
        voters = classes[:, image] == voted
        rows.append(
            {
                "image": int(image),
                "label": int(labels[image]),
                "given": CLASSES[labels[image]],
                "predicted_label": voted,
                "predicted": CLASSES[voted],
                "votes": int(votes[voted]),
                "trainings": len(trained),
                "models": len(finished),
                "confidence": float(every[voters, voted, image].astype(np.float64).mean()),
            }
        )
    table = pd.DataFrame(rows, columns=list(HARDEST))
    order = ["votes", "confidence", "image"]
    return table.sort_values(order, ascending=[False, False, True], ignore_index=True)


def confident_mistakes(labels: np.ndarray, predicted: Predicted, count: int) -> pd.DataFrame:
    """Give the images that a model gets wrong most confidently, the most confident first.

    Columns: image, label, predicted, confidence.  Only what all of its finished trainings put
    into the same wrong class counts, ordered by the mean over them of that class's probability.
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
