"""Block Public Access: a bucket's four switches, and what is public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import ipaddress
from typing import Any, ClassVar

from s3gw.access.conditions import AnyCondition, Condition, Kind, Quantifier
from s3gw.access.policy import Policy, Statement
from storage.settings import Setting


class PublicAccessBlock(Setting, frozen=True):
    """`block_*` refuse new public ACLs and policies; the others act on existing ones."""

    setting_name: ClassVar[str] = "public_access_block"

    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False


NO_BLOCK = PublicAccessBlock()
ALL_BLOCKED = PublicAccessBlock(True, True, True, True)

# Keys that restrict a statement for everyone to certain callers, if they have fixed values.
_KEYS = """
    aws:principalaccount aws:principalarn aws:sourceaccount aws:sourcearn aws:userid
    s3:x-amz-server-side-encryption-aws-kms-key-id
"""
_NARROWING = frozenset(_KEYS.split())
# A wider range of addresses counts as public, except for private addresses.
_WIDEST = {4: 8, 6: 32}


def is_public_policy(policy: Policy) -> bool:
    """Whether any statement lets in callers whom the policy does not name."""
    return any(_is_public(statement) for statement in policy.statements)


def _is_public(statement: Statement) -> bool:
    open_to_all = statement.allows and statement.principals.everyone
    return open_to_all and not any(_narrows(condition) for condition in statement.conditions)


def _narrows(condition: AnyCondition) -> bool:
    """Whether the condition restricts who is let in. A test that holds without a value
    (`...IfExists`, `ForAllValues:`) does not."""
    if not isinstance(condition, Condition) or condition.operator.negated or condition.if_exists:
        return False
    if condition.quantifier is Quantifier.ALL:
        return False
    if condition.operator.kind is Kind.NETWORK:
        narrow = all(_is_narrow(network) for network in condition.values)
        return condition.key.lower() == "aws:sourceip" and narrow
    return condition.key.lower() in _NARROWING and all(map(_is_fixed, condition.values))


def _is_narrow(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return network.is_private or network.prefixlen >= _WIDEST[network.version]


def _is_fixed(value: Any) -> bool:
    patterns = value if isinstance(value, tuple) else (value,)
    return all(pattern.is_fixed for pattern in patterns)
