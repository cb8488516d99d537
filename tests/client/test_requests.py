from __future__ import annotations

import json
import threading

import pytest

from s3gw.client.call import Body, Request
from s3gw.client.errors import ClientError, Unreachable
from tests.client.canned import Canned, answer
from tests.client.drivers import DRIVERS

GET = Request("GET", "buckets")


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refusal(status: int, message: str, tcode: str = "") -> bytes:
    document = {"status": status, "message": message, "tcode": tcode}
    return answer(status, json.dumps(document).encode())


def test_a_connection_is_kept(driver: str) -> None:
    with Canned([answer(body=b"1"), answer(body=b"2")]) as server, server.driver(driver) as client:
        assert [client.send(GET).text for _ in range(2)] == ["1", "2"]


def test_a_request_says_who_and_what(driver: str) -> None:
    with Canned([answer()]) as server, server.driver(driver, token="secret") as client:
        client.send(Request("POST", "buckets/b", {"a b": "c/d"}, message={"action": "x"}))
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().splitlines()
    assert lines[0] == "POST /v1/buckets/b?a%20b=c%2Fd HTTP/1.1"
    assert "Authorization: Bearer secret" in lines
    assert "Content-Type: application/json" in lines
    assert json.loads(body) == {"action": "x"}


def test_a_kept_connection_that_the_server_closed_is_not_used_again(driver: str) -> None:
    with (
        Canned([answer(body=b"1")], [answer(body=b"2")]) as server,
        server.driver(driver) as client,
    ):
        assert client.send(GET).text == "1"
        server.wait_for_close()
        assert client.send(Request("POST", "buckets/b", message={})).text == "2"


def test_a_broken_answer_is_asked_for_again(driver: str) -> None:
    with Canned([answer(body=b"12", length=5)], [b""], [answer(body=b"whole")]) as server:
        with server.driver(driver) as client, client.open(GET) as stream:
            with pytest.raises(ClientError, match="broke off before the end of its 5 bytes"):
                list(stream.blocks())
        with server.driver(driver) as client:
            assert client.send(GET).text == "whole"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_patience_is_had_with_what_may_pass(status: int, driver: str) -> None:
    busy = answer(status, b"", "Retry-After: 0")
    with Canned([busy, busy, answer(body=b"now")]) as server, server.driver(driver) as client:
        assert client.send(GET).text == "now"


def test_patience_ends(driver: str) -> None:
    with Canned([answer(503), answer(503), refusal(503, "starting"), answer(503)]) as server:
        with server.driver(driver) as client, pytest.raises(ClientError) as caught:
            client.send(GET)
    assert caught.value.status == 503
    assert len(server.requests) == 4


def test_one_who_asks_for_long_patience_is_told_off_at_once(driver: str) -> None:
    with Canned([answer(503, b"", "Retry-After: 3600")]) as server, server.driver(driver) as client:
        with pytest.raises(ClientError):
            client.send(GET)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "request_",
    [Request("POST", "buckets/b", message={}), Request("DELETE", "objects/b/o"),
     Request("PATCH", "buckets/b", message={}), Request("PUT", "cluster", message={}),
     Request("PUT", "objects/b/o", body=Body(lambda: [b"x"], 1, once=True))],
)  # fmt: skip
def test_what_changes_something_is_sent_once(request_: Request, driver: str) -> None:
    with Canned([answer(503)], [answer()]) as server, server.driver(driver) as client:
        with pytest.raises(ClientError):
            client.send(request_)
    assert len(server.requests) == 1


def test_an_upload_that_can_begin_anew_does(driver: str) -> None:
    with Canned([b""], [answer()]) as server, server.driver(driver) as client:
        client.send(Request("PUT", "objects/b/o", body=Body(lambda: [b"all ", b"of it"], 9)))
    assert server.requests[1].endswith(b"\r\n\r\nall of it")


def test_a_refusal_that_does_not_wait_for_the_body_is_heard(driver: str) -> None:
    body = Body(lambda: (bytes(1 << 16) for _ in range(1 << 10)), 1 << 26)
    with Canned([None, refusal(403, "not you")]) as server, server.driver(driver) as client:
        with pytest.raises(ClientError) as caught:
            client.send(Request("PUT", "objects/b/o", body=body))
    assert caught.value.status in (403, 0)


def test_an_error_has_the_servers_words_and_a_next_step(driver: str) -> None:
    missing = refusal(404, 'bucket "ais://b" does not exist', "ErrBckNotFound")
    with Canned([missing]) as server, server.driver(driver) as client:
        with pytest.raises(ClientError) as caught:
            client.send(GET)
    error = caught.value
    assert (error.status, error.tcode) == (404, "ErrBckNotFound")
    assert str(error) == 'Bucket "ais://b" does not exist. `s3gw bucket ls` lists them.'


def test_the_error_of_a_head_stands_in_a_header(driver: str) -> None:
    told = json.dumps({"status": 404, "message": "no such thing"})
    with (
        Canned([answer(404, b"", f"Hdr-Error: {told}")]) as server,
        server.driver(driver) as client,
    ):
        with pytest.raises(ClientError, match="No such thing"):
            client.send(Request("HEAD", "objects/b/o"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer(400, b"plain words"), "Plain words."),
        (answer(500, b"\xff\xfe"), "The server answered 500."),
        (answer(500, b"{broken"), "The server answered 500."),
        (answer(405, b"Method Not Allowed"), "Method Not Allowed."),
        (answer(307, b"", "Location: http://else"), "The server redirected to http://else."),
    ],
)
def test_an_error_in_any_form_is_an_error(said: bytes, expected: str, driver: str) -> None:
    with Canned([said]) as server, server.driver(driver) as client:
        with pytest.raises(ClientError) as caught:
            client.send(Request("DELETE", "buckets/b"))
    assert str(caught.value).startswith(expected)


def test_what_is_no_json_is_told(driver: str) -> None:
    with Canned([answer(body=b"<html>")]) as server, server.driver(driver) as client:
        with pytest.raises(ClientError, match="is it s3gw"):
            client.send(GET).json()


def test_what_is_no_http_is_told(driver: str) -> None:
    with Canned([b"SSH-2.0\r\n\r\n"]) as server, server.driver(driver) as client:
        with pytest.raises(ClientError, match="broke"):
            client.send(Request("POST", "x", message={}))


def test_a_silent_server_is_not_waited_for_for_ever(driver: str) -> None:
    with Canned([b"", b""]) as server, server.driver(driver, read_timeout_s=0.05) as client:
        with pytest.raises(ClientError, match=r"did not answer within 0.05 s"):
            client.send(GET)


def test_nobody_there_is_told_at_once(driver: str) -> None:
    with Canned() as server:
        gone = server.driver(driver)
    with gone as client, pytest.raises(Unreachable):
        client.send(GET)


def test_closing_ends_what_another_thread_waits_for() -> None:
    failed: list[ClientError] = []
    with Canned([answer(length=5, body=b"begun"[:1]), b""]) as server:
        client = server.client(read_timeout_s=30.0)
        begun = threading.Event()

        def read() -> None:
            try:
                with client.open(GET) as stream:
                    begun.set()
                    list(stream.blocks())
            except ClientError as error:
                failed.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        assert begun.wait(10)
        client.close()
        thread.join(10)
    assert len(failed) == 1
