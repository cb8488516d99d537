"""The sections of the configuration, and their settings.

`Config` has a field for each section, and a section has one for each setting. A long section has a
module with its own name: `auth`, `etl`, `limits`, `notifications`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from s3gw.config.auth import Auth
from s3gw.config.bucket_properties import PROPERTIES
from s3gw.config.cluster import Cluster
from s3gw.config.declaration import setting, table_of
from s3gw.config.etl import Etl
from s3gw.config.limits import Limits
from s3gw.config.notifications import Notifications
from s3gw.config.select import Select
from s3gw.config.types import (
    Choice,
    Duration,
    LogLevel,
    Reachable,
    Seconds,
    Size,
    Switch,
    Text,
    Texts,
    Whole,
)

# A size, or a share of the memory in percent.
MEMORY = r"[1-9]\d{0,14}[KMGT]?(iB|B)?|[1-9]\d?%"
# Of GetBatch, where a setting of 0 means the default.
DEFAULT_AHEAD = 2
DEFAULT_SOFT_ERRORS = 6
_DOMAIN = Text("a host name", r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server listens and how it runs."""

    host: str = setting(
        "127.0.0.1",
        "The address to listen on; 0.0.0.0 or :: for all of this machine's.",
        Text("an address or a host name"),
        flag="--host",
        metavar="ADDRESS",
    )
    port: int = setting(
        8080,
        "The port to listen on; 0 lets the system choose one.",
        Whole(0, 65535),
        flag="--port",
        metavar="PORT",
    )
    workers: int = setting(
        0,
        "How many processes answer requests; 0 is one for each processor core.",
        Whole(0, 512),
        flag="--workers",
        metavar="N",
    )
    http_server: str = setting(
        "uvicorn",
        "The HTTP server in each worker. hypercorn takes more than twice the processor time, and "
        "has no limits for connections, heads and clients that do not read: run it behind a proxy.",
        Choice(("uvicorn", "hypercorn")),
        flag="--http-server",
    )
    shutdown_timeout_s: float = setting(
        30.0,
        "How long requests in flight may continue after a request to stop the server.",
        Seconds(0, 3600),
        flag="--shutdown-timeout",
        metavar="SECONDS",
    )
    keep_alive_s: float = setting(
        75.0, "How long an idle connection is kept open for the next request.", Seconds(1, 3600)
    )
    tls_cert: str = setting(
        "",
        "The certificate, with its chain, in PEM: with it the port speaks https. Loaded again when "
        "the file changes.",
        Text("a file, or nothing for plain http", r".*"),
        flag="--tls-cert",
        metavar="FILE",
    )
    tls_key: str = setting(
        "",
        "The private key of the certificate, in PEM and without a password; nothing when it is in "
        "the file of the certificate.",
        Text("a file", r".*"),
        flag="--tls-key",
        metavar="FILE",
    )
    tls_client_auth: str = setting(
        "none",
        "Whether clients show a certificate of `tls_client_ca`: with `request` one that is shown "
        "must be valid, with `require` no client connects without. It opens the connection; the "
        "requests on it still have to be signed.",
        Choice(("none", "request", "require")),
    )
    tls_client_ca: str = setting(
        "",
        "The certificates of the authorities that sign those of clients, in PEM. Read again when "
        "the file changes: new ones are trusted at once, removed ones until the server is "
        "restarted.",
        Text("a file, or nothing", r".*"),
    )


@dataclass(frozen=True, slots=True)
class Storage:
    """Where objects live."""

    data: tuple[str, ...] = setting(
        ("s3gw-data",),
        "The folders that hold the data, best one on each disk; objects are spread over them.",
        Texts("a list of folders"),
        flag="--data",
        metavar="DIR",
    )
    inline_limit: int = setting(
        32 << 10,
        "Objects up to this size are kept in the index instead of in a file of their own.",
        Size(0, 256 << 10),
    )
    reserve_bytes: int = setting(
        64 << 20,
        "Writing stops (507 InsufficientStorage) when a disk has less room than this left.",
        Size(0, 1 << 50),
    )
    durability: str = setting(
        "sync",
        "What a write survives after its response: with `sync` a loss of power, with `async` only "
        "a crash of the server.",
        Choice(("sync", "async")),
    )
    housekeeping_interval_s: float = setting(
        1.0,
        "How often garbage is removed and the index is checkpointed.",
        Seconds(0.1, 3600),
    )


