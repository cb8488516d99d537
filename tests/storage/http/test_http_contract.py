"""The contract over web servers of several kinds, as far as it is about reading.

Somebody else writes the files: the backend itself refuses to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from storage.backend import Backend
from storage.backends.http import HttpBackend
from storage.errors import NotSupported
from storage.values import (
    READ_ALL,
    BucketInfo,
    DeleteRequest,
    Deletion,
    ListedPage,
    ListQuery,
    ObjectInfo,
    Page,
    PutOptions,
    ReadOptions,
)
from tests.storage.contract_reading import ReadingContract
from tests.storage.event_loop import run
from tests.storage.http.site import Kind, Site, web_backend
from tests.storage.sync_bucket import put_options

_SOCKETS = "open files are sockets, which are kept for the next request"
_NO_LENGTH = "a HEAD cannot tell the length of an object that has none"


WITHOUT_LENGTHS = dict.fromkeys(
    [
        "test_head_tells_what_get_tells_and_has_no_body",
        "test_head_checks_conditions_as_get_does",
        "test_a_range_behind_the_end_is_not_satisfiable",
        "test_an_object_written_whole_has_one_part_only",
        "test_an_open_object_reads_on_to_its_old_end",
    ],
    _NO_LENGTH,
)


class Written:
    """The files of a site as a backend that others write to."""

    def __init__(self, inner: HttpBackend, site: Site) -> None:
        self.inner = inner
        self.site = site
        self.capabilities = inner.capabilities

    async def create_bucket(self, name: str, options: Any) -> BucketInfo:
        return BucketInfo(name, "", 0)

    async def put_object(
        self, bucket: str, name: str, body: Any, options: PutOptions
    ) -> ObjectInfo:
        content = b"".join([block async for block in body])
        self.site.write(f"/{bucket}/{name}", content)
        return await self._info(bucket, name)

    async def _info(self, bucket: str, name: str) -> ObjectInfo:
        reading = await self.get_object(bucket, name)
        if not isinstance(reading.body, bytes):
            await reading.body.aclose()
        info: ObjectInfo = reading.info
        return info

    async def delete_object(self, bucket: str, request: DeleteRequest) -> Deletion:
        return Deletion(self.site.files.pop(f"/{bucket}/{request.name}", None) is not None)

    async def list_objects(self, bucket: str, query: ListQuery) -> Page:
        names = [path.rpartition("/")[2] for path in self.site.files]
        return Page(tuple([await self._info(bucket, name) for name in names]))

    async def show_objects(self, bucket: str, query: ListQuery, show: Any) -> Any:
        return show(ListedPage.of(await self.list_objects(bucket, query)))

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Any:
        return await self.inner.get_object(f"{self.site.url}/{bucket}/", name, options)

    async def head_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Any:
        return await self.inner.head_object(f"{self.site.url}/{bucket}/", name, options)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Kind], Written]]:
    """A site of each kind, made when it is first wanted."""
    made: dict[Kind, Written] = {}

    def of_kind(kind: Kind) -> Written:
        if kind not in made:
            site = run(Site(kind).__aenter__())
            made[kind] = Written(web_backend(tmp_path_factory.mktemp("spool")), site)
        return made[kind]

    yield of_kind
    for each in made.values():
        run(each.inner.aclose())
        run(each.site.__aexit__(None, None, None))


class OverWeb(ReadingContract):
    kind: ClassVar[Kind]
    deviations: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def backend(self, served: Callable[[Kind], Written]) -> Written:
        site = served(self.kind)
        site.site.files.clear()
        return site

    @pytest.fixture(autouse=True)
    def _as_far_as_it_goes(self, request: pytest.FixtureRequest) -> None:
        known = {"test_a_stream_waits_before_its_file_is_opened": _SOCKETS, **self.deviations}
        if reason := known.get(request.node.originalname):
            pytest.skip(reason)


class TestComplete(OverWeb):
    kind = Kind()


class TestWeakETags(OverWeb):
    kind = Kind(etag='W/"{}"')


class TestTimesOnly(OverWeb):
    kind = Kind(etag="")


class TestWithoutRanges(OverWeb):
    kind = Kind(ranges=False)


class TestWithoutHead(OverWeb):
    kind = Kind(heads=False, conditions=False)


class TestWithoutLengths(OverWeb):
    kind = Kind(ranges=False, lengths=False)
    deviations = WITHOUT_LENGTHS


def test_whatever_writes_is_refused(tmp_path: Path) -> None:
    backend: Backend = web_backend(tmp_path)
    directory = "http://127.0.0.1/dir/"

    async def body() -> Any:
        yield b"x"

    for attempt in (
        lambda: backend.put_object(directory, "a", body(), put_options()),
        lambda: backend.delete_object(directory, DeleteRequest("a")),
        lambda: backend.delete_objects(directory, [DeleteRequest("a")]),
        lambda: backend.update_object(directory, "a", lambda old: old),
        lambda: backend.list_objects(directory, ListQuery()),
        lambda: backend.delete_bucket(directory),
    ):
        with pytest.raises(NotSupported, match="only read"):
            run(attempt())
    assert run(backend.list_buckets()) == []
    run(backend.aclose())  # type: ignore[attr-defined]
