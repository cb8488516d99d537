"""Ways in which an object reaches a transformer, and comes back."""
