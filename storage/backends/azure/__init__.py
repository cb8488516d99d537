"""Containers of Azure Blob Storage, through its REST interface.

Importing this package is cheap: aiohttp, and azure-identity if it is needed, are imported at the
first request.
"""

from storage.backends.azure.backend import AzureBackend
from storage.backends.azure.options import AzureOptions, options_from_environment

__all__ = ["AzureBackend", "AzureOptions", "options_from_environment"]
