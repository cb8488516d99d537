"""Lifecycle: the rules, what they make due, and the walk that removes it."""
