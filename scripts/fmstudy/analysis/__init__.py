"""Analysis of results: their reader, statistics, verdicts, ledger, claims, error analysis.

It reads the files that trainings write, and is independent of the engines.

Imports `data` and `study`.
"""
