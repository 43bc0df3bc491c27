"""Whether moving averages are a detail."""
