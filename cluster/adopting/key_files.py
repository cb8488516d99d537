"""Files with keys, for all nodes of a cluster in the shared folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from cluster.adopting.errors import AdoptionRefused
from storage.blobs.folder import sync_folder


class KeyFile(Struct, frozen=True):
    """A file of the store, and its name in the shared folder."""

    source: Path
    name: str


def different_files(files: Sequence[KeyFile], folder: Path) -> list[str]:
    """Return a sentence for each file that is there with another content. Raises `OSError`."""
    return [
        f"{folder / each.name} is not the same as {each.source}: what one of them opens, the other "
        "does not; move the wrong one away"
        for each in files
        if each.source.exists() and not _is_same(each, folder) and (folder / each.name).exists()
    ]


def copy_files(files: Sequence[KeyFile], folder: Path) -> list[str]:
    """Copy those that are not there, readable by their owner alone; return their names. Raises
    `OSError`."""
    missing = [each for each in files if each.source.exists() and not _is_same(each, folder)]
    for each in missing:
        _copy(each.source, folder / each.name)
    return [each.name for each in missing]


def _is_same(file: KeyFile, folder: Path) -> bool:
    target = folder / file.name
    return target.exists() and target.read_bytes() == file.source.read_bytes()


def _copy(source: Path, target: Path) -> None:
    aside = target.with_name(f"{target.name}.new")
    aside.unlink(missing_ok=True)
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(source.read_bytes())
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link and not a rename: a file that came meanwhile stays.
        os.link(aside, target)
    except FileExistsError:
        raise AdoptionRefused(f"{target} appeared meanwhile: stop the servers there") from None
    finally:
        os.unlink(aside)
    sync_folder(target.parent)
