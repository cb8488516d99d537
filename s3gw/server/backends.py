"""Backends of a server process, and the tier that stands before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from types import MappingProxyType

from cluster.coordination import Coordination
from s3gw.config.bucket_properties import properties_of
from s3gw.config.kept_properties import BackendRate as BackendRateProperty
from s3gw.config.places import own_folder
from s3gw.config.remote_clusters import RemoteClusters, tokens_folder
from s3gw.config.schema import Config
from s3gw.native.services import RemoteAis
from s3gw.objects.bucket_chunks import chunking_of
from s3gw.outbound.addresses import Allowed
from s3gw.outbound.web import GuardedWeb
from s3gw.server.bucket_backends import BucketBackends
from storage.backend import Backend, Store
from storage.backends import ais, aws, azure, gcp, hdfs
from storage.backends.http import PROVIDER, HttpBackend, HttpOptions
from storage.backends.local import has_room as local_has_room
from storage.tier import Policy, Tier, TieredStore
from storage.tier.backend_rates import BackendRate, BackendRates, RequestKind
from storage.tier.counts import TierCounts
from storage.tier.locks import FILE
from storage.values import BucketInfo

# AIStore's feature of that bit: only what is read to its end is kept.
STREAMING_COLD_GET = 1 << 12
Open = Callable[[], AbstractAsyncContextManager[Backend]]

# Where a backend is and who asks comes from the environment, as the cloud's own tools read it.
_OPEN: Mapping[str, Open] = MappingProxyType(
    {
        aws.PROVIDER: lambda: aws.AwsBackend(aws.options_from_environment()),
        "azure": lambda: azure.AzureBackend(azure.options_from_environment()),
        "gcp": lambda: gcp.GcpBackend(gcp.options_from_environment()),
        hdfs.PROVIDER: lambda: hdfs.HdfsBackend(hdfs.options_from_environment()),
    }
)
# What would hold for the copies here only, or not for those that a read brings.
REFUSED = frozenset({"encryption", "lifecycle", "object-lock"})


@asynccontextmanager
async def open_tier(
    config: Config,
    local: Store,
    coordination: Coordination,
    rates: BackendRates,
    counts: TierCounts,
) -> AsyncIterator[Tier]:
    """Open the configured backends; what is under way at the end is given up, and leaves nothing.
    A server without backends has a tier too, that knows no remote bucket."""
    async with AsyncExitStack() as opened:
        backends: dict[str, Backend] = {}
        openers: dict[str, Open] = {
            **_OPEN,
            PROVIDER: partial(open_web, config),
            ais.PROVIDER: partial(_open_clusters, coordination),
        }
        for provider in config.backends.providers:
            backends[provider] = await opened.enter_async_context(openers[provider]())
        lock_file = own_folder(config) / FILE
        elsewhere = {}
        if aws.PROVIDER in backends:
            at_buckets = BucketBackends(aws.options_from_environment())
            opened.push_async_callback(at_buckets.aclose)
            elsewhere[aws.PROVIDER] = at_buckets.of
        tier = Tier(local, backends, policy_of, REFUSED, lock_file, rates, counts, elsewhere)
        opened.push_async_callback(tier.aclose)
        yield tier


@asynccontextmanager
async def _open_clusters(coordination: Coordination) -> AsyncIterator[Backend]:
    clusters = RemoteClusters(coordination, tokens_folder())
    await clusters.refresh()
    async with ais.AisBackend(clusters) as backend:
        yield backend


def remote_ais(tier: Tier) -> RemoteAis | None:
    """Return the other clusters, if the server is one that attaches any."""
    backend = tier.backends.get(ais.PROVIDER)
    if not isinstance(backend, ais.AisBackend) or not isinstance(backend.clusters, RemoteClusters):
        return None
    return RemoteAis(backend.clusters, backend)


def open_web(config: Config) -> HttpBackend:
    """Return the web, as far as the operator lets clients reach it."""
    has_room = partial(local_has_room, [own_folder(config)], config.storage.reserve_bytes)
    web = GuardedWeb(Allowed.parse(config.outbound.allow))
    return HttpBackend(web, HttpOptions(own_folder(config), has_room=has_room))


def store_of(tier: Tier) -> Backend:
    """Return the store for front ends and jobs: without backends the local store itself, so that no
    request pays for the tier."""
    return TieredStore(tier) if tier.backends else tier.local


def _rate_of(rate: BackendRateProperty) -> BackendRate | None:
    if not rate.enabled:
        return None
    most = {kind: rate.most(kind.value) for kind in RequestKind}
    return BackendRate(rate.interval, most, rate.num_retries)


def policy_of(bucket: BucketInfo) -> Policy:
    kept = properties_of(bucket).kept
    return Policy(
        chunking_of(bucket),
        validates=kept.newest or kept.synchronize,
        synchronizes=kept.synchronize,
        whole_only=bool(kept.features & STREAMING_COLD_GET),
        verifies=kept.validate_cold_get,
        rate=_rate_of(kept.backend_rate),
    )
