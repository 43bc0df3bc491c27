"""What is asked: what a run is, the plan of models and sweeps, the configuration, the claims.

It is read each time that the workflow is parsed, so nothing here may be slow to import.

Imports `data`.
"""
