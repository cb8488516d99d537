"""The services of a gateway in the test's process: real ones, on stores in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from msgspec.structs import replace

from cluster.coordination.memory import MemoryCoordination
from cluster.jobs.registry import Registry
from cluster.query_handles import QueryHandles
from s3gw.auth.throttle import Throttle
from s3gw.config.auth import LONGEST_TOKEN_S, ThrottleOptions
from s3gw.config.runtime import Settings, StaticConfig
from s3gw.events.notifier import Announcer, Unannounced
from s3gw.http.site import Site
from s3gw.identity.accounts import Accounts
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.tokens.issuer import TokenIssuer
from s3gw.identity.tokens.keys import own_key
from s3gw.identity.tokens.protocol import TokenVerifier
from s3gw.identity.vault import Vault
from s3gw.keys.provider import KeyProvider
from s3gw.native.services import AuthN, NativeServices
from s3gw.objects.batch import Batches
from s3gw.objects.batch.jobs import BatchJobs
from s3gw.objects.batch.service import BatchService
from s3gw.objects.encryption import Encryptor
from s3gw.objects.promotion.files import NOTHING_PROMOTABLE
from s3gw.objects.service import ObjectService
from s3gw.s3.call import NewBuckets, Services
from s3gw.select.running import Queries, default_queries
from s3gw.telemetry.audit import NO_AUDIT
from s3gw.telemetry.node_info import NodeInfo
from storage.backend import Backend, Store
from storage.clock import SystemClock
from storage.tier import Tier, TieredStore

CLUSTER = "here"
REGION = "us-east-1"
_SECRET = bytes(32)


def new_services(
    store: Backend,
    accounts: Accounts,
    *,
    cluster_id: str = CLUSTER,
    region: str = REGION,
    keys: KeyProvider | None = None,
    announcer: Announcer | None = None,
    settings: Settings | None = None,
    registry: Registry | None = None,
    batches: Batches | None = None,
    new_bucket_settings: Mapping[str, str] | None = None,
    queries: Queries | None = None,
) -> Services:
    settings = settings or StaticConfig()
    objects = ObjectService(store, announcer or Unannounced(), Encryptor(keys))
    jobs = BatchJobs(registry or Registry(MemoryCoordination()))
    return Services(
        site=Site(region, cluster_id, accounts),
        objects=objects,
        batches=BatchService(objects, batches or Batches(), jobs, settings),
        new_buckets=NewBuckets(settings, new_bucket_settings or {}),
        queries=queries or default_queries(),
    )


def new_native_services(
    services: Services, tokens: TokenVerifier, *, auth_enabled: bool = True
) -> NativeServices:
    directory = StoredDirectory(MemoryCoordination(), Vault(_SECRET), clock=SystemClock())
    return NativeServices(
        site=services.site,
        authn=AuthN(directory, tokens, new_issuer(), auth_enabled),
        jobs=services.batches.jobs.registry,
        promotable=NOTHING_PROMOTABLE,
        settings=services.batches.settings,
        node=NodeInfo(),
        throttle=Throttle(ThrottleOptions()),
        audit=NO_AUDIT,
        tier=tier_of(services.objects.store),
        queries=QueryHandles(MemoryCoordination()),
    )


def tier_of(store: Backend) -> Tier:
    """The store's own tier; one without backends for a store that has none."""
    return store.tier if isinstance(store, TieredStore) else Tier(cast("Store", store), {})


def new_issuer() -> TokenIssuer:
    return TokenIssuer(own_key(_SECRET), (), LONGEST_TOKEN_S, SystemClock())


def with_registry(services: Services, registry: Registry) -> Services:
    """The same services, with jobs of that registry."""
    batches = replace(services.batches, jobs=BatchJobs(registry))
    return replace(services, batches=batches)
