"""Numbers of any length in text from outside.

A number that is larger than every size and time here is still a number: a range that ends at
2^63 - 2 ends behind every object. It is read as the largest one, which compares in the same way.
Python's own `int` takes signs, underscores and other scripts, and refuses 4,300 digits.
"""

from __future__ import annotations

# The largest integer of SQLite, Java and Go.
LARGEST = (1 << 63) - 1


def read_digits(text: str, most: int = LARGEST) -> int | None:
    """Return the number, at most `most`; None for what is not one or more ASCII digits."""
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > 18 and len(text := text.lstrip("0")) > len(str(most)):
        return most
    return min(int(text or "0"), most)
