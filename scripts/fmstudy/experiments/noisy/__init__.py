"""Whether a net suffers if its layers are made to shift."""
