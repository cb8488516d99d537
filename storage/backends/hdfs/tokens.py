"""Delegation tokens in files of Hadoop.

Such a file (`hdfs fetchdt`, `HADOOP_TOKEN_FILE_LOCATION`) begins with `HDTS` and a byte for its
format. Format 0 is a list of tokens, each an alias, an identifier, a password, a kind and a
service; lengths are Hadoop's numbers of variable size. In a URL a token is the same four fields in
base64 without padding. A file is read again when it has changed, since tokens expire.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

from storage.errors import BackendDenied

_MAGIC = b"HDTS"
_LISTED = 0
# Of namenodes, by RPC and by HTTP; all have the same fields.
_KINDS = frozenset({"HDFS_DELEGATION_TOKEN", "WEBHDFS delegation", "SWEBHDFS delegation"})
_MOST_TOKENS = 1000


class NotTokens(ValueError):
    """The bytes are not a file of tokens; the text says why."""


class TokenFile:
    """A file with tokens, read when it is needed."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._seen: tuple[int, int, int] | None = None
        self._token = ""

    def current(self, subject: str) -> str:
        """Return the token for a namenode as a URL has it. Raise `BackendDenied` without one."""
        try:
            status = self._path.stat()
            seen = status.st_mtime_ns, status.st_size, status.st_ino
            if seen != self._seen:
                self._token = first_token(self._path.read_bytes())
                self._seen = seen
        except OSError:
            reason = "the file of HADOOP_TOKEN_FILE_LOCATION cannot be read"
            raise BackendDenied(subject, "NoToken", reason) from None
        except NotTokens as error:
            reason = f"the file of HADOOP_TOKEN_FILE_LOCATION {error}"
            raise BackendDenied(subject, "NoToken", reason) from None
        return self._token


def first_token(content: bytes) -> str:
    """Return the first token of HDFS in a file. Raise `NotTokens`."""
    if content[:4] != _MAGIC:
        raise NotTokens("is not a file of tokens")
    if content[4:5] != bytes([_LISTED]):
        raise NotTokens("has another format than Hadoop's writable one (dtutil -format java)")
    try:
        for kind, token in _tokens(_Fields(content, 5)):
            if kind in _KINDS:
                return urlsafe_b64encode(token).rstrip(b"=").decode()
    except (IndexError, UnicodeDecodeError):
        raise NotTokens("ends before its tokens do") from None
    raise NotTokens("has no token of HDFS")


def _tokens(fields: _Fields) -> Iterator[tuple[str, bytes]]:
    """Yield the kind of each token, and its bytes."""
    for _ in range(min(fields.number(), _MOST_TOKENS)):
        fields.sized()
        begin = fields.at
        fields.sized()
        fields.sized()
        kind = fields.sized().decode()
        fields.sized()
        yield kind, fields.content[begin : fields.at]


class _Fields:
    """Reads Hadoop's fields one after the other. Raises `IndexError` at the end."""

    def __init__(self, content: bytes, at: int) -> None:
        self.content = content
        self.at = at

    def number(self) -> int:
        """Read a number of variable size; the first byte is it, or says how many follow."""
        first = int.from_bytes(self._take(1), signed=True)
        if first >= -112:
            return first
        if first < -120:
            raise IndexError("a negative length")
        return int.from_bytes(self._take(-112 - first))

    def sized(self) -> bytes:
        """Read bytes after their length."""
        return self._take(self.number())

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if count < 0 or end > len(self.content):
            raise IndexError(count)
        taken, self.at = self.content[self.at : end], end
        return taken
