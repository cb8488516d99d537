"""AIStore's permission bits; each operation declares the one it needs."""

from __future__ import annotations

from enum import Flag


class Access(Flag):
    """AIStore's permission bits, by the names its documents use."""

    GET = 1
    HEAD_OBJECT = 1 << 1
    PUT = 1 << 2
    APPEND = 1 << 3
    DELETE_OBJECT = 1 << 4
    MOVE_OBJECT = 1 << 5
    PROMOTE = 1 << 6
    UPDATE_OBJECT = 1 << 7
    HEAD_BUCKET = 1 << 8
    LIST_OBJECTS = 1 << 9
    PATCH = 1 << 10
    SET_BUCKET_ACL = 1 << 11
    LIST_BUCKETS = 1 << 12
    SHOW_CLUSTER = 1 << 13
    CREATE_BUCKET = 1 << 14
    DESTROY_BUCKET = 1 << 15
    MOVE_BUCKET = 1 << 16
    ADMIN = 1 << 17


# Operations without an existing bucket, whose owner could decide.
WITHOUT_BUCKET = Access.LIST_BUCKETS | Access.CREATE_BUCKET
