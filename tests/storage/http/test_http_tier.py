"""Objects of the web in the local store: fetched once, checked by a condition, never written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.backends.local import LocalStore, StoreOptions
from storage.errors import (
    BackendDenied,
    BackendUnavailable,
    BucketNotFound,
    NotSupported,
    ObjectNotFound,
)
from storage.ranges import Between
from storage.tier import Policy, Tier, TieredStore
from storage.tier.remote import FetchTask
from storage.values import BucketInfo, DeleteRequest, ListQuery, ReadOptions
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.http.site import Kind, Site, web_backend
from tests.storage.local_stores import local_store
from tests.storage.sync_bucket import OWNER, put_options

CONTENT = pattern(300_000)
BUCKET = "ht/dir"


class Scene:
    """A store in front of a site, with the bucket `dir` of the site's directory `/d/`."""

    def __init__(self, local: LocalStore, folder: Path, kind: Kind) -> None:
        self.local = local
        self.site = Site(kind)
        self.validates = False
        self.backend = web_backend(folder)
        lock_file = folder / "tier.lock"
        self.tier = Tier(local, {"ht": self.backend}, self._policy, lock_file=lock_file)
        self.store = TieredStore(self.tier)

    def _policy(self, _: BucketInfo) -> Policy:
        return Policy(validates=self.validates)

    async def begin(self) -> None:
        await self.site.__aenter__()
        found = await self.tier.look("ht", f"{self.site.url}/d/", "dir")
        await self.tier.add(found, OWNER, {})

    async def end(self) -> None:
        await self.tier.aclose()
        await self.backend.aclose()
        await self.site.__aexit__(None, None, None)

    async def read(self, name: str, options: ReadOptions | None = None) -> bytes:
        reading = await self.store.get_object(BUCKET, name, options or ReadOptions())
        return await content_of(reading)

    async def here(self) -> list[str]:
        page = await self.local.list_objects(BUCKET, ListQuery())
        return [info.name for info in page.objects]


