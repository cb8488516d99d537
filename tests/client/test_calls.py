"""Every call of the client through both drivers, against a real server."""

from __future__ import annotations

import io
import itertools
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from s3gw.client import (
    buckets,
    cluster,
    etl,
    files,
    inventories,
    jobs,
    listing,
    objects,
    queries,
    sorting,
)
from s3gw.client.buckets import (
    CopyOptions,
    bucket_props,
    copy_bucket,
    create_bucket,
    destroy_bucket,
    list_buckets,
    rename_bucket,
    reset_bucket_props,
    set_bucket_props,
    summarize,
)
from s3gw.client.call import Body, Call
from s3gw.client.cluster import (
    bucket_map,
    cluster_config,
    cluster_map,
    health,
    node_log,
    node_status,
    nodes_in,
    reset_config,
    set_config,
    software_version,
)
from s3gw.client.endpoint import Endpoint
from s3gw.client.errors import ClientError
from s3gw.client.etl import (
    EtlSpec,
    etl_logs,
    init_etl,
    list_etls,
    remove_etl,
    show_etl,
    start_etl,
    stop_etl,
    transform_bucket,
)
from s3gw.client.files import (
    add_to_archive,
    download,
    download_file,
    upload_file,
    upload_stream,
)
from s3gw.client.inventories import (
    InventoryOptions,
    create_inventory,
    destroy_inventory,
    show_inventories,
)
from s3gw.client.jobs import (
    Job,
    JobQuery,
    find_job,
    find_jobs,
    start_job,
    start_on_bucket,
    stop_jobs,
    wait_for_job,
)
from s3gw.client.listing import Flag, ListQuery, list_objects
from s3gw.client.names import Bck, ObjectName
from s3gw.client.objects import (
    ArchiveOptions,
    ObjectRead,
    PromoteOptions,
    Selection,
    append_member,
    archive_many,
    copy_many,
    copy_object,
    delete_many,
    delete_object,
    evict_many,
    get_object,
    head_object,
    prefetch_many,
    promote,
    put_object,
    rename_object,
    set_custom,
)
from s3gw.client.queries import FINISHED, Condition, begin_query, next_found
from s3gw.client.sorting import (
    Sort,
    abort_sort,
    find_sort,
    list_sorts,
    remove_sort,
    start_sort,
    wait_for_sort,
)
from tests.client.drivers import DRIVERS, Driver

_numbers = itertools.count()


@pytest.fixture
def bck(client: Driver) -> Bck:
    made = Bck(f"calls-{next(_numbers)}")
    client.call(create_bucket(made, {}))
    return made


def put(client: Driver, bck: Bck, key: str, content: bytes = b"content") -> ObjectName:
    name = ObjectName(bck, key)
    client.call(put_object(name, Body(lambda: [content], len(content)), {}))
    return name


def read(client: Driver, name: ObjectName, part: ObjectRead | None = None) -> bytes:
    with client.open(get_object(name, part)) as stream:
        return b"".join(stream.blocks())


def keys(client: Driver, bck: Bck) -> list[str]:
    return [entry.name for entry in client.items(list_objects(ListQuery(ObjectName(bck))))]


def finish(client: Driver, job_id: str) -> Job:
    seen: list[Job] = []
    job = client.run(wait_for_job(job_id, seen.append))
    assert seen[-1] == job
    assert (job.is_done, job.error) == (True, "")
    return job


def test_a_bucket_is_created_listed_changed_and_destroyed(client: Driver) -> None:
    bck = Bck(f"calls-{next(_numbers)}")
    client.call(create_bucket(bck, {"checksum": {"type": "md5"}}))
    assert bck in client.call(list_buckets())
    assert client.call(list_buckets("aws")) == []
    assert client.call(bucket_props(bck))["checksum"]["type"] == "md5"
    client.call(set_bucket_props(bck, {"versioning": {"enabled": False}}))
    assert client.call(bucket_props(bck))["versioning"]["enabled"] is False
    client.call(reset_bucket_props(bck))
    assert client.call(bucket_props(bck))["checksum"]["type"] != "md5"
    client.call(destroy_bucket(bck))
    with pytest.raises(ClientError) as caught:
        client.call(bucket_props(bck))
    assert caught.value.status == 404


