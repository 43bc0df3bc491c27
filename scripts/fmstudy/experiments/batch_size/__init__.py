"""How well batch normalization works with small batches."""
