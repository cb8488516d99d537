"""object_store, the Rust crate below obstore, polars and delta-rs."""

from __future__ import annotations

from compat.clients import program, raw
from compat.clients.client import cannot

_NORMAL = "takes no key with an empty, `.` or `..` segment"
NOT_NORMAL = dict.fromkeys(("a//b", "trailing/", "dot/./dot/../dot", "/leading"), _NORMAL)


class Driver(program.Driver):
    cannot_name = NOT_NORMAL

    def make_bucket(self, bucket: str) -> None:
        raw.make_bucket(bucket)

    def remove_bucket(self, bucket: str) -> None:
        raw.remove_bucket(bucket)

    def buckets(self) -> list[str]:
        cannot("knows no buckets but its own")

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        return super().keys(bucket, prefix.rstrip("/"))

    def delete_below(self, bucket: str, prefix: str) -> None:
        super().delete_below(bucket, prefix.rstrip("/"))
