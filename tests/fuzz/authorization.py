"""The Authorization header: nothing but the good signature opens a private object."""

from __future__ import annotations

from tests.fuzz.front_door import BODY, BUCKET, OWNER, closed_door
from tests.fuzz.mutation import spliced
from tests.s3.gateway import signed

PATH = f"/{BUCKET}/key"
_SENT = signed("GET", PATH, {"host": "127.0.0.1"}, b"", OWNER)
GOOD = _SENT["Authorization"].encode()
_SIGNATURE = GOOD.rpartition(b"=")[2]
_OTHERS = [(b"x-amz-date", _SENT["X-Amz-Date"].encode()),
           (b"x-amz-content-sha256", _SENT["X-Amz-Content-SHA256"].encode())]  # fmt: skip
SEEDS = [b"\0\0\0\0", b"\1" + GOOD, b"\1AWS OWNER-KEY:c2ln", b"\1Bearer a.b.c", b"\1Basic eDp5"]


def one_input(data: bytes) -> None:
    header = spliced(GOOD, data)
    headers = [(b"authorization", header), *_OTHERS]
    answer = closed_door().ask("GET", PATH.encode(), headers=headers)
    if answer.status < 400:
        assert _SIGNATURE in header, header
        assert answer.body == BODY
