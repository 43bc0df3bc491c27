"""How models are trained: networks, losses, batch normalization, full batch, mini-batch, Keras.

Imports `data` and `study`.
"""
