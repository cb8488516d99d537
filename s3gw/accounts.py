"""Who there is: the accounts of this server and their access keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from s3gw.permissions import Permissions

# Canned by AWS: the owner of what nobody signed.
ANONYMOUS_ACCOUNT = "65a011a29cdf8ec533ec3d1ccaae921c"
# Looks like AWS' canonical user ids, and stays the same whatever the root account's keys are.
ROOT_ACCOUNT = hashlib.sha256(b"s3gw root account").hexdigest()
# What stands in the ARNs of its users and roles; wherever an ARN is read, the id means the same.
ROOT_ACCOUNT_NUMBER = f"{int(ROOT_ACCOUNT[:12], 16) % 10**12:012}"
MAX_ACCESS_KEYS = 100_000


@dataclass(frozen=True, slots=True)
class Session:
    """What is special about temporary credentials.

    `name` is the caller's own word for the session, `policy` a JSON policy that can only narrow
    (empty for none), `role` the assumed role (empty when none was), `expires_s` seconds since the
    epoch.
    """

    name: str
    expires_s: int
    role: str = ""
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller, however they proved it; `account` is the canonical user id.

    Without `permissions` it is an account: judged by what it owns, by policies and by ACLs. With
    them it is a user of the root account, a role or a token's subject: `user` is its name, and it
    may do what the permissions allow, and what policies and ACLs grant it; what its account owns
    gives it nothing. `is_root` may do everything, `session` narrows all of it.
    """

    account: str
    display_name: str = ""
    email: str = ""
    access_key: str = ""
    is_root: bool = False
    user: str = ""
    permissions: Permissions | None = None
    session: Session | None = None

    @classmethod
    def anonymous(cls) -> Principal:
        return _ANONYMOUS

    @property
    def is_anonymous(self) -> bool:
        return self.account == ANONYMOUS_ACCOUNT


_ANONYMOUS = Principal(ANONYMOUS_ACCOUNT)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who owns buckets, and the secrets of their access keys."""

    account: str
    display_name: str = ""
    email: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class AccessKey:
    principal: Principal
    secret: str = field(repr=False)


class Accounts:
    """Everybody this server knows: the root account, who may do everything, and others.

    Raises `ValueError` when two share an id or an access key, or when there are too many.
    """

    def __init__(self, root: Account, others: Iterable[Account] = ()) -> None:
        self._keys: dict[str, AccessKey] = {}
        self._accounts: dict[str, Account] = {}
        self.root = Principal(
            root.account, root.display_name, root.email, next(iter(root.secrets), ""), is_root=True
        )
        self._add(root, is_root=True)
        for account in others:
            self._add(account, is_root=False)

    def find(self, access_key: str) -> AccessKey | None:
        return self._keys.get(access_key)

    def account(self, account: str) -> Account | None:
        return self._accounts.get(account)

    def with_email(self, email: str) -> list[str]:
        """The ids of the accounts that have the address, in whatever case it is written."""
        folded = email.lower()
        every = self._accounts.items()
        return [name for name, one in every if folded and one.email.lower() == folded]

    def display_name(self, account: str) -> str | None:
        found = self._accounts.get(account)
        return found.display_name if found else None

    def _add(self, account: Account, *, is_root: bool) -> None:
        if account.account in self._accounts or account.account == ANONYMOUS_ACCOUNT:
            raise ValueError(f"account {account.account!r} is there twice")
        self._accounts[account.account] = account
        for access_key, secret in account.secrets.items():
            if access_key in self._keys or len(self._keys) == MAX_ACCESS_KEYS:
                raise ValueError(f"access key {access_key!r} is there twice, or one too many")
            principal = Principal(
                account.account, account.display_name, account.email, access_key, is_root
            )
            self._keys[access_key] = AccessKey(principal, secret)
