"""The actions of STS, and the limits of their temporary keys.

Parameters of AWS that this server cannot enforce (managed policies, tags, multi-factor
authentication, external ids) are refused by name.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from s3gw.access.patterns import read_pattern
from s3gw.access.session import MAX_CHARACTERS, SessionPolicyError, read_session_policy
from s3gw.auth.credentials import CredentialStore
from s3gw.auth.keys import Keys
from s3gw.auth.session import MAX_ROLE_SESSION_S, Kind, held
from s3gw.identity.accounts import ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER, Principal, account_number
from s3gw.identity.builtin import TOKEN_ROLE
from s3gw.identity.protocol import Role, Trust
from s3gw.identity.tokens.issuer import BEARER, USER
from s3gw.identity.tokens.principal import principal_of
from s3gw.identity.tokens.protocol import TokenError, TokenVerifier, Verified
from s3gw.sts.authentication import StsCaller
from s3gw.sts.documents import (
    AssumedRoleUser,
    AssumeRoleResult,
    AssumeRoleWithWebIdentityResult,
    Credentials,
    GetCallerIdentityResult,
    GetSessionTokenResult,
    Result,
)
from s3gw.sts.errors import StsCode, StsError
from s3gw.sts.issuing import Grant, Issued, Issuer
from s3gw.sts.parameters import ARN, POLICY, SESSION_NAME, Parameters, Rule
from s3gw.wire.xmldoc import TimeNs

# Roles in requests: `arn:aws:iam::NUMBER:role/NAME`.
_ROLE_ARN = re.compile(r"arn:aws:iam::([^:]*):role/(.+)")

MIN_SESSION_S = 900
MAX_USER_SESSION_S = 36 * 3600
# The limit for the account itself, as for AWS' root user; longer requests are shortened to it.
MAX_ACCOUNT_SESSION_S = 3600
DEFAULT_ROLE_SESSION_S = 3600
DEFAULT_USER_SESSION_S = 12 * 3600

_NS = 1_000_000_000
_OF_ROLE = ("RoleArn", "RoleSessionName", "Policy", "DurationSeconds")
_NO_CHAIN = "Temporary keys cannot get a session token: use the keys that requested them."
_BEARER = "A bearer token gets temporary keys by AssumeRoleWithWebIdentity."


class StsService(Struct, frozen=True):
    """The services that the actions need."""

    keys: Keys
    issuer: Issuer
    tokens: TokenVerifier | None

    @property
    def credentials(self) -> CredentialStore:
        return self.keys.credentials


class ActionRequest(Struct, frozen=True):
    caller: StsCaller
    sent: Parameters

    @property
    def principal(self) -> Principal:
        return self.caller.principal

    @property
    def resource(self) -> str:
        """The requested resource, for the audit log."""
        role, session = self.sent.shown("RoleArn"), self.sent.shown("RoleSessionName")
        return f"{role}/{session}" if role else self.principal.arn


async def get_caller_identity(_: StsService, asked: ActionRequest) -> Result:
    asked.sent.expect(())
    found = asked.principal
    return GetCallerIdentityResult(found.user_id, account_number(found.account), found.arn)


async def get_session_token(service: StsService, asked: ActionRequest) -> Result:
    asked.sent.expect(["DurationSeconds"])
    wanted_s = asked.sent.seconds("DurationSeconds", MIN_SESSION_S, MAX_USER_SESSION_S)
    principal = asked.principal
    if principal.session is not None:
        raise StsError(StsCode.AccessDenied, _NO_CHAIN)
    parent = _parent(asked)
    if principal.user:
        duration_s = wanted_s or DEFAULT_USER_SESSION_S
        grant = Grant(Kind.USER, principal.user, duration_s, parent=parent)
    else:
        duration_s = min(wanted_s or MAX_ACCOUNT_SESSION_S, MAX_ACCOUNT_SESSION_S)
        grant = Grant(Kind.ACCOUNT, principal.account, duration_s, parent=parent)
    return GetSessionTokenResult(_credentials(service.issuer.issue(grant)))


async def assume_role(service: StsService, asked: ActionRequest) -> Result:
    asked.sent.expect(_OF_ROLE)
    wanted = await asyncio.to_thread(_read_wanted, asked.sent)
    parent = _parent(asked)
    role = service.credentials.role(wanted.role)
    if role is None or not service.credentials.may_assume(asked.principal, role):
        who = f"User: {asked.principal.arn} is not"
        raise _not_authorized(who, "sts:AssumeRole", wanted.arn)
    issued = service.issuer.issue(wanted.grant(role, parent))
    return AssumeRoleResult(_credentials(issued), _assumed(issued), packed_size(wanted.policy))


async def assume_role_with_web_identity(service: StsService, asked: ActionRequest) -> Result:
    asked.sent.expect((*_OF_ROLE, "WebIdentityToken"))
    wanted = await asyncio.to_thread(_read_wanted, asked.sent)
    token = asked.sent.text("WebIdentityToken", Rule(4, 20_000, is_secret=True))
    verified = await _verified(service, token)
    await service.keys.refresh()
    grant = _web_identity_grant(service, wanted, verified)
    if grant is None:
        raise _not_authorized("Not", "sts:AssumeRoleWithWebIdentity", wanted.arn)
    digest = hashlib.sha256(token.encode()).digest()
    issued = service.issuer.issue(replace(grant, web_identity=digest))
    return AssumeRoleWithWebIdentityResult(
        credentials=_credentials(issued),
        subject_from_web_identity_token=verified.subject,
        assumed_role_user=_assumed(issued),
        packed_policy_size=packed_size(wanted.policy),
        provider=verified.issuer or None,
        audience=",".join(verified.audiences) or None,
    )


Action = Callable[[StsService, ActionRequest], Awaitable[Result]]

ACTIONS: MappingProxyType[str, Action] = MappingProxyType(
    {
        "AssumeRole": assume_role,
        "AssumeRoleWithWebIdentity": assume_role_with_web_identity,
        "GetCallerIdentity": get_caller_identity,
        "GetSessionToken": get_session_token,
    }
)
AUDITED = frozenset(ACTIONS) - {"GetCallerIdentity"}
# The token is the proof; any signature is ignored.
UNSIGNED = frozenset({"AssumeRoleWithWebIdentity"})


class _Wanted(Struct, frozen=True):
    """The requested session of a role; `role` is empty if the ARN cannot be ours."""

    arn: str
    role: str
    name: str
    policy: str
    duration_s: int | None

    def grant(self, role: Role, parent: str = "") -> Grant:
        """Return the grant. Raises `ValidationError` when it exceeds the role's longest session."""
        most_s = min(role.max_session_s, MAX_ROLE_SESSION_S)
        if self.duration_s is not None and self.duration_s > most_s:
            raise StsError(
                StsCode.ValidationError,
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            )
        duration_s = self.duration_s or min(DEFAULT_ROLE_SESSION_S, most_s)
        return Grant(Kind.ROLE, role.name, duration_s, self.name, self.policy, parent)


