"""What the server has for every request, besides the store: made once by the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from s3gw.config.limits import DEFAULT_LIMITS, Limits
from s3gw.config.runtime import Settings, StaticConfig
from s3gw.keys.provider import KMS_KEY, KeyProvider
from s3gw.objects.batch import Batches
from s3gw.objects.promotion.files import NOTHING_PROMOTABLE, Promotable
from s3gw.telemetry.node_info import NodeFacts
from storage.archives import Archives

if TYPE_CHECKING:
    from cluster.jobs.registry import Registry
    from s3gw.auth.throttle import Throttle
    from s3gw.events.notifier import Notifier
    from s3gw.identity.accounts import Accounts
    from s3gw.identity.protocol import Directory
    from s3gw.identity.tokens.issuer import TokenIssuer
    from s3gw.identity.tokens.protocol import TokenVerifier
    from s3gw.objects.batch_jobs import BatchJobs
    from s3gw.telemetry.audit import Audit


@dataclass(frozen=True, slots=True)
class Services:
    """`keys` is None without a master key; `new_bucket_settings` are the documents that every new
    bucket begins with; `cluster_id` is what tokens and roles call this cluster;
    without `auth_enabled` everybody is the root account; `promotable` are the folders whose files
    may be made objects."""

    region: str = "us-east-1"
    accounts: Accounts | None = None
    keys: KeyProvider | None = None
    default_kms_key: str = KMS_KEY
    notifier: Notifier | None = None
    new_bucket_settings: Mapping[str, str] = field(default_factory=dict)
    directory: Directory | None = None
    tokens: TokenVerifier | None = None
    token_issuer: TokenIssuer | None = None
    cluster_id: str = ""
    auth_enabled: bool = True
    limits: Limits = DEFAULT_LIMITS
    throttle: Throttle | None = None
    audit: Audit | None = None
    archives: Archives = field(default_factory=Archives)
    batches: Batches = field(default_factory=Batches)
    jobs: Registry | None = None
    batch_jobs: BatchJobs | None = None
    promotable: Promotable = NOTHING_PROMOTABLE
    settings: Settings = field(default_factory=StaticConfig)
    node: NodeFacts = field(default_factory=NodeFacts)


NO_SERVICES = Services()
