"""Training of models: networks, losses, batch normalization, full batch, mini-batch, Keras.

Imports `data` and `study`.
"""
