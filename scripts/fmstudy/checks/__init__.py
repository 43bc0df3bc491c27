"""Is the study itself right?  A reference in NumPy, engines against it, simulated statistics.

May import `data`, `study`, `engines` and `analysis`.
"""
