"""QueryHandles of objects by conditions: what they find, and how handles are continued."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from cluster.coordination.memory import MemoryCoordination
from cluster.query_handles import EXPIRY_S, MOST_OPEN, Query, QueryHandles, TooManyQueries
from tests.native.scene import Scene, told
from tests.storage.fake_clock import FakeClock

NS = 1_000_000_000


def function(name: str, *args: object) -> dict[str, Any]:
    return {"type": "F", "filter_name": name, "args": [str(arg) for arg in args]}


def joined(kind: str, *filters: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "inner_filters": list(filters)}


def message(bucket: str, condition: Any = None, **more: Any) -> dict[str, Any]:
    """As AIStore's client of that time wrote it."""
    workers = more.pop("workers", 0)
    query = {
        "outer_select": {"prefix": "", "objects_source": ""},
        "inner_select": {"props": ""},
        "from": {"bucket": {"name": bucket, "provider": "ais", "namespace": {}}},
        "where": {"filter": condition},
        "fast": False,
        **more,
    }
    return {"query": query, "workers": workers}


def begin(scene: Scene, asked: dict[str, Any], **more: Any) -> str:
    answer = scene.send("POST", "query/init", asked, **more)
    assert answer.status == 200, answer.body
    return answer.body.decode()


def page(scene: Scene, handle: str, size: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scene.json(
        "GET", "query/next", {"handle": handle, "size": size, "worker_id": 0}
    )
    return found


def is_finished(scene: Scene, handle: str) -> bool:
    error = told(scene.send("GET", "query/next", {"handle": handle, "size": 1}))
    assert error.message == f'"{handle}" finished'
    return error.status == 410


def names(scene: Scene, asked: dict[str, Any], size: int = 0) -> list[str]:
    """All that a query finds, page by page."""
    handle, found = begin(scene, asked), list[str]()
    while True:
        answer = scene.send("GET", "query/next", {"handle": handle, "size": size})
        if answer.status == 410:
            return found
        assert answer.status == 200, answer.body
        entries = json.loads(answer.body)
        assert 0 < len(entries) <= (size or 10_000)
        found += [each["name"] for each in entries]


@pytest.fixture(scope="module")
def sizes() -> dict[str, int]:
    chance = random.Random(5)
    kinds = ("jpg", "cls", "tar.gz", "txt")
    made = {}
    for number in range(300):
        made[f"d{number % 7}/{number:03}.{chance.choice(kinds)}"] = chance.randrange(200)
    return made


@pytest.fixture(scope="module")
def filled(scene: Scene, sizes: dict[str, int]) -> str:
    bucket = scene.new_bucket()
    for name, size in sizes.items():
        scene.put(bucket, name, b"x" * size)
    return bucket


Meets = Callable[[str, int], bool]
CONDITIONS: list[tuple[Any, Meets]] = [
    (None, lambda name, size: True),
    (function("size", 10, 20), lambda name, size: 10 <= size <= 20),
    (function("size_le", 50), lambda name, size: size <= 50),
    (function("size_ge", 150), lambda name, size: size >= 150),
    (function("size_ge", 1 << 40), lambda name, size: False),
    (function("ext", "jpg"), lambda name, size: name.endswith(".jpg")),
    (function("ext", ".gz"), lambda name, size: name.endswith(".gz")),
    (function("version", 1, 9), lambda name, size: True),
    (function("version_ge", 2), lambda name, size: False),
    (function("version_le", 1), lambda name, size: True),
    (function("atime_before", 1), lambda name, size: False),
    (function("atime_after", 1), lambda name, size: True),
    (function("atime", 0, 1 << 62), lambda name, size: True),
    (function("mtime_before", 1), lambda name, size: False),
    (function("mtime_after", 1), lambda name, size: True),
    (function("name", "*1?.jpg"), lambda name, size: fnmatch.fnmatch(name, "d?/*1?.jpg")),
    (function("name", "d[0-2]/*"), lambda name, size: name[1] in "012"),
    (function("name", "d[!0-2]/*"), lambda name, size: name[1] not in "012"),
    (function("regexp", "^d[34]/.*5"), lambda n, s: re.search("^d[34]/.*5", n) is not None),
    (
        joined("AND", function("ext", "txt"), function("size_le", 99)),
        lambda name, size: name.endswith(".txt") and size <= 99,
    ),
    (
        joined(
            "OR",
            function("size_le", 9),
            joined("AND", function("ext", "cls"), function("size_ge", 100)),
            function("size", 5, 30),
        ),
        lambda name, size: size <= 30 or (name.endswith(".cls") and size >= 100),
    ),
]


@pytest.mark.parametrize(
    ("condition", "meets"), CONDITIONS, ids=[str(condition)[:60] for condition, _ in CONDITIONS]
)
def test_a_query_finds_what_meets_its_conditions(
    scene: Scene, filled: str, sizes: dict[str, int], condition: Any, meets: Meets
) -> None:
    expected = sorted(name for name, size in sizes.items() if meets(name, size))
    assert names(scene, message(filled, condition)) == expected
    assert names(scene, message(filled, condition), size=7) == expected
    below = message(filled, condition, outer_select={"prefix": "d3/"})
    assert names(scene, below) == [name for name in expected if name.startswith("d3/")]


def test_pages_are_full_up_to_the_last_one(scene: Scene, filled: str) -> None:
    handle = begin(scene, message(filled, function("size_ge", 0)))
    counts = [len(page(scene, handle, 40)) for _ in range(8)]
    assert counts == [40] * 7 + [20]
    assert is_finished(scene, handle)
    assert is_finished(scene, handle)


def test_versions_are_how_often_a_name_was_written(scene: Scene, bucket: str) -> None:
    """AIStore's own test: the template, a filter, and the end."""
    for number in range(10):
        scene.put(bucket, f"object-{number}.txt")
    scene.put(bucket, "object-0.txt")
    scene.put(bucket, "object-x.txt")
    asked = message(
        bucket, function("version_le", 1), outer_select={"objects_source": "object-{0..100}.txt"}
    )
    handle = begin(scene, asked)
    assert [each["name"] for each in page(scene, handle, 10)] == [
        f"object-{number}.txt" for number in range(1, 10)
    ]
    assert is_finished(scene, handle)


def test_times_are_as_they_are_asked_for(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "a")
    asked = message(bucket, inner_select={"props": "name,atime", "time_format": "RFC3339"})
    (entry,) = page(scene, begin(scene, asked))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["atime"])


