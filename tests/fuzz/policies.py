"""Bucket policies: whatever is accepted can be applied, and a Deny for all lets nobody in."""

from __future__ import annotations

from tests.fuzz.front_door import BUCKET, OWNER, STRANGER, open_door
from tests.fuzz.mutation import spliced

_PATH = f"/{BUCKET}".encode()
_KEY = f"/{BUCKET}/key".encode()
GOOD = (
    b'{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":["*"]},'
    b'"Action":["s3:GetObject","s3:List*"],"Resource":["arn:aws:s3:::private","arn:aws:s3:::private'
    b'/*"],"Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]},"StringLike":{"s3:prefix":'
    b'["a*"]},"Bool":{"aws:SecureTransport":"false"},"DateLessThan":{"aws:CurrentTime":'
    b'"2099-01-01T00:00:00Z"},"NumericLessThan":{"s3:max-keys":"10"}}}]}'
)
SEEDS = [b"\0\0\0\0", b"\1{}", b"\1" + GOOD, b"\1" + b"[" * 2000, b'\1{"Statement":' * 200]


def one_input(data: bytes) -> None:
    door = open_door()
    as_owner = [(b"x-account", OWNER.account.encode())]
    body = spliced(GOOD, data)
    if door.ask("PUT", _PATH, b"policy", as_owner, body).status >= 400:
        return
    as_stranger = [(b"x-account", STRANGER.account.encode())]
    for headers in ([], as_stranger, as_owner):
        for method, path, query in [
            ("GET", _KEY, b""),
            ("GET", _PATH, b"prefix=a&max-keys=5"),
            ("PUT", _KEY, b"tagging"),
        ]:
            door.ask(method, path, query, headers)
    door.ask("GET", _PATH, b"policyStatus", as_owner)
    # The owner can always take a policy back.
    assert door.ask("DELETE", _PATH, b"policy", as_owner).status == 204
