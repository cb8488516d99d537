"""Error documents, element by element, as AWS answers the same requests."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from s3gw.wire.errors import Code
from tests.s3.gateway import Gateway, error_of

_FACTS = tomllib.loads(Path(__file__).with_name("aws_answers.toml").read_text("utf-8"))
_RECORDED = _FACTS["answer"]
_IDS = ("RequestId", "HostId")


@pytest.fixture(scope="module")
def named(gateway: Gateway) -> dict[str, str]:
    """The buckets that the requests are about, by their letters."""
    s3 = gateway.client()
    full, marked, empty = (gateway.new_bucket() for _ in range(3))
    s3.put_object(Bucket=full, Key="one", Body=b"0123456789")
    s3.put_bucket_versioning(Bucket=marked, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=marked, Key="gone", Body=b"0123456789")
    s3.delete_object(Bucket=marked, Key="gone")
    return {"B": full, "M": marked, "E": empty}


def _with_buckets(text: str, named: dict[str, str]) -> str:
    letter = text[1:2]
    return f"/{named[letter]}{text[2:]}" if text[:1] == "/" and text[2:3] in "/?" else text


@pytest.mark.parametrize(
    "recorded", _RECORDED, ids=[f"{r['ask']} {r['status']}" for r in _RECORDED]
)
def test_errors_are_those_of_aws(
    gateway: Gateway, named: dict[str, str], recorded: dict[str, Any]
) -> None:
    method, target = recorded["ask"].split(" ", 1)
    headers = {n: _with_buckets(v, named) for n, v in recorded.get("headers", {}).items()}
    body = recorded.get("body", "").encode()
    answer = gateway.send(method, _with_buckets(target, named), headers, body)
    told = error_of(answer)
    assert all(told.pop(name) for name in _IDS)
    if told.get("BucketName") in named.values():
        told["BucketName"] = next(k for k, v in named.items() if v == told["BucketName"])
    assert (answer.status, list(told.items())) == (
        recorded["status"],
        list(recorded["error"].items()),
    )


@pytest.mark.parametrize(("code", "text"), _FACTS["texts"].items())
def test_codes_have_the_texts_of_aws(code: str, text: str) -> None:
    assert Code[code].message == text
