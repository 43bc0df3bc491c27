"""How readers know the settings of the configuration: their names and values in words."""

from typing import Any

from fmstudy.numbers import number
from fmstudy.study.spec import PENALTIES

ENGINES = {"lowlevel": "low-level", "keras": "Keras"}
_WORDS = PENALTIES | {"relu": "ReLU", "adam": "Adam", "sgd": "SGD"}


def setting_name(key: str) -> str:
    """Name a key of the configuration for readers: learning rate, hidden layers."""
    return "hidden layers" if key == "hidden" else key.replace("_", " ")


def setting_text(value: Any) -> str:
    """Format a setting for readers: 0.001, ReLU, signed L1, or the units of layers, 300-100."""
    if isinstance(value, list | tuple):
        return "-".join(map(str, value)) or "none"
    return _WORDS.get(value, value) if isinstance(value, str) else number(value)
