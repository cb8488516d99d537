"""The event that each way of changing an object announces, through S3, natively and by jobs.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.native.jobs.ways import (
    TARGET,
    Events,
    job_archive,
    job_copy,
    job_delete,
    job_log,
    job_promote,
    native_append,
    native_append_to_old,
    native_archive,
    native_archive_append,
    native_copy,
    native_delete,
    native_promote,
    native_put,
    native_rename,
    native_upload,
    s3_acl,
    s3_copied_part,
    s3_copy,
    s3_copy_onto_itself,
    s3_delete,
    s3_delete_many,
    s3_form,
    s3_put,
    s3_rename,
    s3_tag,
    s3_untag,
    s3_upload,
)

PUT, POST, COPY, UPLOAD = (
    "ObjectCreated:Put",
    "ObjectCreated:Post",
    "ObjectCreated:Copy",
    "ObjectCreated:CompleteMultipartUpload",
)
REMOVED = "ObjectRemoved:Delete"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Events]:
    with closing(Events(tmp_path)) as scene:
        yield scene


WAYS: list[tuple[Callable[[Events], None], list[str]]] = [
    (s3_put, [PUT]),
    (s3_form, [POST]),
    (s3_copy, [COPY]),
    (s3_copy_onto_itself, [COPY]),
    (s3_upload, [UPLOAD]),
    (s3_copied_part, [UPLOAD]),
    (s3_rename, [COPY, REMOVED]),
    (s3_delete, [REMOVED]),
    (s3_delete_many, [REMOVED]),
    (s3_tag, ["ObjectTagging:Put"]),
    (s3_untag, ["ObjectTagging:Delete"]),
    (s3_acl, ["ObjectAcl:Put"]),
    (native_put, [PUT]),
    (native_append, [UPLOAD]),
    (native_append_to_old, [UPLOAD]),
    (native_upload, [UPLOAD]),
    (native_rename, [COPY, REMOVED]),
    (native_copy, [COPY]),
    (native_archive, [PUT]),
    (native_archive_append, [PUT]),
    (native_promote, [PUT]),
    (native_delete, [REMOVED]),
    (job_promote, [PUT]),
    (job_copy, [COPY]),
    (job_archive, [PUT]),
    (job_log, [PUT]),
    (job_delete, [REMOVED]),
]


@pytest.mark.parametrize(("change", "names"), WAYS, ids=[each.__name__ for each, _ in WAYS])
def test_a_change_is_announced_once_and_by_its_own_name(
    scene: Events, change: Callable[[Events], None], names: list[str]
) -> None:
    change(scene)
    assert scene.announced() == names


def test_a_form_is_announced_to_those_who_asked_for_forms_only(scene: Events) -> None:
    rule = {"QueueArn": TARGET, "Events": ["s3:ObjectCreated:Post"]}
    scene.s3.put_bucket_notification_configuration(
        Bucket=scene.bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
    )
    scene.events()
    s3_put(scene)
    assert scene.announced() == []
    s3_form(scene)
    assert scene.announced() == [POST]
