"""What there is to fuzz: modules beside this one, each with `one_input` and `SEEDS`."""

from __future__ import annotations

TARGETS = (
    *("authorization", "presigned", "chunked", "post_forms", "documents", "policies", "tokens"),
    *("archives", "native", "requests", "http1"),
)
