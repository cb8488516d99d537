"""Cluster, configuration and one node, as AIStore's clients see them."""
