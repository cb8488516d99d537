"""Limits and fixes that hypercorn 0.18 lacks."""
