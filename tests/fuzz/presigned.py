"""Queries that sign, by Version 4 and by Version 2: nothing but a good one opens a private
object."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fuzz.front_door import BODY, BUCKET, NOW_S, OWNER, closed_door
from tests.fuzz.mutation import spliced

PATH = f"/{BUCKET}/key"
_KEY, _SECRET = next(iter(OWNER.secrets.items()))


def _v4() -> bytes:
    request = AWSRequest(method="GET", url=f"http://127.0.0.1{PATH}")
    S3SigV4QueryAuth(Credentials(_KEY, _SECRET), "s3", "us-east-1", expires=86400).add_auth(request)
    return str(urlsplit(str(request.url)).query).encode()


def _v2() -> bytes:
    expires = NOW_S + 86400
    text = f"GET\n\n\n{expires}\n{PATH}".encode()
    digest = base64.b64encode(hmac.digest(_SECRET.encode(), text, hashlib.sha1)).decode()
    return f"AWSAccessKeyId={_KEY}&Signature={quote(digest, safe='')}&Expires={expires}".encode()


GOOD = (_v4(), _v2())
SEEDS = [bytes([n]) + rest for n in range(2) for rest in (b"\0\0\0\0", b"\1" + GOOD[n], b"\1a=b")]


def one_input(data: bytes) -> None:
    good = GOOD[data[0] % 2 if data else 0]
    query = spliced(good, data[1:])
    answer = closed_door().ask("GET", PATH.encode(), query)
    if answer.status < 400:
        assert answer.body == BODY
        assert any(_signature(each) in query for each in GOOD), query


def _signature(query: bytes) -> bytes:
    """As it may stand in a query that is accepted; the first letters, for encodings differ."""
    return query.partition(b"Signature=")[2][:12]
