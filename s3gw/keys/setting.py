"""Default encryption of a bucket."""

from __future__ import annotations

from typing import ClassVar

from storage.settings import Setting


class BucketEncryption(Setting, frozen=True):
    """`scheme` is `AES256`, `aws:kms` or empty; `blocked` are schemes that uploads must not use
    (`SSE-C`). `implied` is one that a new bucket got without being asked."""

    setting_name: ClassVar[str] = "encryption"

    scheme: str = ""
    key_id: str = ""
    bucket_key: bool | None = None
    blocked: tuple[str, ...] = ()
    implied: bool = False
