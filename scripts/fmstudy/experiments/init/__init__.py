"""How much the initial weights matter."""