@dataclass(frozen=True, slots=True)
class S3:
    """The S3 API."""

    root_access: bool = setting(True, "Serve S3 at `/` too, not only below `/s3`.", Switch())
    domain: tuple[str, ...] = setting(
        (),
        "Host names below which a bucket's name may be, as in `bucket.s3.example.com`.",
        Texts("a list of host names", _DOMAIN),
        flag="--s3-domain",
        metavar="DOMAIN",
    )
    website_domain: tuple[str, ...] = setting(
        (),
        "Host names below which buckets are served as websites, as in "
        "`bucket.web.example.com`; not one of those in `s3.domain`.",
        Texts("a list of host names", _DOMAIN),
        flag="--s3-website-domain",
        metavar="DOMAIN",
    )
    region: str = setting(
        "us-east-1",
        "The region of all buckets, as clients see it.",
        Text("a region name such as us-east-1", r"[a-z0-9-]{1,64}"),
        flag="--region",
        metavar="REGION",
    )
    object_ownership: str = setting(
        "ObjectWriter",
        "Who owns what other accounts write into a new bucket; BucketOwnerEnforced also turns ACLs "
        "off, as AWS does. The request that creates a bucket may name another.",
        Choice(("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced")),
    )
    encrypt_new_buckets: bool = setting(
        False,
        "Whether new buckets encrypt with SSE-S3 by default, as AWS' do. It needs a master key.",
        Switch(),
    )
    block_public_access: bool = setting(
        False,
        "Whether new buckets begin with all of Block Public Access on, as AWS' do.",
        Switch(),
    )


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Lifecycle rules of buckets: removing objects, versions and uploads that are due."""

    enabled: bool = setting(
        True, "Whether the rules are applied; they can be set anyway.", Switch()
    )
    day_s: float = setting(
        86400.0,
        "How long a day of a rule is. For tests only: rules then delete earlier than they say.",
        Seconds(1, 86400),
    )


@dataclass(frozen=True, slots=True)
class Encryption:
    """Keys for SSE-S3 and SSE-KMS, see docs/encryption.md; SSE-C needs no setting."""

    master_key_file: str = setting(
        "",
        "The file with the master key, which encrypts the key ring: 32 bytes in base64 or in "
        "hexadecimal. It is created at the first start, while there is no key ring. Keep it apart "
        "from the data. Without a master key, SSE-S3 and SSE-KMS are refused.",
        Text("a file's path"),
        flag="--master-key-file",
        metavar="FILE",
        shown_default="not set",
    )
    master_key: str = setting(
        "",
        "The master key itself, instead of a file.",
        Text("32 bytes in base64 or in hexadecimal", r"[A-Za-z0-9+/]{43}=|[0-9A-Fa-f]{64}"),
        variable="S3GW_MASTER_KEY",
        secret=True,
        shown_default="not set",
    )
    key_file: str = setting(
        "",
        "The key ring; empty for `keyring.json` in the first data folder. Back it up: without it "
        "no object with SSE-S3 or SSE-KMS can be read.",
        Text("a file's path"),
        shown_default="`keyring.json` in the first data folder",
    )
    default_kms_key: str = setting(
        "aws/s3",
        "The key for SSE-KMS where neither request nor bucket names one; with an empty one they "
        "must.",
        Text("the id of a key", r".*"),
    )


@dataclass(frozen=True, slots=True)
class Log:
    """Logs of the program, of requests, and of changes of rights."""

    level: str = setting(
        "info",
        "The least severe message that is logged, to stderr.",
        LogLevel(),
        flag="--log-level",
        changeable=True,
    )
    access: str = setting(
        "-",
        "Where each request is logged: `-` is stdout, `off` is nowhere, anything else is a file.",
        Text("-, off or a file's path"),
        flag="--access-log",
        metavar="PATH",
    )
    audit: str = setting(
        "",
        "Where changes of users, keys and rights are logged, as JSON lines: `-` is stdout, `off` "
        "is nowhere, anything else is a file.",
        Text("-, off or a file's path", r".*"),
        shown_default="`audit.log` in the first data folder",
    )
    format: str = setting(
        "auto",
        "Lines for people or for programs; `auto` is text on a terminal and JSON elsewhere.",
        Choice(("auto", "json", "text")),
        flag="--log-format",
    )


@dataclass(frozen=True, slots=True)
class BucketLogging:
    """Access logs of buckets (PutBucketLogging), written as objects."""

    interval_s: float = setting(
        300.0,
        "How long the oldest record waits before an object is written.",
        Seconds(0.01, 86400),
    )
    object_bytes: int = setting(
        4 << 20,
        "Records of this many bytes are written at once, into one object.",
        Size(1 << 10, 1 << 30),
    )
    queue_bytes: int = setting(
        64 << 20,
        "How many bytes of records may wait for one bucket that cannot be written to; further "
        "ones are dropped, counted and logged.",
        Size(1 << 10, 1 << 40),
    )


@dataclass(frozen=True, slots=True)
class Outbound:
    """Requests that the server itself sends, such as for the keys of a token's issuer."""

    allow: tuple[str, ...] = setting(
        (),
        "Hosts and networks that may be fetched from although they are private: loopback, "
        "link-local, private and other special addresses are refused otherwise, also after a "
        "redirect or when a name changes its address.",
        Texts("a list of host names, addresses and networks such as 10.1.0.0/16", Reachable()),
    )


