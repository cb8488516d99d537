"""Access logs that buckets ask for: the configuration, the lines, and the objects they become."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from s3gw.events.notifier import Unannounced
from s3gw.jobs.log_delivery import Bundling, LogDelivery
from s3gw.jobs.log_writing import LogWriter
from s3gw.objects.service import ObjectService
from s3gw.telemetry.bucket_log_recorder import Fate, Recorder
from storage.backend import Backend
from storage.backends.memory import MemoryBackend
from storage.outbox import Outbox
from storage.outbox_file import FileOutbox, prepare
from tests.s3.gateway import ALICE, BOB, Gateway, code_of, details
from tests.storage.fake_clock import FakeClock

# Fields stand between spaces, in brackets or in quotes.
FIELD = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')
_NAMES = """
    owner bucket time remote requester request_id operation key request_uri status error bytes_sent
    object_size total_ms turnaround_ms referer user_agent version_id host_id signature_version
    cipher_suite authentication host tls_version access_point acl_required
"""
NAMES = _NAMES.split()


@dataclass
class Scene:
    """A gateway whose log lines end in an outbox, and the delivery that empties it."""

    outbox: Outbox
    clock: FakeClock
    store: Backend = field(default_factory=MemoryBackend)
    fates: list[Fate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.outbox, region="us-east-1", count=self.count)
        self.gateway = Gateway(self.store, recorder=self.recorder)
        self.s3 = self.gateway.client()
        self.bucket, self.target = self.gateway.new_bucket(), self.gateway.new_bucket()
        self.delivery = LogDelivery(
            self.outbox,
            LogWriter(ObjectService(self.store, Unannounced())),
            bundling=Bundling(interval_s=60, object_bytes=4000),
            count=self.count,
            clock=self.clock,
        )

    def count(self, fate: Fate, count: int) -> None:
        self.fates += [fate] * count

    def configure(self, prefix: str = "logs/", **more: Any) -> None:
        enabled = {"TargetBucket": self.target, "TargetPrefix": prefix, **more}
        self.s3.put_bucket_logging(
            Bucket=self.bucket, BucketLoggingStatus={"LoggingEnabled": enabled}
        )

    def deliver(self, after_s: int = 61) -> None:
        """Hand the lines over, and look what is due once so many seconds have passed."""
        self.gateway.server.run(self.recorder.flush())
        self.clock.advance_s(after_s)
        self.gateway.server.run(self.delivery.run_once())

    def objects(self) -> dict[str, str]:
        """What was written to the target, by key."""
        listed = self.s3.list_objects_v2(Bucket=self.target).get("Contents", [])
        return {each["Key"]: self._read(each["Key"]) for each in listed}

    def _read(self, key: str) -> str:
        body: bytes = self.s3.get_object(Bucket=self.target, Key=key)["Body"].read()
        return body.decode()

    def lines(self) -> list[dict[str, str]]:
        """All lines, by the name of the field."""
        self.deliver()
        text = "".join(self.objects().values())
        assert text.endswith("\n")
        parsed = [FIELD.findall(line) for line in text.splitlines()]
        return [dict(zip(NAMES, fields, strict=True)) for fields in parsed]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    prepare(tmp_path / "outbox.db")
    clock = FakeClock()
    with closing(FileOutbox(tmp_path / "outbox.db", limit_bytes=100_000, clock=clock)) as outbox:
        scene = Scene(outbox, clock)
        yield scene
        scene.gateway.server.run(scene.recorder.close())
        scene.gateway.close()


def status_of(scene: Scene) -> Any:
    return scene.s3.get_bucket_logging(Bucket=scene.bucket).get("LoggingEnabled")


FORMATS: list[dict[str, Any]] = [
    {},
    {"TargetObjectKeyFormat": {"SimplePrefix": {}}},
    {"TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}},
    {"TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}}},
]


@pytest.mark.parametrize("key_format", FORMATS)
def test_a_configuration_comes_back_as_it_was_put(scene: Scene, key_format: Any) -> None:
    assert status_of(scene) is None
    scene.configure("logs/", **key_format)
    found = status_of(scene)
    assert found.pop("TargetGrants", []) == []
    assert found == {"TargetBucket": scene.target, "TargetPrefix": "logs/", **key_format}
    scene.s3.put_bucket_logging(Bucket=scene.bucket, BucketLoggingStatus={})
    assert status_of(scene) is None


def test_a_target_that_is_not_there_or_somebody_elses_is_refused(scene: Scene) -> None:
    for target in ("no-such-bucket", scene.gateway.new_bucket(BOB)):
        scene.target = target
        with pytest.raises(ClientError, match="InvalidTargetBucketForLogging") as error:
            scene.configure()
        assert details(error)["TargetBucket"] == target
    assert status_of(scene) is None


def policy(scene: Scene, **more: Any) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{scene.target}/logs/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]})


@pytest.mark.parametrize(
    "more", [{}, {"Principal": "*"}, {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}]
)
def test_a_target_whose_policy_denies_it_is_refused(scene: Scene, more: Any) -> None:
    scene.s3.put_bucket_policy(Bucket=scene.target, Policy=policy(scene, **more))
    with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
        scene.configure("logs/")
    scene.configure("other/")


def test_a_policy_that_denies_others_stops_no_logs(scene: Scene) -> None:
    others = {"Principal": {"AWS": BOB.account}}
    insecure = {"Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    for more in (others, insecure):
        scene.s3.put_bucket_policy(Bucket=scene.target, Policy=policy(scene, **more))
        scene.configure("logs/")
    scene.s3.delete_bucket_policy(Bucket=scene.target)


def test_lines_wait_while_the_policy_denies_them(scene: Scene) -> None:
    scene.configure("logs/")
    scene.s3.list_objects_v2(Bucket=scene.bucket)
    scene.s3.put_bucket_policy(Bucket=scene.target, Policy=policy(scene))
    scene.deliver()
    assert scene.objects() == {}
    scene.s3.delete_bucket_policy(Bucket=scene.target)
    scene.deliver()
    assert len(scene.objects()) == 1
    assert Fate.DROPPED not in scene.fates


GRANT = "<TargetGrants><Grant><Grantee/><Permission>READ</Permission></Grant></TargetGrants>"
BOTH = "<TargetObjectKeyFormat><SimplePrefix/><PartitionedPrefix/></TargetObjectKeyFormat>"
WRONG_SOURCE = (
    "<TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>Never</PartitionDateSource>"
    "</PartitionedPrefix></TargetObjectKeyFormat>"
)


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<TargetPrefix/>" + GRANT, (501, "NotImplemented")),
        ("<TargetPrefix/>" + BOTH, (400, "MalformedXML")),
        ("<TargetPrefix/><TargetObjectKeyFormat/>", (400, "MalformedXML")),
        ("<TargetPrefix/>" + WRONG_SOURCE, (400, "MalformedXML")),
        ("", (400, "MalformedXML")),
        (f"<TargetPrefix>{'x' * 801}</TargetPrefix>", (400, "InvalidArgument")),
    ],
)
def test_a_document_that_could_not_be_kept_is_refused(
    scene: Scene, inside: str, expected: tuple[int, str]
) -> None:
    enabled = f"<LoggingEnabled><TargetBucket>{scene.target}</TargetBucket>{inside}"
    body = f"<BucketLoggingStatus>{enabled}</LoggingEnabled></BucketLoggingStatus>".encode()
    answer = scene.gateway.send("PUT", f"/{scene.bucket}?logging", body=body)
    assert code_of(answer) == expected
    assert status_of(scene) is None


def test_a_line_has_aws_fields_in_aws_order(scene: Scene) -> None:
    scene.configure()
    answer = scene.s3.put_object(Bucket=scene.bucket, Key="a b", Body=b"12345")
    (line,) = scene.lines()
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]", line.pop("time"))
    assert line.pop("total_ms").isdigit()
    assert line.pop("turnaround_ms").isdigit()
    assert line.pop("user_agent").startswith('"Boto3/')
    assert line == {
        "owner": ALICE.account,
        "bucket": scene.bucket,
        "remote": "127.0.0.1",
        "requester": ALICE.account,
        "request_id": answer["ResponseMetadata"]["RequestId"],
        "operation": "REST.PUT.OBJECT",
        "key": "a%20b",
        "request_uri": f'"PUT /{scene.bucket}/a%20b HTTP/1.1"',
        "status": "200",
        "error": "-",
        "bytes_sent": "-",
        "object_size": "5",
        "referer": '"-"',
        "version_id": "-",
        "host_id": "-",
        "signature_version": "SigV4",
        "cipher_suite": "-",
        "authentication": "AuthHeader",
        "host": "127.0.0.1",
        "tls_version": "-",
        "access_point": "-",
        "acl_required": "-",
    }


def test_operations_are_named_as_aws_names_them(scene: Scene) -> None:
    scene.configure()
    s3, target = scene.s3, {"Bucket": scene.bucket, "Key": "k"}
    s3.put_object(**target, Body=b"12345")
    s3.get_object(**target, Range="bytes=1-2")["Body"].read()
    s3.head_object(**target)
    s3.list_objects_v2(Bucket=scene.bucket)
    s3.get_bucket_versioning(Bucket=scene.bucket)
    s3.copy_object(Bucket=scene.bucket, Key="k2", CopySource=f"{scene.bucket}/k")
    s3.get_object_tagging(**target)
    upload = {**target, "UploadId": s3.create_multipart_upload(**target)["UploadId"]}
    s3.upload_part(**upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**upload)
    s3.delete_objects(Bucket=scene.bucket, Delete={"Objects": [{"Key": "k"}]})
    lines = scene.lines()
    assert [line["operation"].removeprefix("REST.") for line in lines] == [
        "PUT.OBJECT", "GET.OBJECT", "HEAD.OBJECT", "GET.BUCKET", "GET.VERSIONING", "COPY.OBJECT",
        "GET.OBJECT_TAGGING", "POST.UPLOADS", "PUT.PART", "DELETE.UPLOAD",
        "POST.MULTI_OBJECT_DELETE",
    ]  # fmt: skip
    assert (lines[1]["status"], lines[1]["bytes_sent"], lines[1]["object_size"]) == (
        "206",
        "2",
        "5",
    )
    assert (lines[2]["bytes_sent"], lines[2]["object_size"]) == ("-", "5")


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("POST", "", "POST.OBJECT"),
        ("OPTIONS", "/k", "OPTIONS.PREFLIGHT"),
        ("GET", "?acl", "GET.ACL"),
        ("GET", "?policy", "GET.BUCKETPOLICY"),
        ("GET", "?publicAccessBlock", "GET.PUBLIC_ACCESS_BLOCK"),
        ("GET", "?versions", "GET.BUCKETVERSIONS"),
        ("GET", "/k?uploadId=x", "GET.UPLOAD"),
        ("PUT", "/k?legal-hold", "PUT.OBJECT_LOCK_LEGALHOLD"),
        ("GET", "/k?partNumber=1", "GET.OBJECT"),
    ],
)
def test_a_request_is_named_by_what_it_asks_for(
    scene: Scene, method: str, target: str, name: str
) -> None:
    scene.configure()
    scene.gateway.send(method, f"/{scene.bucket}{target}")
    assert [line["operation"] for line in scene.lines()] == [f"REST.{name}"]


def test_requests_that_were_refused_are_in_the_log(scene: Scene) -> None:
    scene.configure()
    scene.gateway.send("GET", f"/{scene.bucket}/k", account=None)
    scene.gateway.send("GET", f"/{scene.bucket}/k", account=BOB)
    scene.gateway.send("GET", f"/{scene.bucket}/k", {"authorization": "nonsense"}, account=None)
    scene.gateway.send("GET", f"/{scene.bucket}/k")
    scene.gateway.send("GET", f"/{scene.bucket}?torrent")
    found = [(line["requester"], line["status"], line["error"]) for line in scene.lines()]
    assert found[:2] == [("-", "403", "AccessDenied"), (BOB.account, "403", "AccessDenied")]
    assert found[2][1].startswith("40")
    assert found[3:] == [
        (ALICE.account, "404", "NoSuchKey"),
        (ALICE.account, "501", "NotImplemented"),
    ]


def test_who_wants_a_name_that_is_taken_is_not_in_its_owners_log(scene: Scene) -> None:
    scene.configure()
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        scene.gateway.client(BOB).create_bucket(Bucket=scene.bucket)
    scene.s3.head_bucket(Bucket=scene.bucket)
    assert [line["operation"] for line in scene.lines()] == ["REST.HEAD.BUCKET"]


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_signatures_and_tokens_of_a_query_are_left_out(scene: Scene, version: str) -> None:
    scene.configure()
    client: Any = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1",
        region_name="us-east-1",
        aws_access_key_id="ALICE-KEY",
        aws_secret_access_key="alice-secret",
        config=Config(signature_version=version, s3={"addressing_style": "path"}),
    )
    scene.s3.put_object(Bucket=scene.bucket, Key="k", Body=b"x")
    url = urlsplit(
        client.generate_presigned_url("get_object", {"Bucket": scene.bucket, "Key": "k"})
    )
    answer = scene.gateway.send("GET", f"{url.path}?{url.query}", account=None)
    assert answer.status == 200
    answer = scene.gateway.send("GET", f"{url.path}?X-Amz-Security-Token=t0p&x=1", account=None)
    _, line, refused = scene.lines()
    signature = re.search(r"Signature=([^&]+)", url.query)
    assert signature is not None
    assert signature[1] not in line["request_uri"]
    assert "Signature=REDACTED" in line["request_uri"]
    assert line["authentication"] == "QueryString"
    assert line["signature_version"] == {"s3v4": "SigV4", "s3": "SigV2"}[version]
    assert refused["request_uri"].endswith('?X-Amz-Security-Token=REDACTED&x=1 HTTP/1.1"')


def test_what_a_client_chooses_cannot_forge_a_field(scene: Scene) -> None:
    scene.configure()
    sent = {"user-agent": 'x" 200 - "\tü', "referer": '" "'}
    scene.gateway.send("GET", f'/{scene.bucket}/k?a="%20', sent)
    scene.gateway.send("GET", f"/{scene.bucket}/a%0Ab", sent)
    lines = scene.lines()
    assert [line["key"] for line in lines] == ["k", "a%0Ab"]
    assert lines[0]["user_agent"].startswith('"x%22 200 - %22%09')


def test_objects_are_written_when_the_oldest_line_is_old_enough(scene: Scene) -> None:
    scene.configure("logs/")
    scene.s3.head_bucket(Bucket=scene.bucket)
    scene.deliver(after_s=59)
    assert scene.objects() == {}
    scene.deliver(after_s=1)
    ((key, text),) = scene.objects().items()
    assert re.fullmatch(r"logs/\d{4}(-\d\d){5}-[0-9A-F]{16}", key)
    assert text.count("\n") == 1
    assert scene.fates == [Fate.QUEUED, Fate.DELIVERED]
    scene.deliver()
    assert len(scene.objects()) == 1
    head = scene.s3.head_object(Bucket=scene.target, Key=key)
    assert head["ContentType"] == "text/plain"


def test_objects_are_written_when_there_are_lines_enough(scene: Scene) -> None:
    scene.configure()
    for _ in range(20):
        scene.s3.head_bucket(Bucket=scene.bucket)
    scene.deliver(after_s=0)
    assert len(scene.objects()) == 1


def test_partitioned_keys_name_owner_region_bucket_and_day(scene: Scene) -> None:
    scene.configure("p/", TargetObjectKeyFormat={"PartitionedPrefix": {
        "PartitionDateSource": "EventTime"}})  # fmt: skip
    scene.s3.head_bucket(Bucket=scene.bucket)
    scene.gateway.server.run(scene.recorder.flush())
    scene.clock.advance_s(86400)
    scene.s3.head_bucket(Bucket=scene.bucket)
    scene.deliver()
    scene.deliver()
    days = ["2023-11-14", "2023-11-15"]
    for key, day in zip(sorted(scene.objects()), days, strict=True):
        folder = f"p/{ALICE.account}/us-east-1/{scene.bucket}/{day.replace('-', '/')}"
        assert re.fullmatch(rf"{folder}/{day}-00-00-00-[0-9A-F]{{16}}", key)


def test_a_bucket_without_logging_costs_no_line(scene: Scene) -> None:
    scene.s3.head_bucket(Bucket=scene.bucket)
    scene.deliver()
    assert scene.fates == []


def test_a_bucket_can_log_into_itself_without_end(scene: Scene) -> None:
    scene.target = scene.bucket
    scene.configure()
    scene.s3.head_bucket(Bucket=scene.bucket)
    scene.deliver()
    scene.deliver()
    assert scene.fates.count(Fate.DELIVERED) == 1


def test_lines_for_a_target_that_is_gone_are_dropped_and_others_arrive(scene: Scene) -> None:
    scene.configure()
    scene.s3.head_bucket(Bucket=scene.bucket)
    scene.s3.delete_bucket(Bucket=scene.target)
    other = scene.target = scene.gateway.new_bucket()
    scene.bucket = scene.gateway.new_bucket()
    scene.configure()
    scene.s3.head_bucket(Bucket=scene.bucket)
    scene.deliver()
    assert scene.fates.count(Fate.DROPPED) == scene.fates.count(Fate.DELIVERED) == 1
    assert len(scene.s3.list_objects_v2(Bucket=other)["Contents"]) == 1


def test_a_full_queue_drops_and_counts(scene: Scene) -> None:
    scene.configure()
    for _ in range(300):
        scene.gateway.send("HEAD", f"/{scene.bucket}", {"user-agent": "x" * 200})
    scene.gateway.server.run(scene.recorder.flush())
    assert scene.fates.count(Fate.DROPPED) > 0
    assert scene.fates.count(Fate.QUEUED) > 100
