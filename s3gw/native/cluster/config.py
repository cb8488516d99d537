"""Changes of the cluster's configuration, and other administration of a node.

    PUT /v1/cluster/set-config?get_batch.max_wait=10s[&transient=true]
    PUT /v1/cluster  {"action": "set-config", "value": {"get_batch": {"max_wait": "10s"}}}
    PUT /v1/cluster  {"action": "reset-config"}

The one node's configuration is the cluster's, so `/v1/daemon` takes what AIStore takes for one
node. All keys of a request are set, or it fails and changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from s3gw.access import Access
from s3gw.config.bucket_properties import problem_together
from s3gw.config.runtime import KEYS, RuntimeConfig
from s3gw.config.stored import Busy, StoredSettings
from s3gw.http.reply import Reply
from s3gw.http.request import read_query
from s3gw.native.actmsg import ACTIONS
from s3gw.native.call import NativeCall
from s3gw.native.cluster.config_shape import local_config, shown_values
from s3gw.native.cluster.features import names_of, read_features
from s3gw.native.cluster.forwarding import of_all_others
from s3gw.native.cluster.remote import ATTACH, DETACH, attach_or_detach
from s3gw.native.dotted_keys import (
    flat,
    invalid,
    read_value_of,
    require_unchanged,
    unknown,
)
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.native.operation import operation, query, value
from s3gw.native.services import NativeServices
from s3gw.telemetry.recent_log import rotate_all

log = logging.getLogger(__name__)

_WHAT = "configuration key"
_SET = "set-config"
_TRANSIENT = "transient"
_FEATURES = "features"
# AIStore's items below these paths that have no use with one node.
_ITEMS = frozenset({"proxy", "load-x509", "mountpaths", "enable-mp", "disable-mp"}) | ACTIONS
# The section of the server's own file for each of these; changes hold from the next start.
_IN_THE_FILE = {"auth": "[auth]", "net": "[server]", "host_net": "[server]", "fspaths": "[storage]"}
# AIStore's sections that are the whole cluster's, and ours, by the names of its messages.
_SECTIONS_TEXT = """
    tcb tco arch lso rebalance ec transport chunks mirror periodic auth backend proxy net features
    versioning jobs archives
