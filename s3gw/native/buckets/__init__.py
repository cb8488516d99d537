"""Buckets by the native API: their life, their properties, and what is in them."""