@dataclass(frozen=True, slots=True)
class GetBatch:
    """GetBatch: many objects in one response."""

    max_wait_s: float = setting(
        30.0,
        "How long one read for a batch may take before its entry has failed.",
        Duration(1, 60),
        changeable=True,
        on_wire="get_batch.max_wait",
        aliases=("max_wait",),
    )
    warmup_workers: int = setting(
        DEFAULT_AHEAD,
        "How many groups of entries are read ahead; -1 turns it off, 0 is the default.",
        Whole(-1, 10),
        changeable=True,
    )
    max_soft_errs: int = setting(
        DEFAULT_SOFT_ERRORS,
        "How many entries may fail before a batch with `coer` fails too; 0 is the default.",
        Whole(0, 100_000),
        changeable=True,
    )
    memory: int = setting(
        128 << 20,
        "How much memory all batches of one worker may use; further ones wait, and no client has "
        "more than half of it.",
        Size(16 << 20, 1 << 40),
    )
    queue_s: float = setting(
        15.0,
        "How long a batch may wait for memory before it gets 429 TooManyRequests.",
        Seconds(0, 600),
    )
    queue: int = setting(
        1000,
        "How many batches may wait in a worker; further ones get 429 TooManyRequests at once.",
        Whole(0, 100_000),
    )


def _chunks_setting(name: str, doc: str) -> Any:
    return setting(0, doc, PROPERTIES[f"chunks.{name}"].type)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Chunks of objects in new buckets; a bucket's own properties come before these."""

    objsize_limit: int = _chunks_setting(
        "objsize_limit", "Objects of this size or more are stored in chunks; 0 is never."
    )
    max_monolithic_size: int = _chunks_setting(
        "max_monolithic_size", "No object is larger in one piece; 0 is 1TiB."
    )
    chunk_size: int = _chunks_setting("chunk_size", "How large a chunk is; 0 is 1GiB.")
    checkpoint_every: int = _chunks_setting(
        "checkpoint_every",
        "After how many parts AIStore writes a manifest down; here it always does, whatever the "
        "value.",
    )


@dataclass(frozen=True, slots=True)
class Jobs:
    """Work that continues after the response: deleting, copying and counting many objects."""

    at_once: int = setting(
        4,
        "How many jobs run at the same time; the others wait their turn.",
        Whole(1, 64),
        changeable=True,
    )
    idle_s: float = setting(
        60.0,
        "How long a job of a kind that idles is still listed as running after its work is done.",
        Seconds(0, 86400),
        changeable=True,
        on_wire="jobs.idle_time",
    )
    kept: int = setting(
        1000,
        "How many jobs that ended are kept with their outcome.",
        Whole(1, 10_000),
        changeable=True,
    )
    kept_s: float = setting(
        3600.0,
        "How long the outcome of a job is kept after its end.",
        Seconds(60, 30 * 86400),
        changeable=True,
        on_wire="jobs.kept_time",
    )


def _reaction(default: str, what: str, on_wire: str) -> Any:
    return setting(
        default,
        f"What to do about {what}, where a request does not say it: go on, go on with a warning, "
        "or end the job.",
        Choice(("ignore", "warn", "abort")),
        changeable=True,
        on_wire=f"distributed_sort.{on_wire}",
    )


@dataclass(frozen=True, slots=True)
class Dsort:
    """Dsort: jobs that sort the records of shards into new shards; see docs/dsort.md."""

    duplicated_records: str = _reaction(
        "ignore", "a member that is twice in a shard", "duplicated_records"
    )
    missing_shards: str = _reaction("ignore", "an input shard that is missing", "missing_shards")
    ekm_malformed_line: str = _reaction(
        "abort", "a malformed line of an external key map", "ekm_malformed_line"
    )
    ekm_missing_key: str = _reaction(
        "abort",
        "a record that an external key map has no shard for, or several",
        "ekm_missing_key",
    )
    max_mem_usage: str = setting(
        "256MiB",
        "How much memory a job may use for keys and places of records, where a request does not "
        "say it: a size, or a share of the machine's. What does not fit is sorted in temporary "
        "files in the first data folder.",
        Text(
            "a size such as 256MiB, or a share such as 10%",
            r"[1-9]\d{0,14}[KMGT]?(iB|B)?|[1-9]\d?%",
        ),
        changeable=True,
        on_wire="distributed_sort.default_max_mem_usage",
    )
    at_once: int = setting(
        4,
        "How many shards a job reads, or writes, at the same time; a request may ask for fewer.",
        Whole(1, 64),
        changeable=True,
        on_wire="distributed_sort.at_once",
    )


