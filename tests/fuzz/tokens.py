"""JSON Web Tokens: nothing but the good token is taken, and claims of any kind break nothing."""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import hmac
import tempfile
from functools import cache
from pathlib import Path

from s3gw.tokens.compact import encoded
from s3gw.tokens.protocol import TokenError
from tests.fuzz.mutation import spliced
from tests.tokens.scene import SECRET, Scene, claims, opened, signed, with_secret

GOOD = signed(claims()).encode()
CLAIMS = b"""{"sub":"john","exp":1700003600,"nbf":1,"iat":1,"aud":["a"],"admin":false,
"clusters":[{"id":"","perm":"771"}],"buckets":[{"bck":{"name":"b","provider":"ais",
"namespace":{"uuid":"","name":""}},"perm":"18446744073709551587"}]}"""
_HEADER = encoded(b'{"alg":"HS256"}')
_NONE = b"\1eyJhbGciOiJub25lIn0." + GOOD.split(b".")[1] + b"."
SEEDS = [b"\0\0\0\0\0", b"\1\0\0\0\0", b"\0" + _NONE, b"\0\1a.b.c", b"\1\1{}", b"\1\1[]"]


def one_input(data: bytes) -> None:
    """An even first byte is for a token with no other signature than the good one's, an odd one for
    claims that are signed."""
    if data[:1] and data[0] % 2:
        is_taken(_signed(spliced(CLAIMS, data[1:])))
        return
    token = spliced(GOOD, data[1:]).decode("latin-1")
    assert is_taken(token) == (token.encode("latin-1") == GOOD), token


def is_taken(token: str) -> bool:
    runner, scene = _scene()
    try:
        runner.run(scene.taken(token))
    except TokenError:
        return False
    return True


def _signed(payload: bytes) -> str:
    unsigned = f"{_HEADER}.{encoded(payload)}"
    mac = hmac.new(SECRET.encode(), unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{encoded(mac)}"


@cache
def _scene() -> tuple[asyncio.Runner, Scene]:
    runner, folder = asyncio.Runner(), tempfile.TemporaryDirectory()
    opening = opened(Path(folder.name), with_secret())
    scene = runner.run(opening.__aenter__())

    def close() -> None:
        runner.run(opening.__aexit__(None, None, None))
        runner.close()
        folder.cleanup()

    atexit.register(close)
    return runner, scene
