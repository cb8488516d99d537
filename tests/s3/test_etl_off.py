"""Reading through transformers where they are turned off, and who may."""

from __future__ import annotations

import pytest

from tests.s3.gateway import BOB, Gateway, code_of, error_of


@pytest.mark.parametrize("query", ["etl=reverse", "etl_args=a", "etl=reverse&etl_pipeline=b"])
def test_an_object_is_never_sent_as_it_is(gateway: Gateway, bucket: str, query: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"before")
    assert gateway.send("GET", f"/{bucket}/k?{query}").status in (400, 501)


def test_the_refusal_says_how_to_turn_it_on(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"before")
    answer = gateway.send("GET", f"/{bucket}/k?etl=reverse")
    assert code_of(answer) == (501, "NotImplemented")
    assert "--etl" in error_of(answer)["Message"]


def test_a_reader_needs_the_right_to_the_object(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"before")
    for account in (BOB, None):
        answer = gateway.send("GET", f"/{bucket}/k?etl=reverse", account=account)
        assert code_of(answer) == (403, "AccessDenied")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE"])
def test_nothing_but_a_read_is_transformed(gateway: Gateway, bucket: str, method: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"before")
    assert gateway.send(method, f"/{bucket}/k?etl=reverse").status == 501
    assert gateway.send("GET", f"/{bucket}/k").body == b"before"
