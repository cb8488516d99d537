"""Folders of HDFS, through WebHDFS or HttpFS.

Importing this package is cheap: aiohttp, and gssapi if it is needed, are imported at the first
request.
"""

from storage.backends.hdfs.backend import HdfsBackend
from storage.backends.hdfs.environment import options_from_environment
from storage.backends.hdfs.options import HdfsOptions
from storage.backends.hdfs.place import PROVIDER, bucket_name, check_folder, read_bucket_name

__all__ = [
    "PROVIDER",
    "HdfsBackend",
    "HdfsOptions",
    "bucket_name",
    "check_folder",
    "options_from_environment",
    "read_bucket_name",
]
