"""Pictures classified by trained models: preparation, the models' layers, answers.

It needs no TensorFlow, so an answer takes about a second.

Imports `data`, `study`, `analysis` and `figures`.
"""
