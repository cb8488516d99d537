"""Documents, forms and heads at their limits and one beyond; what sockets show is elsewhere."""

from __future__ import annotations

import pytest

from s3gw.config.limits import DEFAULT_LIMITS
from tests.s3.forms import allowed, form, post
from tests.s3.gateway import Gateway, code_of

TAGS = "<Tagging>{}<TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"


def put_tags(gateway: Gateway, bucket: str, more: str) -> int:
    body = TAGS.format(more).encode()
    return gateway.send("PUT", f"/{bucket}?tagging", body=body).status


@pytest.mark.parametrize(("beyond", "status"), [(0, 204), (1, 400)])
def test_documents_may_be_so_deep(gateway: Gateway, bucket: str, beyond: int, status: int) -> None:
    """An element of no meaning is ignored, however deep; the root is one level."""
    depth = DEFAULT_LIMITS.document_depth - 1 + beyond
    assert put_tags(gateway, bucket, "<x>" * depth + "</x>" * depth) == status


def test_documents_may_be_so_long(gateway: Gateway, bucket: str) -> None:
    room = DEFAULT_LIMITS.document_bytes - len(TAGS.format("<x></x>"))
    # A text of more than ten million bytes would be refused for that.
    assert put_tags(gateway, bucket, f"<x>{' ' * room}</x>") == 204
    body = TAGS.format(f"<x>{' ' * (room + 1)}</x>").encode()
    answer = gateway.send("PUT", f"/{bucket}?tagging", body=body)
    assert code_of(answer) == (400, "MaxMessageLengthExceeded")


def test_policies_may_be_so_long(gateway: Gateway, bucket: str) -> None:
    """AWS' own limit for a policy is smaller and counts first."""
    long = b" " * DEFAULT_LIMITS.json_bytes
    answer = gateway.send("PUT", f"/{bucket}?policy", body=long)
    assert answer.status == 400
    assert code_of(gateway.send("PUT", f"/{bucket}?policy", body=long + b" ")) == (
        400,
        "MaxMessageLengthExceeded",
    )


@pytest.mark.parametrize("text", ["[" * 200_000, '{"Statement":' * 100_000, "[" * 900 + "]" * 900])
def test_a_deep_policy_is_malformed(gateway: Gateway, bucket: str, text: str) -> None:
    answer = gateway.send("PUT", f"/{bucket}?policy", body=text.encode())
    assert code_of(answer)[0] == 400


@pytest.mark.parametrize(("beyond", "status"), [(0, 204), (1, 400)])
def test_forms_may_have_so_many_fields(
    gateway: Gateway, bucket: str, beyond: int, status: int
) -> None:
    fields = allowed(bucket, {"key": "k"})
    room = DEFAULT_LIMITS.form_fields - len(fields)
    fields |= {f"x-ignore-{number}": "" for number in range(room + beyond)}
    assert post(gateway, bucket, form(fields)).status == status


@pytest.mark.parametrize(
    ("beyond", "code"), [(0, "AccessDenied"), (1, "RequestHeaderSectionTooLarge")]
)
def test_a_request_may_have_so_many_headers(gateway: Gateway, beyond: int, code: str) -> None:
    target = f"/{gateway.new_bucket()}"
    sent = {f"x-other-{number}": "y" for number in range(DEFAULT_LIMITS.headers - 1 + beyond)}
    answer = gateway.send("GET", target, sent, account=None)
    assert code_of(answer)[1] == code


def test_the_query_counts_as_part_of_the_head(gateway: Gateway, bucket: str) -> None:
    target = f"/{bucket}?prefix={'x' * DEFAULT_LIMITS.head_bytes}"
    answer = gateway.send("GET", target, account=None)
    assert code_of(answer) == (400, "RequestHeaderSectionTooLarge")
