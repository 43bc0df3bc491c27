"""Batch normalization before or after the activation."""
