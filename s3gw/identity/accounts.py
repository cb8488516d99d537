"""Accounts of this server, their access keys, and principals."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from s3gw.identity.permissions import Permissions
from storage.secret_fields import WithSecretFields

# AWS' canonical id for anonymous callers, the owner of what they write.
ANONYMOUS_ACCOUNT = "65a011a29cdf8ec533ec3d1ccaae921c"
# In the format of AWS' canonical user ids; it does not depend on the root account's keys.
ROOT_ACCOUNT = hashlib.sha256(b"s3gw root account").hexdigest()
# The account number in the ARNs of its users and roles; an ARN may also have the id instead.
ROOT_ACCOUNT_NUMBER = f"{int(ROOT_ACCOUNT[:12], 16) % 10**12:012}"
MAX_ACCESS_KEYS = 100_000


def account_number(account: str) -> str:
    """Return an account's name in ARNs and condition keys: the root account's is its number."""
    return ROOT_ACCOUNT_NUMBER if account == ROOT_ACCOUNT else account


def account_arn(account: str) -> str:
    return f"arn:aws:iam::{account_number(account)}:root"


def user_arn(name: str) -> str:
    return f"arn:aws:iam::{ROOT_ACCOUNT_NUMBER}:user/{name}"


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ROOT_ACCOUNT_NUMBER}:role/{name}"


def session_arn(role: str, session: str) -> str:
    return f"arn:aws:sts::{ROOT_ACCOUNT_NUMBER}:assumed-role/{role}/{session}"


def _unique_id(prefix: str, name: str) -> str:
    """Return an id in the format of AWS' ids; it is the same for the same name."""
    digest = hashlib.sha256(f"{prefix}:{name}".encode()).digest()
    return prefix + base64.b32encode(digest)[:17].decode()


class Session(Struct, frozen=True):
    """The session of temporary credentials.

    `name` is the caller's name for the session, `policy` an optional JSON policy that can only
    narrow, `role` the assumed role, if there is one (both empty when absent); `expires_s` and
    `issued_s` are seconds since the epoch.
    """

    name: str
    expires_s: int
    role: str = ""
    policy: str = ""
    issued_s: int = 0


class Principal(Struct, frozen=True):
    """The authenticated caller, for every kind of proof; `account` is the canonical user id.

    Without `permissions` it is an account: judged by what it owns, by policies and by ACLs. With
    them it is a user of the root account, a role or a token's subject: `user` is its name, and it
    may do what the permissions allow, and what policies and ACLs grant it; that its account owns
    something gives it nothing. `is_root` may do everything, `session` narrows all of it. With
    `is_unproven` the server has no authentication: the caller may be anyone.
    """

    account: str
    display_name: str = ""
    email: str = ""
    access_key: str = ""
    is_root: bool = False
    user: str = ""
    permissions: Permissions | None = None
    session: Session | None = None
    is_unproven: bool = False

    @classmethod
    def anonymous(cls) -> Principal:
        return _ANONYMOUS

    @property
    def is_anonymous(self) -> bool:
        return self.account == ANONYMOUS_ACCOUNT

    @property
    def is_user(self) -> bool:
        """Whether it is judged by its permissions, and not by what its account owns."""
        return self.permissions is not None

    @property
    def owns_what_it_writes(self) -> bool:
        """Whether it owns the objects it writes. The root account, its users and anonymous callers
        write for the bucket's owner instead."""
        return not (self.is_root or self.is_user or self.is_anonymous)

    @property
    def session_policy(self) -> str:
        return self.session.policy if self.session else ""

    @property
    def arn(self) -> str:
        """The ARN of the account's root user, of the user, or of the session of an assumed role."""
        if self.session and self.session.role:
            return session_arn(self.session.role, self.session.name)
        return user_arn(self.user) if self.is_user else account_arn(self.account)

    @property
    def role_arn(self) -> str:
        """The ARN of the assumed role; empty without one."""
        return role_arn(self.session.role) if self.session and self.session.role else ""

    @property
    def identity(self) -> str:
        """The name in documents and logs: of an account its id, of all others the ARN."""
        return self.arn if self.is_user else self.account

    @property
    def user_id(self) -> str:
        """The value of `aws:userid`. Users and roles cannot choose another principal's."""
        if self.is_anonymous:
            return "anonymous"
        if self.session and self.session.role:
            return f"{_unique_id('AROA', self.session.role)}:{self.session.name}"
        return _unique_id("AIDA", self.user) if self.is_user else account_number(self.account)


_ANONYMOUS = Principal(ANONYMOUS_ACCOUNT)


class Account(WithSecretFields, frozen=True):
    """An owner of buckets, with the secrets of their access keys."""

    secret_fields = frozenset({"secrets"})

    account: str
    display_name: str = ""
    email: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)


class AccessKey(WithSecretFields, frozen=True):
    secret_fields = frozenset({"secret"})

    principal: Principal
    secret: str


class Accounts:
    """The accounts of this server: the root account, who may do everything, and others. Without
    authentication every caller is `unproven_root`.

    Raises `ValueError` when two share an id or an access key, or when there are too many.
    """

    def __init__(self, root: Account, others: Iterable[Account] = ()) -> None:
        self._keys: dict[str, AccessKey] = {}
        self._accounts: dict[str, Account] = {}
        self.root = Principal(
            root.account, root.display_name, root.email, next(iter(root.secrets), ""), is_root=True
        )
        self.unproven_root = replace(self.root, is_unproven=True)
        self._add(root, is_root=True)
        for account in others:
            self._add(account, is_root=False)

    def find(self, access_key: str) -> AccessKey | None:
        return self._keys.get(access_key)

    def account(self, account: str) -> Account | None:
        return self._accounts.get(account)

    def with_email(self, email: str) -> list[str]:
        """Return the ids of the accounts with the address, compared without case."""
        folded = email.lower()
        every = self._accounts.items()
        return [name for name, one in every if folded and one.email.lower() == folded]

    def display_name(self, account: str) -> str | None:
        found = self._accounts.get(account)
        return (found.display_name or None) if found else None

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
