"""A process of a running store, for tests of backups: `python -m tests.storage.backup_child ROLE
FOLDER...`.

`write SLOT` writes generations until its stdin ends: in each, one key after the other gets its
number, every way an object can be written. `maintain` removes what was replaced, as fast as it can.
`backup DEST COUNT` makes a backup, and kills itself when so many objects are in it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from storage.backends.local import LocalStore, Maintainer
from storage.backends.local.backup import BackedUp, BackupOptions, back_up
from storage.values import (
    CompleteOptions,
    DeleteRequest,
    PartOptions,
    RenameOptions,
    UploadOptions,
)
from tests.storage.bodies import body_of
from tests.storage.digests import Md5Digest
from tests.storage.sync_bucket import OWNER, join_etags, put_options

BUCKET = "bucket"
LARGE = 60_000


def body(number: int, size: int) -> bytes:
    return f"{number:08}".encode().ljust(size, b".")


def number_in(content: bytes) -> int:
    return int(content[:8])


def keys(slot: str) -> list[str]:
    """In the order in which a generation is written."""
    return [f"{slot}/{kind}" for kind in ("large", "small", "again", "parts", "renamed")]


async def write(store: LocalStore, slot: str, number: int) -> None:
    large, small, again, parts, renamed = keys(slot)
    await store.put_object(BUCKET, large, body_of(body(number, LARGE)), put_options())
    await store.put_object(BUCKET, small, body_of(body(number, 100)), put_options())
    await store.delete_object(BUCKET, DeleteRequest(again))
    await store.put_object(BUCKET, again, body_of(body(number, LARGE)), put_options())
    upload = await store.create_upload(BUCKET, parts, UploadOptions(OWNER))
    for part, size in ((1, LARGE), (2, 40_000)):
        content = body(number, size)
        await store.put_part(
            BUCKET, parts, upload.id, part, body_of(content), PartOptions(Md5Digest())
        )
    done = CompleteOptions((1, 2), join_etags)
    await store.complete_upload(BUCKET, parts, upload.id, done)
    await store.put_object(BUCKET, f"{renamed}-new", body_of(body(number, LARGE)), put_options())
    await store.rename_object(BUCKET, f"{renamed}-new", renamed, RenameOptions())


async def write_until(ended: threading.Event, paths: list[Path], slot: str) -> None:
    store = LocalStore.open(paths, slot=slot)
    number = 0
    while not ended.is_set():
        number += 1
        await write(store, slot, number)
        if number == 1:
            print("begun", flush=True)
    store.close()


def maintain_until(ended: threading.Event, paths: list[Path]) -> None:
    maintainer = Maintainer(paths)
    removed = 0
    while not ended.is_set():
        removed += maintainer.run_once().unlinked
    maintainer.close()
    print(removed, flush=True)


def kill_when(count: int, done: BackedUp) -> None:
    if done.objects == count:
        os.kill(os.getpid(), signal.SIGKILL)


def set_at_the_end_of_stdin(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def main(role: str, words: list[str]) -> None:
    if role == "backup":
        target, count, *folders = words
        options = BackupOptions(progress=lambda done: kill_when(int(count), done))
        back_up([Path(each) for each in folders], Path(target), options)
        return
    ended = threading.Event()
    threading.Thread(target=set_at_the_end_of_stdin, args=(ended,), daemon=True).start()
    if role == "write":
        slot, *folders = words
        asyncio.run(write_until(ended, [Path(each) for each in folders], slot))
    else:
        maintain_until(ended, [Path(each) for each in words])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
