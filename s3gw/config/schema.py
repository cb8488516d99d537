"""Every setting of s3gw: a dataclass for each section, a field for each setting.

What a setting is for, what it may be and by which flag it is given stands beside it; `config` says
where its value comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from s3gw.config.cluster_key import ClusterKey
from s3gw.config.encryption import Encryption
from s3gw.config.events import BucketLogging, Notifications
from s3gw.config.get_batch import GetBatch
from s3gw.config.jobs import Jobs
from s3gw.config.limits import Limits
from s3gw.config.native import Native
from s3gw.config.outbound import Outbound
from s3gw.config.promote import Promote
from s3gw.config.throttle import ThrottleOptions
from s3gw.config.tokens import MAX_LEEWAY_S, Oidc, RequiredClaims, Signature
from s3gw.config.types import (
    Choice,
    Seconds,
    Size,
    Switch,
    Tables,
    Text,
    Texts,
    Whole,
    option,
    required,
    table,
)

_ACCESS_KEY = Text("3 to 128 letters, digits and any of . _ -", r"[A-Za-z0-9._-]{3,128}")
_SECRET_KEY = Text("8 to 128 printable characters without spaces", r"[!-~]{8,128}")
_DOMAIN = Text("a host name", r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server listens and how it runs."""

    host: str = option(
        "127.0.0.1",
        "The address to listen on; 0.0.0.0 or :: for all of this machine's.",
        Text("an address or a host name"),
        flag="--host",
        metavar="ADDRESS",
    )
    port: int = option(
        8080,
        "The port to listen on; 0 lets the system choose one.",
        Whole(0, 65535),
        flag="--port",
        metavar="PORT",
    )
    workers: int = option(
        0,
        "How many processes answer requests; 0 is one for each processor core.",
        Whole(0, 512),
        flag="--workers",
        metavar="N",
    )
    http_server: str = option(
        "hypercorn",
        "The HTTP server in each worker; uvicorn is the extra `s3gw[uvicorn]`.",
        Choice(("hypercorn", "uvicorn")),
        flag="--http-server",
    )
    shutdown_timeout_s: float = option(
        30.0,
        "How long requests in flight may go on once the server was asked to stop.",
        Seconds(0, 3600),
        flag="--shutdown-timeout",
        metavar="SECONDS",
    )
    keep_alive_s: float = option(
        75.0, "How long an idle connection is kept open for the next request.", Seconds(1, 3600)
    )
    tls_cert: str = option(
        "",
        "The certificate, with its chain, in PEM: with it the port speaks https. Loaded again when "
        "the file changes.",
        Text("a file, or nothing for plain http", r".*"),
        flag="--tls-cert",
        metavar="FILE",
    )
    tls_key: str = option(
        "",
        "The private key of the certificate, in PEM and without a password; nothing when it is in "
        "the file of the certificate.",
        Text("a file", r".*"),
        flag="--tls-key",
        metavar="FILE",
    )
    tls_client_auth: str = option(
        "none",
        "Whether clients show a certificate of `tls_client_ca`: with `request` one that is shown "
        "must be good, with `require` nobody connects without. It opens the connection, and says "
        "nothing of who signs the requests on it.",
        Choice(("none", "request", "require")),
    )
    tls_client_ca: str = option(
        "",
        "The certificates of the authorities that vouch for clients, in PEM. Read again when the "
        "file changes: new ones hold at once, removed ones until the server is restarted.",
        Text("a file, or nothing", r".*"),
    )


@dataclass(frozen=True, slots=True)
class Storage:
    """Where objects live."""

    data: tuple[str, ...] = option(
        ("s3gw-data",),
        "The folders that hold the data, best one on each disk; objects are spread over them.",
        Texts("a list of folders"),
        flag="--data",
        metavar="DIR",
    )
    inline_limit: int = option(
        32 << 10,
        "Objects up to this size are kept in the index instead of in a file of their own.",
        Size(0, 256 << 10),
    )
    reserve_bytes: int = option(
        64 << 20,
        "Writing stops (507 InsufficientStorage) when a disk has less room than this left.",
        Size(0, 1 << 50),
    )
    durability: str = option(
        "sync",
        "What an answered write survives: with `sync` a loss of power, with `async` only a crash "
        "of the server.",
        Choice(("sync", "async")),
    )
    housekeeping_interval_s: float = option(
        1.0,
        "How often garbage is removed and the index is checkpointed.",
        Seconds(0.1, 3600),
    )


