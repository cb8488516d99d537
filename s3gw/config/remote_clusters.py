"""Attached clusters in the coordination store, and this process' copy of them.

/cluster/remote/<alias>   the URLs of its gateways, and its UUID once it was reached

Each process compares the store's revision before it uses its copy. Tokens are not kept there: each
is a file of its own, `<alias>` in the folder that `AIS_REMOTE_TOKENS` names, that its owner alone
may read. It is read again when it has changed, so that a token can be replaced at any time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from cluster.coordination import Coordination, Delete, Put, Unchanged
from s3gw.config.private_file import Readable, read_private
from storage.backends.ais import Cluster
from storage.errors import BackendDenied, ClusterNotAttached

log = logging.getLogger(__name__)

PREFIX = "/cluster/remote/"
TOKENS = "AIS_REMOTE_TOKENS"
MOST_URLS = 16
_ALIAS = re.compile(r"[A-Za-z0-9_-]{2,32}")
_ATTEMPTS = 20


class NotAllowed(Exception):
    """An attachment that cannot be; the text says why."""


class _Record(Struct, frozen=True):
    urls: tuple[str, ...]
    uuid: str = ""


class RemoteClusters:
    """`Clusters` for one event loop; `refresh` them before `aliases` is read."""

    def __init__(self, coordination: Coordination, tokens: Path | None = None) -> None:
        self._coordination = coordination
        self._tokens = tokens
        self._revision = -1
        self._catching_up = asyncio.Lock()
        self._records: dict[str, tuple[_Record, int]] = {}
        self._read: dict[str, tuple[tuple[int, int], str]] = {}
        self.aliases: Mapping[str, str] = {}

    async def refresh(self) -> None:
        if self._coordination.revision() == self._revision:
            return
        async with self._catching_up:
            entries, revision = await self._coordination.range(PREFIX)
            self._records = {
                each.key.removeprefix(PREFIX): (_decoded(each.value), each.mod_revision)
                for each in entries
            }
            self.aliases = {
                alias: record.uuid for alias, (record, _) in self._records.items() if record.uuid
            }
            self._revision = revision

    @property
    def urls(self) -> Mapping[str, Sequence[str]]:
        """Return the URLs by alias."""
        return {alias: record.urls for alias, (record, _) in sorted(self._records.items())}

    @property
    def version(self) -> int:
        """Return a number that grows with each change of what is attached, and with others."""
        return self._revision

    async def attached(self) -> list[Cluster]:
        await self.refresh()
        return [
            Cluster(alias, record.urls, record.uuid)
            for alias, (record, _) in sorted(self._records.items())
        ]

    async def find(self, uuid: str) -> Cluster:
        for cluster in await self.attached():
            if cluster.uuid == uuid:
                return await self.with_token(cluster)
        raise ClusterNotAttached(uuid)

    async def with_token(self, cluster: Cluster) -> Cluster:
        """Raise `BackendDenied` for a token that cannot be read."""
        if self._tokens is None:
            return cluster
        token = await asyncio.to_thread(self._token_of, cluster.alias, self._tokens)
        return msgspec.structs.replace(cluster, token=token)

    def token_hint(self, alias: str) -> str:
        if self._tokens is None:
            return f"its token belongs into the file {alias} in a folder that {TOKENS} names"
        return f"put a valid token of the remote cluster into {self._tokens / alias}"

    async def attach(self, alias: str, urls: Sequence[str], uuid: str = "") -> None:
        """Attach a cluster, add URLs to one that is attached, or note its UUID. Raise
        `NotAllowed`."""
        check_alias(alias)
        for url in urls:
            check_url(url)
        for _ in range(_ATTEMPTS):
            await self.refresh()
            old, seen = self._records.get(alias, (_Record(()), 0))
            if old.uuid and uuid and old.uuid != uuid:
                why = f'the alias "{alias}" is already in use for cluster {old.uuid}'
                raise NotAllowed(f"{why}: detach it first")
            for other, (record, _) in self._records.items():
                if other != alias and uuid and record.uuid == uuid:
                    raise NotAllowed(f'cluster {uuid} is attached already, as "{other}"')
                if record.uuid == alias or other == uuid:
                    raise NotAllowed(f'"{alias}" cannot be an alias and a UUID')
            made = _Record(tuple(dict.fromkeys((*old.urls, *urls))), uuid or old.uuid)
            if len(made.urls) > MOST_URLS:
                raise NotAllowed(f"a cluster has at most {MOST_URLS} URLs")
            if made == old:
                return
            key = PREFIX + alias
            writes = [Put(key, msgspec.json.encode(made))]
            if await self._coordination.transact([Unchanged(key, seen)], writes) is not None:
                await self.refresh()
                return
        raise NotAllowed("others attach clusters at the same time: try again")

    async def detach(self, alias: str) -> None:
        """By alias or UUID. Raise `ClusterNotAttached`."""
        await self.refresh()
        named = {record.uuid: each for each, (record, _) in self._records.items()}
        alias = alias if alias in self._records else named.get(alias, "")
        if not alias:
            raise ClusterNotAttached(alias)
        await self._coordination.transact([], [Delete(PREFIX + alias)])
        await self.refresh()

    def _token_of(self, alias: str, folder: Path) -> str:
        file = folder / alias
        try:
            status = file.stat()
            seen = status.st_ctime_ns, status.st_ino
            if alias not in self._read or self._read[alias][0] != seen:
                self._read[alias] = seen, read_private(file).decode().strip()
        except FileNotFoundError:
            return ""
        except Readable:
            reason = f"others than its owner may read {file}: chmod 600"
            raise BackendDenied(alias, "Token", reason) from None
        except (OSError, UnicodeDecodeError):
            raise BackendDenied(alias, "Token", f"{file} cannot be read") from None
        return self._read[alias][1]


def tokens_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    folder = environment.get(TOKENS, "")
    return Path(folder) if folder else None


def check_alias(alias: str) -> None:
    """Raise `NotAllowed`."""
    if not _ALIAS.fullmatch(alias) or alias == "what":
        allowed = "2 to 32 letters, digits, dashes and underscores"
        raise NotAllowed(f"the alias {alias[:64]!r} is invalid: {allowed}")


def check_url(url: str) -> None:
    """Raise `NotAllowed`."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        plain = not (parts.query or parts.fragment or parts.username or parts.password)
    except ValueError:
        good = plain = False
    if not good or not plain or not url.isascii() or not url.isprintable() or " " in url:
        raise NotAllowed("the URL must be one of http or https, without user, query and fragment")


def _decoded(text: bytes) -> _Record:
    try:
        return msgspec.json.decode(text, type=_Record)
    except msgspec.DecodeError as error:
        log.error("attachment cannot be read", extra={"error": str(error)})
        return _Record(())
