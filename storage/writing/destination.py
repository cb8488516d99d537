"""Destinations of writes: a place for blobs, and a way to commit."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar

from storage.blobs.folder import BlobPlace
from storage.index.transaction import Mutation

T = TypeVar("T")


class Files(Protocol):
    """Blobs that a mutation names; they are durable already."""

    def keep(self) -> None: ...

    def discard(self) -> None: ...


class Commit(Protocol):
    """Commits a mutation, then keeps the files; where nothing was committed it discards them."""

    async def __call__(self, mutation: Mutation[T], files: Files | None = None, /) -> T: ...


class Destination(NamedTuple):
    place: BlobPlace
    commit: Commit
