"""The study as a run of Snakemake: digests of code, warm processes, progress, what a person sees.

Imports `data`, `study`, `engines`, `analysis`, `checks`, `figures`, `experiments` and `report`.
"""
