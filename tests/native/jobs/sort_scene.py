"""Shards to sort, and a model of what becomes of them."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from storage.archives import ArchiveFormat
from tests.archives.made import Files, made, read_back
from tests.native.jobs.scene import JobScene

# The members of a record, in their order.
Record = list[tuple[str, bytes]]
Shards = Mapping[str, Files]


def shards(
    count: int, records: int, *, size: int = 40, seed: int = 1, extension: str = ".tar"
) -> dict[str, list[tuple[str, bytes]]]:
    """Shards of records with two members each: some bytes, and a number in `.cls`."""
    chance = random.Random(seed)
    names = [f"n{number:05}" for number in range(count * records)]
    chance.shuffle(names)
    numbers = list(range(count * records))
    chance.shuffle(numbers)
    found = {}
    for at in range(count):
        files = []
        for name, number in zip(names[at::count], numbers[at::count], strict=True):
            files.append((f"d/{name}.jpg", chance.randbytes(size)))
            files.append((f"d/{name}.cls", str(number).encode()))
        found[f"in-{at}{extension}"] = files
    return found


def records_of(shards: Shards) -> list[Record]:
    """All records, shard by shard."""
    found: list[Record] = []
    for files in shards.values():
        by_name: dict[str, Record] = {}
        for name, content in files:
            by_name.setdefault(name.partition(".")[0], []).append((name, content))
        found += by_name.values()
    return found


def model(shards: Shards, algorithm: Mapping[str, Any], size: int) -> list[Record]:
    """The output shards that sorting in memory gives, each as the members in it."""
    records = records_of(shards)
    kind, down = algorithm.get("kind", "alphanumeric"), bool(algorithm.get("decreasing"))
    if kind == "alphanumeric":
        records.sort(key=lambda record: record[0][0].encode(), reverse=down)
    elif kind == "md5":
        records.sort(key=lambda record: hashlib.md5(record[0][0].encode()).digest(), reverse=down)
    elif kind == "content":
        read = {"int": int, "float": float, "string": bytes}[algorithm["content_key_type"]]
        records.sort(
            key=lambda record: read(
                next(body for name, body in record if name.endswith(algorithm["extension"]))
            ),
            reverse=down,
        )
    return cut(records, size)


def cut(records: Sequence[Record], size: int) -> list[Record]:
    found: list[Record] = [[]]
    for record in records:
        found[-1] += record
        if sum(len(content) for _, content in found[-1]) >= size:
            found.append([])
    return [each for each in found if each]


def put(
    scene: JobScene, bucket: str, shards: Shards, kind: ArchiveFormat = ArchiveFormat.TAR
) -> None:
    for name, files in shards.items():
        scene.put(bucket, name, made(kind, files))


def spec(bucket: str, target: str, **more: Any) -> dict[str, Any]:
    """As the Python client writes it."""
    return {
        "input_bck": {"name": bucket, "provider": "ais"},
        "output_bck": {"name": target, "provider": "ais"},
        "input_format": {"template": "in-{0..99}"},
        "input_extension": ".tar",
        "output_format": "out-{0000..9999}",
        "output_extension": ".tar",
        "output_shard_size": "1KB",
        "algorithm": {"kind": "alphanumeric"},
        "description": "a test",
        **more,
    }


def begin(scene: JobScene, asked: Mapping[str, Any], **more: Any) -> str:
    answer = scene.send("POST", "sort", asked, **more)
    assert answer.status == 200, answer.body
    return answer.body.decode()


def info(scene: JobScene, xid: str) -> dict[str, Any]:
    """What the one target says of a job."""
    (found,) = scene.json("GET", f"sort?uuid={xid}").values()
    assert isinstance(found, dict)
    return found


def sort(scene: JobScene, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a job that is over."""
    xid = begin(scene, asked)
    scene.run_jobs()
    return info(scene, xid)


def outputs(
    scene: JobScene, bucket: str, kind: ArchiveFormat = ArchiveFormat.TAR, prefix: str = "out-"
) -> dict[str, list[tuple[str, bytes]]]:
    """The output shards with their members."""
    found = {}
    for name in scene.names(bucket):
        if name.startswith(prefix):
            found[name] = read_back(kind, scene.send("GET", f"objects/{bucket}/{name}").body)
    return found


def why(found: Mapping[str, Any]) -> str:
    """The error of a job that was aborted, and which left nothing."""
    assert found["aborted"], json.dumps(found)
    (text,) = found["Metrics"]["errors"]
    return str(text)
