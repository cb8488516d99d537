"""Members of a cluster: the nodes, and the one of them that leads."""
