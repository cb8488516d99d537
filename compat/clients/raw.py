"""S3 without a client: presigned requests of our own hand, to lay out what a client shall find and
to look at what it left behind. Standard library only.
"""

from __future__ import annotations

import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

from compat.clients.target import endpoint, keys, new_name
from compat.presign import Presigner

_XMLNS = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@contextmanager
def new_bucket(stem: str) -> Iterator[str]:
    """A bucket's name; in the end it goes, with all that is in it."""
    name = new_name(stem)
    make_bucket(name)
    yield name
    delete_all(name)
    remove_bucket(name)


def make_bucket(bucket: str) -> None:
    _send("PUT", f"/{bucket}")


def remove_bucket(bucket: str) -> None:
    _send("DELETE", f"/{bucket}")


def put(bucket: str, key: str, body: bytes) -> None:
    _send("PUT", f"/{bucket}/{key}", body=body)


def put_many(bucket: str, names: Iterable[str]) -> None:
    """An empty object under each name."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: put(bucket, key, b""), names))


def get(bucket: str, key: str) -> bytes:
    return _send("GET", f"/{bucket}/{key}")


def delete_all(bucket: str) -> None:
    while found := listed(bucket):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda key: _send("DELETE", f"/{bucket}/{key}"), found))


def listed(bucket: str) -> list[str]:
    """The first thousand keys."""
    return [row.findtext(f"{_XMLNS}Key") or "" for row in _rows(bucket)]


def etag(bucket: str, key: str) -> str:
    """With its quotes, as a listing tells it."""
    rows = {row.findtext(f"{_XMLNS}Key"): row.findtext(f"{_XMLNS}ETag") for row in _rows(bucket)}
    return rows[key] or ""


def uploads(bucket: str) -> list[str]:
    """The keys of uploads that are not completed."""
    answer = _send("GET", f"/{bucket}", query={"uploads": ""})
    return [
        row.findtext(f"{_XMLNS}Key") or "" for row in ET.fromstring(answer).iter(f"{_XMLNS}Upload")
    ]


def keep_versions(bucket: str) -> None:
    body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    _send("PUT", f"/{bucket}", query={"versioning": ""}, body=body)


def _rows(bucket: str) -> list[ET.Element]:
    answer = _send("GET", f"/{bucket}", query={"list-type": "2"})
    return ET.fromstring(answer).findall(f"{_XMLNS}Contents")


def _send(
    method: str, path: str, *, query: dict[str, str] | None = None, body: bytes | None = None
) -> bytes:
    presigner = Presigner(urlsplit(endpoint()).netloc, *keys())
    url = endpoint() + presigner.url(method, path, query)
    with urllib.request.urlopen(urllib.request.Request(url, body, method=method)) as answer:
        told: bytes = answer.read()
        return told
