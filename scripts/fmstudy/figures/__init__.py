"""Every figure of the trainings' results, and how figures are styled and saved.

Imports `data`, `study` and `analysis`.
"""
