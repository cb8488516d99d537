"""Options of an HDFS backend."""

from __future__ import annotations

from urllib.parse import urlsplit

from storage.backends.hdfs.place import check_folder
from storage.secret_fields import WithSecretFields


class HdfsOptions(WithSecretFields, frozen=True):
    """How to reach one HDFS.

    `namenodes` are the URLs of its namenodes, or of HttpFS, without the path
    `/webhdfs/v1`; they are tried in order. `root` is a folder whose folders are buckets by their
    names, empty for none. `user` is who asks where there is no proof of it; `token` is a delegation
    token as a URL has it, and `token_file` a file of Hadoop with tokens, read again when it
    changes. With `kerberos`, the server proves itself with a ticket. `datanodes` are the hosts
    that a namenode may redirect to: names, names that begin with `*.`, addresses and networks;
    empty for any address that a datanode can have (see `redirects`). `connections` is the most that
    one process opens; `read_timeout_s` bounds the wait for an answer, and for each 64 KiB of a
    body. `attempts` counts the first one; between two are `pause_s`, and twice as much before each
    further one.
    """

    secret_fields = frozenset({"token"})

    namenodes: tuple[str, ...] = ()
    root: str = ""
    user: str = ""
    token: str = ""
    token_file: str = ""
    kerberos: bool = False
    datanodes: tuple[str, ...] = ()
    connections: int = 64
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    attempts: int = 4
    pause_s: float = 0.3
    at_once: int = 16

    def __post_init__(self) -> None:
        for url in self.namenodes:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("the address of a namenode must be a URL with http or https")
            if parts.query or parts.fragment or parts.username:
                raise ValueError("the address of a namenode must have no user, query and fragment")
        if self.root:
            check_folder(self.root)
        for name in ("connections", "connect_timeout_s", "read_timeout_s", "attempts", "at_once"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")
