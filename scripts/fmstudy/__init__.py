"""The library of the Fashion-MNIST study: everything that the pipeline's scripts call.

From the bottom up: `data`, `study` (what is asked), `engines` (training), `analysis` (what the
results say), `checks` (is the study right), `figures`, `experiments` (on batch normalization),
`report`, `workflow`.  Imports point downwards only: each package's docstring says what it imports,
and tests/test_layers.py checks that.
`runtime` alone lies beside them, because each of them writes files and tells errors by it.  Only
`workflow` knows Snakemake; TensorFlow is imported by the modules that train.  No `__init__.py`
holds more than words: every job imports some, and starts no later for it.
"""
