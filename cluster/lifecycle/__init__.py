"""Objects that go by rule: what the rules mean, what is due, and the walk that removes it."""
