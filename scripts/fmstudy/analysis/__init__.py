"""What the results say: one reader of them, statistics, verdicts, ledger, claims, error analysis.

It works on files that trainings left behind, and knows no engine.

Imports `data` and `study`.
"""
