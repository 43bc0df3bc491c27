"""How batch normalization fares in small batches."""
