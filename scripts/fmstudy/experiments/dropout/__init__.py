"""Whether batch normalization replaces dropout, and whether the two go together."""
