"""Buckets of any S3 endpoint, through aiobotocore.

Importing this package is cheap: the library is imported at the first request (`sdk`).
"""

from storage.backends.aws.backend import AwsBackend
from storage.backends.aws.options import AwsOptions, options_from_environment
from storage.backends.aws.place import PROVIDER

__all__ = ["PROVIDER", "AwsBackend", "AwsOptions", "options_from_environment"]
