"""From results and figures to pages: numbers in words, the report, its PDF, LaTeX, the explorer.

Imports `data`, `study`, `analysis`, `predict` and `figures`.
"""
