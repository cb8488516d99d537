"""Optional abilities of a backend, declared as one value.

Reading, writing, listing and deleting objects, and creating, changing, listing and deleting buckets
are what every backend does. Everything else is a member here. A backend has the sum of its members
in `capabilities`; whatever needs another one raises `NotSupported`, and nothing is done.
"""

from __future__ import annotations

from enum import Flag, auto


class Capability(Flag):
    """The comment above each member lists the methods and options that it covers."""

    # `list_versions`, `show_versions`; buckets with versioning; `version` and `still` in options.
    VERSIONS = auto()
    # `Attributes.lock` keeps a version from being removed.
    LOCKS = auto()
    # `data_key` in options: the bytes are encrypted at rest.
    ENCRYPTION = auto()
    # The methods of `Uploads`.
    UPLOADS = auto()
    # `rechunk_object`; `chunks` in options.
    CHUNKS = auto()
    # `rename_object`: no byte moves.
    RENAME_OBJECTS = auto()
    # `rename_bucket`: no byte moves.
    RENAME_BUCKETS = auto()
    # `discard_bucket`: a bucket is removed in one step with all that is in it.
    DISCARD_BUCKETS = auto()
    # `get_objects`, at less than the cost of as many `get_object`.
    READ_MANY = auto()
    # `buckets_revision`.
    BUCKETS_REVISION = auto()
    # `usage`.
    USAGE = auto()


NO_CAPABILITIES = Capability(0)
ALL_CAPABILITIES = ~NO_CAPABILITIES
