"""Every figure of the trainings' results, and how figures are styled and saved.

May import `data`, `study` and `analysis`.
"""
