"""Notifications and access logs of buckets in a running server, and through its death."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from s3gw.events.notifier import Outcome
from s3gw.server.outboxes import prepare_outboxes
from s3gw.telemetry.bucket_log_recorder import Fate
from storage.startup_errors import MountpathError
from tests.server_process import ServerProcess, eventually
from tests.webhook import BUCKET, Hook, Silent, listening, notify, port_of, serving

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def put(client: S3Client, *keys: str) -> None:
    for key in keys:
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")


def metric(server: ServerProcess, name: str) -> float:
    lines = server.get("/metrics")[1].decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def events(server: ServerProcess, target: str, outcome: Outcome) -> float:
    labels = f'outcome="{outcome.value}",target="{target}"'
    return metric(server, f"s3gw_notifications_total{{{labels}}}")


def test_an_event_is_delivered_while_another_target_is_dead(tmp_path: Path) -> None:
    with listening(Hook()) as hook, serving(tmp_path, hook.url, workers=2) as server:
        notify(server.client())
        server.client().delete_object(Bucket=BUCKET, Key="nothing")
        put(server.client(), "a")
        hook.wait_for(2)
        assert hook.received[0]["Event"] == "s3:TestEvent"
        assert hook.keys == ["a"]
        assert hook.headers[0]["Authorization"] == "Bearer s3cr3t"
        eventually(lambda: events(server, "hook", Outcome.DELIVERED) == 2, "counted")
        assert events(server, "hook", Outcome.QUEUED) == 2
        eventually(lambda: events(server, "dead", Outcome.FAILED) > 1, "tried again and again")
        assert "s3cr3t" not in server.errors + server.output


def test_an_answered_write_is_told_of_although_everything_died_before_its_delivery(
    tmp_path: Path,
) -> None:
    with listening(Hook()) as hook:
        url, port = hook.url, port_of(hook)
    with serving(tmp_path, url, workers=2) as server:
        notify(server.client())
        for number in range(2):
            put(server.client(), *(f"{number}-{n}" for n in range(10)))
            server.kill9_all()
            server.start()
        with listening(hook, port):
            hook.wait_for(21)
    assert list(dict.fromkeys(hook.keys)) == [f"{a}-{b}" for a in range(2) for b in range(10)]


def test_a_webhook_that_fails_gets_the_event_again_also_from_the_next_process(
    tmp_path: Path,
) -> None:
    with listening(Hook([200] + [500] * 5)) as hook, serving(tmp_path, hook.url) as server:
        notify(server.client())
        hook.wait_for(1)
        put(server.client(), "a", "b")
        hook.wait_for(3)
        server.kill_child(server.children()["maintenance"])
        eventually(lambda: hook.keys[-1:] == ["b"], "both delivered")
    assert hook.keys == ["a"] * 6 + ["b"]


def test_a_server_that_stops_leaves_a_webhook_that_never_answers_alone(tmp_path: Path) -> None:
    hook = Silent()
    with listening(hook), serving(tmp_path, hook.url) as server:
        notify(server.client())
        hook.wait_for(1)
        assert server.stop() == 0
        assert "did not stop in time" not in server.errors
        hook.release()


def test_the_log_of_a_bucket_becomes_objects_in_another(tmp_path: Path) -> None:
    with serving(tmp_path, "http://127.0.0.1:9/", workers=2) as server:
        client = server.client()
        for name in (BUCKET, "logs"):
            client.create_bucket(Bucket=name)
        enabled = {"TargetBucket": "logs", "TargetPrefix": "p/"}
        client.put_bucket_logging(
            Bucket=BUCKET,
            BucketLoggingStatus={"LoggingEnabled": enabled},  # type: ignore[typeddict-item]
        )
        put(client, "a")
        server.get(f"/{BUCKET}/a")
        text = eventually(lambda: logged(client, 2), "delivered")
        operations = sorted(line.split()[7] for line in text.splitlines())
        assert operations == ["REST.GET.OBJECT", "REST.PUT.OBJECT"]
        name = f's3gw_bucket_log_lines_total{{outcome="{Fate.DELIVERED.value}"}}'
        assert metric(server, name) == 2


def logged(client: S3Client, lines: int) -> str:
    """All that was logged, once it is so many lines."""
    found = client.list_objects_v2(Bucket="logs").get("Contents", [])
    bodies = (client.get_object(Bucket="logs", Key=each["Key"])["Body"] for each in found)
    text = b"".join(body.read() for body in bodies).decode()
    return text if text.count("\n") == lines else ""


def test_a_damaged_queue_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "notifications.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(MountpathError, match=r"notifications\.db is damaged; move it away"):
        prepare_outboxes(tmp_path)
