"""The gateway of a worker, put together from the parts of the process."""

from __future__ import annotations

from functools import partial

from msgspec import Struct

from s3gw.access.ownership import Ownership, OwnershipControls
from s3gw.access.public_access import ALL_BLOCKED
from s3gw.auth import Authenticator, AuthOptions
from s3gw.auth.credentials import CredentialStore
from s3gw.auth.keys import Keys
from s3gw.auth.session import SESSION_TOKENS, Sealer
from s3gw.config.schema import Config
from s3gw.http.request import Addressing
from s3gw.identity.accounts import ROOT_ACCOUNT, Account, Accounts
from s3gw.identity.root_keys import RootKeys
from s3gw.keys.setting import BucketEncryption
from s3gw.native.app import NativeApp
from s3gw.native.cluster.node_state import cluster_state_json
from s3gw.native.services import NativeServices
from s3gw.native.web_proxy import WebProxy
from s3gw.objects.encryption import AES256
from s3gw.s3.app import S3App
from s3gw.s3.call import Services
from s3gw.s3.routing import OperationTable
from s3gw.server.app import App
from s3gw.server.health import HealthApp
from s3gw.server.operations import all_operations
from s3gw.sts.actions import StsService
from s3gw.sts.app import StsApp
from s3gw.sts.authentication import StsAuthenticator
from s3gw.sts.issuing import Issuer
from s3gw.telemetry.metrics import Metrics, MetricsApp
from s3gw.telemetry.observer import Observer
from s3gw.website.app import WebsiteApp
from storage.backends.http import PROVIDER
from storage.settings import Setting, encoded


class Parts(Struct, frozen=True):
    """The parts that the front ends of a worker share; `port` is the one that it listens on."""

    config: Config
    services: Services
    native: NativeServices
    observer: Observer
    port: int


def gateway(parts: Parts, health: HealthApp, metrics: Metrics) -> App:
    store, native = parts.services.objects.store, parts.native
    health.cluster_state = partial(cluster_state_json, store, native)
    sealer = Sealer(native.authn.directory.vault.derive(SESSION_TOKENS))
    credentials = CredentialStore(native.site.accounts, native.authn.directory)
    keys = Keys(credentials, sealer)
    native_app = NativeApp(
        observer=parts.observer,
        services=parts.services,
        native=native,
        limits=parts.config.limits,
    )
    return App(
        s3=_s3(parts, keys),
        native=native_app,
        sts=_sts(parts, keys, sealer),
        health=health,
        metrics=MetricsApp(metrics, store.usage, native.members.target),
        websites=_websites(parts),
        web_proxy=_web_proxy(parts, native_app),
        bucket_domains=_addressing(parts.config).domains,
    )


def accounts(config: Config, root: RootKeys) -> Accounts:
    return Accounts(
        Account(ROOT_ACCOUNT, secrets={root.access_key: root.secret_key}),
        [
            Account(
                each.id,
                each.display_name,
                each.email,
                {each.access_key: each.secret_key},
            )
            for each in config.auth.accounts
        ],
    )


def new_bucket_settings(config: Config) -> dict[str, str]:
    """Return the setting documents of a new bucket, without those that repeat a default."""
    documents: list[Setting] = []
    ownership = Ownership(config.s3.object_ownership)
    if ownership is not Ownership.OBJECT_WRITER:
        documents.append(OwnershipControls(ownership))
    if config.s3.block_public_access:
        documents.append(ALL_BLOCKED)
    if config.s3.encrypt_new_buckets:
        documents.append(BucketEncryption(AES256, implied=True))
    return {document.setting_name: encoded(document) for document in documents}


def _s3(parts: Parts, keys: Keys) -> S3App:
    native = parts.native
    return S3App(
        table=OperationTable(all_operations()),
        authenticator=Authenticator(
            native.site.accounts, _auth_options(parts.config), keys, native.authn.tokens
        ),
        throttle=native.throttle,
        addressing=_addressing(parts.config),
        observer=parts.observer,
        services=parts.services,
        limits=parts.config.limits,
    )


def _sts(parts: Parts, keys: Keys, sealer: Sealer) -> StsApp:
    tokens = parts.native.authn.tokens
    return StsApp(
        service=StsService(keys, Issuer(keys, sealer), tokens),
        authenticator=StsAuthenticator(keys, _auth_options(parts.config), tokens),
        addressing=_addressing(parts.config),
        observer=parts.observer,
        throttle=parts.native.throttle,
        audit=parts.native.audit,
        limits=parts.config.limits,
    )


def _websites(parts: Parts) -> WebsiteApp | None:
    domains = parts.config.s3.website_domain
    if not domains:
        return None
    return WebsiteApp(
        domains=domains,
        observer=parts.observer,
        services=parts.services,
        limits=parts.config.limits,
    )


def _web_proxy(parts: Parts, native: NativeApp) -> WebProxy | None:
    """Return the proxy, where the operator has chosen the web as a backend."""
    if PROVIDER not in parts.config.backends.providers:
        return None
    hosts = {parts.config.server.host, "localhost", "127.0.0.1", "[::1]"}
    return WebProxy(native, frozenset(f"{host.lower()}:{parts.port}" for host in hosts))


def _addressing(config: Config) -> Addressing:
    return Addressing(config.s3.domain, config.s3.root_access)


def _auth_options(config: Config) -> AuthOptions:
    return AuthOptions(
        allow_sigv2_query=config.auth.sigv2_query,
        no_auth=not config.auth.enabled,
        allow_s3_token_compat=config.auth.allow_s3_token_compat,
    )