def test_buckets_are_copied_renamed_and_counted(client: Driver, bck: Bck) -> None:
    for key in ("a/1", "a/22", "b"):
        put(client, bck, key, key.encode())
    copy, renamed = Bck(f"{bck.name}-copy"), Bck(f"{bck.name}-renamed")
    assert (
        finish(client, client.call(copy_bucket(bck, copy, CopyOptions(prefix="a/")))).objects == 2
    )
    finish(client, client.call(rename_bucket(copy, renamed)))
    assert keys(client, renamed) == ["a/1", "a/22"]
    summary = client.run(summarize(bck, "a/"))
    assert (summary.objects, summary.size) == (2, 7)
    assert client.run(summarize(bck)).objects == 3


def test_an_object_is_put_read_copied_renamed_and_deleted(client: Driver, bck: Bck) -> None:
    name = put(client, bck, "a ü/1", b"0123456789")
    assert read(client, name) == b"0123456789"
    assert read(client, name, ObjectRead(range="2-4")) == b"234"
    client.call(set_custom(name, {"by": "é"}, replaces=True))
    headers = client.call(head_object(name))
    assert (headers["content-length"], headers["ais-custom-md"]) == ("10", "by=é")
    copy, renamed = ObjectName(bck, "copy"), ObjectName(bck, "renamed")
    client.call(copy_object(name, copy))
    client.call(rename_object(copy, renamed.key))
    assert keys(client, bck) == ["a ü/1", "renamed"]
    client.call(delete_object(renamed))
    with pytest.raises(ClientError, match="does not exist"):
        client.call(head_object(renamed))


def test_pages_follow_one_another(client: Driver, bck: Bck) -> None:
    for number in range(5):
        put(client, bck, f"{number}")
    first = client.call(list_objects(ListQuery(ObjectName(bck), page_size=2)))
    assert [entry.name for entry in first.items] == ["0", "1"]
    assert first.next is not None
    query = ListQuery(ObjectName(bck), page_size=2, flags=Flag.NAME_ONLY)
    for limit, expected in ((0, "01234"), (3, "012"), (4, "0123"), (9, "01234")):
        found = client.items(list_objects(replace(query, limit=limit)))
        assert "".join(entry.name for entry in found) == expected
    after = client.items(list_objects(replace(query, start_after="2")))
    assert [entry.name for entry in after] == ["3", "4"]


@pytest.mark.parametrize("size", [0, 10, (8 << 20) + 1])
def test_files_and_pipes_are_uploaded_and_downloaded(
    size: int, client: Driver, bck: Bck, tmp_path: Path
) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    (tmp_path / "source").write_bytes(content)
    file, pipe = ObjectName(bck, "file"), ObjectName(bck, "pipe")
    assert client.run(upload_file(tmp_path / "source", file)) == size
    assert client.run(upload_stream(io.BytesIO(content), pipe)) == size
    target, opened = tmp_path / "target", io.BytesIO()
    assert client.receive(download_file(pipe, target)) == size
    assert client.receive(download(file, ObjectRead(), opened)) == size
    assert target.read_bytes() == opened.getvalue() == content
    assert sorted(each.name for each in tmp_path.iterdir()) == ["source", "target"]


def test_a_download_that_fails_leaves_no_file(client: Driver, bck: Bck, tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="does not exist"):
        client.receive(download_file(ObjectName(bck, "missing"), tmp_path / "target"))
    assert list(tmp_path.iterdir()) == []


def test_an_upload_of_a_missing_file_is_an_error(client: Driver, bck: Bck, tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="cannot be read"):
        client.run(upload_file(tmp_path / "missing", ObjectName(bck, "a")))
    assert keys(client, bck) == []


def test_a_body_that_cannot_be_read_is_its_own_error(client: Driver, bck: Bck) -> None:
    def blocks() -> list[bytes]:
        raise ClientError("the file changed")

    body = Body(lambda: (block for block in blocks()), 10)
    with pytest.raises(ClientError, match="The file changed"):
        client.call(put_object(ObjectName(bck, "a"), body, {}))
    assert keys(client, bck) == []


