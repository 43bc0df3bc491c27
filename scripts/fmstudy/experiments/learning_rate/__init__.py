"""At which learning rates nets train at all."""
