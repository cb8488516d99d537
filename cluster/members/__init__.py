"""Members of a cluster: which node leads, and which nodes there are."""
