"""The report's figures, drawn by the study's own functions from runs that nobody trained.

The curves, predictions and weights follow from the model's place in the study, so the figures
have the elements of real ones (lines, labels, dots, pictures), and are the same each time.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import test_bn_figures
from fabricated import labels_of, leave
from matplotlib import pyplot as plt

from fmstudy import bn_figures, calibration, closer, closer_figures, figures, svg, tables
from fmstudy import predictions as predicted
from fmstudy.study import Study

IMAGES = 60  # test images that the made-up models have seen
EPOCHS = 12  # at most, so that a figure is small; a curve of 200 has no other elements


def draw(study: Study, results: Path) -> None:
    """Write every figure of the report to results/figures, from results/tables and made-up runs."""
    for run, seed in study.trainings:
        train(results / "runs", study, run, seed)
    with patch.object(svg, "DOTS", 10):  # nobody looks at the PNG beside it
        for name, drawing in drawings(study, results):
            svg.save(drawing(), results / f"figures/{name}.svg")
            plt.close("all")


def train(directory: Path, study: Study, run: str, seed: int) -> None:
    """Leave what a training leaves: accuracy rises and loss falls, a little higher each seed."""
    spec = study.runs[run]
    place = list(study.runs).index(run) + 0.1 * seed
    splits = {"train": 0.02, "test": 0.0} | (
        {"validation": 0.005} if spec.engine == "keras" else {}
    )
    random = np.random.default_rng([place_of := list(study.runs).index(run), seed])
    history = {
        epoch: {
            split: (
                (0.5 - better + 0.01 * seed) + 1.8 / (1 + epoch),
                1000 * spec.delta,
                (0.80 + 0.003 * place + better) - 0.7 / (1 + epoch) ** 2,
            )
            for split, better in splits.items()
        }
        for epoch in range(min(spec.epochs, EPOCHS) + 1)
    }
    final = history[max(history)]
    leave(
        directory,
        run,
        seed,
        np.clip(random.uniform(0.1, 1.0, IMAGES) + 0.002 * place_of, 0.02, 0.98),
        train=final["train"],
        validation=final.get("validation"),
        test=final["test"],
        history=history,
        weights={"coefficients0": random.normal(0, 0.1, (10, 784)).astype(np.float32)},
    )


def drawings(study: Study, results: Path) -> Iterator[tuple[str, Callable[[], svg.Drawing]]]:
    """Every figure's name, and a function that draws it."""
    runs = tables.Runs(results / "runs")
    pictures = np.random.default_rng(28).uniform(0, 1, (784, IMAGES)).astype(np.float32)
    labels = labels_of(IMAGES)
    models = {model.name: model.as_dict() for model in study.models.values()}

    def table(name: str) -> pd.DataFrame:
        return tables.read(results / f"tables/{name}.csv")

    def known(name: str) -> predicted.Predicted:
        return predicted.read_predictions(models[name], runs)

    closer_look = [known(model.name) for model in study.closer.models]
    overview = pd.concat([table(name) for name in ("part_a", "part_b", "batchnorm")])
    printed = {"A": {"test_accuracy": 0.81, "test_loss": 0.6}}
    yield "data", partial(figures.data_pictures, examples(), [6000] * 10)
    yield "models", partial(figures.models_overview, overview, printed)
    yield "epochs", partial(figures.epochs_bars, table("epochs"), study.epochs.model.title)
    yield "depth", partial(figures.depth, table("depth"))
    weighed = [model.as_dict() for model in study.weights]
    yield "weights", partial(figures.weight_histograms, weighed, runs)
    for name, model in models.items():
        yield f"curves_{name}", partial(figures.learning_curves, [model], runs, printed)
    for sweep in study.sweeps.values():
        as_dict = {"title": sweep.title, "vary": sweep.vary, "values": list(sweep.values)}
        swept = [model.as_dict() for model in sweep.models]
        values = table(f"sweep_{sweep.name}")
        yield f"sweep_{sweep.name}", partial(figures.sweep_summary, values, as_dict)
        yield f"sweep_{sweep.name}_curves", partial(figures.sweep_curves, swept, as_dict, runs)
    for comparison in study.comparisons.values():
        several = [model.as_dict() for model in comparison.models]
        yield f"compare_{comparison.name}", partial(figures.learning_curves, several, runs)

    by_class = [closer.classes_table(labels, one) for one in closer_look]
    yield "classes", partial(closer_figures.classes, by_class)
    calibrated = calibration.calibration_table(labels, closer_look)
    yield "calibration", partial(closer_figures.calibrations, calibrated)
    alike = closer.agreement_table(labels, closer_look)
    yield "agreement", partial(closer_figures.agreement, alike, [one.model for one in closer_look])
    hard = closer.hardest_table(labels, closer_look)
    yield "hardest", partial(closer_figures.hardest, hard, pictures, IMAGES)
    near = study.closer.correlation
    yield "duplicates", partial(closer_figures.duplicates, pairs(), near, pictures, pictures)
    for one in closer_look:
        name = one.model["name"]
        yield f"confusion_{name}", partial(closer_figures.confusion_map, labels, one)
        yield f"mistakes_{name}", partial(closer_figures.mistakes, labels, one, pictures)
        yield f"calibration_{name}", partial(closer_figures.reliability_diagram, labels, one)
        if not one.model["spec"]["hidden"]:
            yield f"weights_{name}", partial(closer_figures.layer, one.model, runs)

    yield "bn_network", bn_figures.network_picture
    inside = ["shift-landscape"] if "shift" in study.batchnorm.settings else []
    for experiment in [*study.batchnorm.settings, *inside]:
        yield f"bn_{experiment}", partial(test_bn_figures.drawn, experiment)


def examples() -> dict[str, Any]:
    """What is drawn of the training set: one image of stripes, again and again."""
    image = np.tile(np.linspace(0.0, 255.0, 28), (28, 1))
    return {
        "sample_images": np.tile(image, (10, 8, 1, 1)),
        "class_mean_images": np.tile(image / 255, (10, 1, 1)),
        "mean_image": image / 255,
        "variance_image": image.T / 255 + 0.01,
    }


def pairs() -> pd.DataFrame:
    """The neighbours of test images: each a little less alike, one pair with two labels."""
    places = np.arange(IMAGES)
    correlation = 1.0 - 0.002 * places
    train_labels = np.where(places == 3, (labels_of(IMAGES) + 1) % 10, labels_of(IMAGES))
    return pd.DataFrame({"test": places, "train": places[::-1], "correlation": correlation}).assign(
        test_label=labels_of(IMAGES), train_label=train_labels, exact=(places == 0).astype(int)
    )
