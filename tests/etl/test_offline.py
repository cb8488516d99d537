"""Buckets and lists of objects through transformers, by jobs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.etl.scene import COMMAND_DEADLY, COMMAND_ODD, EtlScene

NUMBERS = {f"n/{number}.txt": f"{number} bottles".encode() for number in range(20)}


@pytest.fixture(scope="module")
def etl(scene: EtlScene) -> str:
    return scene.new_etl()


@pytest.fixture(scope="module")
def bucket(scene: EtlScene) -> str:
    return scene.new_bucket(NUMBERS)


def transform_bucket(scene: EtlScene, bucket: str, target: str, etl: str, **more: Any) -> str:
    """The id of the job."""
    query = f"bck_to=ais/@%23/{target}/"
    message = {"action": "etl-bck", "value": {"id": etl, **more}}
    return scene.good("POST", f"buckets/{bucket}?{query}", message).decode()


def transform_some(scene: EtlScene, bucket: str, target: str, etl: str, **more: Any) -> str:
    value = {"id": etl, "tobck": {"name": target, "provider": "ais"}, **more}
    message = {"action": "etl-listrange", "value": value}
    return scene.good("POST", f"buckets/{bucket}", message).decode()


def contents(scene: EtlScene, bucket: str) -> dict[str, bytes]:
    listed = scene.server.client().list_objects_v2(Bucket=bucket).get("Contents", [])
    return {each["Key"]: scene.good("GET", f"objects/{bucket}/{each['Key']}") for each in listed}


def test_a_bucket_is_transformed(scene: EtlScene, etl: str, bucket: str) -> None:
    job = transform_bucket(scene, bucket, "whole", etl)
    snap = scene.wait(job)
    assert not snap["aborted"]
    assert snap["stats"]["loc-objs"] == str(len(NUMBERS))
    assert contents(scene, "whole") == {name: body[::-1] for name, body in NUMBERS.items()}


def test_prefix_prepend_and_extensions(scene: EtlScene, etl: str, bucket: str) -> None:
    more = {"prefix": "n/1", "prepend": "copy-", "ext": {"txt": ".md"}}
    scene.wait(transform_bucket(scene, bucket, "renamed", etl, **more))
    chosen = {name: body for name, body in NUMBERS.items() if name.startswith("n/1")}
    expected = {f"copy-{name[:-4]}.md": body[::-1] for name, body in chosen.items()}
    assert contents(scene, "renamed") == expected


def test_a_list_is_transformed(scene: EtlScene, etl: str, bucket: str) -> None:
    job = transform_some(scene, bucket, "listed", etl, objnames=["n/3.txt", "n/7.txt"])
    assert scene.wait(job)["kind"] == "etl-listrange"
    assert contents(scene, "listed") == {
        "n/3.txt": b"selttob 3",
        "n/7.txt": b"selttob 7",
    }


def test_a_template_is_transformed_in_a_pipeline(scene: EtlScene, etl: str, bucket: str) -> None:
    other = scene.new_etl()
    template = "n/{1..2}.txt"
    scene.wait(transform_some(scene, bucket, "piped", etl, template=template, pipeline=[other]))
    assert contents(scene, "piped") == {name: NUMBERS[name] for name in ("n/1.txt", "n/2.txt")}


def test_metadata_is_kept_and_content_headers_are_not(scene: EtlScene, etl: str) -> None:
    bucket = scene.new_bucket()
    s3 = scene.server.client()
    s3.put_object(
        Bucket=bucket, Key="k", Body=b"abc", Metadata={"kept": "yes"}, ContentType="image/png"
    )
    scene.wait(transform_bucket(scene, bucket, "described", etl))
    made = s3.head_object(Bucket="described", Key="k")
    assert made["Metadata"] == {"kept": "yes"}
    assert made["ContentType"] != "image/png"


def test_objects_that_fail_do_so_alone(scene: EtlScene) -> None:
    picky = scene.new_etl(command=COMMAND_ODD)
    bucket = scene.new_bucket({str(number): str(number).encode() for number in range(10)})
    job = transform_bucket(scene, bucket, "even", picky, coer=True)
    snap = scene.wait(job)
    assert not snap["aborted"]
    assert "it is odd" in snap["err"]
    assert set(contents(scene, "even")) == {"0", "2", "4", "6", "8"}
    errors = scene.json("GET", f"etl/{picky}?uuid={job}")["obj_errors"]
    assert sorted(each["obj_name"] for each in errors) == [
        f"ais://{bucket}/{number}" for number in (1, 3, 5, 7, 9)
    ]
    assert {each["ecode"] for each in errors} == {422}


def test_without_going_on_the_first_failure_ends_the_job(scene: EtlScene) -> None:
    picky = scene.new_etl(command=COMMAND_ODD)
    bucket = scene.new_bucket({"1": b"1"})
    snap = scene.wait(transform_bucket(scene, bucket, "none-odd", picky))
    assert snap["aborted"]
    assert "it is odd" in snap["abort-err"]


def test_a_dry_run_transforms_and_writes_nothing(scene: EtlScene) -> None:
    picky = scene.new_etl(command=COMMAND_ODD)
    bucket = scene.new_bucket({str(number): str(number).encode() for number in range(4)})
    job = transform_bucket(scene, bucket, bucket, picky, dry_run=True)
    snap = scene.wait(job)
    assert not snap["aborted"]
    assert snap["err"] == ""
    assert snap["stats"]["loc-objs"] == "2"
    errors = scene.json("GET", f"etl/{picky}?uuid={job}")["obj_errors"]
    assert len(errors) == 2
    assert contents(scene, bucket) == {str(n): str(n).encode() for n in range(4)}


def test_a_transformer_that_dies_fails_one_object_and_the_rest_goes_on(scene: EtlScene) -> None:
    deadly = scene.new_etl(command=COMMAND_DEADLY)
    objects = {str(number): b"well" for number in range(6)} | {"bad": b"kill"}
    job = transform_bucket(scene, scene.new_bucket(objects), "survived", deadly, coer=True)
    snap = scene.wait(job)
    assert not snap["aborted"]
    assert set(contents(scene, "survived")) == {str(number) for number in range(6)}
    (error,) = scene.json("GET", f"etl/{deadly}?uuid={job}")["obj_errors"]
    assert "ended while it transformed" in error["msg"]


def test_what_does_not_exist_is_refused(scene: EtlScene, etl: str, bucket: str) -> None:
    query = f"buckets/{bucket}?bck_to=ais/@%23/nowhere/"
    for value in ({"id": "no-such-etl"}, {"id": etl, "pipeline": ["no-such-etl"]}):
        answer = scene.send("POST", query, {"action": "etl-bck", "value": value})
        assert answer.status == 404
        assert "no-such-etl" in answer.message
    answer = scene.send("POST", query, {"action": "etl-bck", "value": {}})
    assert answer.status == 400
    onto_itself = f"buckets/{bucket}?bck_to=ais/@%23/{bucket}/"
    answer = scene.send("POST", onto_itself, {"action": "etl-bck", "value": {"id": etl}})
    assert answer.status == 400
