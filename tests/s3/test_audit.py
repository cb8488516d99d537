"""What is written down of who changes what others may do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from s3gw.config.loading import ConfigError
from s3gw.http.request import Level
from s3gw.server.operations import all_operations
from s3gw.telemetry.audit import AUDITED, BYPASSING, Action, Audit, open_audit
from storage.backends.memory import MemoryBackend
from tests.s3.gateway import ALICE, BOB, Gateway

# They change objects, or nothing that anybody else depends on.
OF_OBJECTS = {"GetBatch", "DeleteObjects", "PostObject", "CreateSession"}


class Audited(Gateway):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.audit = open_audit("", folder)
        super().__init__(MemoryBackend(), audit=self.audit)

    def lines(self) -> list[Any]:
        """What was written; nothing more is afterwards."""
        self.audit.close()
        text = (self.folder / "audit.log").read_text()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[Audited]:
    gateway = Audited(tmp_path)
    yield gateway
    gateway.close()


def test_a_change_says_who_and_what_and_how_it_ended(audited: Audited) -> None:
    bucket = audited.new_bucket()
    answer = audited.send("PUT", f"/{bucket}?acl", {"x-amz-acl": "public-read"}, account=BOB)
    assert answer.status == 403
    created, refused = audited.lines()
    assert created["action"] == "CreateBucket"
    assert created["resource"] == f"arn:aws:s3:::{bucket}"
    assert created["outcome"] == "200"
    assert created["account"] == ALICE.account
    assert created["access_key"] == "ALICE-KEY"
    assert created["remote"] == "127.0.0.1"
    assert created["source"] == "s3"
    assert refused["action"] == "PutBucketAcl"
    assert refused["outcome"] == "403 AccessDenied"
    assert refused["access_key"] == "BOB-KEY"
    assert refused["request_id"] == answer.headers["x-amz-request-id"]


def test_reading_and_writing_objects_is_not_audited(audited: Audited) -> None:
    bucket = audited.new_bucket()
    audited.send("PUT", f"/{bucket}/key", body=b"body")
    audited.send("GET", f"/{bucket}/key")
    audited.send("DELETE", f"/{bucket}/key")
    assert [line["action"] for line in audited.lines()] == ["CreateBucket"]


def test_going_around_a_lock_is_audited(audited: Audited) -> None:
    bucket = audited.new_bucket()
    bypass = {"x-amz-bypass-governance-retention": "true"}
    audited.send("DELETE", f"/{bucket}/some/key", bypass)
    line = audited.lines()[-1]
    assert (line["action"], line["bypass_governance"]) == ("DeleteObject", True)
    assert line["resource"] == f"arn:aws:s3:::{bucket}/some/key"


def test_every_operation_that_changes_a_bucket_is_audited() -> None:
    changing = {
        operation.__name__
        for operation in all_operations()
        if operation.route.method in ("PUT", "POST", "DELETE")
        and operation.route.level is Level.BUCKET
    }
    assert changing - OF_OBJECTS <= AUDITED


def test_every_audited_name_is_an_operations() -> None:
    names = {operation.__name__ for operation in all_operations()}
    assert names >= AUDITED | BYPASSING


def test_off_writes_nothing(tmp_path: Path) -> None:
    open_audit("off", tmp_path).close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"log\.audit = .*No such file or directory"):
        open_audit(str(tmp_path / "none" / "audit.log"), tmp_path)


def test_without_a_sink_recording_does_nothing() -> None:
    Audit(None).close()


def test_a_line_is_bounded_whatever_the_request() -> None:
    lines: list[bytes] = []

    class Sink:
        def write(self, block: bytes) -> None:
            lines.append(block)

        def close(self) -> None:
            pass

    audit = Audit(Sink())
    audit.record(Action(action="CreateBucket", resource="x" * 60_000, outcome="400"))
    audit.close()
    (line,) = b"".join(lines).splitlines()
    assert len(line) < 2000
    assert b"(60000 characters)" in line
