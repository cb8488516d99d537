"""Buckets in the native API: their life, their properties and their objects."""
