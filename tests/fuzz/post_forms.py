"""Forms that upload: what is stored is what the signed policy allows."""

from __future__ import annotations

from tests.fuzz.front_door import BUCKET, OWNER, Door, closed_door
from tests.fuzz.mutation import spliced
from tests.s3.forms import BOUNDARY, form, signed

_CONDITIONS = [
    {"bucket": BUCKET},
    ["starts-with", "$key", "uploads/"],
    ["content-length-range", 0, 20],
]
GOOD = form({"key": "uploads/${filename}", **signed(_CONDITIONS, OWNER)})
_SIGNATURE = GOOD.partition(b'name="signature"')[2].split()[0]
_PATH = f"/{BUCKET}".encode()
_KIND = f"multipart/form-data; boundary={BOUNDARY}".encode()
SEEDS = [b"\0\0\0\0\0", b"\0\1" + GOOD, b"\1\1" + GOOD, b"\1\1multipart/form-data; boundary=x"]


def one_input(data: bytes) -> None:
    if data and data[0] % 2:
        # The fuzzer's own content type; the body is good.
        header = spliced(_KIND, data[1:])
        _post(closed_door(), header, GOOD)
        return
    body = spliced(GOOD, data[1:])
    if _post(closed_door(), _KIND, body) < 400:
        assert _SIGNATURE in body, body
        _check_stored(closed_door())


def _post(door: Door, kind: bytes, body: bytes) -> int:
    return door.ask("POST", _PATH, headers=[(b"content-type", kind)], body=body).status


def _check_stored(door: Door) -> None:
    """Below the prefix, and not longer than allowed; the rest was there before."""
    buckets = door.keys(BUCKET)
    assert all(key == "key" or key.startswith("uploads/") for key in buckets), buckets
    assert all(size <= 20 for key, size in buckets.items() if key != "key"), buckets