def test_entries_have_the_properties_that_are_asked_for(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "a", b"four")
    (plain,) = page(scene, begin(scene, message(bucket)))
    assert plain == {"name": "a", "size": "4", "flags": 64}
    asked = message(bucket, inner_select={"props": "name,size,version,checksum,custom"})
    (more,) = page(scene, begin(scene, asked))
    assert more["version"] == "1"
    assert more["checksum"]


def test_workers_are_sent_to_targets(scene: Scene, bucket: str) -> None:
    (target,) = scene.json("GET", "daemon?what=smap")["tmap"]
    handle = begin(scene, message(bucket, workers=1))
    asked = {"handle": handle, "worker_id": 1}
    assert scene.send("GET", "query/worker", asked).body.decode() == target
    error = told(scene.send("GET", "query/worker", {"handle": handle}))
    assert (error.status, error.message) == (400, "workerID cannot be empty")
    alone = {"handle": begin(scene, message(bucket)), "worker_id": 1}
    error = told(scene.send("GET", "query/worker", alone))
    assert (error.status, error.message) == (400, "query registered with 0 workers")


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ({"type": "XOR"}, "unknown type XOR"),
        (function("colour", 1), "unknown function name colour"),
        (function("size_before", 1), "unknown function name size_before"),
        (function("size", 1), "expected 2 arguments, got 1"),
        (function("size_le", "big"), '"big" is not a number'),
        (function("regexp", "("), "no regular expression of RE2"),
        (joined("AND", function("ext", "a")), "expected AND filter to have at least 2"),
        (joined("OR", *[function("ext", "a")] * 300), "more than 256 filters"),
    ],
)
def test_a_bad_filter_is_refused(scene: Scene, bucket: str, condition: Any, text: str) -> None:
    error = told(scene.send("POST", "query/init", message(bucket, condition)))
    assert (error.status, text in error.message) == (400, True), error.message


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"from": {}}, "missing 'from.bucket.name'"),
        ({"outer_select": {"objects_source": "plain"}}, "not a 'bash' template"),
        ({"outer_select": {"objects_source": "{0..9999999}"}}, "at most 100000 names"),
        ({"inner_select": {"props": "colour"}}, "invalid property"),
        ({"inner_select": {"props": "atime", "time_format": "x"}}, "invalid time format"),
    ],
)
def test_a_bad_query_is_refused(
    scene: Scene, bucket: str, changed: dict[str, Any], text: str
) -> None:
    error = told(scene.send("POST", "query/init", message(bucket, **changed)))
    assert (error.status, text in error.message) == (400, True), error.message