@dataclass(frozen=True, slots=True)
class Space:
    """Room on the disks: when copies of what a backend has are evicted, and when writes are
    refused. All in percent of the fullest data folder's disk."""

    lowwm: int = setting(
        75,
        "An eviction ends when so much is used.",
        Whole(1, 99),
        changeable=True,
    )
    highwm: int = setting(
        90,
        "When more is used, objects of buckets with `lru.enabled` are evicted, those first that "
        "were not read for the longest time.",
        Whole(2, 100),
        changeable=True,
    )
    out_of_space: int = setting(
        100,
        "When more is used, writes are refused until less than `highwm` is used; 100 leaves it to "
        "`storage.reserve_bytes`.",
        Whole(3, 100),
        changeable=True,
    )

    @property
    def problem(self) -> str:
        """What is wrong with the values together; empty when nothing is."""
        if self.lowwm < self.highwm <= self.out_of_space:
            return ""
        return (
            f"space.lowwm = {self.lowwm}, space.highwm = {self.highwm} and space.out_of_space = "
            f"{self.out_of_space} must be in rising order"
        )


@dataclass(frozen=True, slots=True)
class Promote:
    """Promoting files of the server's machine to objects."""

    roots: tuple[str, ...] = setting(
        (),
        "The folders whose files may become objects, for clients with the right to promote. "
        "Symbolic links below them are not followed.",
        Texts("a list of absolute paths", Text("an absolute path", r"/.*")),
    )


# Those that `s3gw.server.backends` can open.
_PROVIDERS = ("ais", "aws", "azure", "gcp", "hdfs", "ht")


@dataclass(frozen=True, slots=True)
class Backends:
    """Other stores whose buckets are read and written through this one: see docs/fast-tier.md."""

    providers: tuple[str, ...] = setting(
        (),
        "The providers of these stores: `aws` is any S3 endpoint, `azure` Azure Blob Storage, "
        "`gcp` Google Cloud Storage, `hdfs` an HDFS. Where they are and who asks come from the "
        "environment, as their own tools read it (AWS_ENDPOINT_URL, AWS_PROFILE, AWS_REGION, "
        "AWS_ACCESS_KEY_ID, ...; AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT, "
        "AZURE_STORAGE_KEY, ...; "
        "GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_CLOUD_PROJECT, STORAGE_EMULATOR_HOST; "
        "AIS_HDFS_URL, HADOOP_CONF_DIR, HADOOP_USER_NAME, HADOOP_TOKEN_FILE_LOCATION). "
        "`ais` are other AIStore clusters, which an administrator attaches (AIS_REMOTE_TOKENS). "
        "`ht` is the web: any http or https URL, for reading; the server is then a proxy, too.",
        Texts(f"a list of {', '.join(_PROVIDERS)}", Text("a provider", "|".join(_PROVIDERS))),
        flag="--backend",
        metavar="PROVIDER",
    )


@dataclass(frozen=True, slots=True)
class Native:
    """The native API below `/v1`."""

    version: str = setting(
        "5.0.0",
        "The release of AIStore that the server reports; AIStore's command line compares it with "
        "its own, and warns when they differ.",
        Text("a version such as 5.0 or 5.0.0", r"\d{1,3}\.\d{1,5}(\.[A-Za-z0-9]{1,32})?"),
    )


@dataclass(frozen=True, slots=True)
class Config:
    server: Server = field(default_factory=Server)
    storage: Storage = field(default_factory=Storage)
    cluster: Cluster = field(default_factory=Cluster)
    s3: S3 = field(default_factory=S3)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    encryption: Encryption = field(default_factory=Encryption)
    auth: Auth = field(default_factory=Auth)
    log: Log = field(default_factory=Log)
    notifications: Notifications = field(default_factory=Notifications)
    bucket_logging: BucketLogging = field(default_factory=BucketLogging)
    outbound: Outbound = field(default_factory=Outbound)
    limits: Limits = field(default_factory=Limits)
    get_batch: GetBatch = field(default_factory=GetBatch)
    chunks: Chunks = field(default_factory=Chunks)
    jobs: Jobs = field(default_factory=Jobs)
    dsort: Dsort = field(default_factory=Dsort)
    space: Space = field(default_factory=Space)
    promote: Promote = field(default_factory=Promote)
    backends: Backends = field(default_factory=Backends)
    etl: Etl = field(default_factory=Etl)
    native: Native = field(default_factory=Native)
    select: Select = field(default_factory=Select)


SECTIONS: Mapping[str, type[Any]] = MappingProxyType(
    {item.name: row for item in fields(Config) if (row := table_of(item))}
)
