"""Where the suites find the server under test; set by the runner."""

from __future__ import annotations

import os
import random
import uuid

MIB = 1 << 20


def endpoint() -> str:
    return os.environ["COMPAT_ENDPOINT"]


def domain() -> str:
    """A host name below which buckets stand; no resolver knows it."""
    return os.environ["COMPAT_DOMAIN"]


def keys() -> tuple[str, str]:
    return os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]


def new_name(stem: str) -> str:
    """A bucket name that no other test has."""
    return f"{stem}-{uuid.uuid4().hex[:12]}"


def noise(size: int, seed: int = 0) -> bytes:
    """The same random bytes each time."""
    return random.Random(seed).randbytes(size)


# Those that SDKs compute, by the names that S3 has for them.
CHECKSUMS = (
    "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "XXHASH64",
    "XXHASH3", "XXHASH128",
)  # fmt: skip

# Names that servers which map keys to paths or decode twice get wrong.
ODD_KEYS = (
    "plain.txt",
    "a",
    "a/",
    "a/b",
    "a//b",
    "/leading",
    "trailing/",
    "dot/./dot/../dot",
    "..",
    "sp ace +plus%20percent%2Fslash",
    "quote'\"<tag>&amp;",
    "ünïcödé/日本語/🙂",
    "semi;colon:comma,equals=question?hash#star*",
    "(parens)[brackets]{braces}~tilde!|\\",
    "tab\tand\nnewline",
    "x" * 1024,
    "é" * 512,
)