def test_many_objects_are_handled_by_jobs(client: Driver, bck: Bck) -> None:
    for number in range(4):
        put(client, bck, f"a/{number}")
    to = Bck(f"{bck.name}-to")
    client.call(create_bucket(to, {}))
    two = Selection(template="a/{0..1}")
    job = finish(client, client.call(copy_many(bck, to, two, CopyOptions(prepend="x/"))))
    assert (job.objects, keys(client, to)) == (2, ["x/a/0", "x/a/1"])
    archive = ObjectName(to, "all.tar")
    all_names = Selection(names=("a/0", "a/3"))
    finish(client, client.call(archive_many(bck, archive, all_names, ArchiveOptions())))
    with tarfile.open(fileobj=io.BytesIO(read(client, archive))) as opened:
        assert opened.getnames() == ["a/0", "a/3"]
    finish(client, client.call(delete_many(bck, Selection(template="a/"))))
    assert keys(client, bck) == []


def test_a_file_is_added_to_an_archive(client: Driver, bck: Bck, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"member")
    archive = ObjectName(bck, "a.tar")
    with pytest.raises(ClientError, match="does not exist"):
        client.run(add_to_archive(tmp_path / "file", archive, "m", creates=False))
    assert client.run(add_to_archive(tmp_path / "file", archive, "m", creates=True)) == 6
    client.call(append_member(archive, "n", Body(lambda: [b"new"], 3), {}, creates=False))
    assert read(client, archive, ObjectRead(member="m")) == b"member"
    assert read(client, archive, ObjectRead(member="n")) == b"new"


def test_jobs_are_started_found_and_stopped(client: Driver, bck: Bck) -> None:
    job_id = client.call(start_job("cleanup", []))
    finish(client, job_id)
    assert client.call(find_job(job_id)).kind == "cleanup-store"
    assert job_id in {job.id for job in client.call(find_jobs(JobQuery(kind="cleanup-store")))}
    assert client.call(find_jobs(JobQuery(id="unknown"))) == []
    with pytest.raises(ClientError, match="does not exist"):
        client.call(find_job("unknown"))
    with pytest.raises(ClientError, match="does not exist"):
        client.run(wait_for_job("unknown"))
    put(client, bck, "a")
    value = {"objsize-limit": 1 << 20, "chunk-size": 1 << 20}
    finish(client, client.call(start_on_bucket("rechunk", bck, value)))
    copy = client.call(
        copy_many(bck, Bck(f"{bck.name}-to"), Selection(names=("a",)), CopyOptions())
    )
    client.call(stop_jobs(JobQuery(id=copy)))
    assert client.run(wait_for_job(copy)).is_done


def test_the_cluster_describes_itself(client: Driver) -> None:
    nodes = nodes_in(client.call(cluster_map()))
    assert [node.role for node in nodes] == ["proxy", "target"]
    assert client.call(bucket_map())["providers"]
    assert client.call(software_version())
    assert client.call(health()).get("ais-node-uptime").isdigit()
    assert client.call(health(is_readiness=True)) is not None
    assert client.call(node_status(nodes[1].id))["tracker"]
    assert isinstance(client.call(node_log(nodes[0].id, "error")), str)


@pytest.mark.parametrize(("flags", "in_use"), [(0, True), (2, True), (4, False), (8, False)])
def test_nodes_in_maintenance_are_not_in_use(flags: int, in_use: bool) -> None:
    node = {"daemon_id": "t1", "daemon_type": "target", "flags": flags}
    assert [each.in_use for each in nodes_in({"tmap": {"t1": node}})] == [in_use]


def test_the_configuration_is_changed_and_restored(client: Driver) -> None:
    client.call(set_config({"checksum.type": "md5"}, is_transient=True))
    assert client.call(cluster_config())["checksum"]["type"] == "md5"
    client.call(reset_config())
    assert client.call(cluster_config())["checksum"]["type"] != "md5"


