"""Password hashes with Argon2id.

A hash costs memory and a tenth of a second. It includes its cost parameters, so that old ones stay
valid when the costs rise. Each process works on one at a time and lets a few wait, and of one
client fewer: many logins at once block neither other requests nor the logins of others.

https://www.rfc-editor.org/rfc/rfc9106
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from s3gw.identity.errors import BadPassword, Busy

MIN_LENGTH = 8
MAX_BYTES = 1024
MAX_WAITING = 64
MAX_OF_ONE_CLIENT = 16

_MEMORY_KIB = 32 * 1024
_ITERATIONS = 2
_SALT_BYTES = 16
_HASH_BYTES = 32
# Matches no password, at the same cost: a login takes as long for an unknown user as for a known
# one.
_NOBODYS = "$argon2id$v=19$m=32768,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43

T = TypeVar("T")


class Passwords:
    """Hashing in a thread, one at a time. New passwords have `min_length` characters or more."""

    def __init__(self, min_length: int = MIN_LENGTH) -> None:
        self._min_length = min_length
        self._turn = asyncio.Semaphore(1)
        self._waiting: Counter[str] = Counter()

    async def hash(self, password: str) -> str:
        """Return the hash. Raises `BadPassword` and `Busy`."""
        check_password(password, self._min_length)
        return await self._in_turn("", lambda: _hash(password))

    async def verify(self, password: str, stored: str, client: str = "") -> bool:
        """Whether the password matches; `stored` is empty for an unknown user, or one without a
        password. `client` is the address that asks. Raises `Busy`."""
        if len(password.encode()) > MAX_BYTES:
            return False
        matches = await self._in_turn(client, lambda: _verify(password, stored or _NOBODYS))
        return matches and bool(stored)

    async def _in_turn(self, client: str, work: Callable[[], T]) -> T:
        waiting = self._waiting
        if waiting[client] >= MAX_OF_ONE_CLIENT or waiting.total() >= MAX_WAITING:
            raise Busy("Too many log in at the moment: try again.")
        waiting[client] += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            waiting[client] -= 1
            if not waiting[client]:
                del waiting[client]


def check_password(password: str, min_length: int = MIN_LENGTH) -> None:
    """Raise `BadPassword` for one that is too short or too long."""
    if len(password) < min_length:
        raise BadPassword(
            f"A password needs at least {min_length} characters (auth.min_password_length)."
        )
    if len(password.encode()) > MAX_BYTES:
        raise BadPassword(f"A password has at most {MAX_BYTES} bytes.")


def _hash(password: str) -> str:
    argon = Argon2id(
        salt=os.urandom(_SALT_BYTES),
        length=_HASH_BYTES,
        iterations=_ITERATIONS,
        lanes=1,
        memory_cost=_MEMORY_KIB,
    )
    return argon.derive_phc_encoded(password.encode())


def _verify(password: str, stored: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), stored)
    except InvalidKey:
        return False
    return True
