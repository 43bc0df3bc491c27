"""The library of the Fashion-MNIST study: everything that the pipeline's scripts call.

From the bottom up: `data`, `study` (configuration and plan), `engines` (training), `analysis`
(statistics and tables), `checks` (tests of engines and statistics), `figures`, `experiments` (on
batch normalization), `report`, `workflow`.  Imports point downward only: each package's docstring
lists its imports, and tests/test_layers.py checks them.  All packages use `runtime` for files, logs
and errors.  Only `workflow` depends on Snakemake; only modules that train import TensorFlow.  Each
`__init__.py` holds only a docstring, so that jobs start fast.
"""
