"""What gamma and beta learn, and what they can do alone."""
