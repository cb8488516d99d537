"""Built-in roles, under AIStore's names; they cannot be changed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from s3gw.identity.permissions import ALL, READ_ONLY, READ_WRITE, Permissions
from s3gw.identity.protocol import Role
from s3gw.identity.rights import Access

# As the role's name in an ARN: the permissions in the web identity token itself, not a role.
TOKEN_ROLE = "token"

_OWN_BUCKETS = (
    READ_WRITE
    | Access.PATCH
    | Access.SET_BUCKET_ACL
    | Access.UPDATE_OBJECT
    | Access.PROMOTE
    | Access.LIST_BUCKETS
    | Access.CREATE_BUCKET
    | Access.DESTROY_BUCKET
    | Access.MOVE_BUCKET
)
ADMIN = "Admin"
NAMES = (ADMIN, "ClusterOwner", "BucketOwner", "Guest")


def built_in_roles(cluster_id: str) -> Mapping[str, Role]:
    """Return the roles by name, with permissions on that cluster."""

    def on_cluster(bits: int) -> Permissions:
        return Permissions(clusters={cluster_id: bits})

    roles = (
        Role(ADMIN, "May do everything.", Permissions(admin=True)),
        Role("ClusterOwner", "Has every right on this cluster.", on_cluster(ALL)),
        Role(
            "BucketOwner",
            "Makes, uses, configures and removes buckets.",
            on_cluster(_OWN_BUCKETS.value),
        ),
        Role(
            "Guest",
            "Reads and lists.",
            on_cluster((READ_ONLY | Access.LIST_BUCKETS).value),
        ),
    )
    return MappingProxyType({role.name: role for role in roles})
