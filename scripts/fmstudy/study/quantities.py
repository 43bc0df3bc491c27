"""The names of the quantities that experiments measure, such as decades/relu/sgd/bn."""

from __future__ import annotations


def unit_of(quantity: str) -> str:
    """The unit in which a quantity is written: points, nats, decades, a factor, or none.

    A factor is stored as its logarithm.
    """
    kind = kind_of(quantity)
    if "accuracy" in kind:
        return "points"
    if "loss" in kind:
        return "nats"
    if kind in ("decades", "step"):
        return "decades"
    factors = ("highest", "best_rate", "effective_rate", "steps_", "seconds_", "gradient_change")
    return "factor" if kind.startswith(factors) else ""


def kind_of(quantity: str) -> str:
    """The kind of a quantity: decades of decades/relu/sgd/bn."""
    return quantity.split("/", maxsplit=1)[0]
