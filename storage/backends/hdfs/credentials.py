"""Proofs of a request's user to namenodes: a name, a token, a ticket.

Without security the name of the user is enough. A delegation token is a parameter of each request.
With Kerberos, Hadoop's HTTP servers answer 401 and `WWW-Authenticate: Negotiate`; a ticket for the
host is sent once, and the cookie `hadoop.auth` of the answer is the proof until it expires. The
name of the user is not sent then: it is that of the ticket.

Tickets and cookies are kept for each namenode, and sent to no other server.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence

from storage.backends.hdfs.kerberos import Negotiation, NoTicket
from storage.backends.hdfs.options import HdfsOptions
from storage.backends.hdfs.tokens import TokenFile
from storage.errors import BackendDenied

_COOKIE = re.compile(r'\s*hadoop\.auth=("[^"]+"|[^;"\s]+)')
_NEGOTIATE = re.compile(r"\s*Negotiate(?:\s+([A-Za-z0-9+/=]+))?\s*(?:,|$)", re.IGNORECASE)


class Credentials:
    """Belongs to one event loop."""

    def __init__(self, options: HdfsOptions) -> None:
        self._options = options
        self._file = TokenFile(options.token_file) if options.token_file else None
        self._cookies: dict[str, str] = {}
        # Of namenodes that want a ticket.
        self._negotiating: set[str] = set()
        self._turns: dict[str, asyncio.Lock] = {}

    async def query(self, origin: str, subject: str) -> dict[str, str]:
        """Return the parameters that say who asks. Raise `BackendDenied` for a token that cannot be
        read."""
        token = self._options.token
        if self._file is not None:
            token = await asyncio.to_thread(self._file.current, subject)
        if token:
            return {"delegation": token}
        if self._options.kerberos or origin in self._negotiating or not self._options.user:
            return {}
        return {"user.name": self._options.user}

    def cookie(self, origin: str) -> str:
        """Return the proof of an earlier exchange, empty without one."""
        return self._cookies.get(origin, "")

    def wants_ticket(self, status: int, challenges: Sequence[str]) -> bool:
        """Whether an answer asks for a ticket, and there is not a token instead."""
        has_token = bool(self._options.token) or self._file is not None
        return status == 401 and not has_token and any(map(_NEGOTIATE.match, challenges))

    def turn(self, origin: str) -> asyncio.Lock:
        """Return the lock under which one request at a time proves itself to a namenode."""
        return self._turns.setdefault(origin, asyncio.Lock())

    async def begin(self, origin: str, host: str, subject: str) -> tuple[Negotiation, str]:
        """Return an exchange, and the header of its first request. Raise `BackendDenied`."""
        self._negotiating.add(origin)
        self._cookies.pop(origin, None)

        def first() -> tuple[Negotiation, bytes]:
            negotiation = Negotiation(host)
            return negotiation, negotiation.step()

        try:
            negotiation, token = await asyncio.to_thread(first)
        except NoTicket as error:
            raise BackendDenied(subject, "NoTicket", str(error)) from None
        return negotiation, f"Negotiate {b64encode(token).decode()}"

    async def end(
        self,
        origin: str,
        negotiation: Negotiation,
        challenges: Sequence[str],
        cookies: Sequence[str],
        subject: str,
    ) -> None:
        """Verify what the namenode says of itself, if it does, and keep its cookie. Raise
        `BackendDenied` if it is another one."""
        for match in filter(None, map(_NEGOTIATE.match, challenges)):
            if match[1]:
                try:
                    await asyncio.to_thread(negotiation.step, b64decode(match[1]))
                except (NoTicket, NotBase64):
                    reason = "the namenode does not prove itself"
                    raise BackendDenied(subject, "NotMutual", reason) from None
        for text in cookies:
            if found := _COOKIE.match(text):
                self._cookies[origin] = f"hadoop.auth={found[1]}"
