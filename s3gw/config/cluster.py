"""The section `[cluster]`: several machines that are one store."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.declaration import setting
from s3gw.config.types import Text

SHARED = "shared:"
_URL = Text("a URL such as postgresql://user:password@host:5432/name", r"postgres(ql)?://\S+|")

_ADDRESS = Text(
    "a host name or an address, with a port if it is another: s3-1.example.com, [fd00::1]:8080",
    r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?|",
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Several machines that are one store, on a PostgreSQL database: see docs/cluster.md. The first
    folder of `storage.data` then has only what belongs to this machine."""

    database: str = setting(
        "",
        "The database, with all of its hosts, as libpq writes it: "
        "`postgresql://user@db1,db2/s3gw?sslmode=verify-full`. Without it this machine is alone, "
        "and needs none.",
        _URL,
        flag="--cluster",
        metavar="URL",
        secret=True,
        shown_default="not set",
    )
    direct: str = setting(
        "",
        "The database again, for what cannot go through a pool of connections: needed where "
        "`database` is a PgBouncer.",
        _URL,
        secret=True,
        shown_default="`cluster.database`",
    )
    blobs: str = setting(
        "",
        "Where the bytes of objects are: `shared:` and the path of a folder that all machines "
        "mount, by NFS 4.1, CephFS or Lustre.",
        Text("shared: and an absolute path", r"shared:/.+|"),
        flag="--cluster-blobs",
        metavar="shared:DIR",
    )
    node: str = setting(
        "",
        "The name of this machine, which no other one has.",
        Text("1 to 63 letters, digits and any of . _ -", r"[A-Za-z0-9._-]{0,63}"),
        flag="--cluster-node",
        metavar="NAME",
        shown_default="the host's name",
    )
    address: str = setting(
        "",
        "The address at which other machines and clients reach this one, where it is another than "
        "that of `server.host`, or where the server listens on all addresses. Without it, such a "
        "server announces the address that it reaches the database from.",
        _ADDRESS,
        shown_default="`server.host`",
    )

    @property
    def shared_folder(self) -> str:
        """The path of the folder that all machines mount."""
        return self.blobs.removeprefix(SHARED)
