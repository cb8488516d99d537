"""The suites: a client, the environment it lives in, and what it is put through.

A suite is pytest files run by the client's own Python. What a suite needs of us reaches it in four
variables; the outer world's AWS settings, proxies and home folder do not.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMPAT = Path(__file__).resolve().parent
DOMAIN = "s3.test"

# Prefixes of variables that would lead a client elsewhere.
_FOREIGN = ("AWS_", "S3GW_", "BOTO", "PYTHON", "FSSPEC_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class Suite:
    """`requirements` names a file in `requirements/`; `files` stand below this folder."""

    name: str
    requirements: str
    files: tuple[str, ...]
    own_server: bool = False
    about: str = ""


SUITES = (
    Suite("boto3", "boto3", ("clients/test_boto3.py", "clients/test_boto3_files.py"),
          about="boto3 of today"),
    Suite("boto3-old", "boto3-old", ("clients/test_boto3.py", "clients/test_boto3_files.py"),
          about="boto3 1.35.99"),
    Suite("awscli", "awscli", ("clients/test_awscli.py",), about="AWS CLI v1"),
    Suite("s3fs", "s3fs", ("clients/test_s3fs.py", "clients/test_arrow.py"),
          about="s3fs, pandas, pyarrow"),
    Suite("new-user", "awscli", ("new_user.py",), own_server=True,
          about="10,000 files, 2 GiB, kill -9"),
)  # fmt: skip


def client_environment(outer: Mapping[str, str], home: Path) -> dict[str, str]:
    """What a client may see of the world, plus what every suite is told."""
    kept = {name: value for name, value in outer.items() if not name.upper().startswith(_FOREIGN)}
    return kept | {
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
        "COMPAT_SERVER_PYTHON": sys.executable,
        "COMPAT_DOMAIN": DOMAIN,
    }
