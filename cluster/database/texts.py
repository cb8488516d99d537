"""Texts that clients choose, as PostgreSQL can compare them."""

from __future__ import annotations


def comparable(text: str) -> str:
    """Return the text, or an empty one, which no row has, for one with a NUL: PostgreSQL has no
    such texts, and refuses the whole statement."""
    return "" if "\0" in text else text
