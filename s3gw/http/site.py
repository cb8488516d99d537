"""Facts about the server that every operation may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3gw.identity.accounts import Accounts


@dataclass(frozen=True, slots=True)
class Site:
    """`cluster_id` is this cluster's id in tokens and roles."""

    region: str
    cluster_id: str
    accounts: Accounts
