"""Whether gradients vanish or explode, and whether deep nets train."""
