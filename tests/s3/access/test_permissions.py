"""AIStore's permission bits: how they are written, and what they allow where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.identity.permissions import (
    ALL,
    NO_PERMISSIONS,
    OF_THE_CLUSTER,
    READ_ONLY,
    READ_WRITE,
    BucketName,
    Permissions,
    merged,
    parse_permissions,
    show_permissions,
)
from s3gw.identity.rights import Access

HERE, ELSEWHERE = "here", "elsewhere"
B, OTHER = BucketName("b"), BucketName("other")


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("ro", 771),
        ("RO", 771),
        (" rw ", 831),
        ("su", ALL),
        ("all", ALL),
        ("0", 0),
        ("771", 771),
        ("0x303", 771),
        ("0X303", 771),
        (771, 771),
        (0, 0),
        (ALL, ALL),
        (str(ALL), ALL),
        ("GET", 1),
        ("get,list-objects", 513),
        ("GET, LIST-OBJECTS", 513),
        ("ro,LIST-BUCKETS", 771 + 4096),
        ("GET,0x100", 257),
        ("GET,GET", 1),
        ("SET-BUCKET-ACL", 2048),
        ("ADMIN", 131072),
        # Bits that mean nothing here.
        (str(1 << 40), 1 << 40),
        (ALL & ~0xFFF, ALL & ~0xFFF),
    ],
)
def test_permissions_are_written_in_many_ways(text: str | int, bits: int) -> None:
    assert parse_permissions(text) == bits


NO_PERMISSION: list[str | int] = [
    "",
    ",",
    "GET,",
    "read",
    "-1",
    "+1",
    "1.0",
    "1e3",
    "0x",
    "0b1",
    "0o7",
    "1_000",
]
NO_PERMISSION += ["\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT THREE}", "x" * 999, "none"]
TOO_BIG: list[str | int] = [str(ALL + 1), "0x10000000000000000", "9" * 21, -1, ALL + 1, True, False]


@pytest.mark.parametrize("text", NO_PERMISSION + TOO_BIG)
def test_what_is_no_permission_is_an_error(text: str | int) -> None:
    with pytest.raises(ValueError, match="permission"):
        parse_permissions(text)


# What the old numbers leave: rights to have, and rights not to have.
READS = {Access.GET, Access.HEAD_OBJECT, Access.HEAD_BUCKET, Access.LIST_OBJECTS}
PUTS = {Access.PUT, Access.APPEND, Access.PROMOTE, Access.UPDATE_OBJECT}


@pytest.mark.parametrize(
    ("cleared", "left"),
    [
        (4 | 8 | 16, READS),
        (4 | 16, READS),
        (16, READS | PUTS),
        (4, READS | {Access.DELETE_OBJECT}),
        # A number that today says less than it said once is believed today's.
        (8, (READS | PUTS | {Access.DELETE_OBJECT, Access.MOVE_OBJECT}) - {Access.APPEND}),
        (1, (READS | PUTS | {Access.DELETE_OBJECT, Access.MOVE_OBJECT}) - {Access.GET}),
        (2, {Access.GET, Access.DELETE_OBJECT, Access.MOVE_OBJECT} | PUTS),
        (1 | 2 | 4 | 8 | 16, set()),
    ],
)
def test_an_old_number_is_translated(cleared: int, left: set[Access]) -> None:
    found = parse_permissions(str(ALL ^ cleared))
    assert {each for each in Access if found & each.value} == left


def test_the_old_number_of_the_documentation_is_read_only() -> None:
    assert parse_permissions(18446744073709551587) == READ_ONLY.value
    assert show_permissions(parse_permissions("0xffffffffffffffe3")) == "ro"


@given(st.integers(0, ALL))
def test_shown_permissions_are_read_as_the_same(bits: int) -> None:
    assert parse_permissions(show_permissions(bits)) == bits


@given(st.integers(0, ALL), st.booleans())
def test_a_number_never_means_more_than_it_says(bits: int, old: bool) -> None:
    written = bits | (ALL ^ 0x1F) if old else bits
    assert parse_permissions(str(written)) & ~written == 0


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        (771, "ro"),
        (831, "rw"),
        (ALL, "su"),
        (0, "0"),
        (513, "GET,LIST-OBJECTS"),
        (1 | 1 << 63, "GET,0x8000000000000000"),
        (1 << 40, "0x10000000000"),
    ],
)
def test_permissions_are_shown(bits: int, text: str) -> None:
    assert show_permissions(bits) == text


RO, RW = READ_ONLY.value, READ_WRITE.value
LISTING = Access.LIST_BUCKETS.value
WHERE = {
    "nothing": NO_PERMISSIONS,
    "admin": Permissions(admin=True),
    "this cluster": Permissions(clusters={HERE: RO | LISTING}),
    "that cluster": Permissions(clusters={ELSEWHERE: ALL}),
    "any cluster": Permissions(clusters={"": RO}),
    "this or any": Permissions(clusters={HERE: RO, "": ALL}),
    "a bucket": Permissions(buckets={B: RW}),
    "a bucket there": Permissions(buckets={B._replace(cluster=ELSEWHERE): RW}),
    "a bucket here": Permissions(buckets={B._replace(cluster=HERE): RW}),
    "less in a bucket": Permissions(clusters={HERE: ALL}, buckets={B: RO}),
    "nothing in a bucket": Permissions(clusters={HERE: ALL}, buckets={B: 0}),
    "all of a bucket": Permissions(buckets={B: ALL}),
    "in a namespace": Permissions(buckets={B._replace(namespace="ns"): ALL}),
    "of a cloud": Permissions(buckets={B._replace(provider="aws"): ALL}),
}
GRID = """
    nothing             GET b -            GET other -    LIST_BUCKETS - -      DESTROY_BUCKET b -
    admin               GET b +            PUT other +    ADMIN - +             DESTROY_BUCKET b +
    this cluster        GET b +            PUT b -        LIST_BUCKETS - +      DESTROY_BUCKET b -
    that cluster        GET b -            PUT b -        LIST_BUCKETS - -      DESTROY_BUCKET b -
    any cluster         GET b +            PUT b -        LIST_BUCKETS - -      DESTROY_BUCKET b -
    this or any         GET b +            PUT b -        LIST_BUCKETS - -      DESTROY_BUCKET b -
    a bucket            PUT b +            GET other -    LIST_BUCKETS - -      DESTROY_BUCKET b -
    a bucket there      PUT b -            GET b -        LIST_BUCKETS - -      DESTROY_BUCKET b -
    a bucket here       PUT b +            GET other -    LIST_BUCKETS - -      DESTROY_BUCKET b -
    less in a bucket    PUT b -            PUT other +    LIST_BUCKETS - +      DESTROY_BUCKET b +
    nothing in a bucket GET b -            GET other +    LIST_BUCKETS - +      DESTROY_BUCKET b +
    all of a bucket     PATCH b +          GET other -    LIST_BUCKETS - -      DESTROY_BUCKET b -
    in a namespace      GET b -            GET other -    LIST_BUCKETS - -      DESTROY_BUCKET b -
    of a cloud          GET b -            GET other -    LIST_BUCKETS - -      DESTROY_BUCKET b -