def _read_wanted(sent: Parameters) -> _Wanted:
    arn = sent.text("RoleArn", Rule(20, 2048, ARN))
    return _Wanted(
        arn=arn,
        role=role_in(arn) or "",
        name=sent.text("RoleSessionName", Rule(2, 64, SESSION_NAME)),
        policy=session_policy(sent),
        duration_s=sent.seconds("DurationSeconds", MIN_SESSION_S, MAX_ROLE_SESSION_S),
    )


def _web_identity_grant(service: StsService, wanted: _Wanted, verified: Verified) -> Grant | None:
    if wanted.role == TOKEN_ROLE:
        return _own_grant(wanted, verified, service.issuer.now_s())
    role = service.credentials.role(wanted.role)
    if role is None or not any(_trusts(trust, verified) for trust in role.trust):
        return None
    return wanted.grant(role)


def _own_grant(wanted: _Wanted, verified: Verified, now_s: int) -> Grant:
    """Return a grant of the token's own rights, until its expiry at most. For a token of one of our
    users they are the user's rights."""
    if verified.expires_s <= now_s:
        raise StsError(StsCode.ExpiredTokenException)
    is_user = not verified.issuer and verified.claims.get(BEARER) == USER
    return Grant(
        Kind.USER if is_user else Kind.TOKEN,
        principal_of(verified).user,
        wanted.duration_s or DEFAULT_ROLE_SESSION_S,
        wanted.name,
        wanted.policy,
        held=None if is_user else held(verified.permissions),
        until_s=verified.expires_s,
    )


def _trusts(trust: Trust, verified: Verified) -> bool:
    if not verified.issuer or trust.issuer != verified.issuer:
        return False
    if trust.audience and trust.audience not in verified.audiences:
        return False
    return read_pattern(trust.subject, variables=False).matches(verified.subject, lambda _: None)


async def _verified(service: StsService, token: str) -> Verified:
    if service.tokens is None:
        raise StsError(StsCode.InvalidIdentityToken, "This server verifies no web identities.")
    try:
        return await service.tokens.verify(token)
    except TokenError as error:
        code = StsCode.InvalidIdentityToken
        if error.unreachable:
            code = StsCode.IDPCommunicationError
        elif error.expired:
            code = StsCode.ExpiredTokenException
        raise StsError(code, f"{code.message}: {error}.") from None


def _parent(asked: ActionRequest) -> str:
    if not asked.caller.parent:
        raise StsError(StsCode.AccessDenied, _BEARER)
    return asked.caller.parent


def _not_authorized(who: str, action: str, arn: str) -> StsError:
    """Return the error for both an unknown role and one that the caller may not assume."""
    message = f"{who} authorized to perform {action} on resource: {arn}"
    return StsError(StsCode.AccessDenied, message)


def _credentials(issued: Issued) -> Credentials:
    session = issued.session
    return Credentials(
        session.access_key, session.secret, issued.token, TimeNs(session.expires_s * _NS)
    )


def _assumed(issued: Issued) -> AssumedRoleUser:
    return AssumedRoleUser(issued.principal.user_id, issued.principal.arn)


def role_in(arn: str) -> str | None:
    """Return the role's name; None if the ARN cannot be ours. All roles are the root account's, and
    its id is accepted as well as its number."""
    match = _ROLE_ARN.fullmatch(arn)
    return match[2] if match and match[1] in (ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER) else None


def session_policy(sent: Parameters) -> str:
    """Return the policy's text, or an empty one. Raises `MalformedPolicyDocument`,
    `PackedPolicyTooLarge` and `ValidationError`."""
    text = sent.optional_text("Policy", Rule(1, 1 << 20, POLICY))
    if text is None:
        return ""
    if len(text) > MAX_CHARACTERS:
        limit = f"A session policy has at most {MAX_CHARACTERS} characters."
        raise StsError(StsCode.PackedPolicyTooLarge, limit)
    try:
        read_session_policy(text)
    except SessionPolicyError as error:
        raise StsError(StsCode.MalformedPolicyDocument, str(error)) from None
    return text


def packed_size(policy: str) -> int | None:
    """Return the policy's size in per cent of the limit; None without a policy."""
    return -(-100 * len(policy) // MAX_CHARACTERS) if policy else None
