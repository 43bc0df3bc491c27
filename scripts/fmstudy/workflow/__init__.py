"""Support for Snakemake: calls, paths, code digests, warm processes, progress, terminal output.

Imports `data`, `study`, `engines`, `analysis`, `checks`, `figures`, `experiments` and `report`.
"""
