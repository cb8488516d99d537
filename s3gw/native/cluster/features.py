"""AIStore's feature flags, and their values here.

They are bits of one number on the wire, a decimal text; people write their names. They cannot be
switched while the server runs: two follow its settings, the others its design.
"""

from __future__ import annotations

from s3gw.config.schema import Config
from storage.digits import read_digits

# In the order of their bits.
NAMES = [
    "Enforce-IntraCluster-Access",
    "Skip-Loading-VersionChecksum-MD",
    "Do-not-Auto-Detect-FileShare",
    "S3-API-via-Root",
    "Fsync-PUT",
    "LZ4-Block-1MB",
    "LZ4-Frame-Checksum",
    "Do-not-Allow-Passing-FQN-to-ETL",
    "Ignore-LimitedCoexistence-Conflicts",
    "S3-Presigned-Request",
    "Do-not-Optimize-Listing-Virtual-Dirs",
    "Disable-Cold-GET",
    "Streaming-Cold-GET",
    "S3-Reverse-Proxy",
    "S3-Use-Path-Style",
    "Do-not-Delete-When-Rebalancing",
    "Do-not-Set-Control-Plane-ToS",
    "Trust-Crypto-Safe-Checksums",
    "S3-ListObjectVersions",
    "Enable-Detailed-Prom-Metrics",
    "Force-Container-CPU-Mem",
    "Resume-Interrupted-MPU",
    "Keep-Unknown-FQN",
    "Load-Balance-GET",
    "Count-Object-NotFound-Stats",
    "Enable-Go-Runtime-Metrics",
    "Dload-Allow-Private-Egress",
    "S3-Redirect-Rebuild",
]
_NONE = "none"
_ALL = (1 << len(NAMES)) - 1


def flag(name: str) -> int:
    return 1 << NAMES.index(name)


def features_of(config: Config) -> int:
    """Return the flags that hold: S3 at the root, files that are synced, uploads that outlive a
    crash."""
    root = flag("S3-API-via-Root") if config.s3.root_access else 0
    synced = flag("Fsync-PUT") if config.storage.durability == "sync" else 0
    return root | synced | flag("Resume-Interrupted-MPU")


def read_features(sent: object) -> int:
    """Parse a number, as a text or not, or names separated by commas. Raise `ValueError`."""
    text = str(sent).strip() if type(sent) in (int, str) else ""
    digits = read_digits(text)
    if digits is not None:
        number = digits
    else:
        words = [each.strip() for each in text.split(",")]
        number = 0 if words == [_NONE] else sum(map(flag, dict.fromkeys(words)))
    if number & ~_ALL:
        raise ValueError
    return number


def names_of(features: int) -> str:
    return ", ".join(name for bit, name in enumerate(NAMES) if features >> bit & 1)
