"""How much each source of randomness moves the result of a training."""
