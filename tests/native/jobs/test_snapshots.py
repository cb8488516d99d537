"""AIStore's inventories: snapshots of remote buckets, and listings from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from cluster.jobs.job import State
from cluster.snapshots.kept import Snapshots
from cluster.snapshots.listing import snapshot_page
from cluster.snapshots.records import BUCKET, Snapshot, chunk_key
from cluster.snapshots.writing import NotTaken, SnapshotWriter
from storage.values import ListQuery
from tests.native.jobs.asking import refused
from tests.native.jobs.cloud_scene import AWS, CloudScene, cloud_scene
from tests.native.scene import told
from tests.s3.conftest import backend_of
from tests.services import tier_of

TRAIN = f"buckets/train?{AWS}"
NBI = 32768
KEY = "aws/@#/train/"
NAMES = ["a", "b/1", "b/2", "b/3/x", "c", "d/1", "e", "\uffff", "\U00010000"]


@pytest.fixture(params=["memory", "local"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CloudScene]:
    with backend_of(request.param, tmp_path_factory.mktemp("store")) as local:
        yield from cloud_scene(local, tmp_path_factory.mktemp("scene"))


@pytest.fixture
def filled(scene: CloudScene) -> CloudScene:
    for number, name in enumerate(NAMES):
        scene.upload(name, b"x" * (number + 1))
    return scene


def create(scene: CloudScene, **value: Any) -> dict[str, Any]:
    snap = scene.done("POST", TRAIN, "create-inventory", value)
    assert snap["err"] == ""
    return snap


def show(scene: CloudScene, name: str = "", where: str = TRAIN) -> dict[str, Any]:
    return scene.json("GET", where, {"action": "show-inventory", "name": name})  # type: ignore[no-any-return]


def page_of(scene: CloudScene, inventory: str = "", flags: int = 0, **value: Any) -> Any:
    asked = {"props": "name,size", "flags": str(NBI | flags), **value}
    headers = {"Ais-Inv-Name": inventory} if inventory else {}
    return scene.json("GET", TRAIN, {"action": "list", "value": asked}, headers=headers)


def pages_of(scene: CloudScene, **value: Any) -> list[list[str]]:
    """The names on each page."""
    pages, token = [], ""
    while True:
        page = page_of(scene, continuation_token=token, **value)
        pages.append([each["name"] for each in page["entries"] or []])
        token = page["continuation_token"]
        if not token:
            return pages


def stored(scene: CloudScene) -> list[str]:
    """What is kept of all inventories."""

    async def keys() -> list[str]:
        local = tier_of(scene.store).local
        return [info.name for info in (await local.list_objects(BUCKET, ListQuery())).objects]

    return scene.server.run(keys())  # type: ignore[no-any-return]


def test_a_listing_from_an_inventory_asks_the_backend_nothing(filled: CloudScene) -> None:
    snap = create(filled, name="first")
    assert snap["stats"]["loc-objs"] == str(len(NAMES))
    filled.upload("later")
    before = dict(filled.cloud.requests)
    filled.cloud.is_down = True
    page = page_of(filled, "first")
    assert [each["name"] for each in page["entries"]] == NAMES
    assert [each["size"] for each in page["entries"]] == [str(n + 1) for n in range(len(NAMES))]
    assert page["continuation_token"] == ""
    assert page_of(filled)["entries"] == page["entries"]
    assert filled.cloud.requests == before


@pytest.mark.parametrize("names_per_chunk", [2, 3, 9])
def test_pages_are_the_backends_own(filled: CloudScene, names_per_chunk: int) -> None:
    create(filled, names_per_chunk=names_per_chunk)
    for value in (
        {},
        {"prefix": "b/"},
        {"prefix": "b"},
        {"prefix": "none"},
        {"flags": 2048},
        {"flags": 2048, "prefix": "b/"},
    ):
        query = ListQuery(str(value.get("prefix", "")), "/" if "flags" in value else "")
        whole = filled.server.run(filled.cloud.list_objects("train", query))
        there = sorted([*(info.name for info in whole.objects), *whole.common_prefixes])
        for size in (1, 2, 3, 4, 8, 9, 100):
            taken = pages_of(filled, pagesize=size, **value)
            assert [name for page in taken for name in page] == there
            assert all(len(page) == size for page in taken[:-1])
            assert taken[-1] or taken == [[]]


def test_a_page_opens_only_the_chunks_that_it_needs(filled: CloudScene) -> None:
    create(filled, names_per_chunk=2, name="inv")
    opened: list[int] = []
    local = tier_of(filled.store).local

    class Counting:
        async def list_objects(self, *args: Any) -> Any:
            return await local.list_objects(*args)

        async def get_object(self, bucket: str, key: str) -> Any:
            if key.startswith(".chunks/"):
                opened.append(int(key[-6:]))
            return await local.get_object(bucket, key)

    kept = Snapshots(Counting())  # type: ignore[arg-type]

    def names(**query: Any) -> list[str]:
        opened.clear()

        async def run() -> list[str]:
            [manifest] = await kept.of(KEY)
            page = await snapshot_page(kept, manifest, ListQuery(**query))
            return [*(info.name for info in page.objects), *page.common_prefixes]

        return filled.server.run(run())  # type: ignore[no-any-return]

    assert names(limit=2) == ["a", "b/1"]
    assert opened == [0]
    assert names(after="b/3/x", limit=2) == ["c", "d/1"]
    assert opened == [2]
    assert names(prefix="e") == ["e"]
    assert opened == [3]
    # The folder `b/` goes on in the next chunk, which is passed.
    assert names(delimiter="/", limit=3) == ["a", "c", "b/"]
    assert opened == [0, 2]
    assert names(prefix="b/", after="c") == []
    assert opened == []


def test_props_are_those_that_were_asked_for(filled: CloudScene) -> None:
    create(filled, props="name")
    entries = page_of(filled, props="name,size,version")["entries"]
    assert entries[0] == {"name": "a"}
    create(filled, force=True, props="name,size,custom")
    assert page_of(filled, props="name,size,custom")["entries"][0]["size"] == "1"
    assert page_of(filled, props="name")["entries"][0] == {"name": "a"}
    create(filled, force=True, flags="16")
    assert "size" not in page_of(filled)["entries"][0]


def test_show(filled: CloudScene) -> None:
    assert show(filled) == {}
    create(filled, name="first", prefix="b/", names_per_chunk=2)
    [(key, info)] = show(filled).items()
    assert key == info["obj_name"] == f"{KEY}first"
    assert (info["bucket"], info["name"], info["prefix"]) == ("aws://train", "first", "b/")
    assert (info["ntotal"], info["chunks"], info["nat"]) == (3, 2, 1)
    assert info["size"] > 0
    assert info["started"] > 0
    assert info["finished"] > 0
    assert show(filled, "first") == show(filled)
    assert show(filled, "second") == {}
    assert show(filled, where="buckets") == show(filled)
    assert show(filled, where=f"buckets?{AWS}") == show(filled)
    assert show(filled, where="buckets?provider=gcp") == {}
    assert show(filled, where=f"buckets/other?{AWS}") == {}


def test_a_bucket_has_one_inventory(filled: CloudScene) -> None:
    create(filled, name="first")
    answer = filled.act("POST", TRAIN, "create-inventory", {"name": "second"})
    assert answer.status == 400
    said = told(answer).message
    assert f"inventory for bucket aws://train already exists: [{KEY}first]\n(only one" in said
    before = stored(filled)
    assert set(show(filled)) == {f"{KEY}first"}
    create(filled, name="second", force=True)
    assert set(show(filled)) == {f"{KEY}second"}
    after = stored(filled)
    assert len(after) == len(before)
    assert not set(after) & set(before)
    create(filled, name="second", force=True)
    assert len(stored(filled)) == len(before)
    assert pages_of(filled) == [NAMES]


def test_an_unnamed_inventory_has_the_name_of_its_job(filled: CloudScene) -> None:
    xid = create(filled)["id"]
    assert xid.startswith("inv-")
    assert set(show(filled)) == {f"{KEY}{xid}"}


def test_destroy(filled: CloudScene) -> None:
    assert filled.act("DELETE", TRAIN, "destroy-inventory").status == 200
    create(filled, name="first")
    message = {"action": "destroy-inventory", "name": "second"}
    assert filled.send("DELETE", TRAIN, message).status == 200
    assert len(show(filled)) == 1
    assert filled.send("DELETE", TRAIN, {**message, "name": "first"}).status == 200
    assert show(filled) == {}
    assert stored(filled) == []
    create(filled, name="first")
    assert filled.act("DELETE", TRAIN, "destroy-inventory").status == 200
    assert stored(filled) == []


def test_without_an_inventory_there_is_nothing_to_list(filled: CloudScene) -> None:
    def message(**more: Any) -> tuple[int, str]:
        value = {"flags": str(NBI), **more.pop("value", {})}
        answer = filled.send("GET", TRAIN, {"action": "list", "value": value}, **more)
        return answer.status, told(answer).message

    assert message() == (404, 'bucket "aws://train" has no inventories')
    create(filled, name="first", names_per_chunk=2)
    status, said = message(headers={"Ais-Inv-Name": "second"})
    assert (status, "second" in said) == (404, True)
    assert message(headers={"Ais-Inv-Name": "a/b"})[0] == 400
    assert message(value={"start_after": "a"})[0] == 400
    status, said = message(value={"flags": str(NBI | 512 | 4096)})
    assert status == 400
    assert said.endswith("invalid list via native bucket inventory: flags:not-cached,diff")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"names_per_chunk": 1}, "names_per_chunk=1 too small (min=2)"),
        ({"names_per_chunk": -1}, "negative names_per_chunk=-1"),
        ({"names_per_chunk": 640_001}, "names_per_chunk=640001 too large (max=640000)"),
        ({"continuation_token": "a"}, "continuation_token must be empty"),
        ({"start_after": "a"}, "start_after is not supported"),
        ({"flags": "2049"}, "flags:cached,no-recursion"),
        ({"name": "a b"}, "inventory name is invalid"),
        ({"name": "a..b"}, "inventory name is invalid"),
        ({"name": "a" * 65}, "inventory name is too long: 65 > 64"),
        ({"props": "colour"}, 'invalid property "colour"'),
    ],
)
def test_what_is_refused(scene: CloudScene, value: dict[str, Any], said: str) -> None:
    answer = scene.act("POST", TRAIN, "create-inventory", value)
    assert answer.status == 400
    assert said in told(answer).message


def test_only_administrators_create_and_destroy(filled: CloudScene) -> None:
    create(filled, name="first")
    for method, action in (("POST", "create-inventory"), ("DELETE", "destroy-inventory")):
        assert filled.act(method, TRAIN, action, {"force": True}, token="owner").status == 403
        assert filled.act(method, TRAIN, action, {"force": True}, token="").status == 401
    asked = {"action": "list", "value": {"flags": str(NBI)}}
    assert filled.send("GET", TRAIN, asked, token="reader").status == 200
    assert filled.send("GET", TRAIN, asked, token="").status == 401


def test_one_at_a_time(filled: CloudScene) -> None:
    filled.begin("POST", TRAIN, "create-inventory", {"name": "first"})
    answer = filled.act("POST", TRAIN, "create-inventory", {"name": "second", "force": True})
    assert answer.status == 409
    assert 'cannot run "create-inventory"(aws://train) concurrently' in told(answer).message
    assert filled.act("DELETE", TRAIN, "destroy-inventory").status == 409
    filled.run_jobs()
    assert set(show(filled)) == {f"{KEY}first"}


def test_a_failed_one_leaves_the_former(filled: CloudScene) -> None:
    create(filled, name="first", names_per_chunk=2)
    before = stored(filled)
    xid = filled.begin("POST", TRAIN, "create-inventory", {"name": "second", "force": True})
    filled.cloud.is_down = True
    filled.run_jobs()
    assert filled.snap(xid)["aborted"]
    assert stored(filled) == before
    assert pages_of(filled) == [NAMES]


def test_one_that_is_whole_is_not_written_again(filled: CloudScene) -> None:
    xid = create(filled, name="first", names_per_chunk=2)["id"]
    before = stored(filled)
    # As after a crash between the manifest and the job's end.
    filled.server.run(filled.registry.save(xid, State(starts=1)))
    filled.cloud.is_down = True
    filled.run_jobs()
    snap = filled.snap(xid)
    assert (snap["stats"]["loc-objs"], snap["err"]) == (str(len(NAMES)), "")
    assert stored(filled) == before
    assert pages_of(filled) == [NAMES]


def test_one_that_is_stopped_after_a_crash_leaves_nothing(filled: CloudScene) -> None:
    xid = filled.begin("POST", TRAIN, "create-inventory", {"name": "first"})

    async def crashed() -> None:
        kept = Snapshots(tier_of(filled.store).local)
        await kept.write_chunk(chunk_key(KEY, xid, 0), b"half")
        await filled.registry.save(xid, State(starts=1))
        await filled.registry.stop(xid)

    filled.server.run(crashed())
    assert len(stored(filled)) == 1
    filled.run_jobs()
    assert filled.snap(xid)["aborted"]
    assert stored(filled) == []


def test_of_two_at_once_one_is_taken(filled: CloudScene) -> None:
    """Two gateways may begin one each at the same moment."""

    async def both() -> None:
        kept = Snapshots(tier_of(filled.store).local)
        [first, second] = [
            SnapshotWriter(kept, Snapshot(KEY, "aws://train", xid, 2), xid, "", 1)
            for xid in ("inv-1", "inv-2")
        ]
        page = await filled.cloud.list_objects("train", ListQuery())
        await second.add(page.objects)
        await first.add(page.objects)
        await first.finish()
        await kept.remove_others(KEY, "inv-1")
        with pytest.raises(NotTaken, match="meanwhile"):
            await second.finish()

    filled.send("HEAD", TRAIN)
    filled.server.run(both())
    assert pages_of(filled) == [NAMES]


@pytest.mark.parametrize("names", [["b", "a"], ["a", "a"]])
def test_names_that_are_not_in_order_are_an_error(filled: CloudScene, names: Sequence[str]) -> None:
    async def add() -> None:
        page = await filled.cloud.list_objects("train", ListQuery(limit=1))
        infos = [msgspec.structs.replace(page.objects[0], name=name) for name in names]
        kept = Snapshots(tier_of(filled.store).local)
        await SnapshotWriter(kept, Snapshot(KEY, "aws://train"), "inv-1", "", 1).add(infos)

    with pytest.raises(NotTaken, match=r'lists "a" after "[ab]"'):
        filled.server.run(add())


def test_what_the_bucket_loses_its_inventories_lose(filled: CloudScene) -> None:
    create(filled, name="first")
    assert filled.act("DELETE", f"{TRAIN}&keep_md=true", "evict-remote-bck").status == 200
    assert set(show(filled)) == {f"{KEY}first"}
    assert filled.act("DELETE", TRAIN, "evict-remote-bck").status == 200
    assert stored(filled) == []


def test_clients_do_not_see_where_they_are_kept(filled: CloudScene) -> None:
    create(filled, name="first")
    assert stored(filled)
    listed = filled.json("GET", "buckets", {"action": "list"})
    assert BUCKET not in [each["name"] for each in listed]
    assert filled.send("HEAD", f"buckets/{BUCKET}").status == 404
    assert filled.send("GET", f"objects/{BUCKET}/{KEY}first").status == 404
    assert filled.send("PUT", f"objects/{BUCKET}/{KEY}first", body=b"x").status == 404
    assert filled.act("POST", f"buckets/{BUCKET}", "create-bck").status == 400


def test_a_bucket_without_a_backend_has_none(scene: CloudScene) -> None:
    scene.act("POST", "buckets/own", "create-bck")
    error = refused(scene, "POST", "buckets/own", "create-inventory", {})
    assert error.status == 400
    assert "ais://own" in error.message
    assert show(scene, where="buckets/own") == {}
