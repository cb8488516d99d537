"""Facts about the server that every operation may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from s3gw.identity.accounts import Accounts


class Site(Struct, frozen=True):
    """`cluster_id` is this cluster's id in tokens and roles."""

    region: str
    cluster_id: str
    accounts: Accounts
