"""Which events a bucket tells of, what stands in them, and how they reach a webhook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import aiohttp
import msgspec
import pytest
from botocore.exceptions import ClientError

from s3gw.events.delivery import Pace, TargetQueue
from s3gw.events.events import EventName
from s3gw.events.notifier import Notifier, Outcome
from s3gw.events.webhook import Webhook
from storage.backend import Backend
from storage.backends.memory import MemoryBackend
from storage.outbox import Outbox, Record
from storage.outbox_file import FileOutbox, prepare
from storage.values import BucketInfo, Versioning
from tests.s3.gateway import ALICE, BOB, Gateway, code_of, details
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.webhook import Hook, listening

HOOK = "arn:aws:sqs:us-east-1:123456789012:hook"
OTHER = "arn:aws:sns:eu-west-1::other"
EVERYTHING = sorted({name.group for name in EventName if name is not EventName.ACL_PUT})


@dataclass
class Scene:
    """A gateway whose events end in an outbox."""

    store: Backend
    outbox: Outbox
    counts: list[tuple[str, Outcome]] = field(default_factory=list)

    def __post_init__(self) -> None:
        targets = ["hook", "other"]
        notifier = Notifier(self.outbox, targets, region="us-east-1", count=self.count)
        self.gateway = Gateway(self.store, notifier=notifier)
        self.s3 = self.gateway.client()
        self.bucket = self.gateway.new_bucket()

    def count(self, target: str, outcome: Outcome, count: int) -> None:
        self.counts += [(target, outcome)] * count

    def configure(self, **configuration: Any) -> None:
        """Put the configuration, and forget the test events."""
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration=configuration
        )
        for target in ("hook", "other"):
            self.told(target)

    def rules(self) -> dict[str, Any]:
        found = self.s3.get_bucket_notification_configuration(Bucket=self.bucket)
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    def told(self, target: str = "hook") -> list[Any]:
        """The messages that wait for a target; they wait no longer."""
        run_here = self.gateway.server.run
        waiting = run_here(self.outbox.read(target, 1000))
        run_here(self.outbox.drop([record.id for record in waiting]))
        return [json.loads(record.body) for record in waiting]

    def names(self, target: str = "hook") -> list[str]:
        return [message["EventName"] for message in self.told(target)]

    def set_versioning(self, state: Versioning) -> None:
        def change(info: BucketInfo) -> BucketInfo:
            return msgspec.structs.replace(info, versioning=state)

        self.gateway.server.run(self.store.update_bucket(self.bucket, change))


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    prepare(tmp_path / "outbox.db")
    with closing(FileOutbox(tmp_path / "outbox.db", limit_bytes=1 << 20)) as outbox:
        yield outbox


@pytest.fixture
def scene(outbox: Outbox) -> Iterator[Scene]:
    scene = Scene(MemoryBackend(), outbox)
    yield scene
    scene.gateway.close()


def queue(*events: str, arn: str = HOOK, **filters: str) -> dict[str, Any]:
    found: dict[str, Any] = {"QueueArn": arn, "Events": list(events or EVERYTHING)}
    if filters:
        rules = [{"Name": name, "Value": value} for name, value in filters.items()]
        found["Filter"] = {"Key": {"FilterRules": rules}}
    return found


def test_a_bucket_without_rules_has_an_empty_configuration(scene: Scene) -> None:
    assert scene.rules() == {}


def test_a_configuration_comes_back_as_it_was_put(scene: Scene) -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:hook"
    asked = {
        "TopicConfigurations": [
            {"Id": "one", "TopicArn": OTHER, "Events": ["s3:ObjectTagging:*"]},
        ],
        "QueueConfigurations": [
            {"Id": "two", **queue("s3:ObjectCreated:Put", prefix="a/", Suffix=".jpg")},
            {"Id": "3", **queue("s3:ObjectRemoved:*", arn="arn:minio:sqs::hook:webhook")},
        ],
        "LambdaFunctionConfigurations": [
            {"Id": "4", "LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:Copy"]},
        ],
    }
    scene.configure(**asked)
    assert scene.rules() == asked
    scene.configure()
    assert scene.rules() == {}


def test_a_rule_without_id_gets_one(scene: Scene) -> None:
    scene.configure(QueueConfigurations=[queue()])
    (rule,) = scene.rules()["QueueConfigurations"]
    assert rule["Id"]


def test_each_target_gets_a_test_event_unless_that_is_skipped(scene: Scene) -> None:
    asked = {
        "QueueConfigurations": [queue("s3:ObjectCreated:*"), queue("s3:ObjectRemoved:*")],
        "TopicConfigurations": [{"TopicArn": OTHER, "Events": ["s3:ObjectTagging:*"]}],
    }
    put = scene.s3.put_bucket_notification_configuration
    answer = put(Bucket=scene.bucket, NotificationConfiguration=asked)
    (message,) = scene.told("hook")
    assert message["Event"] == "s3:TestEvent"
    assert message["Bucket"] == scene.bucket
    assert message["RequestId"] == answer["ResponseMetadata"]["RequestId"]
    assert len(scene.told("other")) == 1
    put(Bucket=scene.bucket, NotificationConfiguration=asked, SkipDestinationValidation=True)
    assert scene.told("hook") == []


REFUSED = [
    ([queue(arn="arn:aws:sqs:us-east-1:123456789012:nobody")], "Unable to validate the following"),
    ([queue(arn="arn:aws:sns:us-east-1:123456789012:hook")], "The ARN could not be parsed"),
    ([queue(arn="hook")], "The ARN could not be parsed"),
    ([queue("s3:ObjectCreated:Nothing")], "not supported for notifications"),
    ([queue("s3:ObjectRestore:*")], "not supported for notifications"),
    ([queue(prefix="a", Prefix="b")], "more than one prefix rule"),
    ([queue(middle="a")], "must be either prefix or suffix"),
    ([queue(prefix="é" * 513)], "cannot exceed 1024 bytes"),
    ([{"Id": "x" * 256, **queue()}], "not be longer than 255"),
    ([{"Id": "1", **queue("s3:ObjectCreated:*")}, {"Id": "1", **queue("s3:ObjectRemoved:*")}],
     "Same ID used"),
    ([queue("s3:ObjectCreated:*"), queue("s3:ObjectCreated:Put")], "ambiguously defined"),
    ([queue(prefix="a"), queue(prefix="ab")], "ambiguously defined"),
    ([queue(suffix="jpg"), queue(suffix="pg")], "ambiguously defined"),
    ([queue(prefix="a", suffix="x"), queue(prefix="a")], "ambiguously defined"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "message"), REFUSED)
def test_a_configuration_that_aws_refuses_changes_nothing(
    scene: Scene, rules: list[Any], message: str
) -> None:
    scene.configure(QueueConfigurations=[{"Id": "before", **queue("s3:ObjectTagging:Put")}])
    with pytest.raises(ClientError, match=message) as error:
        scene.configure(QueueConfigurations=rules)
    assert details(error)["Code"] == "InvalidArgument"
    assert [rule["Id"] for rule in scene.rules()["QueueConfigurations"]] == ["before"]
    assert scene.told() == []


def test_an_unknown_target_is_named_also_when_validation_is_to_be_skipped(scene: Scene) -> None:
    arn = "arn:minio:sqs::nobody:webhook"
    with pytest.raises(ClientError) as error:
        scene.s3.put_bucket_notification_configuration(
            Bucket=scene.bucket,
            NotificationConfiguration={"QueueConfigurations": [queue(arn=arn)]},
            SkipDestinationValidation=True,
        )
    assert details(error)["ArgumentName1"] == arn


def test_rules_that_share_no_key_or_no_event_live_side_by_side(scene: Scene) -> None:
    scene.configure(
        QueueConfigurations=[
            queue("s3:ObjectCreated:*", prefix="a/"),
            queue("s3:ObjectCreated:*", prefix="b/", suffix=".jpg"),
            queue("s3:ObjectCreated:*", prefix="b/", suffix=".png"),
            queue("s3:ObjectRemoved:Delete"),
            queue("s3:ObjectRemoved:DeleteMarkerCreated"),
        ]
    )


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<EventBridgeConfiguration/>", (501, "NotImplemented")),
        (f"<QueueConfiguration><Queue>{HOOK}</Queue></QueueConfiguration>", (400, "MalformedXML")),
        ("<QueueConfiguration><Event>x</Event></QueueConfiguration>", (400, "MalformedXML")),
    ],
)
def test_a_document_that_nothing_could_keep_is_refused(
    scene: Scene, inside: str, expected: tuple[int, str]
) -> None:
    body = f"<NotificationConfiguration>{inside}</NotificationConfiguration>".encode()
    answer = scene.gateway.send("PUT", f"/{scene.bucket}?notification", body=body)
    assert code_of(answer) == expected


def test_another_account_neither_reads_nor_writes_the_rules(scene: Scene) -> None:
    bobs = scene.gateway.client(BOB)
    with pytest.raises(ClientError, match="AccessDenied"):
        bobs.get_bucket_notification_configuration(Bucket=scene.bucket)
    with pytest.raises(ClientError, match="AccessDenied"):
        bobs.put_bucket_notification_configuration(
            Bucket=scene.bucket, NotificationConfiguration={}
        )


def test_what_stands_in_an_event_is_what_aws_says(scene: Scene) -> None:
    scene.configure(QueueConfigurations=[{"Id": "rule", **queue()}])
    key = "a/red flower+ü.jpg"
    answer = scene.s3.put_object(Bucket=scene.bucket, Key=key, Body=b"12345")
    (message,) = scene.told()
    assert message["EventName"] == "s3:ObjectCreated:Put"
    assert message["Key"] == f"{scene.bucket}/{key}"
    (record,) = message["Records"]
    assert record["eventVersion"] == "2.1"
    assert record["eventSource"] == "aws:s3"
    assert record["awsRegion"] == "us-east-1"
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["userIdentity"] == {"principalId": ALICE.account}
    assert record["requestParameters"] == {"sourceIPAddress": "127.0.0.1"}
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert record["responseElements"]["x-amz-request-id"] == request_id
    about = record["s3"]
    assert (about["s3SchemaVersion"], about["configurationId"]) == ("1.0", "rule")
    assert about["bucket"] == {
        "name": scene.bucket,
        "ownerIdentity": {"principalId": ALICE.account},
        "arn": f"arn:aws:s3:::{scene.bucket}",
    }
    told = about["object"]
    assert told["key"] == "a/red+flower%2B%C3%BC.jpg"
    assert unquote_plus(told["key"]) == key
    assert (told["size"], told["eTag"]) == (5, answer["ETag"].strip('"'))
    assert "versionId" not in told
    int(told["sequencer"], 16)


def test_the_sequencer_orders_the_events_of_a_key(scene: Scene) -> None:
    scene.configure(QueueConfigurations=[queue()])
    for _ in range(3):
        scene.s3.put_object(Bucket=scene.bucket, Key="k", Body=b"")
        scene.s3.delete_object(Bucket=scene.bucket, Key="k")
    found = [each["Records"][0]["s3"]["object"]["sequencer"] for each in scene.told()]
    assert found == sorted(set(found))


def test_every_way_to_make_an_object_is_told(scene: Scene) -> None:
    scene.configure(QueueConfigurations=[queue()])
    target = {"Bucket": scene.bucket, "Key": "k"}
    scene.s3.put_object(**target, Body=b"x")
    scene.s3.copy_object(Bucket=scene.bucket, Key="k2", CopySource=f"{scene.bucket}/k")
    scene.s3.copy_object(**target, CopySource=f"{scene.bucket}/k", MetadataDirective="REPLACE")
    upload = {**target, "UploadId": scene.s3.create_multipart_upload(**target)["UploadId"]}
    etag = scene.s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    scene.s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    copy = "s3:ObjectCreated:Copy"
    assert scene.names() == ["s3:ObjectCreated:Put", copy, copy,
                             "s3:ObjectCreated:CompleteMultipartUpload"]  # fmt: skip


def test_a_copy_that_answers_slowly_is_told_before_its_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3gw.ops.copy.SLOW_BYTES", 0)
    scene.configure(QueueConfigurations=[queue()])
    scene.s3.put_object(Bucket=scene.bucket, Key="k", Body=b"x")
    scene.s3.copy_object(Bucket=scene.bucket, Key="k2", CopySource=f"{scene.bucket}/k")
    assert scene.names() == ["s3:ObjectCreated:Put", "s3:ObjectCreated:Copy"]


def test_tags_and_deletions_are_told(scene: Scene) -> None:
    target = {"Bucket": scene.bucket, "Key": "k"}
    scene.s3.put_object(**target, Body=b"x")
    scene.configure(QueueConfigurations=[queue()])
    scene.s3.put_object_tagging(**target, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    scene.s3.delete_object_tagging(**target)
    scene.s3.delete_object(**target)
    tagged, untagged, removed = scene.told()
    assert tagged["Records"][0]["eventVersion"] == "2.3"
    assert tagged["Records"][0]["eventName"] == "ObjectTagging:Put"
    assert untagged["Records"][0]["eventName"] == "ObjectTagging:Delete"
    assert removed["Records"][0]["eventName"] == "ObjectRemoved:Delete"
    assert set(removed["Records"][0]["s3"]["object"]) == {"key", "sequencer"}


def test_a_deletion_of_many_is_an_event_for_each(scene: Scene) -> None:
    scene.configure(QueueConfigurations=[queue("s3:ObjectRemoved:*", prefix="a")])
    keys = ["a1", "b1", "a2"]
    scene.s3.delete_objects(Bucket=scene.bucket, Delete={"Objects": [{"Key": k} for k in keys]})
    assert [each["Key"].partition("/")[2] for each in scene.told()] == ["a1", "a2"]


def test_a_delete_marker_is_told_as_one_with_its_version(scene: Scene) -> None:
    scene.set_versioning(Versioning.ENABLED)
    scene.configure(QueueConfigurations=[queue()])
    scene.s3.put_object(Bucket=scene.bucket, Key="k", Body=b"x")
    scene.s3.delete_object(Bucket=scene.bucket, Key="k")
    put, deleted = (each["Records"][0] for each in scene.told())
    assert put["s3"]["object"]["versionId"]
    assert deleted["eventName"] == "ObjectRemoved:DeleteMarkerCreated"
    assert deleted["s3"]["object"]["versionId"] not in ("null", put["s3"]["object"]["versionId"])


def test_only_those_who_asked_are_told(scene: Scene) -> None:
    scene.configure(
        QueueConfigurations=[queue("s3:ObjectCreated:*", prefix="a/", suffix=".jpg")],
        TopicConfigurations=[{"TopicArn": OTHER, "Events": ["s3:ObjectRemoved:*"]}],
    )
    for key in ("a/1.jpg", "a/1.png", "b/1.jpg"):
        scene.s3.put_object(Bucket=scene.bucket, Key=key, Body=b"x")
    scene.s3.delete_object(Bucket=scene.bucket, Key="a/1.jpg")
    assert [each["Key"] for each in scene.told()] == [f"{scene.bucket}/a/1.jpg"]
    assert scene.names("other") == ["s3:ObjectRemoved:Delete"]


def test_what_failed_is_not_told(scene: Scene) -> None:
    scene.configure(QueueConfigurations=[queue()])
    answer = scene.gateway.send(
        "PUT", f"/{scene.bucket}/k", {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, b"x"
    )
    assert answer.status == 400
    with pytest.raises(ClientError, match="NoSuchKey"):
        scene.s3.delete_object_tagging(Bucket=scene.bucket, Key="nope")
    assert scene.told() == []


def test_a_full_queue_drops_and_counts_and_the_write_succeeds(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.configure(QueueConfigurations=[queue()])
    filler = [Record("hook", b"x" * (1 << 20))]
    scene.gateway.server.run(scene.outbox.append(filler))
    scene.counts.clear()
    scene.s3.put_object(Bucket=scene.bucket, Key="k", Body=b"x")
    assert scene.counts == [("hook", Outcome.OVERFLOW)]
    assert "queue full" in caplog.text


# Delivery


PACE = Pace(interval_s=9, retry_s=1, longest_retry_s=5, keep_s=3600)


@dataclass
class Courier:
    """Rounds of delivery to a webhook, one after another."""

    outbox: Outbox
    clock: FakeClock = field(default_factory=FakeClock)
    counts: list[Outcome] = field(default_factory=list)

    def append(self, *keys: str) -> None:
        bodies = [json.dumps({"Records": [{"s3": {"object": {"key": key}}}]}) for key in keys]
        run(self.outbox.append([Record("hook", body.encode()) for body in bodies]))

    def rounds(self, url: str, count: int, authorization: str = "") -> list[float]:
        """The pause that each round asked for."""

        async def deliver() -> list[float]:
            async with aiohttp.ClientSession() as session:
                hook = Webhook(session, url, authorization, timeout_s=10)
                queue = TargetQueue("hook", self.outbox, hook, pace=PACE, count=self.count,
                                    clock=self.clock)  # fmt: skip
                return [await queue.run_once() for _ in range(count)]

        return run(deliver())

    def count(self, target: str, outcome: Outcome, count: int) -> None:
        self.counts += [outcome] * count


@pytest.fixture
def courier(tmp_path: Path) -> Iterator[Courier]:
    prepare(tmp_path / "courier.db")
    clock = FakeClock()
    outbox = FileOutbox(tmp_path / "courier.db", limit_bytes=1 << 20, clock=clock)
    with closing(outbox):
        yield Courier(outbox, clock)


def test_events_arrive_in_order_once_each(courier: Courier) -> None:
    courier.append(*map(str, range(250)))
    with listening(Hook()) as hook:
        assert courier.rounds(hook.url, 4, "Bearer token") == [0, 0, 9, 9]
    assert hook.keys == [str(n) for n in range(250)]
    assert hook.headers[0]["Authorization"] == "Bearer token"
    assert hook.headers[0]["Content-Type"] == "application/json"
    assert courier.counts == [Outcome.DELIVERED] * 250


def test_a_target_that_fails_gets_the_same_event_again_after_ever_longer_pauses(
    courier: Courier,
) -> None:
    courier.append("a", "b", "c")
    with listening(Hook([200, 500, 503, 302, 404, 400])) as hook:
        assert courier.rounds(hook.url, 7) == [1, 2, 4, 5, 5, 9, 9]
    assert hook.keys == ["a", "b", "b", "b", "b", "b", "b", "c"]
    assert courier.counts.count(Outcome.FAILED) == 5


def test_nobody_listening_is_a_failure_like_any_other(courier: Courier) -> None:
    courier.append("a")
    with listening(Hook()) as hook:
        url = hook.url
    assert courier.rounds(url, 2) == [1, 2]
    with listening(hook):
        assert courier.rounds(hook.url, 1) == [9]
    assert hook.keys == ["a"]


def test_an_event_that_is_too_old_is_given_up_and_those_behind_it_arrive(courier: Courier) -> None:
    courier.append("old")
    courier.clock.advance_s(3601)
    courier.append("new")
    with listening(Hook()) as hook:
        assert courier.rounds(hook.url, 1) == [9]
    assert hook.keys == ["new"]
    assert courier.counts == [Outcome.GIVEN_UP, Outcome.DELIVERED]
