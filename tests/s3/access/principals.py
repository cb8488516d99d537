"""Callers of every kind, and requests of theirs.

`alice` is an account, `root` the root account, all others are users of the root account:

* `none` has no permissions, `reader` has `ro` and `writer` `rw` in this cluster, `keeper` may do
  all that there is to do with buckets;
* `mine` has `rw` in just this bucket, `yours` has everything in another one;
* `etl` is a session of a role with `ro`; `admin` has the claim of that name.
"""

from __future__ import annotations

from typing import Any

from s3gw.access.actions import OPERATIONS
from s3gw.access.request import AccessRequest
from s3gw.identity.accounts import ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER, Principal, Session
from s3gw.identity.permissions import ALL, BucketName, Permissions, parse_permissions
from s3gw.server.operations import all_operations
from tests.s3.access.documents import ALICE, BUCKET, asked_by

NUMBER = ROOT_ACCOUNT_NUMBER
RIGHTS = {op.__name__: op.access for op in all_operations()}
KEEPING = "rw,PATCH,SET-BUCKET-ACL,UPDATE-OBJECT,PROMOTE,LIST-BUCKETS"
KEEPING += ",CREATE-BUCKET,DESTROY-BUCKET,MOVE-BUCKET"


def user(name: str, permissions: Permissions, session: Session | None = None) -> Principal:
    return Principal(
        ROOT_ACCOUNT,
        user=name,
        permissions=permissions,
        session=session,
        is_root=permissions.admin,
    )


def in_cluster(words: str, cluster: str = "here") -> Permissions:
    return Permissions(clusters={cluster: parse_permissions(words)})


PRINCIPALS = {
    "none": user("none", Permissions()),
    "reader": user("reader", in_cluster("ro")),
    "writer": user("writer", in_cluster("rw")),
    "keeper": user("keeper", in_cluster(KEEPING)),
    "mine": user("mine", Permissions(buckets={BucketName(BUCKET): parse_permissions("rw")})),
    "yours": user("yours", Permissions(buckets={BucketName("other"): ALL})),
    "etl": user("etl", in_cluster("ro", ""), Session("nightly", 2_000_000_000, role="etl")),
    "admin": user("admin", Permissions(admin=True)),
    "alice": Principal(ALICE),
    "root": Principal(ROOT_ACCOUNT, is_root=True),
}


def asked(who: Principal, operation: str, key: str, **facts: Any) -> AccessRequest:
    action = OPERATIONS[operation].action
    right = RIGHTS[operation].value
    return asked_by(who, action, key, operation=operation, access=right, **facts)
