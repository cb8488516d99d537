"""The AWS Common Runtime's S3 client, by itself: what the CLI, boto3 and mountpoint stand on.

It takes requests, not operations: large objects it splits, everything else it sends as it is.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from compat.clients.client import Client, Failed, cannot
from compat.clients.target import MIB, keys

# These live in this suite's own environment only.
auth = import_module("awscrt.auth")
http = import_module("awscrt.http")
s3 = import_module("awscrt.s3")

_XMLNS = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_SAFE = "/-._~"


class Driver(Client):
    def __init__(self, endpoint: str, *, virtual_host: bool = False) -> None:
        if virtual_host:
            cannot("resolves names by itself, and knows no proxy for plain HTTP")
        super().__init__(endpoint)
        tls = urlsplit(endpoint).scheme == "https"
        key, secret = keys()
        provider = auth.AwsCredentialsProvider.new_static(key, secret)
        self.client: Any = s3.S3Client(
            region="us-east-1",
            tls_mode=s3.S3RequestTlsMode.ENABLED if tls else s3.S3RequestTlsMode.DISABLED,
            signing_config=s3.create_default_s3_signing_config(
                region="us-east-1", credential_provider=provider
            ),
            part_size=8 * MIB,
        )

    def request(self, method: str, target: str, headers: tuple[tuple[str, str], ...] = ()) -> Any:
        host = ("Host", urlsplit(self.endpoint).netloc)
        return http.HttpRequest(method, target, http.HttpHeaders([host, *headers]))

    def finish(self, kind: Any, request: Any, **more: Any) -> bytes:
        """The answer's body; raises `Failed` with the server's error document."""
        pieces: list[bytes] = []
        if "recv_filepath" not in more:
            more["on_body"] = lambda chunk, offset, **_: pieces.append(bytes(chunk))
        done = self.client.make_request(type=kind, request=request, **more).finished_future
        try:
            done.result(300)
        except s3.S3ResponseError as error:
            raise Failed(f"{error.status_code} {error.body!r}") from error
        return b"".join(pieces)

    def call(self, operation: str, method: str, target: str, *headers: tuple[str, str]) -> bytes:
        request = self.request(method, target, headers)
        return self.finish(s3.S3RequestType.DEFAULT, request, operation_name=operation)

    def make_bucket(self, bucket: str) -> None:
        self.call("CreateBucket", "PUT", f"/{bucket}", ("Content-Length", "0"))

    def remove_bucket(self, bucket: str) -> None:
        self.call("DeleteBucket", "DELETE", f"/{bucket}")

    def buckets(self) -> list[str]:
        answer = ET.fromstring(self.call("ListBuckets", "GET", "/"))
        return [row.text or "" for row in answer.iter(f"{_XMLNS}Name")]

    def put(self, bucket: str, key: str, file: Path) -> None:
        size = ("Content-Length", str(file.stat().st_size))
        request = self.request("PUT", _target(bucket, key), (size,))
        checksum = s3.S3ChecksumConfig(
            algorithm=s3.S3ChecksumAlgorithm.CRC32, location=s3.S3ChecksumLocation.TRAILER
        )
        kind = s3.S3RequestType.PUT_OBJECT
        self.finish(kind, request, send_filepath=str(file), checksum_config=checksum)

    def get(self, bucket: str, key: str, file: Path) -> None:
        request = self.request("GET", _target(bucket, key))
        checksum = s3.S3ChecksumConfig(validate_response=True)
        kind = s3.S3RequestType.GET_OBJECT
        self.finish(kind, request, recv_filepath=str(file), checksum_config=checksum)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found: list[str] = []
        query = {"list-type": "2", "prefix": prefix}
        while True:
            answer = ET.fromstring(
                self.call("ListObjectsV2", "GET", f"/{bucket}?{urlencode(query, quote_via=quote)}")
            )
            found += [row.text or "" for row in answer.iter(f"{_XMLNS}Key")]
            token = answer.findtext(f"{_XMLNS}NextContinuationToken")
            if not token:
                return found
            query["continuation-token"] = token

    def delete(self, bucket: str, key: str) -> None:
        self.call("DeleteObject", "DELETE", _target(bucket, key))

    def copy(self, bucket: str, key: str, target: str) -> None:
        source = ("x-amz-copy-source", _target(bucket, key)[1:])
        self.call("CopyObject", "PUT", _target(bucket, target), source, ("Content-Length", "0"))

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        wanted = ("Range", f"bytes={start}-{stop - 1}")
        request = self.request("GET", _target(bucket, key), (wanted,))
        return self.finish(s3.S3RequestType.GET_OBJECT, request)


def _target(bucket: str, key: str) -> str:
    return f"/{bucket}/{quote(key, safe=_SAFE)}"
