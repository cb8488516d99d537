"""Transformers: programs beside the server, and objects sent through them."""
