"""Batch normalization before or after the activation, in Keras models."""
