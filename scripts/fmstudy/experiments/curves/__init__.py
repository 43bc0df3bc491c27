"""Learning curves of the study's models with and without batch normalization."""
