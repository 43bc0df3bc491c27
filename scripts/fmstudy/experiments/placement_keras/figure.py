"""Loss over epochs with batch normalization before and after the activation."""

from fmstudy.experiments.arm_curves import draw

__all__ = ["draw"]
