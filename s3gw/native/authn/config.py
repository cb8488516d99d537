"""Configuration of AIStore's server of users, which is a part of this gateway.

    GET /v1/daemon                            at AuthN's address: without `what`
    GET /.well-known/openid-configuration     what OpenID Connect calls discovery

Secrets and keys are never shown. Tokens are signed with a secret, so there is no public key, and no
key set behind `jwks_uri`.
"""

from __future__ import annotations

from typing import Any

from s3gw.access import Access
from s3gw.config.runtime import KEYS
from s3gw.config.types import show_duration
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply
from s3gw.native.call import WELL_KNOWN, NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.operation import NO_RIGHT, operation

_DISCOVERY = "openid-configuration"
_HIDDEN = "**********"
_ALGORITHMS = ("HS256", "RS256")


@operation("GET", "daemon", unless="what", access=Access.ADMIN, needs_admin=True)
class GetAuthConfig:
    async def run(self, call: NativeCall) -> Reply:
        return json_reply(auth_config(call))


@operation("GET", f"{WELL_KNOWN}/{{document}}", access=NO_RIGHT, is_open=True)
class GetOidcConfig:
    async def run(self, call: NativeCall) -> Reply:
        if call.name != _DISCOVERY:
            raise NativeError(404, f"there is no document {call.name[:64]}", Tcode.NOT_FOUND)
        base = call.endpoint
        document = {
            "issuer": base,
            "token_endpoint": f"{base}/v1/tokens",
            "userinfo_endpoint": f"{base}/v1/users",
            "jwks_uri": f"{base}/{WELL_KNOWN}/jwks.json",
            "id_token_signing_alg_values_supported": _ALGORITHMS,
        }
        return json_reply(document)


def auth_config(call: NativeCall) -> dict[str, Any]:
    node, issuer = call.native.node, call.native.authn.issuer
    return {
        "auth": {
            "secret": _HIDDEN,
            "expiration_time": show_duration(issuer.usual_s),
            "max_token_age": show_duration(issuer.longest_s),
            "public_key": None,
            "signing_key": {},
            "db": {"type": "", "filepath": ""},
        },
        "log": {
            "dir": "",
            "level": KEYS["log.level"].shown(call.native.settings.in_force),
            "max_size": "1MiB",
            "max_total": "2MiB",
            "flush_interval": "0s",
        },
        "net": {
            "external_url": call.endpoint,
            "http": {
                "server_crt": "",
                "server_key": "",
                "port": node.port,
                "use_https": node.certificate is not None,
            },
        },
        "timeout": {"default_timeout": "30s"},
    }
