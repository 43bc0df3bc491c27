"""Figures of the results, and their style and files.

Imports `data`, `study` and `analysis`.
"""
