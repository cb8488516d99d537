"""Kerberos tickets for namenodes; the only module that imports gssapi.

That library is an extra (`pip install 's3gw[kerberos]'`): it is built against the machine's
Kerberos. It finds credentials as all programs with GSSAPI do: those of `kinit` (`KRB5CCNAME`), or
with `KRB5_CLIENT_KTNAME` those of a keytab, which it gets and renews by itself.
"""

from __future__ import annotations

from typing import Any

_SPNEGO = "1.3.6.1.5.5.2"


class NoTicket(Exception):
    """There is no library, no credentials, or no ticket for the host; the text says what to do."""


class Negotiation:
    """One exchange with a host: our token, and the one that it answers."""

    def __init__(self, host: str) -> None:
        """Raise `NoTicket`. This and `step` may ask the key distribution center: call them in a
        thread."""
        try:
            import gssapi
        except ImportError:
            raise NoTicket("gssapi is not installed: pip install 's3gw[kerberos]'") from None
        self._failures: tuple[type[BaseException], ...] = (gssapi.exceptions.GSSError,)
        try:
            name = gssapi.Name(f"HTTP@{host}", gssapi.NameType.hostbased_service)
            mech = gssapi.OID.from_int_seq(_SPNEGO)
            self._context: Any = gssapi.SecurityContext(name=name, mech=mech, usage="initiate")
        except self._failures as error:
            raise _failed(error) from None

    def step(self, token: bytes | None = None) -> bytes:
        """Return the token to send; empty when nothing is left to say."""
        try:
            return self._context.step(token) or b""
        except self._failures as error:
            raise _failed(error) from None


def _failed(error: BaseException) -> NoTicket:
    """Its text names principals and hosts, which may be secret: only its class is told."""
    advice = "check kinit, KRB5CCNAME, or KRB5_CLIENT_KTNAME with a keytab"
    return NoTicket(f"{type(error).__name__}: {advice}")