@pytest.fixture(params=[Kind()], ids=["complete"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Scene]:
    (tmp_path / "data").mkdir()
    with local_store([tmp_path / "data"], clock, StoreOptions()) as local:
        made = Scene(local, tmp_path, request.param)
        run(made.begin())
        yield made
        run(made.end())


of_kinds = pytest.mark.parametrize(
    "scene",
    [Kind(), Kind(etag='W/"{}"'), Kind(etag=""), Kind(conditions=False), Kind(heads=False)],
    indirect=True,
    ids=["complete", "weak", "times", "no conditions", "no head"],
)


def test_an_object_is_read_once_and_then_is_here(scene: Scene) -> None:
    async def use() -> None:
        scene.site.write("/d/a", CONTENT)
        assert await scene.read("a") == CONTENT
        assert await scene.read("a") == CONTENT
        assert scene.site.methods() == ["GET"]
        info = (await scene.store.head_object(BUCKET, "a")).info
        assert info.attributes.headers["content-type"] == "text/plain"
        assert info.modified_ns == scene.site.files["/d/a"].modified_s * 10**9

    run(use())


def test_a_range_comes_at_once_and_the_whole_follows(scene: Scene) -> None:
    async def use() -> None:
        scene.site.write("/d/a", CONTENT)
        assert await scene.read("a", ReadOptions(Between(5, 10))) == CONTENT[5:10]
        await scene.tier.fetch(FetchTask(BUCKET, "a"))
        assert await scene.here() == ["a"]
        assert scene.site.methods() == ["GET", "GET"]

    run(use())


@of_kinds
def test_what_has_not_changed_is_not_read_again(scene: Scene) -> None:
    async def use() -> None:
        scene.site.write("/d/a", CONTENT)
        await scene.read("a")
        scene.validates = True
        before = len(scene.site.asked)
        assert await scene.read("a") == CONTENT
        asked = scene.site.asked[before:]
        assert asked
        assert all({"if-none-match", "if-modified-since"} & each.headers.keys() for each in asked)

    run(use())


@of_kinds
def test_what_has_changed_is_read_again(scene: Scene) -> None:
    async def use() -> None:
        scene.site.write("/d/a", CONTENT)
        await scene.read("a")
        scene.site.write("/d/a", b"new" * 100_000)
        assert await scene.read("a") == CONTENT
        scene.validates = True
        assert await scene.read("a") == b"new" * 100_000
        scene.validates = False
        assert await scene.read("a") == b"new" * 100_000
        del scene.site.files["/d/a"]
        scene.validates = True
        with pytest.raises(ObjectNotFound):
            await scene.read("a")
        # It may be the last copy.
        assert await scene.here() == ["a"]

    run(use())


@pytest.mark.parametrize("scene", [Kind(etag="", times=False)], indirect=True, ids=["nothing"])
def test_what_nothing_is_said_of_is_read_again(scene: Scene) -> None:
    async def use() -> None:
        scene.site.write("/d/a", CONTENT)
        await scene.read("a")
        scene.site.write("/d/a", CONTENT[::-1])
        scene.validates = True
        assert await scene.read("a") == CONTENT[::-1]

    run(use())


@pytest.mark.parametrize("scene", [Kind(ranges=False, lengths=False)], indirect=True, ids=["none"])
def test_a_head_brings_what_has_no_length(scene: Scene) -> None:
    async def use() -> None:
        scene.site.write("/d/a", CONTENT)
        assert (await scene.store.head_object(BUCKET, "a")).info.size == len(CONTENT)
        assert await scene.here() == ["a"]
        assert await scene.read("a") == CONTENT
        assert scene.site.methods() == ["HEAD", "GET", "GET"]

    run(use())


def test_what_is_here_is_read_while_the_site_is_down(scene: Scene) -> None:
    async def use() -> None:
        scene.site.write("/d/a", CONTENT)
        await scene.read("a")
        await scene.site.__aexit__(None, None, None)
        scene.validates = True
        assert await scene.read("a") == CONTENT
        with pytest.raises(BackendUnavailable):
            await scene.read("b")
        await scene.site.__aenter__()

    run(use())


def test_a_listing_is_what_is_here(scene: Scene) -> None:
    async def use() -> None:
        for name in ("a", "b", "c"):
            scene.site.write(f"/d/{name}", CONTENT)
        await scene.read("b")
        assert await scene.tier.fetch(FetchTask(BUCKET, "c")) == len(CONTENT)
        page = await scene.store.list_objects(BUCKET, ListQuery())
        assert [info.name for info in page.objects] == ["b", "c"]
        assert all(info.attributes.origin for info in page.objects)
        await scene.tier.evict(BUCKET, ["b"])
        page = await scene.store.list_objects(BUCKET, ListQuery())
        assert [info.name for info in page.objects] == ["c"]

    run(use())


def test_what_is_refused_changes_nothing_here(scene: Scene) -> None:
    async def use() -> None:
        scene.site.write("/d/a", CONTENT)
        await scene.read("a")
        with pytest.raises(NotSupported):
            await scene.store.delete_object(BUCKET, DeleteRequest("a"))
        with pytest.raises(NotSupported):
            await scene.store.delete_objects(BUCKET, [DeleteRequest("a")])
        with pytest.raises(NotSupported):
            await scene.store.update_object(BUCKET, "a", lambda old: old)
        with pytest.raises(NotSupported):
            await scene.store.put_object(BUCKET, "a", body_of(b"x"), put_options())
        assert scene.site.methods() == ["GET"]
        assert await scene.read("a") == CONTENT
        assert scene.site.methods() == ["GET"]

    run(use())


def test_a_bucket_is_not_known_by_its_name_alone(scene: Scene) -> None:
    with pytest.raises(BucketNotFound):
        run(scene.tier.learn("ht", "ZDdhNTYxZTkyMzhkNjk3NA", OWNER, {}))


def test_a_denied_object_is_not_kept(scene: Scene) -> None:
    async def use() -> None:
        with pytest.raises(ObjectNotFound):
            await scene.read("a")
        with pytest.raises((ObjectNotFound, BackendDenied)):
            await scene.read("../a")
        assert await scene.here() == []

    run(use())
