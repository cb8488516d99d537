"""The settings of encryption."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.types import Text, option


@dataclass(frozen=True, slots=True)
class Encryption:
    """How keys are kept for SSE-S3 and SSE-KMS; see docs/encryption.md. SSE-C needs none of it."""

    master_key_file: str = option(
        "",
        "The file with the master key, which encrypts the key ring: 32 bytes in base64 or in "
        "hexadecimal. It is made at the first start, while there is no key ring. Keep it apart "
        "from the data. Without a master key, SSE-S3 and SSE-KMS are refused.",
        Text("a file's path"),
        flag="--master-key-file",
        metavar="FILE",
        shown_default="none",
    )
    master_key: str = option(
        "",
        "The master key itself, instead of a file.",
        Text("32 bytes in base64 or in hexadecimal", r"[A-Za-z0-9+/]{43}=|[0-9A-Fa-f]{64}"),
        env="S3GW_MASTER_KEY",
        secret=True,
        shown_default="none",
    )
    key_file: str = option(
        "",
        "The key ring; empty for `keyring.json` in the first data folder. Back it up: without it "
        "no object with SSE-S3 or SSE-KMS can be read.",
        Text("a file's path"),
        shown_default="`keyring.json` in the first data folder",
    )
    default_kms_key: str = option(
        "aws/s3",
        "The key for SSE-KMS where neither request nor bucket names one; with an empty one they "
        "must.",
        Text("the id of a key", r".*"),
    )