"""


def cells() -> list[tuple[str, str, str, bool]]:
    found = []
    for line in GRID.strip().splitlines():
        name, words = line.strip()[:20].strip(), line.strip()[20:].split()
        for at in range(0, len(words), 3):
            right, bucket, sign = words[at : at + 3]
            found.append((name, right, bucket, sign == "+"))
    return found


@pytest.mark.parametrize(("name", "right", "bucket", "allowed"), cells())
def test_a_right_is_there_or_not(name: str, right: str, bucket: str, allowed: bool) -> None:
    named = {"b": B, "other": OTHER}.get(bucket)
    assert WHERE[name].allow(Access[right], HERE, named) is allowed


def test_all_rights_that_are_asked_for_must_be_there() -> None:
    both = Access.GET | Access.PUT
    assert not Permissions(clusters={HERE: RO}).allow(both, HERE, B)
    assert Permissions(clusters={HERE: RW}).allow(both, HERE, B)
    mixed = Access.LIST_OBJECTS | Access.LIST_BUCKETS
    split = Permissions(clusters={HERE: LISTING}, buckets={B: RO})
    assert split.allow(mixed, HERE, B)
    assert not split.allow(mixed, HERE, OTHER)


IDS = st.sampled_from(["", HERE, ELSEWHERE])
NAMES = st.builds(BucketName, st.sampled_from(["b", "other"]), cluster=IDS)
NUMBERS = st.integers(0, (1 << 18) - 1)
ROLES = st.builds(
    Permissions,
    admin=st.just(False),
    clusters=st.dictionaries(IDS, NUMBERS),
    buckets=st.dictionaries(NAMES, NUMBERS),
)


@given(
    st.lists(ROLES, max_size=4),
    st.sampled_from(list(Access)),
    st.sampled_from([HERE, ELSEWHERE, "third"]),
    st.sampled_from([None, B, OTHER, BucketName("third")]),
)
def test_several_roles_allow_what_one_of_them_allows(
    roles: list[Permissions], right: Access, cluster: str, bucket: BucketName | None
) -> None:
    alone = any(role.allow(right, cluster, bucket) for role in roles)
    assert merged(roles).allow(right, cluster, bucket) is alone


def test_one_admin_makes_all_of_them_admin() -> None:
    assert merged([NO_PERMISSIONS, Permissions(admin=True)]).admin
    assert not merged([NO_PERMISSIONS, WHERE["this cluster"]]).admin
    assert merged([]) == Permissions(clusters={"": 0})


def test_what_is_about_the_cluster_is_what_aistore_counts_as_such() -> None:
    assert OF_THE_CLUSTER.value == sum(1 << at for at in range(12, 18))
    assert (RO, RW) == (771, 831)
