"""Calls of several requests, without a driver and without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from s3gw.client.buckets import summarize
from s3gw.client.call import Call, Done, Headers, Pause, Response, Step, Steps, advance
from s3gw.client.errors import ClientError
from s3gw.client.jobs import wait_for_job
from s3gw.client.listing import ListQuery, list_objects
from s3gw.client.names import Bck, ObjectName


def response(document: Any, status: int = 200) -> Response:
    return Response(status, Headers([]), json.dumps(document).encode())


def call_of(step: Step | Done[Any]) -> Call[Any]:
    assert isinstance(step, Call)
    return step


def running(job_id: str) -> Response:
    snap = {"id": job_id, "kind": "copy-bck", "start-time": "2026-01-01T00:00:00Z"}
    return response({"node": [snap]})


def start(steps: Steps[Any]) -> Call[Any]:
    return call_of(advance(steps, None, None))


def test_the_wait_for_a_job_pauses_between_its_calls() -> None:
    steps = wait_for_job("j", now=lambda: 0.0)
    pauses = []
    call = start(steps)
    for _ in range(12):
        pause = advance(steps, call.parse(running("j")), None)
        assert isinstance(pause, Pause)
        pauses.append(pause.seconds)
        call = call_of(advance(steps, None, None))
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.05, 1.0)


def test_the_wait_for_a_job_ends_at_its_timeout() -> None:
    times = iter((0.0, 0.5, 1.5))
    steps = wait_for_job("j", timeout_s=1.0, now=lambda: next(times))
    call = start(steps)
    advance(steps, call.parse(running("j")), None)
    call = call_of(advance(steps, None, None))
    with pytest.raises(ClientError, match="is not done after 1 s"):
        advance(steps, call.parse(running("j")), None)


def test_an_error_of_a_call_ends_its_steps() -> None:
    steps = wait_for_job("j")
    start(steps)
    with pytest.raises(ClientError, match="No"):
        advance(steps, None, ClientError("no"))


def test_a_summary_is_polled_with_the_id_of_the_first_answer() -> None:
    steps = summarize(Bck("b"))
    call = start(steps)
    assert call.request.message["value"]["uuid"] == ""
    assert isinstance(advance(steps, Response(202, Headers([]), b'"id"'), None), Pause)
    call = call_of(advance(steps, None, None))
    assert call.request.message["value"]["uuid"] == "id"
    sizes = {"ObjCount": {"obj_count_present": 3}, "TotalSize": {"size_all_present_objs": 9}}
    done = advance(steps, response([sizes]), None)
    assert isinstance(done, Done)
    assert (done.result.objects, done.result.size) == (3, 9)


def test_a_page_has_the_call_for_the_next_one() -> None:
    query = ListQuery(ObjectName(Bck("b")), limit=3, page_size=2, start_after="a")
    first = list_objects(query)
    assert first.request.message["value"]["start_after"] == "a"
    entries = [{"name": "b"}, {"name": "c"}]
    page = first.parse(response({"entries": entries, "continuation_token": "t", "uuid": "u"}))
    assert page.next is not None
    value = page.next.request.message["value"]
    assert (value["continuation_token"], value["uuid"], value["pagesize"]) == ("t", "u", 1)
    assert "start_after" not in value
    last = page.next.parse(response({"entries": entries, "continuation_token": "more"}))
    assert ([entry.name for entry in last.items], last.next) == (["b"], None)


def test_headers_are_found_in_any_case_and_decoded_as_utf_8() -> None:
    headers = Headers.decoded([(b"X-A", "é".encode()), (b"x-a", b"2")])
    assert (headers.get("x-A"), headers.get("none"), len(list(headers.items()))) == ("é", "", 2)
