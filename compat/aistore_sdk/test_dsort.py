"""Dsort by the client: 200 shards of 500 records by each order, compared with a model."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.scene import get, new_name, put, refused

SHARDS, RECORDS = 200, 500
SIZE = 1 << 20
CONTENT = {"kind": "content", "extension": ".cls"}
ORDERS: list[dict[str, Any]] = [
    {"kind": "alphanumeric"},
    {"kind": "alphanumeric", "decreasing": True},
    {"kind": "shuffle", "seed": "11"},
    {**CONTENT, "content_key_type": "int"},
    {**CONTENT, "content_key_type": "float", "decreasing": True},
    {**CONTENT, "content_key_type": "string"},
]

Record = tuple[tuple[str, bytes], ...]


def tar_of(records: Sequence[Record]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in (member for record in records for member in record):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def members_of(archive: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        found = []
        for member in opened:
            file = opened.extractfile(member)
            assert file is not None
            found.append((member.name, file.read()))
        return found


def made_records() -> list[list[Record]]:
    chance = random.Random(3)
    numbers = chance.sample(range(10 * SHARDS * RECORDS), SHARDS * RECORDS)
    records: list[Record] = []
    for number in numbers:
        name = hashlib.sha256(b"%d" % number).hexdigest()[:16]
        content = chance.randbytes(100 + number % 200)
        records.append(((f"{name}.jpg", content), (f"{name}.cls", b"%d" % number)))
    return [records[at::SHARDS] for at in range(SHARDS)]


@pytest.fixture(scope="module")
def shards() -> list[list[Record]]:
    return made_records()


@pytest.fixture(scope="module")
def filled(client: Any, shards: list[list[Record]]) -> Any:
    bucket = client.bucket(new_name()).create()
    with ThreadPoolExecutor(4) as threads:
        list(
            threads.map(
                lambda at: put(bucket, f"in-{at:03}.tar", tar_of(shards[at])), range(SHARDS)
            )
        )
    yield bucket
    bucket.delete(missing_ok=True)


def expected(shards: Sequence[Sequence[Record]], algorithm: Mapping[str, Any]) -> list[Record]:
    records = [record for shard in shards for record in shard]
    down = bool(algorithm.get("decreasing"))
    if algorithm["kind"] == "content":
        read: Any = {"int": int, "float": float, "string": bytes}[algorithm["content_key_type"]]
        return sorted(records, key=lambda record: read(record[1][1]), reverse=down)
    return sorted(records, key=lambda record: record[0][0], reverse=down)


def sort(client: Any, bucket: Any, target: Any, folder: Path, **more: Any) -> Any:
    """The outcome of a job that the client began from a file, and waited for."""
    spec = {
        "input_bck": {"name": bucket.name, "provider": "ais"},
        "output_bck": {"name": target.name, "provider": "ais"},
        "input_format": {"template": f"in-{{000..{SHARDS - 1}}}"},
        "input_extension": ".tar",
        "output_format": "out-{0000..9999}",
        "output_extension": ".tar",
        "output_shard_size": str(SIZE),
        "algorithm": {"kind": "alphanumeric"},
        **more,
    }
    file = folder / "spec.json"
    file.write_text(json.dumps(spec))
    dsort = client.dsort()
    assert dsort.start(file).startswith("srt-")
    return dsort.wait(timeout=600), dsort


@pytest.mark.parametrize("algorithm", ORDERS, ids=str)
def test_every_record_is_in_its_place(
    client: Any,
    filled: Any,
    target: Any,
    shards: list[list[Record]],
    algorithm: dict[str, Any],
    tmp_path: Path,
) -> None:
    result, dsort = sort(client, filled, target, tmp_path, algorithm=algorithm)
    assert result.success, result
    (info,) = dsort.get_job_info().values()
    assert info.metrics.local_extraction.extracted_record_count == str(SHARDS * RECORDS)
    names = sorted(each.name for each in target.list_all_objects())
    assert len(names) == int(info.metrics.shard_creation.created_count)
    found = [members_of(get(target, name)) for name in names]
    assert all(sum(len(body) for _, body in each) >= SIZE for each in found[:-1])
    members = [member for each in found for member in each]
    wanted = expected(shards, algorithm)
    if algorithm["kind"] == "shuffle":
        assert members != [member for record in wanted for member in record]
        pairs = sorted(zip(members[::2], members[1::2], strict=True))
        assert pairs == [(first, second) for first, second in wanted]
    else:
        assert members == [member for record in wanted for member in record]


def test_an_aborted_job_leaves_nothing(
    client: Any, filled: Any, target: Any, tmp_path: Path
) -> None:
    target.create()
    spec = {
        "input_bck": {"name": filled.name, "provider": "ais"},
        "output_bck": {"name": target.name, "provider": "ais"},
        "input_format": {"template": f"in-{{000..{SHARDS - 1}}}"},
        "input_extension": ".tar",
        "output_format": "out-{0000..9999}",
        "output_extension": ".tar",
        "output_shard_size": "10KB",
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    dsort = client.dsort()
    dsort.start(tmp_path / "spec.json")
    dsort.abort()
    assert not dsort.wait(timeout=600).success
    assert list(target.list_all_objects()) == []


def test_an_unknown_job_is_not_found(client: Any) -> None:
    for asking in (client.dsort("srt-none").get_job_info, client.dsort("srt-none").abort):
        with refused(404):
            asking()
