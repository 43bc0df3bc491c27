"""The table of hyperparameters: every training choice of every model, from its specification.

What no specification says, because the engines fix it, is here; tests compare it with the engines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from fmstudy.study.spec import PENALTIES, RunSpec
from fmstudy.study.words import ENGINES, setting_text

Row = dict[str, Any]

BIASES = {"scalar": "one per layer", "vector": "one per unit"}
# With batch normalization before the activation, hidden layers have none.
OUTPUT_BIASES = {"scalar": "one, of the output layer", "vector": "one per output unit"}
# The names of the optimizers, and the parameters that all engines leave at Keras' defaults.
OPTIMIZERS: dict[str, Row] = {
    "adam": {"optimizer": "Adam", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "sgd": {"optimizer": "SGD", "momentum": 0.0},
}
_OF_OPTIMIZERS = ("optimizer", "beta_1", "beta_2", "epsilon", "momentum")


def settings_table(models: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per model; what a model does not have is missing.

    bias         how many biases each layer has, all initially 0
    weight_std   standard deviation of normal initial weights with mean 0
    batch_size   samples per step; a full batch is all fitted samples
    seed_list    the seeds of the model's trainings
    """
    return pd.DataFrame(_row(model) for model in models)


def _row(model: Mapping[str, Any]) -> Row:
    spec = RunSpec.from_dict(model["spec"])
    hidden, normalized = bool(spec.hidden), bool(spec.hidden) and spec.batch_norm != "none"
    biases = OUTPUT_BIASES if normalized and spec.batch_norm == "before" else BIASES
    return {
        "model": model["name"],
        "title": model["title"],
        "engine": ENGINES[spec.engine],
        "hidden": "-".join(map(str, spec.hidden)),
        "activation": setting_text(spec.activation) if hidden else None,
        "parameters": spec.parameters,
        "initial_weights": "Glorot uniform" if spec.weight_std is None else "normal",
        "weight_std": spec.weight_std,
        "bias": biases[spec.bias],
        "penalty": PENALTIES.get(spec.penalty),
        "delta": spec.delta if spec.penalty != "none" else None,
        "dropout": spec.dropout,
        "batch_norm": f"{spec.batch_norm} the activation" if normalized else None,
        "bn_epsilon": spec.bn_epsilon if normalized else None,
        "bn_momentum": spec.bn_momentum if normalized and spec.engine == "keras" else None,
        **dict.fromkeys(_OF_OPTIMIZERS) | OPTIMIZERS[spec.optimizer],
        "learning_rate": spec.learning_rate,
        "batch_size": spec.batch_size or spec.fitted_samples,
        "epochs": spec.epochs,
        "train_samples": spec.train_samples,
        "validation_split": spec.validation_split,
        "seed_list": ", ".join(map(str, model["seeds"])),
    }
