"""The S3 and native front ends, and the program that serves them."""

import sys

__version__ = "0.1.0"


def description() -> str:
    """Return the version as commands print it."""
    python = ".".join(map(str, sys.version_info[:3]))
    return f"s3gw {__version__} (Python {python}, {sys.platform})"
