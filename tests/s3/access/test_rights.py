"""Every operation says, next to its route, which right it takes."""

from __future__ import annotations

from typing import Any

import pytest

from s3gw.access.actions import KNOWN, OPERATIONS, needed
from s3gw.access.check import RIGHTS
from s3gw.http.request import Level
from s3gw.identity.permissions import OF_THE_CLUSTER, READ_ONLY
from s3gw.identity.rights import WITHOUT_BUCKET, Access
from s3gw.s3.routing import operation
from s3gw.server.operations import all_operations

ALL = all_operations()
READS = READ_ONLY | Access.LIST_BUCKETS


def named(op: type[Any]) -> str:
    return op.__name__


# They read, but their questions are documents.
READ_BY_POST = {"GetBatch", "SelectObjectContent"}


@pytest.mark.parametrize("op", ALL, ids=named)
def test_an_operation_declares_one_right(op: type[Any]) -> None:
    assert op.access in list(Access)


@pytest.mark.parametrize("op", ALL, ids=named)
def test_only_what_reads_takes_a_right_to_read(op: type[Any]) -> None:
    reads = op.route.method in ("GET", "HEAD") or op.__name__ in READ_BY_POST
    assert (op.access in READS) is reads


@pytest.mark.parametrize("op", ALL, ids=named)
def test_only_what_is_about_buckets_themselves_takes_a_right_about_the_cluster(
    op: type[Any],
) -> None:
    assert (op.access in OF_THE_CLUSTER) is (
        op.__name__ in ("ListBuckets", "CreateBucket", "DeleteBucket")
    )
    assert (op.access in WITHOUT_BUCKET) is (op.__name__ in ("ListBuckets", "CreateBucket"))


def test_an_operation_without_a_right_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="access"):
        operation("GET", Level.OBJECT, marker="new")(type("GetNew", (), {}))  # type: ignore[call-arg]


@pytest.mark.parametrize("op", ALL, ids=named)
def test_every_operation_has_an_action(op: type[Any]) -> None:
    assert OPERATIONS[op.__name__].action in KNOWN
    assert set(needed(op.__name__, None, {})) <= KNOWN
    assert set(needed(op.__name__, "v", {})) <= KNOWN


def test_an_action_that_another_request_needs_too_takes_the_right_of_its_own_operation() -> None:
    declared = {OPERATIONS[op.__name__].action: op.access.value for op in ALL}
    own = {action: right for action, right in RIGHTS.items() if action in declared}
    assert own == {action: declared[action] for action in own}
    assert RIGHTS.keys() - own.keys() == {"s3:BypassGovernanceRetention"}
