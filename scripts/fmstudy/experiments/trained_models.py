"""The experiments that train nothing themselves: their results are read off the study's models."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from fmstudy.analysis.calibration import calibration
from fmstudy.analysis.measures import Measures
from fmstudy.analysis.results import Model, Runs
from fmstudy.checks import reference
from fmstudy.experiments.reading import Quantities, by_seed, groups, some
from fmstudy.study.spec import RunSpec

_FINAL = ("train_accuracy", "train_loss", "test_accuracy", "test_loss")


class Images(NamedTuple):
    """Training and test images (features, N), and the latter's one-hot labels (classes, N)."""

    x_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def arms_table(
    arms: Mapping[str, Model],
    runs: Runs,
    labels: np.ndarray,
    x_train: np.ndarray,
    x_test: np.ndarray,
    y_test: np.ndarray,
) -> pd.DataFrame:
    """Read off the study's models what an experiment needs.

    arms: models by the name that they have in the experiment.  The table holds the metrics after
    each epoch, of training and held-out data, and at the end; the gap in loss is against the test
    data, the calibration error that of predictions for the test data (in 15 bins, less what noise
    adds).  Keras evaluates a normalized model by moving averages: test_accuracy_exact and
    test_loss_exact are those of the same weights with the exact statistics of the fitted images.
    """
    m, images = Measures(runs, labels), Images(x_train, x_test, y_test)
    rows: list[dict[str, Any]] = []
    for arm, model in arms.items():
        for seed in runs.finished(model):
            rows += _on_the_way(arm, model, seed, m)
        for metric in _FINAL:
            rows += _finals(arm, metric, m.sample(model, metric).seeds)
        rows += _finals(arm, "gap_loss", m.sample(model, "test_gap_loss").seeds)
        rows += _finals(arm, "calibration_error", calibration_errors(model, m))
        if model["engine"] == "keras" and model["spec"]["batch_norm"] != "none":
            exact = {seed: exact_metrics(model, seed, m, images) for seed in runs.finished(model)}
            for metric in ("test_accuracy_exact", "test_loss_exact"):
                rows += _finals(arm, metric, {seed: each[metric] for seed, each in exact.items()})
    return pd.DataFrame(rows, columns=["arm", "epoch", "measure", "value", "seed"])


def arms_times(arms: Mapping[str, Model], runs: Runs) -> pd.DataFrame:
    """The seconds of whole trainings, without evaluation."""
    return pd.DataFrame(
        [
            (arm, seed, "seconds", runs.provenance(model["run"], seed)["seconds"]["training"])
            for arm, model in arms.items()
            for seed in runs.finished(model)
        ],
        columns=["arm", "seed", "measure", "value"],
    )


def quantities(table: pd.DataFrame) -> Quantities:
    """Every measure of the models at the end of training and, as train_loss_50, after an epoch."""
    end = table[table["epoch"].isna()]
    found = {
        f"{measure}/{arm}": by_seed(end, measure, arm=arm)
        for arm, measure in groups(end, "arm", "measure")
    }
    on_the_way = table[table["epoch"].notna()]
    for arm, measure, epoch in groups(on_the_way, "arm", "measure", "epoch"):
        if measure in ("train_loss", "held_out_loss"):
            rows = some(on_the_way, arm=arm, measure=measure, epoch=epoch)
            found[f"{measure}_{int(epoch)}/{arm}"] = dict(
                zip(rows["seed"].astype(int), rows["value"], strict=True)
            )
    return found


def _on_the_way(
    arm: str, model: Mapping[str, Any], seed: int, m: Measures
) -> Iterator[dict[str, Any]]:
    history = m.runs.history(model["run"], seed)
    held_out = "validation" if (history["split"] == "validation").any() else "test"
    for split, name in (("train", "train"), (held_out, "held_out")):
        for row in history[history["split"] == split].to_dict("records"):
            for metric in ("loss", "accuracy"):
                yield {
                    "arm": arm,
                    "epoch": row["epoch"],
                    "measure": f"{name}_{metric}",
                    "value": row[metric],
                    "seed": seed,
                }


def _finals(arm: str, measure: str, seeds: Mapping[int, float]) -> list[dict[str, Any]]:
    return [
        {"arm": arm, "epoch": None, "measure": measure, "value": value, "seed": seed}
        for seed, value in seeds.items()
    ]


def calibration_errors(model: Mapping[str, Any], m: Measures) -> dict[int, float]:
    """The expected calibration error of each training on the test data, less what noise adds."""
    predicted = m.runs.predicted(model)
    return {
        seed: calibration(m.labels, [predictions]).ece_corrected
        for seed, predictions in zip(predicted.seeds, predicted.predictions, strict=True)
    }


def exact_metrics(
    model: Mapping[str, Any], seed: int, m: Measures, images: Images
) -> dict[str, float]:
    """Test metrics of a normalized Keras model with exact statistics, by NumPy.

    Those of all images that it was fitted to, as one batch, in the place of moving averages.
    """
    spec = RunSpec.from_dict(model["spec"])
    arrays = m.runs.arrays(model["run"], seed)
    p: reference.Parameters = {}
    for layer in range(len(spec.hidden) + 1):
        p[f"coefficients{layer}"] = arrays[f"dense{layer}-kernel"].T
        if f"dense{layer}-bias" in arrays:
            p[f"bias{layer}"] = arrays[f"dense{layer}-bias"][:, np.newaxis]
        if f"normalization{layer}-gamma" in arrays:
            p[f"gamma{layer}"] = arrays[f"normalization{layer}-gamma"][:, np.newaxis]
            p[f"beta{layer}"] = arrays[f"normalization{layer}-beta"][:, np.newaxis]
    net = reference.Net(
        len(spec.hidden) + 1, spec.activation, batch_norm=spec.batch_norm, epsilon=spec.bn_epsilon
    )
    fitted = images.x_train[:, : spec.fitted_samples]
    with threadpool_limits(1):  # the same bytes whatever the number of cores
        x_test, y_test = (
            tensor[:, : spec.test_samples] for tensor in (images.x_test, images.y_test)
        )
        logits = reference.logits(net, p, x_test, reference.statistics(net, p, fitted))
    return {
        "test_accuracy_exact": reference.accuracy(logits, y_test),
        "test_loss_exact": reference.cross_entropy(logits, y_test),
    }
