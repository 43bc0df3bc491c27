"""Is the study itself right?  A reference in NumPy, engines against it, simulated statistics.

Imports `data`, `study`, `engines` and `analysis`.
"""