"""
_OF_THE_CLUSTER = {section: section for section in _SECTIONS_TEXT.split()} | {
    "checksum": "cksum",
    "get_batch": "getbatch",
}
# Other parameters that a query may have.
_NO_KEYS = frozenset({_TRANSIENT, "provider", "namespace"})


@operation(
    "PUT",
    "cluster",
    action=_SET,
    access=Access.ADMIN,
    needs_admin=True,
    is_audited=True,
)
class SetConfig:
    asked: dict[str, Any] = value()
    transient: bool = query(_TRANSIENT, default=False)

    async def run(self, call: NativeCall) -> Reply:
        return await change(call, self.asked, transient=self.transient)


@operation(
    "PUT",
    "daemon",
    action=_SET,
    access=Access.ADMIN,
    needs_admin=True,
    is_audited=True,
)
class SetNodeConfig:
    asked: dict[str, Any] = value()
    transient: bool = query(_TRANSIENT, default=False)

    async def run(self, call: NativeCall) -> Reply:
        _require_of_a_node(self.asked)
        return await change(call, self.asked, transient=self.transient)


@operation("PUT", "cluster/{item}", access=Access.ADMIN, needs_admin=True, is_audited=True)
class PutClusterItem:
    transient: bool = query(_TRANSIENT, default=False)

    async def run(self, call: NativeCall) -> Reply:
        return await change_by_query(call, transient=self.transient)


@operation("PUT", "daemon/{item}", access=Access.ADMIN, needs_admin=True, is_audited=True)
class PutNodeItem:
    transient: bool = query(_TRANSIENT, default=False)

    async def run(self, call: NativeCall) -> Reply:
        if call.segments[1] == _SET:
            _require_of_a_node(_asked_in(call))
        return await change_by_query(call, transient=self.transient)


@operation(
    "PUT",
    "cluster",
    action="reset-config",
    access=Access.ADMIN,
    needs_admin=True,
    is_audited=True,
)
class ResetConfig:
    async def run(self, call: NativeCall) -> Reply:
        return await reset(call)


@operation(
    "PUT",
    "daemon",
    action="reset-config",
    access=Access.ADMIN,
    needs_admin=True,
    is_audited=True,
)
class ResetNodeConfig:
    async def run(self, call: NativeCall) -> Reply:
        return await reset(call)


@operation("PUT", "cluster", action="rotate-logs", access=Access.ADMIN, needs_admin=True)
class RotateLogs:
    """Of all machines."""

    async def run(self, call: NativeCall) -> Reply:
        await of_all_others(call)
        return await rotate(call)


@operation("PUT", "daemon", action="rotate-logs", access=Access.ADMIN, needs_admin=True)
class RotateNodeLogs:
    async def run(self, call: NativeCall) -> Reply:
        return await rotate(call)


async def change_by_query(call: NativeCall, *, transient: bool) -> Reply:
    item = call.segments[1]
    if item in (ATTACH, DETACH) and call.segments[0] == "cluster":
        return await attach_or_detach(call)
    if item != _SET:
        named = f'"{item[:64]}"'
        raise unsupported(named) if item in _ITEMS else NativeError(400, f"invalid item {named}")
    return await change(call, _asked_in(call), transient=transient)


def _asked_in(call: NativeCall) -> dict[str, str]:
    pairs = read_query(call.query_string)
    return {name: text for name, text in pairs.items() if name not in _NO_KEYS}


def _require_of_a_node(asked: Mapping[str, Any]) -> None:
    """Raise 400 for what only all nodes together may have."""
    for name, _ in flat(asked):
        if section := _OF_THE_CLUSTER.get(name.partition(".")[0]):
            raise NativeError(400, f"{section} configuration can only be globally updated")


async def change(call: NativeCall, asked: Mapping[str, Any], *, transient: bool) -> Reply:
    settings = stored(call.native)
    await settings.refresh()
    values = read_values(call.native, asked)
    try:
        await settings.change(values, _check, transient=transient)
    except Busy as error:
        raise _busy(error) from None
    return Reply()


async def reset(call: NativeCall) -> Reply:
    try:
        await stored(call.native).reset()
    except Busy as error:
        raise _busy(error) from None
    return Reply()


async def rotate(call: NativeCall) -> Reply:
    if folder := call.native.node.log_folder:
        await asyncio.to_thread(rotate_all, folder)
    return Reply()


def read_values(services: NativeServices, asked: Mapping[str, Any]) -> dict[str, object]:
    """Parse the keys to change, and their values. Raise 400, and 501 for a key that cannot be
    changed."""
    pairs = dict(flat(asked))
    if not pairs:
        raise NativeError(400, "no configuration key is given")
    shown = {**shown_values(services), **dict(flat(local_config(services.node)))}
    values: dict[str, object] = {}
    for name, sent in pairs.items():
        if name in KEYS:
            values[name] = read_value_of(_WHAT, name, KEYS[name].type, sent)
        elif name == _FEATURES:
            _note_features(services.node.features, sent)
        elif name in shown:
            _require_so(name, shown[name], sent)
        else:
            raise unknown(_WHAT, name, shown)
    return values


def stored(services: NativeServices) -> StoredSettings:
    """Return the store of settings. Raise 501 without a store."""
    if not isinstance(services.settings, StoredSettings):
        raise unsupported("changing the configuration without a coordination store")
    return services.settings


def _require_so(name: str, shown: Any, sent: object) -> None:
    try:
        require_unchanged(_WHAT, name, shown, sent)
    except NativeError as error:
        file = _IN_THE_FILE.get(name.partition(".")[0])
        if file is None or error.status != 501:
            raise
        where = f"it is set in {file} of the configuration file, and needs a restart"
        raise NativeError(501, f"{error.message}: {where}", Tcode.UNSUPPORTED) from None


def _note_features(features: int, sent: object) -> None:
    """Log what cannot be switched. Clients always send all of them, with the ones that they read
    and do not mean to change. Raise 400 for what is not a feature."""
    try:
        others = read_features(sent) ^ features
    except ValueError:
        why = "must be a number, or AIStore's names of features with commas between"
        raise invalid(_WHAT, _FEATURES, sent, why) from None
    if others:
        log.warning("features cannot be switched", extra={"features": names_of(others)})


def _check(in_force: RuntimeConfig) -> None:
    if problem := problem_together(in_force.new_buckets.properties) or in_force.space.problem:
        raise NativeError(400, f"invalid {_WHAT} {problem}")


def _busy(error: Busy) -> NativeError:
    return NativeError(429, str(error), Tcode.TOO_MANY, headers={"Retry-After": "1"})