@dataclass(frozen=True, slots=True)
class S3:
    """How S3 answers."""

    root_access: bool = option(True, "Answer S3 at `/` too, not only below `/s3`.", Switch())
    domain: tuple[str, ...] = option(
        (),
        "Host names below which a bucket may stand, as in `bucket.s3.example.com`.",
        Texts("a list of host names", _DOMAIN),
        flag="--s3-domain",
        metavar="DOMAIN",
    )
    website_domain: tuple[str, ...] = option(
        (),
        "Host names below which buckets are answered as websites, as in "
        "`bucket.web.example.com`; none of those in `s3.domain`.",
        Texts("a list of host names", _DOMAIN),
        flag="--s3-website-domain",
        metavar="DOMAIN",
    )
    region: str = option(
        "us-east-1",
        "The region that buckets are said to be in.",
        Text("a region name such as us-east-1", r"[a-z0-9-]{1,64}"),
        flag="--region",
        metavar="REGION",
    )
    object_ownership: str = option(
        "ObjectWriter",
        "Who owns what other accounts write into a new bucket; BucketOwnerEnforced also turns ACLs "
        "off, as AWS does. A bucket may be made with another.",
        Choice(("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced")),
    )
    block_public_access: bool = option(
        False,
        "Whether new buckets begin with all of Block Public Access on, as AWS' do.",
        Switch(),
    )


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Removing what the lifecycle rules of buckets say."""

    enabled: bool = option(True, "Whether the rules are applied; they can be set anyway.", Switch())
    day_s: float = option(
        86400.0,
        "How long a day of a rule is. For tests only: rules then delete earlier than they say.",
        Seconds(1, 86400),
    )


@dataclass(frozen=True, slots=True)
class Account:
    """One more user, who owns the buckets that are made with these keys."""

    id: str = required(
        "The account's id, the owner of its buckets; never change it.",
        Text("1 to 64 letters, digits and any of . _ -", r"[A-Za-z0-9._-]{1,64}"),
    )
    access_key: str = required("The access key id.", _ACCESS_KEY)
    secret_key: str = required("The secret access key.", _SECRET_KEY, secret=True)
    display_name: str = option(
        "", "The name shown in listings; empty for the id.", Text(pattern=".*")
    )
    email: str = option("", "The e-mail address, for grants by e-mail.", Text(pattern=".*"))


@dataclass(frozen=True, slots=True)
class Auth:
    """Who may ask."""

    enabled: bool = option(
        True,
        "Whether requests must be signed. Without, everybody is the root account.",
        Switch(),
        flag="--no-auth",
        flag_value="false",
        flag_doc="Ask for no signatures: everybody is the root account.",
        aliases=("client_auth_required",),
    )
    allow_remote: bool = option(
        False,
        "Allow `auth.enabled = false` on an address that other machines reach.",
        Switch(),
        flag="--allow-remote",
        flag_value="true",
        flag_doc="Allow --no-auth on an address that other machines reach.",
    )
    root_access_key: str = option(
        "",
        "The root account's access key id. Left out, both root keys are generated at first start.",
        _ACCESS_KEY,
        env="S3GW_ROOT_ACCESS_KEY",
        shown_default="generated",
    )
    root_secret_key: str = option(
        "",
        "The root account's secret access key.",
        _SECRET_KEY,
        env="S3GW_ROOT_SECRET_KEY",
        secret=True,
        shown_default="generated",
    )
    secrets_key_file: str = option(
        "",
        "The file with the key that encrypts the secrets of users' access keys: 32 bytes in base64 "
        "or in hexadecimal. By default it is made at the first start, beside the data: it then "
        "protects copies of the database, and nothing from who takes the whole folder.",
        Text("a file's path"),
        shown_default="`auth.key` in the first data folder",
    )
    secrets_key: str = option(
        "",
        "That key itself, instead of a file.",
        Text("32 bytes in base64 or in hexadecimal", r"[A-Za-z0-9+/]{43}=|[0-9A-Fa-f]{64}"),
        secret=True,
        shown_default="none",
    )
    sigv2_query: bool = option(
        True,
        "Accept URLs and forms presigned the old way, as boto3 and s3cmd still do by default.",
        Switch(),
    )
    allow_s3_token_compat: bool = option(
        False,
        "Take a JWT where a session token would stand, in X-Amz-Security-Token, from clients that "
        "can send nothing else. The signature of such a request is not checked: see docs/sts.md.",
        Switch(),
    )
    accounts: tuple[Account, ...] = option(
        (), "Further accounts: `[[auth.accounts]]` tables.", Tables(Account)
    )
    secret: str = option(
        "",
        "The form of AIStore 4.0: the same as `auth.signature` with this key and the method HS256.",
        Text("a secret of 16 bytes or more"),
        secret=True,
        shown_default="none",
    )
    signature: Signature = field(
        default_factory=Signature,
        metadata=table(
            Signature,
            "The key of bearer tokens (JWT) that somebody else signs, see docs/tokens.md. The "
            "variable `AIS_AUTHN_SECRET_KEY` gives a key for HMAC, `AIS_AUTHN_PUBLIC_KEY` for RSA.",
        ),
    )
    required_claims: RequiredClaims = field(
        default_factory=RequiredClaims,
        metadata=table(RequiredClaims, "What every token must claim, whoever signed it."),
    )
    oidc: Oidc = field(
        default_factory=Oidc,
        metadata=table(Oidc, "OpenID Connect: issuers of tokens that publish their keys."),
    )
    leeway_s: float = option(
        30.0,
        "How far an issuer's clock may be from ours when the times in its tokens are checked.",
        Seconds(0, MAX_LEEWAY_S),
    )
    cluster_key: ClusterKey = field(
        default_factory=ClusterKey,
        metadata=table(ClusterKey, "The key that nodes sign with.", aliases=("intra_cluster",)),
    )
    throttle: ThrottleOptions = field(
        default_factory=ThrottleOptions,
        metadata=table(
            ThrottleOptions,
            "Slowing down who guesses keys and passwords; each worker counts for itself.",
        ),
    )


@dataclass(frozen=True, slots=True)
class Log:
    """What is written down."""

    level: str = option(
        "info",
        "The least severe message that is logged, to stderr.",
        Choice(("debug", "info", "warning", "error")),
        flag="--log-level",
    )
    access: str = option(
        "-",
        "Where each request is logged: `-` is stdout, `off` is nowhere, all else is a file.",
        Text("-, off or a file's path"),
        flag="--access-log",
        metavar="PATH",
    )
    audit: str = option(
        "",
        "Where changes of what others may do are logged, as JSON lines: `-` is stdout, `off` is "
        "nowhere, all else is a file.",
        Text("-, off or a file's path", r".*"),
        shown_default="`audit.log` in the first data folder",
    )
    format: str = option(
        "auto",
        "Lines for people or for programs; `auto` is text on a terminal and JSON elsewhere.",
        Choice(("auto", "json", "text")),
        flag="--log-format",
    )


@dataclass(frozen=True, slots=True)
class Config:
    server: Server = field(default_factory=Server)
    storage: Storage = field(default_factory=Storage)
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
    jobs: Jobs = field(default_factory=Jobs)
    promote: Promote = field(default_factory=Promote)
    native: Native = field(default_factory=Native)


SECTIONS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "server": Server,
        "storage": Storage,
        "s3": S3,
        "lifecycle": Lifecycle,
        "encryption": Encryption,
        "auth": Auth,
        "log": Log,
        "notifications": Notifications,
        "bucket_logging": BucketLogging,
        "outbound": Outbound,
        "limits": Limits,
        "get_batch": GetBatch,
        "jobs": Jobs,
        "promote": Promote,
        "native": Native,
    }
)
