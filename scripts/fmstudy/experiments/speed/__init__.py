"""How many steps, and how much time, to an accuracy."""
