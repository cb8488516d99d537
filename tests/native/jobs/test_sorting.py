"""Shards whose records are sorted into others, compared with a model record for record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storage.archives import ArchiveFormat
from tests.native.jobs.scene import JobScene
from tests.native.jobs.sort_scene import (
    begin,
    cut,
    info,
    model,
    outputs,
    put,
    records_of,
    shards,
    sort,
    spec,
    why,
)
from tests.native.scene import told

CONTENT = {"kind": "content", "extension": ".cls"}
ORDERS: list[dict[str, Any]] = [
    {},
    {"kind": "alphanumeric", "decreasing": True},
    {"kind": "md5"},
    {"kind": "none"},
    {**CONTENT, "content_key_type": "int"},
    {**CONTENT, "content_key_type": "float", "decreasing": True},
    {**CONTENT, "content_key_type": "string"},
]


def numbered(expected: list[Any], extension: str = ".tar") -> dict[str, Any]:
    return {f"out-{number:04}{extension}": each for number, each in enumerate(expected)}


@pytest.fixture(scope="module")
def given() -> dict[str, list[tuple[str, bytes]]]:
    return shards(7, 31)


@pytest.fixture
def filled(scene: JobScene, bucket: str, given: Any) -> str:
    put(scene, bucket, given)
    return bucket


@pytest.mark.parametrize(
    ("algorithm", "memory"),
    [*((each, "64KB") for each in ORDERS), ({}, ""), (ORDERS[5], "")],
    ids=str,
)
def test_records_are_in_the_order_of_their_keys(
    scene: JobScene, filled: str, given: Any, algorithm: dict[str, Any], memory: str
) -> None:
    target = scene.new_bucket()
    found = sort(scene, spec(filled, target, algorithm=algorithm, max_mem_usage=memory))
    assert not found["aborted"], found
    assert outputs(scene, target) == numbered(model(given, algorithm, 1024))
    metrics = found["Metrics"]
    created = str(len(model(given, algorithm, 1024)))
    assert metrics["shard_creation"]["created_count"] == created
    assert metrics["shard_creation"]["to_create"] == created
    assert metrics["local_extraction"]["extracted_count"] == "7"
    assert metrics["local_extraction"]["extracted_record_count"] == str(7 * 31)
    assert found["archived"]
    assert all(metrics[each]["finished"] for each in ("local_extraction", "meta_sorting"))


def test_a_shuffle_is_the_same_with_the_same_seed(scene: JobScene, filled: str, given: Any) -> None:
    made = []
    for seed in ("5", "5", "6", ""):
        target = scene.new_bucket()
        sort(scene, spec(filled, target, algorithm={"kind": "shuffle", "seed": seed}))
        made.append([member for each in outputs(scene, target).values() for member in each])
    first, again, other, another = made
    assert first == again
    assert len({tuple(each) for each in (first, other, another)}) == 3
    everything = sorted(member for record in records_of(given) for member in record)
    assert sorted(first) == sorted(other) == everything
    assert first != sorted(first)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        *((each, ArchiveFormat.TAR) for each in ArchiveFormat),
        *zip(ArchiveFormat, reversed(ArchiveFormat), strict=True),
    ],
)
def test_shards_of_all_formats_become_shards_of_all_formats(
    scene: JobScene, bucket: str, kind: ArchiveFormat, wanted: ArchiveFormat
) -> None:
    target, content = scene.new_bucket(), shards(3, 5, extension=kind.value)
    put(scene, bucket, content, kind)
    asked = spec(bucket, target, input_extension=kind.value, output_extension=wanted.value)
    found = sort(scene, {**asked, "algorithm": ORDERS[4], "output_shard_size": "1GB"})
    assert not found["aborted"], found
    expected = numbered(model(content, ORDERS[4], 1 << 30), wanted.value)
    assert outputs(scene, target, wanted) == expected


@pytest.mark.parametrize("kind", ArchiveFormat)
def test_large_members_are_moved_whole(scene: JobScene, bucket: str, kind: ArchiveFormat) -> None:
    target, content = scene.new_bucket(), shards(2, 3, size=1_500_000, extension=kind.value)
    put(scene, bucket, content, kind)
    asked = spec(bucket, target, input_extension=kind.value, output_extension=".tar")
    found = sort(scene, {**asked, "output_shard_size": "4MB"})
    assert not found["aborted"], found
    found_back = [member for each in outputs(scene, target).values() for member in each]
    assert found_back == [m for each in model(content, {}, 4 << 20) for m in each]


def test_a_list_of_shards_is_read_in_its_order(scene: JobScene, filled: str, given: Any) -> None:
    target, names = scene.new_bucket(), ["in-4.tar", "in-1.tar"]
    asked = spec(filled, target, input_format={"objnames": names}, algorithm={"kind": "none"})
    sort(scene, asked)
    chosen = {name: given[name] for name in names}
    assert outputs(scene, target) == numbered(model(chosen, {"kind": "none"}, 1024))


@pytest.mark.parametrize("template", ["", "*", "in-"])
def test_a_prefix_selects_the_archives_with_it(
    scene: JobScene, filled: str, given: Any, template: str
) -> None:
    scene.put(filled, "in-readme.txt", b"not a shard")
    target = scene.new_bucket()
    sort(scene, spec(filled, target, input_format={"template": template}))
    assert outputs(scene, target) == numbered(model(given, {}, 1024))


def test_a_template_without_a_size_fills_all_its_names(scene: JobScene, filled: str) -> None:
    target = scene.new_bucket()
    sort(scene, spec(filled, target, output_format="out-{0..3}", output_shard_size=""))
    assert list(outputs(scene, target)) == [f"out-{number}.tar" for number in range(4)]


def test_shards_of_another_format_are_passed_over(scene: JobScene, filled: str) -> None:
    target = scene.new_bucket()
    asked = spec(filled, target, input_extension="", input_format={"template": "in-{0..9}.zip"})
    found = sort(scene, {**asked, "output_extension": ".tar"})
    assert not found["aborted"]
    assert outputs(scene, target) == {}


def test_more_shards_than_names_are_an_error_before_any_is_made(
    scene: JobScene, filled: str
) -> None:
    target = scene.new_bucket()
    found = sort(scene, spec(filled, target, output_format="out-{0..2}"))
    assert "exceeds expected number of shards (3)" in why(found)
    assert scene.names(target) == []


def test_input_shards_are_not_replaced(scene: JobScene, filled: str, given: Any) -> None:
    found = sort(scene, spec(filled, filled, output_format="in-{0..9999}"))
    assert "in-0.tar would replace an input shard" in why(found)
    assert outputs(scene, filled, prefix="in-") == given


def test_the_input_bucket_is_the_output_bucket_without_another(
    scene: JobScene, filled: str, given: Any
) -> None:
    asked = spec(filled, "")
    del asked["output_bck"]
    found = sort(scene, asked)
    assert (found["src-bck"]["name"], found["dst-bck"]["name"]) == (filled, filled)
    assert outputs(scene, filled) == numbered(model(given, {}, 1024))


def test_a_missing_output_bucket_is_created_like_the_other(scene: JobScene, filled: str) -> None:
    assert scene.act("PATCH", f"buckets/{filled}", "set-bprops", {"lru": {"enabled": False}})
    sort(scene, spec(filled, f"{filled}-sorted"))
    assert scene.names(f"{filled}-sorted")


def test_a_dry_run_writes_nothing(scene: JobScene, filled: str) -> None:
    target = scene.new_bucket()
    found = sort(scene, spec(filled, target, dry_run=True))
    assert int(found["Metrics"]["shard_creation"]["created_count"]) > 5
    assert scene.names(target) == []


def test_output_shards_are_encrypted_as_their_bucket_says(
    scene: JobScene, filled: str, given: Any
) -> None:
    target = scene.new_bucket()
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    for bucket in (filled, target):
        scene.s3.put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
        )
    put(scene, filled, given)
    sort(scene, spec(filled, target))
    assert outputs(scene, target) == numbered(model(given, {}, 1024))
    head = scene.s3.head_object(Bucket=target, Key="out-0000.tar")
    assert (head["ServerSideEncryption"], head["ContentType"]) == ("AES256", "application/x-tar")


@pytest.mark.parametrize("reaction", ["ignore", "warn", "abort"])
@pytest.mark.parametrize("place", ["config", "beside"])
def test_duplicates_are_as_the_reaction_says(
    scene: JobScene, bucket: str, reaction: str, place: str
) -> None:
    files = [("a.txt", b"1"), ("b.txt", b"2"), ("a.txt", b"3")]
    put(scene, bucket, {"in-0.tar": files})
    target = scene.new_bucket()
    chosen = {"duplicated_records": reaction}
    more: dict[str, Any] = {"Config": chosen} if place == "config" else chosen
    found = sort(scene, spec(bucket, target, **more))
    if reaction == "abort":
        assert "'a.txt' is duplicated" in why(found)
        assert scene.names(target) == []
        return
    assert outputs(scene, target) == {"out-0000.tar": [("a.txt", b"3"), ("b.txt", b"2")]}
    warned = ["record 'a.txt' is duplicated"] if reaction == "warn" else None
    assert found["Metrics"].get("warnings") == warned


@pytest.mark.parametrize("reaction", ["ignore", "warn", "abort"])
def test_missing_shards_are_as_the_setting_says(
    scene: JobScene, filled: str, given: Any, reaction: str
) -> None:
    target = scene.new_bucket()
    asked = spec(filled, target, input_format={"template": "in-{5..7}"}, missing_shards=reaction)
    found = sort(scene, asked)
    if reaction == "abort":
        assert "in-7.tar does not exist" in why(found)
        return
    chosen = {name: given[name] for name in ("in-5.tar", "in-6.tar")}
    assert outputs(scene, target) == numbered(model(chosen, {}, 1024))
    assert bool(found["Metrics"].get("warnings")) == (reaction == "warn")


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ([("a.jpg", b"1")], "key is missing for 'a.jpg'"),
        ([("a.cls", b"one")], "is not of the type int"),
        ([("a.cls", b"9223372036854775808")], "is not of the type int"),
        ([("a.cls", b"1" * 70_000)], "longer than 65536 bytes"),
        ([("../a.cls", b"1")], "invalid name of a record"),
        ([("/a.cls", b"1")], "invalid name of a record"),
    ],
)
def test_what_cannot_be_sorted_ends_the_job(
    scene: JobScene, bucket: str, files: Any, text: str
) -> None:
    put(scene, bucket, {"in-0.tar": files})
    target = scene.new_bucket()
    algorithm = {**CONTENT, "content_key_type": "int"}
    assert text in why(sort(scene, spec(bucket, target, algorithm=algorithm)))
    assert scene.names(target) == []


def test_a_damaged_shard_ends_the_job(scene: JobScene, filled: str) -> None:
    scene.put(filled, "in-3.tar", b"no tar" * 1000)
    found = sort(scene, spec(filled, scene.new_bucket()))
    assert f"failed to extract shard ais://{filled}/in-3.tar" in why(found)


def test_links_in_tars_are_the_members_that_they_lead_to(scene: JobScene, bucket: str) -> None:
    import gzip
    import io
    import tarfile

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        first = tarfile.TarInfo("a.txt")
        first.size = 3
        archive.addfile(first, io.BytesIO(b"one"))
        link = tarfile.TarInfo("b.txt")
        link.type, link.linkname = tarfile.LNKTYPE, "a.txt"
        archive.addfile(link)
    expected = {"out-0000.tar": [("a.txt", b"one"), ("b.txt", b"one")]}
    for name, content in (
        ("in-0.tar", made.getvalue()),
        ("in-0.tgz", gzip.compress(made.getvalue())),
    ):
        scene.put(bucket, name, content)
        target = scene.new_bucket()
        extension = name[4:]
        sort(scene, spec(bucket, target, input_extension=extension))
        assert outputs(scene, target) == expected


def test_jobs_are_listed_found_and_removed(scene: JobScene, filled: str) -> None:
    xid = begin(scene, spec(filled, scene.new_bucket(), description="sort of birds"))
    assert xid.startswith("srt-")
    early = info(scene, xid)
    assert not early["archived"]
    assert early["finish_time"] == "0001-01-01T00:00:00Z"
    refused = told(scene.send("DELETE", f"sort?uuid={xid}"))
    assert (refused.status, "still in progress" in refused.message) == (400, True)
    assert [each["id"] for each in scene.json("GET", "sort?only_active=true&regex=birds")] == [xid]
    scene.run_jobs()
    assert scene.json("GET", "sort?only_active=true&regex=birds") == []
    assert [each["id"] for each in scene.json("GET", "sort?regex=%5Esort+of+b")] == [xid]
    assert scene.json("GET", "sort?regex=of+fish") == []
    assert told(scene.send("DELETE", f"sort/abort?uuid={xid}")).status == 410
    assert scene.snap(xid)["kind"] == "dsort"
    assert scene.send("DELETE", f"sort?uuid={xid}").status == 200
    for method, where in (("GET", "sort"), ("DELETE", "sort"), ("DELETE", "sort/abort")):
        missing = told(scene.send(method, f"{where}?uuid={xid}"))
        assert (missing.status, missing.tcode) == (404, "ErrNotFound")


def test_a_job_that_was_not_begun_is_aborted(scene: JobScene, filled: str) -> None:
    target = scene.new_bucket()
    xid = begin(scene, spec(filled, target))
    assert scene.send("DELETE", f"sort/abort?uuid={xid}").status == 200
    scene.run_jobs()
    found = info(scene, xid)
    assert found["aborted"]
    assert found["Metrics"]["aborted"]
    assert not found["Metrics"]["shard_creation"]["finished"]
    assert scene.names(target) == []


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"input_bck": {"name": ""}}, "missing source bucket"),
        ({"output_format": "out-"}, "prefix-only template not supported"),
        ({"output_format": "out-{9..1}"}, "invalid template"),
        ({"output_format": "out-%06d", "output_shard_size": ""}, "output shard size must be set"),
        ({"output_shard_size": "-1"}, "output shard size must be >= 0 (got -1)"),
        ({"output_shard_size": "many"}, "is not a size"),
        ({"output_format": "out-{0..9}.zip"}, 'output_extension: ".tar" vs ".zip"'),
        ({"input_format": {"template": "in-{0..9}.tgz"}}, 'input_extension: ".tar" vs ".tgz"'),
        ({"input_extension": ".rar"}, "is not the extension of an archive"),
        ({"algorithm": {"kind": "bogo"}}, "invalid sorting algorithm"),
        ({"algorithm": {"kind": "shuffle", "seed": "x"}}, 'invalid seed "x"'),
        ({"algorithm": {"kind": "content", "extension": "cls"}}, "invalid extension"),
        ({"algorithm": CONTENT}, "invalid content sorting key"),
        ({"max_mem_usage": "plenty"}, "neither a size nor a share"),
        ({"missing_shards": "cry"}, "expecting one of: [ignore warn abort]"),
        ({"extract_concurrency_max_limit": -1}, "negative concurrency limit ('extract', -1)"),
        ({"ekm_file": "file:///etc/passwd"}, "http:// or https:// is needed"),
        ({"ekm": {}, "output_shard_size": "0"}, "output shard size must be set"),
    ],
)
def test_a_request_is_refused_by_what_is_wrong(
    scene: JobScene, filled: str, changed: dict[str, Any], text: str
) -> None:
    answer = told(scene.send("POST", "sort", spec(filled, filled, **changed)))
    assert (answer.status, text in answer.message) == (400, True), answer.message


def test_a_missing_input_bucket_is_named(scene: JobScene) -> None:
    answer = told(scene.send("POST", "sort", spec("no-such-bucket", "no-such-bucket")))
    assert (answer.status, "ais://no-such-bucket" in answer.message) == (404, True)


def test_rights_to_both_buckets_are_needed(scene: JobScene, filled: str) -> None:
    target = scene.new_bucket()
    for token, status in (("reader", 403), ("writer", 200), ("nobody", 403)):
        assert scene.send("POST", "sort", spec(filled, target), token=token).status == status
    answer = told(scene.send("POST", "sort", spec(filled, f"{filled}-new"), token="writer"))
    assert (answer.status, "CREATE-BUCKET" in answer.message) == (403, True)
    scene.run_jobs()


def test_the_settings_are_the_defaults(scene: JobScene, filled: str) -> None:
    shown = scene.json("GET", "cluster?what=cluster_config")["distributed_sort"]
    assert json.loads(json.dumps(shown)) == {
        "duplicated_records": "ignore",
        "missing_shards": "ignore",
        "ekm_malformed_line": "abort",
        "ekm_missing_key": "abort",
        "default_max_mem_usage": "256MiB",
        "dsorter_mem_threshold": "100GB",
        "call_timeout": "10m",
        "compression": "never",
        "bundle_multiplier": 4,
        "at_once": 4,
    }


def test_large_records_fill_a_shard_alone(scene: JobScene, filled: str, given: Any) -> None:
    target = scene.new_bucket()
    sort(scene, spec(filled, target, output_shard_size="1"))
    assert outputs(scene, target) == numbered(cut(sorted(records_of(given)), 1))
