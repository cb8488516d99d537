"""The gateway that a worker answers with, put together from the parts that the process has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from s3gw.access.ownership import Ownership, OwnershipControls
from s3gw.access.public_access import ALL_BLOCKED
from s3gw.auth import Authenticator, AuthOptions
from s3gw.auth.credentials import Holders
from s3gw.auth.keys import Keys
from s3gw.auth.session import SESSION_TOKENS, Sealer
from s3gw.config.schema import Config
from s3gw.http.request import Addressing
from s3gw.http.services import Services
from s3gw.identity.accounts import ROOT_ACCOUNT, Account, Accounts
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.root_keys import RootKeys
from s3gw.identity.tokens.protocol import TokenVerifier
from s3gw.native.app import NativeApp
from s3gw.native.cluster.node_state import told_state
from s3gw.s3.app import S3App
from s3gw.s3.routing import OperationTable
from s3gw.server.app import App
from s3gw.server.health import HealthApp
from s3gw.server.operations import all_operations
from s3gw.sts.actions import Desk
from s3gw.sts.app import StsApp
from s3gw.sts.authentication import StsAuthenticator
from s3gw.sts.issuing import Issuer
from s3gw.telemetry.audit import NO_AUDIT
from s3gw.telemetry.exchange import Observer
from s3gw.telemetry.metrics import Metrics, MetricsApp
from s3gw.website.app import WebsiteApp
from storage.backend import Backend
from storage.settings import Setting, encoded


@dataclass(frozen=True, slots=True)
class Parts:
    """What every front end of a worker is made of."""

    config: Config
    store: Backend
    accounts: Accounts
    directory: StoredDirectory
    tokens: TokenVerifier
    services: Services
    observer: Observer


def gateway(parts: Parts, health: HealthApp, metrics: Metrics) -> App:
    store, observer, services = parts.store, parts.observer, parts.services
    health.tell_cluster = partial(told_state, store, services)
    sealer = Sealer(parts.directory.vault.derive(SESSION_TOKENS))
    keys = Keys(Holders(parts.accounts, parts.directory), sealer)
    return App(
        s3=_s3(parts, keys),
        native=NativeApp(store=store, observer=observer, services=services),
        sts=_sts(parts, keys, sealer),
        health=health,
        metrics=MetricsApp(metrics, store.usage),
        websites=_websites(parts),
    )


def accounts(config: Config, root: RootKeys) -> Accounts:
    return Accounts(
        Account(ROOT_ACCOUNT, "root", secrets={root.access_key: root.secret_key}),
        [
            Account(
                each.id,
                each.display_name or each.id,
                each.email,
                {each.access_key: each.secret_key},
            )
            for each in config.auth.accounts
        ],
    )


def new_bucket_settings(config: Config) -> dict[str, str]:
    """The documents of a new bucket; ones that say what holds without them are left out."""
    documents: list[Setting] = []
    ownership = Ownership(config.s3.object_ownership)
    if ownership is not Ownership.OBJECT_WRITER:
        documents.append(OwnershipControls(ownership))
    if config.s3.block_public_access:
        documents.append(ALL_BLOCKED)
    return {document.setting_name: encoded(document) for document in documents}


def _s3(parts: Parts, keys: Keys) -> S3App:
    return S3App(
        table=OperationTable(all_operations()),
        store=parts.store,
        authenticator=Authenticator(
            parts.accounts, _auth_options(parts.config), keys, parts.tokens
        ),
        addressing=_addressing(parts.config),
        observer=parts.observer,
        services=parts.services,
    )


def _sts(parts: Parts, keys: Keys, sealer: Sealer) -> StsApp:
    return StsApp(
        desk=Desk(keys, Issuer(keys, sealer), parts.tokens),
        authenticator=StsAuthenticator(keys, _auth_options(parts.config), parts.tokens),
        addressing=_addressing(parts.config),
        observer=parts.observer,
        throttle=parts.services.throttle,
        audit=parts.services.audit or NO_AUDIT,
        limits=parts.config.limits,
    )


def _websites(parts: Parts) -> WebsiteApp | None:
    domains = parts.config.s3.website_domain
    if not domains:
        return None
    return WebsiteApp(
        store=parts.store, domains=domains, observer=parts.observer, services=parts.services
    )


def _addressing(config: Config) -> Addressing:
    return Addressing(config.s3.domain, config.s3.root_access)


def _auth_options(config: Config) -> AuthOptions:
    return AuthOptions(
        allow_sigv2_query=config.auth.sigv2_query,
        no_auth=not config.auth.enabled,
        allow_s3_token_compat=config.auth.allow_s3_token_compat,
    )
