"""Errors of the database of a cluster."""

from __future__ import annotations


class DatabaseError(Exception):
    """Root of the failures of the database; none of them is the refusal of a single mutation."""


class DatabaseRefused(DatabaseError):
    """The database cannot be used as it is; the text says why, and what to do."""


class DatabaseAway(DatabaseError):
    """No server can be reached that takes writes, or the connection broke before an answer."""


class AccessRefused(DatabaseAway):
    """A server was reached and does not let this machine in: for a wrong password, the name of a
    database that does not exist, or a certificate. Servers that run go on trying, since the answer
    to a commit may still be asked for; one that starts is refused (`Database.open`)."""


class OutcomeUnknown(DatabaseAway):
    """The answer to a commit was lost, and nobody could be asked what became of it."""
