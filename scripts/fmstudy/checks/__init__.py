"""Checks of the study itself: engines against a NumPy reference, and simulated statistics.

Imports `data`, `study`, `engines` and `analysis`.
"""