def test_records_of_shards_are_sorted(client: Driver, bck: Bck) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("b.txt", "a.txt"):
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"hello"))
    put(client, bck, "shard-0.tar", packed.getvalue())
    spec = {
        "input_bck": {"name": bck.name},
        "input_format": {"template": "shard-{0..0}"},
        "output_format": "sorted-{0..9}",
        "input_extension": ".tar",
        "output_shard_size": "10KB",
        "description": bck.name,
    }
    seen: list[Sort] = []
    started = client.call(start_sort(spec))
    done = client.run(wait_for_sort(started, seen.append))
    assert (done.state, done.records, done.created) == ("finished", 2, 1)
    assert seen[-1] == done == client.call(find_sort(started))
    assert [each.id for each in client.call(list_sorts(bck.name))] == [started]
    assert keys(client, bck) == ["shard-0.tar", "sorted-0.tar"]
    client.call(remove_sort(started))
    with pytest.raises(ClientError, match="does not exist"):
        client.call(find_sort(started))


def test_objects_are_found(client: Driver, bck: Bck) -> None:
    for key in ("a.txt", "b.txt", "c.jpg"):
        put(client, bck, key)
    where = [Condition("ext", ("txt",)), Condition("size_ge", ("1",))]
    handle = client.call(begin_query(ObjectName(bck), where, ("name", "size")))
    assert [entry.name for entry in client.call(next_found(handle, 1))] == ["a.txt"]
    assert [entry.name for entry in client.call(next_found(handle, 9))] == ["b.txt"]
    with pytest.raises(ClientError) as caught:
        client.call(next_found(handle, 9))
    assert caught.value.status == FINISHED


def test_there_is_no_inventory_yet(client: Driver) -> None:
    assert client.call(show_inventories()) == []


CLOUD = Bck("cloud")
REFUSED: list[Callable[[], Call[object]]] = [
    list_etls,
    lambda: show_etl("e"),
    lambda: init_etl(EtlSpec("e", "image")),
    lambda: start_etl("e"),
    lambda: stop_etl("e"),
    lambda: remove_etl("e"),
    lambda: etl_logs("e"),
    lambda: transform_bucket(CLOUD, CLOUD, ["e"], CopyOptions(), {}),
    lambda: abort_sort("srt-none"),
    lambda: create_inventory(CLOUD, InventoryOptions()),
    lambda: destroy_inventory(CLOUD),
    lambda: promote("/nowhere", ObjectName(CLOUD), PromoteOptions()),
    lambda: evict_many(CLOUD, Selection(template="")),
    lambda: prefetch_many(CLOUD, Selection(template=""), CopyOptions()),
]


@pytest.mark.parametrize("call", REFUSED)
def test_what_this_server_lacks_is_an_error_with_a_sentence(
    call: Callable[[], Call[object]], client: Driver
) -> None:
    with pytest.raises(ClientError) as caught:
        client.call(call())
    assert caught.value.status >= 400
    assert str(caught.value).endswith((".", "`"))


@pytest.mark.parametrize("kind", DRIVERS)
def test_a_bad_token_is_refused_with_advice(kind: str, endpoint: Endpoint) -> None:
    bad = replace(endpoint, token="bad", token_advice="Get another one.")
    with (
        DRIVERS[kind](bad) as client,
        pytest.raises(ClientError, match="Get another one") as caught,
    ):
        client.call(list_buckets())
    assert (caught.value.status, caught.value.affects_all_objects) == (401, True)


def test_every_call_is_tested_here() -> None:
    """Functions of the client that return something for a driver."""
    source = Path(__file__).read_text()
    known = (buckets, cluster, etl, files, inventories, jobs, listing, objects, queries, sorting)
    for module in known:
        for name, function in vars(module).items():
            if getattr(function, "__module__", "") != module.__name__:
                continue
            returns = str(getattr(function, "__annotations__", {}).get("return", ""))
            if returns.startswith(("Call[", "Steps[", "Download[")) and not name.startswith("_"):
                assert f"{name}(" in source or f"    {name},\n    lambda" in source, name
