"""A gateway whose keys are also those of users, roles and sessions."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from s3gw.identity.accounts import AccessKey, Account, Accounts, Principal, Session
from tests.s3.access.principals import PRINCIPALS
from tests.s3.gateway import ALICE, BOB, ROOT

MEMBERS = ("none", "reader", "writer", "keeper", "yours", "etl", "admin")
FAR = 4_000_000_000


class Everybody(Accounts):
    """The accounts, and others by their keys, as a directory would know them."""

    def __init__(self, others: Mapping[str, Principal]) -> None:
        super().__init__(replace(ROOT, account=PRINCIPALS["root"].account), [ALICE, BOB])
        self._others = {
            f"{name.upper()}-KEY": AccessKey(principal, f"{name}-secret")
            for name, principal in others.items()
        }

    def find(self, access_key: str) -> AccessKey | None:
        return self._others.get(access_key) or super().find(access_key)


def credentials(name: str) -> Account:
    """What the gateway's clients sign with for that one."""
    known = {"alice": ALICE, "bob": BOB, "root": ROOT}
    return known.get(name) or Account(name, secrets={f"{name.upper()}-KEY": f"{name}-secret"})


def in_session(who: Principal, policy: str) -> Principal:
    return replace(who, session=replace(who.session or Session("s", FAR), policy=policy))
