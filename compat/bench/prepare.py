"""What lies in every subject before it is measured; written over HTTP, so it is warm as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from compat.bench.outcome import LoadFailed
from compat.bench.stream import Connection, Payload, Request, StreamLoad, payload, run_streams
from compat.bench.subjects import BIG_LIST, BUCKET, ENCRYPTED, SMALL_LIST, VERSIONS, Can, Subject
from storage.backends.local.index import connect
from storage.backends.local.transaction import in_transaction
from storage.index.changes import put
from storage.index.rows import Empty, Row
from storage.index.transaction import Place, Transaction
from storage.values import Attributes

KIB, MIB = 1 << 10, 1 << 20
NO_END_S = 3600.0
LIST_PREFIXES = 1_000
VERSIONED_KEYS, VERSIONS_EACH = 500, 4
_CLIENTS = 16
_BATCH = 20_000
_VERSIONING = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
_ENCRYPTION = (
    b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
    b"<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
    b"</ServerSideEncryptionConfiguration>"
)
_EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"

# Path by kind: how many there are, and how large each is.
OBJECTS = {
    "empty": (1_000, 0),
    "4k": (1_000, 4 * KIB),
    "1m": (64, MIB),
    "256m": (4, 256 * MIB),
}


def paths(kind: str, count: int | None = None, bucket: str = BUCKET) -> list[str]:
    """The paths of the objects of one kind, or of `count` more to be written."""
    return [f"/{bucket}/{kind}/{number:06d}" for number in range(count or OBJECTS[kind][0])]


def list_keys(count: int) -> Iterator[str]:
    """Keys in order, always below a thousand prefixes: a page with a delimiter is as long at any
    size of the bucket."""
    for prefix in range(LIST_PREFIXES):
        for number in range(count // LIST_PREFIXES):
            yield f"d{prefix:04d}/k{number:06d}"


def prepare(subject: Subject, needs: Can) -> None:
    """Make what workloads of these needs find in the subject."""
    if Can.S3 in subject.can:
        make_buckets(subject, (BUCKET, SMALL_LIST))
        put_all(subject, [f"/{SMALL_LIST}/{key}" for key in list_keys(LIST_PREFIXES)], b"")
    if Can.VERSIONS in subject.can & needs:
        make_versions(subject)
    if Can.ENCRYPTION in subject.can & needs:
        make_encrypted(subject)
    for kind, (_, size) in OBJECTS.items():
        put_all(subject, paths(kind), payload(size) if size else b"")


def make_buckets(subject: Subject, names: Iterable[str]) -> None:
    connection = Connection(subject.host)
    for name in names:
        try:
            connection.send(Request("PUT", subject.target("PUT", f"/{name}")))
        except LoadFailed as error:
            # There from an earlier run, on a peer.
            if "BucketAlready" not in str(error):
                raise
    connection.close()


def make_versions(subject: Subject) -> None:
    """Several versions of each of some objects, with a delete marker on top of every other one."""
    make_buckets(subject, [VERSIONS])
    connection = Connection(subject.host)
    target = subject.target("PUT", f"/{VERSIONS}", {"versioning": ""})
    connection.send(Request("PUT", target, _VERSIONING, {"Content-Type": "application/xml"}))
    where = [f"/{VERSIONS}/k{number:06d}" for number in range(VERSIONED_KEYS)]
    for _ in range(VERSIONS_EACH):
        put_all(subject, where, b"")
    for path in where[::2]:
        connection.send(Request("DELETE", subject.target("DELETE", path)))
    connection.close()


def make_encrypted(subject: Subject) -> None:
    """A bucket that encrypts what it is given, with some large objects."""
    make_buckets(subject, [ENCRYPTED])
    connection = Connection(subject.host)
    target = subject.target("PUT", f"/{ENCRYPTED}", {"encryption": ""})
    connection.send(Request("PUT", target, _ENCRYPTION, {"Content-Type": "application/xml"}))
    connection.close()
    put_all(subject, paths("256m", bucket=ENCRYPTED), payload(OBJECTS["256m"][1]))


def put_all(subject: Subject, where: Sequence[str], body: bytes | Payload) -> None:
    shares = (where[first::_CLIENTS] for first in range(_CLIENTS))
    plans = [_puts(subject, share, body) for share in shares if share]
    run_streams(subject.host, StreamLoad(plans, NO_END_S))


def _puts(subject: Subject, where: Sequence[str], body: bytes | Payload) -> Iterator[Request]:
    return (Request("PUT", subject.target("PUT", path), body) for path in where)


def load_big_list(data: Path, count: int) -> None:
    """Write the keys of `BIG_LIST` straight into the index of a server that is not running: over
    HTTP a million would take minutes. The bucket must be there."""
    connection = connect(data / "index.db")
    try:
        batch: list[bytes] = []
        for key in list_keys(count):
            batch.append(key.encode())
            if len(batch) == _BATCH:
                in_transaction(connection, PutNames(BIG_LIST, batch))
                batch.clear()
        in_transaction(connection, PutNames(BIG_LIST, batch))
        connection.wal_checkpoint()
    finally:
        connection.close()


class PutNames:
    """Empty objects, many in one transaction."""

    def __init__(self, bucket: str, names: Sequence[bytes]) -> None:
        self._bucket = bucket
        self._names = names

    async def __call__(self, transaction: Transaction) -> None:
        home = await transaction.hold(await transaction.hold_bucket(self._bucket))
        row = Row(0, _EMPTY_MD5, 1_700_000_000_000_000_000, Attributes(), Empty())
        for name in self._names:
            await put(transaction, home, name, row, None, Place(None, None))
