"""Loss over epochs with batch normalization, dropout, both, and neither."""

from fmstudy.experiments.arm_curves import draw

__all__ = ["draw"]