def test_what_is_not_there_is_said(scene: Scene, bucket: str) -> None:
    missing = told(scene.send("POST", "query/init", message("no-such-bucket")))
    assert (missing.status, "ais://no-such-bucket" in missing.message) == (404, True)
    for what in ("next", "worker"):
        unknown = told(scene.send("GET", f"query/{what}", {"handle": "unknown"}))
        assert (unknown.status, unknown.tcode) == (404, "ErrNotFound")
        empty = told(scene.send("GET", f"query/{what}", {}))
        assert (empty.status, empty.message) == (400, "handle cannot be empty")
    assert told(scene.send("GET", "query/peek", {"handle": "x"})).status == 400
    assert told(scene.send("POST", "query/next", {})).status == 400
    assert told(scene.send("GET", "query")).status == 501


def test_a_query_needs_the_right_to_list(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "a")
    assert told(scene.send("POST", "query/init", message(bucket), token="nobody")).status == 403
    handle = begin(scene, message(bucket), token="reader")
    asked = {"handle": handle, "size": 1}
    assert told(scene.send("GET", "query/next", asked, token="writer")).status == 404
    resource = f"arn:aws:s3:::{bucket}"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket", "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    assert told(scene.send("GET", "query/next", asked, token="reader")).status == 403


# Handles


async def begun(queries: QueryHandles) -> str:
    return await queries.begin(Query(bucket="b", identity="i"))


def test_of_two_continuations_one_begins_again() -> None:
    async def run() -> None:
        coordination = MemoryCoordination()
        here, there = QueryHandles(coordination), QueryHandles(coordination)
        handle = await begun(here)
        first, second = await here.find(handle), await there.find(handle)
        assert first is not None
        assert second is not None
        assert await here.advance(first, "m", is_over=False)
        assert not await there.advance(second, "k", is_over=False)
        again = await there.find(handle)
        assert again is not None
        assert again.query.after == "m"

    asyncio.run(run())


def test_a_handle_expires_when_it_is_not_used() -> None:
    async def run() -> None:
        clock = FakeClock(2_000_000_000)
        queries = QueryHandles(MemoryCoordination(), clock)
        handle = await begun(queries)
        clock.advance_s(EXPIRY_S - 1)
        found = await queries.find(handle)
        assert found is not None
        assert await queries.advance(found, "a", is_over=False)
        clock.advance_s(EXPIRY_S - 1)
        assert await queries.find(handle) is not None
        clock.advance_s(2)
        assert await queries.find(handle) is None

    asyncio.run(run())


def test_so_many_queries_are_open_at_once() -> None:
    async def run() -> None:
        clock = FakeClock(2_000_000_000)
        coordination = MemoryCoordination()
        queries = QueryHandles(coordination, clock)
        for _ in range(MOST_OPEN):
            await begun(queries)
        with pytest.raises(TooManyQueries):
            await begun(queries)
        clock.advance_s(EXPIRY_S + 1)
        await begun(queries)
        assert len((await coordination.range("/queries/"))[0]) == 1

    asyncio.run(run())
