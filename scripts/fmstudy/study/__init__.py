"""The study as configured: run specifications, the plan of models and sweeps, and the claims.

The workflow imports this package whenever it is parsed, so nothing here may be slow to import.

Imports `data`.
"""
