"""What the tests of jobs ask for, as AIStore's clients write it."""

from __future__ import annotations

import json
from typing import Any

from tests.native.jobs.scene import JobScene
from tests.native.scene import told

NEVER = "0001-01-01T00:00:00Z"
HOOK = "arn:aws:sqs:us-east-1:123456789012:hook"


def delete(scene: JobScene, bucket: str, value: Any, **more: Any) -> str:
    return scene.begin("DELETE", f"buckets/{bucket}", "delete-listrange", value, **more)


def copy_message(target: str, **more: Any) -> dict[str, Any]:
    """As the Python client writes it."""
    return {
        "prefix": "",
        "prepend": "",
        "dry_run": False,
        "force": False,
        "latest-ver": False,
        "synchronize": False,
        "coer": False,
        "tobck": {"name": target, "provider": "ais", "namespace": None},
        **more,
    }


def copy(scene: JobScene, bucket: str, target: str, **more: Any) -> dict[str, Any]:
    """The snapshot of a copy that is done."""
    asked = copy_message(target, **more)
    return scene.done("POST", f"buckets/{bucket}", "copy-listrange", asked)


def copy_bucket(scene: JobScene, bucket: str, target: str, **more: Any) -> dict[str, Any]:
    where = f"buckets/{bucket}?bck_to=ais/@%23/{target}/"
    return scene.done("POST", where, "copy-bck", more)


def refused(scene: JobScene, method: str, where: str, action: str, value: Any, **more: Any) -> Any:
    return told(scene.act(method, where, action, value, **more))


def attach_policy(scene: JobScene, bucket: str, *statements: dict[str, Any]) -> None:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))


def keeping_out(bucket: str, action: str, key: str) -> dict[str, Any]:
    resource = f"arn:aws:s3:::{bucket}/{key}"
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}


def notify(scene: JobScene, bucket: str) -> None:
    rule = {"QueueArn": HOOK, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    scene.s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [rule]},
        SkipDestinationValidation=True,
    )
    scene.events()
