"""The cluster, its configuration and its one node, as AIStore's clients see them."""
