"""Who may do what: the one place that decides.

`gate` asks, with what it knows of the request and the bucket; `decide` answers, and is pure. What
the owner of a bucket may write down stands in `policy`, `acl`, `ownership`, `public_access` and
`bucket_access`; what narrows temporary credentials, in `session`.
docs/access.md tells the order of the decision.
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
    may_deliver_logs,
    may_read,
    may_use,
    may_without_bucket,
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
    "may_deliver_logs",
    "may_read",
    "may_use",
    "may_without_bucket",
]
