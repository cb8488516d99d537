"""Transformers in the native API: orders about them, and objects through them."""
