"""Services of native operations, in addition to those of S3's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from s3gw.native.members import Cluster, Members, one_machine

if TYPE_CHECKING:
    from cluster.jobs.registry import Registry
    from cluster.query_handles import QueryHandles
    from s3gw.auth.throttle import Throttle
    from s3gw.config.remote_clusters import RemoteClusters
    from s3gw.config.runtime import Settings
    from s3gw.etl.service import EtlService
    from s3gw.http.site import Site
    from s3gw.identity.directory import StoredDirectory
    from s3gw.identity.tokens.issuer import TokenIssuer
    from s3gw.identity.tokens.protocol import TokenVerifier
    from s3gw.objects.promotion.files import Promotable
    from s3gw.telemetry.audit import Audit
    from s3gw.telemetry.node_info import NodeInfo
    from storage.backends.ais import AisBackend
    from storage.tier import Tier


class AuthN(Struct, frozen=True):
    """Users, roles and tokens. Without `enabled` every caller is the root account."""

    directory: StoredDirectory
    tokens: TokenVerifier
    issuer: TokenIssuer
    enabled: bool


class RemoteAis(Struct, frozen=True):
    """Other clusters, and the backend that reads their buckets."""

    clusters: RemoteClusters
    backend: AisBackend


class NativeServices(Struct, frozen=True):
    """`promotable` are the folders whose files may be promoted, `remote` is None on a server that
    attaches no clusters, `cluster` is None on a machine that is alone, `etl` is None where
    transformers are turned off; the composition root fills in all of it."""

    site: Site
    authn: AuthN
    jobs: Registry
    promotable: Promotable
    settings: Settings
    node: NodeInfo
    throttle: Throttle
    audit: Audit
    tier: Tier
    queries: QueryHandles
    remote: RemoteAis | None = None
    cluster: Cluster | None = None
    etl: EtlService | None = None

    @property
    def members(self) -> Members:
        if self.cluster is None:
            return one_machine(self.site.cluster_id)
        return self.cluster.members
