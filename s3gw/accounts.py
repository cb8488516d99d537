"""Who there is: the accounts of this server and their access keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Canned by AWS: the owner of what nobody signed.
ANONYMOUS_ACCOUNT = "65a011a29cdf8ec533ec3d1ccaae921c"
MAX_ACCESS_KEYS = 100_000


@dataclass(frozen=True, slots=True)
class Principal:
    """The authenticated caller, however they proved it; `account` is the canonical user id."""

    account: str
    display_name: str = ""
    email: str = ""
    access_key: str = ""
    is_root: bool = False

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
