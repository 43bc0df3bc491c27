"""Whether layers shift, and whether the loss is smoother."""
