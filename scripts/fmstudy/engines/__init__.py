"""How models are trained: networks, losses, batch normalization, full batch, mini-batch, Keras.

May import `data` and `study`.
"""
