"""Clients that want the same thing at once, over both workers: one wins wholly."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import pytest

from tests.faults.data_folder import assert_whole
from tests.faults.objects import (
    BUCKET,
    begin_upload,
    content,
    etag_of,
    joined,
    put_part,
    read_back,
)
from tests.faults.wire import Answer, ask
from tests.server_process import ServerProcess

T = TypeVar("T")

LOSERS = {409, 412}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("concurrency"), workers=2) as server:
        server.client().create_bucket(Bucket=BUCKET)
        yield server
        assert_whole(server)


@pytest.mark.parametrize("size", [100, 100_000])
def test_of_fifty_creators_exactly_one_creates(server: ServerProcess, size: int) -> None:
    path = f"/{BUCKET}/created-{size}"
    bodies = [content(number, size) for number in range(50)]

    def create(body: bytes) -> Answer:
        return ask(server, "PUT", path, body, {"If-None-Match": "*"})

    answers = _at_once([partial(create, body) for body in bodies])
    (winner,) = (number for number, answer in enumerate(answers) if answer.status == 200)
    assert {answer.status for answer in answers} <= {200, *LOSERS}
    assert ask(server, "GET", path).body == bodies[winner]


def test_compare_and_swap_loses_no_increment(server: ServerProcess) -> None:
    path = f"/{BUCKET}/counter"
    etag = ask(server, "PUT", path, b"0").headers["ETag"]
    assert etag.strip('"') == etag_of(b"0")

    def increments() -> int:
        return sum(_increment(server, path) for _ in range(25))

    swapped = _at_once([increments] * 8)
    assert sum(swapped) > 0
    assert int(ask(server, "GET", path).body) == sum(swapped)


def _increment(server: ServerProcess, path: str) -> bool:
    """One attempt: whether it was this client that counted."""
    seen = ask(server, "GET", path)
    new = str(int(seen.body) + 1).encode()
    answer = ask(server, "PUT", path, new, {"If-Match": seen.headers["ETag"]})
    assert answer.status in (200, *LOSERS), answer.body
    return answer.status == 200


def test_of_completing_and_aborting_one_wins_wholly(server: ServerProcess) -> None:
    outcomes = Counter(_complete_and_abort(server, number) for number in range(12))
    assert outcomes.keys() <= {"completed", "aborted"}


def _complete_and_abort(server: ServerProcess, number: int) -> str:
    client, key = server.client(), f"raced-{number}"
    body = content(number, 40_000)
    upload = begin_upload(client, key, "raced")
    put_part(client, key, upload, 1, body)
    path = f"/{BUCKET}/{key}?uploadId={upload}"
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag_of(body)}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    completed, aborted = _at_once(
        [lambda: ask(server, "POST", path, document), lambda: ask(server, "DELETE", path)]
    )
    if completed.status == 200:
        # S3 calls aborting a finished upload either done or unknown; the object stays.
        assert aborted.status in (204, 404)
        assert read_back(client, key) == joined("raced", body)
        return "completed"
    assert (completed.status, completed.code, aborted.status) == (404, "NoSuchUpload", 204)
    assert read_back(client, key) is None
    return "aborted"


def test_of_many_completions_all_get_the_same_answer(server: ServerProcess) -> None:
    client, key = server.client(), "completed-often"
    body = content(77, 40_000)
    upload = begin_upload(client, key, "often")
    put_part(client, key, upload, 1, body)
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag_of(body)}</ETag></Part>"
    document = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
    path = f"/{BUCKET}/{key}?uploadId={upload}"
    answers = _at_once([lambda: ask(server, "POST", path, document)] * 10)
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    assert read_back(client, key) == joined("often", body)


def test_readers_see_one_whole_state_while_writers_replace_it(server: ServerProcess) -> None:
    path = f"/{BUCKET}/replaced"
    states = [content(number, size) for number, size in enumerate((10, 60_000, 1_500_000))]
    etags = {etag_of(state): state for state in states}
    ask(server, "PUT", path, states[0])
    finished = threading.Event()

    def write() -> int:
        try:
            for number in range(40):
                assert ask(server, "PUT", path, states[number % 3]).status == 200
        finally:
            finished.set()
        return 0

    def read() -> int:
        reads = 0
        while not finished.is_set():
            answer = ask(server, "GET", path)
            assert answer.status == 200, answer.body
            assert answer.body == etags[answer.headers["ETag"].strip('"')]
            reads += 1
        return reads

    assert sum(_at_once([write, read, read, read])) > 0


def _at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """All released at the same moment; what each returned."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))
