"""Buckets of Google Cloud Storage, through its JSON and XML APIs.

Importing this package is cheap: aiohttp and google-auth are imported at the first request (`wire`).
"""

from storage.backends.gcp.backend import GcpBackend
from storage.backends.gcp.options import GcpOptions, options_from_environment

__all__ = ["GcpBackend", "GcpOptions", "options_from_environment"]
