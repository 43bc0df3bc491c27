"""The experiments on batch normalization: what they run, their quantities, their figures.

What runs an experiment may not import what reads its results, so that an edit of a quantity or a
figure trains nothing again.

Imports `data`, `study`, `engines`, `analysis`, `checks` and `figures`.
"""
