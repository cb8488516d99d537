"""`docs/s3.md` says what the code does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from s3gw.cli.coverage import operations_table
from s3gw.config.limits import DEFAULT_LIMITS
from s3gw.http.request import MAX_KEY
from s3gw.ops.listing import MAX_KEYS
from s3gw.s3.headers import MAX_METADATA
from storage.values import MAX_PARTS

PAGE = Path(__file__).parents[2] / "docs" / "s3.md"


def test_the_table_of_operations_is_the_one_that_the_code_makes() -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- made by")
    table = rest.partition("-->\n")[2].partition("<!-- end -->")[0]
    assert table.strip() == operations_table().strip()


def test_the_limits_are_those_of_the_code() -> None:
    limits = PAGE.read_text(encoding="utf-8").partition("## Limits")[2].partition("##")[0]
    rows = {
        name.strip(): text.strip()
        for _, name, text, _ in (row.split("|") for row in limits.splitlines() if "|" in row)
    }
    assert rows["key"] == f"{MAX_KEY:,} bytes of UTF-8"
    assert rows["user metadata"].startswith(f"{MAX_METADATA:,} bytes")
    assert rows["parts"].startswith(f"{MAX_PARTS:,};")
    assert rows["keys in one page, in one DeleteObjects"] == f"{MAX_KEYS:,}"
    assert rows["request document"] == f"{DEFAULT_LIMITS.document_bytes >> 20} MiB"


def test_the_versions_are_as_the_page_says(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k")
    assert "VersionId" not in s3.head_object(Bucket=bucket, Key="k")
    enabled = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    assert s3.put_object(Bucket=bucket, Key="k")["VersionId"]
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 2
    assert "never versioned" not in PAGE.read_text(encoding="utf-8")
