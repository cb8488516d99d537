"""Attached clusters, as the backend needs them."""

from __future__ import annotations

from typing import Protocol

from storage.secret_fields import WithSecretFields


class Cluster(WithSecretFields, frozen=True):
    """A cluster that is attached. `urls` are of its gateways, tried in order; `token` is empty for
    a cluster without authentication. `uuid` is empty as long as it was never reached."""

    secret_fields = frozenset({"token"})

    alias: str
    urls: tuple[str, ...]
    uuid: str = ""
    token: str = ""


class Clusters(Protocol):
    async def find(self, uuid: str) -> Cluster:
        """Raise `ClusterNotAttached`."""
        ...

    async def attached(self) -> list[Cluster]:
        """All clusters, ordered by alias."""
        ...

    def token_hint(self, alias: str) -> str:
        """Return where an administrator puts the token of a cluster."""
        ...
