"""What the tests of the aistore SDK share: a few words for what they do often."""

from __future__ import annotations

import io
import tarfile
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any

import pytest

# The SDK lives in this suite's own environments only.
errors: Any = import_module("aistore.sdk.errors")

IS_1 = version("aistore").startswith("1.")
only_2 = pytest.mark.skipif(IS_1, reason="came with the SDK's version 2")


def new_name() -> str:
    """A bucket name that no other test has."""
    return f"sdk-{uuid.uuid4().hex[:12]}"


def put(bucket: Any, name: str, content: bytes = b"content") -> Any:
    """The object."""
    made = bucket.object(name)
    made.get_writer().put_content(content)
    return made


def fill(bucket: Any, contents: Mapping[str, bytes]) -> Any:
    for name, content in contents.items():
        put(bucket, name, content)
    return bucket


def get(bucket: Any, name: str, **how: Any) -> bytes:
    content: bytes = bucket.object(name).get_reader(**how).read_all()
    return content


def names(bucket: Any, **asked: Any) -> list[str]:
    return [entry.name for entry in bucket.list_all_objects(**asked)]


def contents(bucket: Any) -> dict[str, bytes]:
    return {name: get(bucket, name) for name in names(bucket)}


def done(client: Any, *xids: str) -> list[Any]:
    """What became of the jobs."""
    return [_waited(client.job(xid)) for xid in xids]


def _waited(job: Any) -> Any:
    """The SDK looks eight times within the time it is given, so a little time is little sleep."""
    for _ in range(60):
        with suppress(errors.Timeout):
            return job.wait(timeout=1, verbose=False)
    raise AssertionError(f"{job.job_id} goes on and on")


def tar(members: Iterable[tuple[str, bytes]], mode: str = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def untar(packed: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = ((member.name, archive.extractfile(member)) for member in archive)
        return [(name, file.read()) for name, file in files if file]


def refused(status: int, words: str = "") -> Any:
    """Expects the SDK's error with this status."""
    return _Refused(status, words)


class _Refused:
    def __init__(self, status: int, words: str) -> None:
        self._status = status
        self._raises = pytest.raises(errors.AISError, match=words or None)

    def __enter__(self) -> Any:
        self._caught = self._raises.__enter__()
        return self._caught

    def __exit__(self, *exc: Any) -> Any:
        held = self._raises.__exit__(*exc)
        assert self._caught.value.status_code == self._status, self._caught.value
        return held
