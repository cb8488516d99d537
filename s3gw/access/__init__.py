"""Access control: one pure decision, and the gate that every request passes.

`gate` collects the facts about the request and the bucket (`check`); `decide` makes the decision.
The settings of a bucket's owner are in `policy`, `acl`, `ownership`, `public_access` and
`bucket_access`; the policies that narrow temporary credentials, in `session`. docs/access.md has
the order of the decision.
"""

from __future__ import annotations

from s3gw.access.gate import (
    authorize,
    authorize_copied_tags,
    authorize_key,
    authorize_reads,
    authorize_source,
    authorize_writing,
    hide_headers,
    hide_missing,
    may_delete,
    may_deliver_inventories,
    may_deliver_logs,
    may_read,
    may_use,
    may_without_bucket,
    read_policy_ahead,
    usable,
)
from s3gw.identity.rights import Access

__all__ = [
    "Access",
    "authorize",
    "authorize_copied_tags",
    "authorize_key",
    "authorize_reads",
    "authorize_source",
    "authorize_writing",
    "hide_headers",
    "hide_missing",
    "may_delete",
    "may_deliver_inventories",
    "may_deliver_logs",
    "may_read",
    "may_use",
    "may_without_bucket",
    "read_policy_ahead",
    "usable",
]
