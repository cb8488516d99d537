"""rclone: a file tree over S3, old listings, and requests of its own making."""

from __future__ import annotations

from pathlib import Path

from compat.clients.client import Client, run

_ENCODED = "keeps this name under another one"


class Driver(Client):
    cannot_name = {
        "a//b": _ENCODED,
        "trailing/": _ENCODED,
        "dot/./dot/../dot": _ENCODED,
        "/leading": _ENCODED,
    }

    # A key that is not there is a folder with nothing in it.
    not_there = "exit 9|directory not found"

    def rclone(self, *words: str) -> str:
        return self.output(*words).decode()

    def output(self, *words: str, stdin: bytes = b"") -> bytes:
        style = "--s3-force-path-style=" + ("false" if self.virtual_host else "true")
        where = ("--s3-provider", "Other", "--s3-env-auth", "--s3-endpoint", self.endpoint, style)
        # One try: a retry would hide a failure.
        once = ("--retries", "1", "--low-level-retries", "1")
        return run("rclone", *where, *once, *words, stdin=stdin)

    def make_bucket(self, bucket: str) -> None:
        self.rclone("mkdir", f":s3:{bucket}")

    def remove_bucket(self, bucket: str) -> None:
        self.rclone("rmdir", f":s3:{bucket}")

    def buckets(self) -> list[str]:
        return self.rclone("lsf", "--dir-slash=false", ":s3:").splitlines()

    def put(self, bucket: str, key: str, file: Path) -> None:
        parts = ("--s3-upload-cutoff", "10M")
        self.rclone("copyto", *parts, str(file), f":s3:{bucket}/{key}")

    def get(self, bucket: str, key: str, file: Path) -> None:
        self.rclone("copyto", "--error-on-no-transfer", f":s3:{bucket}/{key}", str(file))

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        found = self.rclone("lsf", "-R", "--files-only", f":s3:{bucket}/{prefix}")
        return [prefix + name for name in found.splitlines()]

    def delete(self, bucket: str, key: str) -> None:
        self.rclone("deletefile", f":s3:{bucket}/{key}")

    def delete_below(self, bucket: str, prefix: str) -> None:
        self.rclone("purge", f":s3:{bucket}/{prefix}")

    def copy(self, bucket: str, key: str, target: str) -> None:
        self.rclone("copyto", f":s3:{bucket}/{key}", f":s3:{bucket}/{target}")

    def read(self, bucket: str, key: str, start: int, stop: int) -> bytes:
        part = ("--offset", str(start), "--count", str(stop - start))
        return self.output("cat", *part, f":s3:{bucket}/{key}")

    def presign(self, bucket: str, key: str) -> str:
        return self.rclone("link", f":s3:{bucket}/{key}").strip()
