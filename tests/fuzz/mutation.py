"""Turning the fuzzer's bytes into something that is nearly right.

Random bytes alone never hold a good signature, so half of the inputs are a good text with a piece
of it replaced: two bytes say where, one how much, the rest is put there.
"""

from __future__ import annotations

_HEAD = 4
# Values that programs of all kinds trip over; random bytes seldom are one.
ODD = (
    *(b"", b"0", b"-1", b"1.5", b"1e999", b"NaN", b"true", b"null", b'""', b"[]", b"{}", b"[[[[[["),
    *(b"9" * 18, b"9223372036854775808", b"18446744073709551616", b"9" * 400, b"9" * 5000),
    *(
        b"%00",
        b"%FF",
        b"%C3%A9",
        b"%ED%A0%80",
        b"%2F..%2F",
        b"%",
        b"%0A",
        b"+",
        b"\xff",
        b"\xc3\xa9",
    ),
    *(
        "\u0663\u00b2".encode(),
        "\U0001f600".encode(),
        b"\\ud800",
        b"\\u0000",
        b"&#0;",
        b"&#x10FFFF;",
    ),
    *(b"9999-12-31T23:59:59Z", b"0000-00-00T00:00:00Z", b"Thu, 01 Jan 0001 00:00:00 GMT"),
    *(b"Fri, 31 Dec 9999 23:59:60 +9999", b"99999999999999h", b"1h1ns", b"-5s", b"1e400s"),
    *(b"bytes=-0", b"bytes=0-", b"bytes=,", b"{1..9}", b"{0..9999999999}", b"[::1]", b"http://[x"),
    *(
        b"*",
        b"**",
        b"${aws:username}",
        b"a" * 1025,
        b"/",
        b"//",
        b".",
        b"..",
        b"ais://x",
        b"@#",
        b"=",
    ),
)


def spliced(good: bytes, data: bytes) -> bytes:
    """`data` itself when its first byte is odd; otherwise `good`, changed as the rest says."""
    if not data or data[0] % 2:
        return data[1:]
    where = int.from_bytes(data[1:3], "big") % (len(good) + 1)
    length = int.from_bytes(data[3:_HEAD], "big")
    return good[:where] + data[_HEAD:] + good[where + length :]


def one_of(words: list[str], data: bytes) -> tuple[str, bytes]:
    """A word that the first byte chooses, and the other bytes."""
    return words[data[0] % len(words) if data else 0], data[1:]
