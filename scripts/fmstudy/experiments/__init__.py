"""The experiments on batch normalization, one folder each, by the experiment's name.

In a folder: `run` trains with one seed, `quantities` are what predictions are about, and `figure`
draws.  What an experiment asks and how long it takes is in `study.experiments`.  Beside the
folders lies what they share.  `run` must not import what reads results, so that editing a
quantity or a figure never retrains anything.

Imports `data`, `study`, `engines`, `analysis`, `checks` and `figures`.
"""
