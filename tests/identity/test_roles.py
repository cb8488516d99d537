"""Roles: those that are made, and those that are there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.identity import roles, users
from s3gw.identity.builtin import NAMES
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import (
    LimitExceeded,
    NoSuchRole,
    Refused,
    Reserved,
    RoleExists,
    RoleInUse,
)
from s3gw.identity.permissions import ALL, BucketName, Permissions
from s3gw.identity.protocol import Role, Trust
from s3gw.identity.records import RoleRecord, decode, encode, role_of, role_record
from s3gw.identity.rights import Access
from tests.identity.places import CLUSTER
from tests.storage.event_loop import run

TEXT = st.text(max_size=5)
BITS = st.integers(0, ALL)


def test_a_role_is_kept_as_it_was_made(
    directory: StoredDirectory, another: StoredDirectory
) -> None:
    role = Role(
        "painter",
        "Paints.",
        Permissions(clusters={CLUSTER: ALL, "": 1}, buckets={BucketName("data", "gcp"): 771}),
        (Trust("https://issuer.example.com", "s3gw", "repo:*"),),
        900,
    )
    run(roles.add(directory, role))
    run(another.refresh())
    assert another.role("painter") == role
    assert [each.name for each in another.roles()] == [*NAMES, "painter"]


@given(
    st.builds(
        Role,
        st.just("name"),
        TEXT,
        st.builds(
            Permissions,
            st.booleans(),
            st.dictionaries(TEXT, BITS),
            st.dictionaries(st.builds(BucketName, TEXT, TEXT, TEXT, TEXT), BITS),
        ),
        st.lists(st.builds(Trust, TEXT, TEXT, TEXT)).map(tuple),
        st.integers(900, 43200),
    )
)
def test_every_role_is_read_as_it_was_written(role: Role) -> None:
    stored = encode(role_record(role))
    assert role_of("name", decode("/auth/roles/name", stored, RoleRecord)) == role


def test_the_built_in_roles_are_those_of_this_cluster(directory: StoredDirectory) -> None:
    data = BucketName("data")
    expected = {
        "Admin": (True, True, True, True),
        "ClusterOwner": (True, True, True, True),
        "BucketOwner": (True, True, True, False),
        "Guest": (True, False, False, False),
    }
    asked = (Access.GET, Access.PUT, Access.CREATE_BUCKET | Access.PATCH, Access.ADMIN)
    for name, answers in expected.items():
        role = directory.role(name)
        assert role is not None
        given_ = tuple(role.permissions.allow(access, CLUSTER, data) for access in asked)
        assert given_ == answers, name
        assert role.permissions.allow(Access.GET, "elsewhere", data) is (name == "Admin")


@pytest.mark.parametrize("name", [*NAMES, "token"])
def test_a_reserved_name_is_not_to_be_given_or_changed(
    directory: StoredDirectory, name: str
) -> None:
    with pytest.raises(Reserved):
        run(roles.add(directory, Role(name)))
    with pytest.raises(Reserved if name in NAMES else NoSuchRole):
        run(roles.update(directory, Role(name)))
    with pytest.raises(Reserved if name in NAMES else NoSuchRole):
        run(roles.remove(directory, name))


def test_what_is_changed_holds_for_who_has_it(directory: StoredDirectory) -> None:
    run(roles.add(directory, Role("painter")))
    run(users.add(directory, "ann", roles=["painter"]))
    ann = directory.user("ann")
    assert ann is not None
    assert not directory.permissions_of(ann).admin
    run(roles.update(directory, Role("painter", permissions=Permissions(admin=True))))
    assert directory.permissions_of(ann).admin


def test_a_role_that_somebody_has_stays(directory: StoredDirectory) -> None:
    run(roles.add(directory, Role("painter")))
    for name in ("dan", "cem", "bob", "ann"):
        run(users.add(directory, name, roles=["painter"]))
    with pytest.raises(RoleInUse, match=r"ann, bob, cem, \.\.\."):
        run(roles.remove(directory, "painter"))
    for name in ("dan", "cem", "bob", "ann"):
        run(users.set_roles(directory, name, []))
    run(roles.remove(directory, "painter"))
    assert directory.role("painter") is None


def test_there_is_one_role_of_a_name(directory: StoredDirectory) -> None:
    run(roles.add(directory, Role("painter")))
    with pytest.raises(RoleExists):
        run(roles.add(directory, Role("painter")))
    with pytest.raises(NoSuchRole):
        run(roles.update(directory, Role("writer")))
    with pytest.raises(NoSuchRole):
        run(roles.remove(directory, "writer"))


@pytest.mark.parametrize(
    "role",
    [
        Role("r", max_session_s=899),
        Role("r", max_session_s=43201),
        Role("r", trust=(Trust("http://issuer.example.com"),)),
        Role("r", trust=(Trust("https://issuer.example.com", subject=""),)),
        Role("r", trust=(Trust("https://i.example.com"),) * 33),
        Role("r", "d" * 1001),
        Role("r", permissions=Permissions(buckets={BucketName(f"b{n}"): 1 for n in range(1001)})),
    ],
    ids=["short", "long", "http", "no subject", "trusts", "description", "buckets"],
)
def test_a_role_beyond_the_limits_is_refused(directory: StoredDirectory, role: Role) -> None:
    with pytest.raises(Refused):
        run(roles.add(directory, role))


def test_the_largest_role_is_kept(directory: StoredDirectory) -> None:
    names = [BucketName(f"{n:04}" + "b" * 59, cluster=CLUSTER) for n in range(1000)]
    largest = Role(
        "r",
        "d" * 1000,
        Permissions(buckets=dict.fromkeys(names, ALL)),
        (Trust("https://i.example.com"),) * 32,
        43200,
    )
    run(roles.add(directory, largest))
    assert directory.role("r") == largest


def test_there_are_so_many_roles_and_no_more(
    directory: StoredDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "MAX_ROLES", 1)
    run(roles.add(directory, Role("painter")))
    with pytest.raises(LimitExceeded):
        run(roles.add(directory, Role("writer")))


def test_a_role_that_is_withdrawn_is_taken_from_its_users(directory: StoredDirectory) -> None:
    run(roles.add(directory, Role("painter")))
    run(roles.add(directory, Role("writer")))
    for name in ("ann", "bob"):
        run(users.add(directory, name, roles=["painter", "writer"]))
    run(roles.withdraw(directory, "painter"))
    run(roles.add(directory, Role("painter", permissions=Permissions(admin=True))))
    for name in ("ann", "bob"):
        user = directory.user(name)
        assert user is not None
        assert user.roles == ("writer",)
    with pytest.raises(NoSuchRole):
        run(roles.withdraw(directory, "none"))
