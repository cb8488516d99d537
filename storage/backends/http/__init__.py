"""Objects of web servers by their URLs, to be read only."""

from storage.backends.http.addresses import (
    BadUrl,
    Directory,
    Link,
    bucket_name,
    read_url,
    split_url,
)
from storage.backends.http.backend import HttpBackend
from storage.backends.http.options import HttpOptions
from storage.backends.http.place import PROVIDER, Place
from storage.backends.http.reading import WebReader
from storage.backends.http.web import Answer, Question, Web

__all__ = [
    "PROVIDER",
    "Answer",
    "BadUrl",
    "Directory",
    "HttpBackend",
    "HttpOptions",
    "Link",
    "Place",
    "Question",
    "Web",
    "WebReader",
    "bucket_name",
    "read_url",
    "split_url",
]
