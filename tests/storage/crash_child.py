"""One operation on a prepared store, acknowledged on stdout: `python -m tests.storage.crash_child
<folder> <operation>`. The test kills it at a failpoint. The folder is a
mountpath, or has several."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from storage.backend import Backend
from storage.backends.local import LocalStore, Maintainer
from storage.chunking import Chunking
from storage.values import (
    CompleteOptions,
    DeleteRequest,
    PutOptions,
    RenameOptions,
    UploadQuery,
)
from tests.storage.bodies import body_of, pattern
from tests.storage.digests import Md5Digest
from tests.storage.sync_bucket import join_etags

BUCKET = "bucket"
RENAMED = "renamed"
NAME = "name"
SOURCE = "source"
SMALL = pattern(1000, seed=3)
LARGE = pattern(700_000, seed=5)
CHUNKS = Chunking(1, 300_000)
PARTS = (pattern(600_000, seed=7), pattern(50_000, seed=9))


async def put_inline(store: Backend) -> None:
    await store.put_object(BUCKET, NAME, body_of(SMALL), PutOptions(Md5Digest()))


async def put_blob(store: Backend) -> None:
    await store.put_object(BUCKET, NAME, body_of(LARGE), PutOptions(Md5Digest()))


async def put_chunks(store: Backend) -> None:
    options = PutOptions(Md5Digest(), size=len(LARGE), chunks=CHUNKS)
    await store.put_object(BUCKET, NAME, body_of(LARGE), options)


async def put_unannounced(store: Backend) -> None:
    options = PutOptions(Md5Digest(), chunks=CHUNKS)
    await store.put_object(BUCKET, NAME, body_of(LARGE), options)


async def rechunk(store: Backend) -> None:
    await store.rechunk_object(BUCKET, NAME, CHUNKS)


async def delete(store: Backend) -> None:
    await store.delete_object(BUCKET, DeleteRequest(NAME))


async def rename(store: Backend) -> None:
    await store.rename_object(BUCKET, SOURCE, NAME, RenameOptions())


async def complete(store: Backend) -> None:
    (upload,) = (await store.list_uploads(BUCKET, UploadQuery())).uploads
    options = CompleteOptions((1, 2), join_etags)
    await store.complete_upload(BUCKET, NAME, upload.id, options)


async def rename_bucket(store: Backend) -> None:
    await store.rename_bucket(BUCKET, RENAMED)


async def discard_bucket(store: Backend) -> None:
    await store.discard_bucket(BUCKET)


OPERATIONS: dict[str, Callable[[Backend], Awaitable[None]]] = {
    "put_inline": put_inline,
    "put_blob": put_blob,
    "overwrite": put_blob,
    "put_chunks": put_chunks,
    "put_unannounced": put_unannounced,
    "rechunk": rechunk,
    "delete": delete,
    "rename": rename,
    "complete": complete,
    "rename_bucket": rename_bucket,
    "discard_bucket": discard_bucket,
}


def main(folder: Path, operation: str) -> None:
    paths = sorted(folder.glob("mountpath-*")) or [folder]
    store = LocalStore.open(paths, slot="crash")
    asyncio.run(_acknowledged(OPERATIONS[operation](store)))
    maintainer = Maintainer(paths)
    for _ in range(4):
        maintainer.run_once()
    maintainer.close()
    store.close()


async def _acknowledged(work: Awaitable[None]) -> None:
    await work
    sys.stdout.write("done\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
