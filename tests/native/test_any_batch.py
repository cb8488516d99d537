"""GetBatch by the native path against a model: whatever is asked for comes out in order, byte for
byte, in every form and format."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.archives import ArchiveFormat
from tests.archives.made import made, read_back
from tests.batch.test_batches import split
from tests.native.scene import Scene

OBJECTS = {"small": b"0123456789", "ü b/c": b"name", "large": bytes(range(256)) * 100}
MEMBERS = {"a.jpg": b"jpg of a", "deep/b.cls": b"1" * 3000}
MISSING = "__404__/"
MAX_FAILURES = 6
BUCKETS = ("batch-one", "batch-two")


@pytest.fixture(name="stored", scope="module")
def _stored(scene: Scene) -> Scene:
    for number, bucket in enumerate(BUCKETS):
        assert scene.act("POST", f"buckets/{bucket}", "create-bck").status == 200
        for name, content in OBJECTS.items():
            scene.put(bucket, quote(name), content * (number + 1))
        for kind in ArchiveFormat:
            scene.put(bucket, f"shard{kind.value}", made(kind, list(MEMBERS.items())))
    return scene


names = st.sampled_from([*OBJECTS, "none"]).map(lambda name: {"objname": name})
members = st.builds(
    lambda kind, member: {"objname": f"shard{kind.value}", "archpath": member},
    st.sampled_from(ArchiveFormat),
    st.sampled_from([*MEMBERS, "none"]),
)
places = st.sampled_from(
    [{}, *({"bucket": bucket, "provider": "ais"} for bucket in BUCKETS), {"uname": BUCKETS[1]}]
)
nothing: st.SearchStrategy[dict[str, Any]] = st.just({})
ranges = nothing | st.builds(
    lambda start, length: {"start": start, "length": length},
    st.integers(0, 12),
    st.integers(1, 12) | st.just(-1),
)
opaques = nothing | st.binary(max_size=9).map(
    lambda given: {"opaque": base64.b64encode(given).decode()}
)
entries = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    names | members,
    places,
    ranges,
    opaques,
)


def model(entry: dict[str, Any], *, only_names: bool) -> tuple[str, bytes]:
    """The member of the archive that an entry must become."""
    bucket, name = entry.get("uname") or entry.get("bucket", BUCKETS[0]), entry["objname"]
    member = entry.get("archpath", "")
    whole = MEMBERS.get(member) if member else OBJECTS.get(name)
    if whole is not None and not member:
        whole *= BUCKETS.index(bucket) + 1
    start, length = entry.get("start", 0), entry.get("length", -1)
    stop = len(whole or b"") if length < 0 else start + length
    path = "/".join(part for part in ("" if only_names else bucket, name, member) if part)
    if whole is None or start >= len(whole) or stop > len(whole):
        return MISSING + path, b""
    return path, whole[start:stop]


def with_few_failures(asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those that are more than a batch may have."""
    failing = [model(entry, only_names=True)[0].startswith(MISSING) for entry in asked]
    return [
        entry
        for at, entry in enumerate(asked)
        if not failing[at] or sum(failing[: at + 1]) <= MAX_FAILURES
    ]


@given(
    asked=st.lists(entries, min_size=1, max_size=40),
    kind=st.sampled_from(ArchiveFormat),
    streaming=st.booleans(),
    only_names=st.booleans(),
    coloc=st.sampled_from([0, 1, 2]),
)
@settings(max_examples=60, deadline=None)
def test_any_mix_comes_out_in_order_byte_for_byte(
    stored: Scene,
    asked: Sequence[dict[str, Any]],
    kind: ArchiveFormat,
    streaming: bool,
    only_names: bool,
    coloc: int,
) -> None:
    asked = with_few_failures(asked)
    sent = [
        {**entry, "uname": f"ais/@#/{entry['uname']}/{entry['objname']}"}
        if "uname" in entry
        else entry
        for entry in asked
    ]
    expected = [model(entry, only_names=only_names) for entry in asked]
    how = {"mime": kind.value, "strm": streaming, "onob": only_names, "coer": True, "coloc": coloc}
    answer = stored.send("GET", f"ml/moss/{BUCKETS[0]}?coloc={coloc}", {"in": sent, **how})
    assert answer.status == 200
    body = answer.body
    if not streaming:
        (_, metadata), (_, body) = split(answer.headers["content-type"], body)
        out = json.loads(metadata)["out"]
        assert [one.get("opaque", "") for one in out] == [
            entry.get("opaque", "") for entry in asked
        ]
        assert [one["size"] for one in out] == [len(content) for _, content in expected]
    assert read_back(kind, body) == expected
