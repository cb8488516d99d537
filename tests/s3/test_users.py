"""Users, roles and sessions through the front door: boto3 signs, the server decides."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3gw.access.bucket_access import with_access
from s3gw.identity.accounts import ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER, Principal
from storage.backends.memory import MemoryBackend
from tests.s3.access.principals import PRINCIPALS
from tests.s3.gateway import ALICE, Gateway
from tests.s3.users import MEMBERS, Everybody, credentials, in_session

NUMBER = ROOT_ACCOUNT_NUMBER
ONLY_TEAM = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::*/team/*"},
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::*",
            "Condition": {"StringLike": {"s3:prefix": "team/*"}},
        },
    ],
}
OTHERS = {name: PRINCIPALS[name] for name in MEMBERS}
NARROWED = {name: PRINCIPALS[name] for name in ("writer", "keeper", "root")}
NARROWED |= {"alice": Principal(ALICE.account)}
OTHERS |= {f"team-{name}": in_session(who, json.dumps(ONLY_TEAM)) for name, who in NARROWED.items()}
_names = itertools.count()


class Place:
    """The gateway with everybody's clients, and a store whose buckets can be looked into."""

    def __init__(self) -> None:
        self.store = MemoryBackend()
        self.gateway = Gateway(self.store, accounts=Everybody(OTHERS))

    def client(self, name: str) -> Any:
        return self.gateway.client(credentials(name))

    def bucket(self, owner: str = "root", **options: Any) -> str:
        name = f"shared-{next(_names)}"
        self.client(owner).create_bucket(Bucket=name, **options)
        self.client(owner).put_object(Bucket=name, Key="k", Body=b"x")
        self.client(owner).put_object(Bucket=name, Key="team/k", Body=b"x")
        return name

    def close_to(self, bucket: str, access: str) -> None:
        async def change() -> None:
            await self.store.update_bucket(bucket, lambda info: with_access(info, access))

        self.gateway.server.run(change())


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.gateway.close()


def policy(*statements: dict[str, Any], bucket: str) -> str:
    whole = [
        {"Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"], "Effect": "Allow"}
        | each
        for each in statements
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": whole})


def outcome(ask: Callable[[], Any]) -> str:
    """`+` or the error's code; a HEAD has only its status."""
    try:
        ask()
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        return {"AccessDenied": "-", "403": "-", "404": "NoSuchKey"}.get(code, code)
    return "+"


def trying(s3: Any, method: str, **parameters: Any) -> str:
    return outcome(lambda: getattr(s3, method)(**parameters))


ASKING: dict[str, Callable[[Any, str], Any]] = {
    "HeadBucket": lambda s3, b: s3.head_bucket(Bucket=b),
    "ListObjectsV2": lambda s3, b: s3.list_objects_v2(Bucket=b),
    "ListTeam": lambda s3, b: s3.list_objects_v2(Bucket=b, Prefix="team/"),
    "ListObjectVersions": lambda s3, b: s3.list_object_versions(Bucket=b),
    "GetBucketPolicyStatus": lambda s3, b: s3.get_bucket_policy_status(Bucket=b),
    "GetObject": lambda s3, b: s3.get_object(Bucket=b, Key="k"),
    "GetTeam": lambda s3, b: s3.get_object(Bucket=b, Key="team/k"),
    "GetMissing": lambda s3, b: s3.get_object(Bucket=b, Key="nope"),
    "HeadMissing": lambda s3, b: s3.head_object(Bucket=b, Key="nope"),
    "GetObjectAttributes": lambda s3, b: s3.get_object_attributes(
        Bucket=b, Key="k", ObjectAttributes=["ETag"]
    ),
    "PutObject": lambda s3, b: s3.put_object(Bucket=b, Key="new", Body=b"x"),
    "PutTeam": lambda s3, b: s3.put_object(Bucket=b, Key="team/new", Body=b"x"),
    "PutPrivate": lambda s3, b: s3.put_object(Bucket=b, Key="new", ACL="private"),
    "PutPublic": lambda s3, b: s3.put_object(Bucket=b, Key="new", ACL="public-read"),
    "PutTagged": lambda s3, b: s3.put_object(Bucket=b, Key="new", Tagging="a=b"),
    "CopyObject": lambda s3, b: s3.copy_object(Bucket=b, Key="new", CopySource=f"{b}/k"),
    "RenameObject": lambda s3, b: s3.rename_object(Bucket=b, Key="r", RenameSource=f"{b}/k"),
    "DeleteObject": lambda s3, b: s3.delete_object(Bucket=b, Key="k"),
    "PutObjectTagging": lambda s3, b: s3.put_object_tagging(
        Bucket=b, Key="k", Tagging={"TagSet": []}
    ),
    "PutObjectAcl": lambda s3, b: s3.put_object_acl(Bucket=b, Key="k", ACL="public-read"),
    "PutBucketVersioning": lambda s3, b: s3.put_bucket_versioning(
        Bucket=b, VersioningConfiguration={"Status": "Enabled"}
    ),
    "PutBucketPolicy": lambda s3, b: s3.put_bucket_policy(
        Bucket=b, Policy=policy({"Principal": "*", "Action": "s3:GetObject"}, bucket=b)
    ),
    "PutBucketAcl": lambda s3, b: s3.put_bucket_acl(Bucket=b, ACL="private"),
    "CreateMultipartUpload": lambda s3, b: s3.create_multipart_upload(Bucket=b, Key="new"),
}
COLUMNS = ("none", "reader", "writer", "keeper", "yours", "etl", "admin", "alice", "root")
ROOTS_BUCKET = """
    HeadBucket              - + + + - + + - +
    ListObjectsV2           - + + + - + + - +
    ListObjectVersions      - + + + - + + - +
    GetBucketPolicyStatus   - + + + - + + - +
    GetObject               - + + + - + + - +
    GetObjectAttributes     - + + + - + + - +
    GetMissing              - NoSuchKey NoSuchKey NoSuchKey - NoSuchKey NoSuchKey - NoSuchKey
    HeadMissing             - NoSuchKey NoSuchKey NoSuchKey - NoSuchKey NoSuchKey - NoSuchKey
    PutObject               - - + + - - + - +
    PutPrivate              - - + + - - + - +
    PutPublic               - - - + - - + - +
    PutTagged               - - + + - - + - +
    CopyObject              - - + + - - + - +
    RenameObject            - - + + - - + - +
    DeleteObject            - - + + - - + - +
    CreateMultipartUpload   - - + + - - + - +
    PutObjectTagging        - - - + - - + - +
    PutObjectAcl            - - - + - - + - +
    PutBucketVersioning     - - - + - - + - +
    PutBucketPolicy         - - - + - - + - +
    PutBucketAcl            - - - + - - + - +
"""
READ_ONLY_BUCKET = """
    HeadBucket              - + + + - + + + +
    ListObjectsV2           - + + + - + + + +
    GetObject               - + + + - + + + +
    PutObject               - - - - - - - - -
    CopyObject              - - - - - - - - -
    DeleteObject            - - - - - - - - -
    PutBucketVersioning     - - - - - - + - +
    PutBucketAcl            - - - - - - + - +
"""
IN_SESSIONS = """
    team-writer  GetTeam +  PutTeam +  ListTeam +  GetObject -  PutObject -  ListObjectsV2 -
    team-keeper  GetTeam +  PutTeam +  PutBucketPolicy -  PutBucketAcl -  DeleteObject -
    team-root    GetTeam +  PutTeam +  ListTeam +  GetObject -  PutObject -  PutBucketPolicy -
    team-alice   GetTeam +  PutTeam +  ListTeam +  GetObject -  DeleteObject -  HeadBucket -
"""


def cells(grid: str) -> list[tuple[str, str, str]]:
    found = []
    for line in grid.strip().splitlines():
        operation, *signs = line.split()
        found += [(operation, name, sign) for name, sign in zip(COLUMNS, signs, strict=True)]
    return found


@pytest.mark.parametrize(("operation", "name", "expected"), cells(ROOTS_BUCKET))
def test_permissions_decide(place: Place, operation: str, name: str, expected: str) -> None:
    bucket = place.bucket()
    assert outcome(lambda: ASKING[operation](place.client(name), bucket)) == expected


@pytest.mark.parametrize(("operation", "name", "expected"), cells(READ_ONLY_BUCKET))
def test_a_closed_bucket_is_closed_to_all(
    place: Place, operation: str, name: str, expected: str
) -> None:
    bucket = place.bucket("alice")
    place.close_to(bucket, "ro")
    assert outcome(lambda: ASKING[operation](place.client(name), bucket)) == expected


def session_cells() -> list[tuple[str, str, str]]:
    found = []
    for line in IN_SESSIONS.strip().splitlines():
        name, *pairs = line.split()
        found += [(name, *pair) for pair in zip(pairs[::2], pairs[1::2], strict=True)]
    return found


@pytest.mark.parametrize(("name", "operation", "expected"), session_cells())
def test_a_session_policy_narrows(place: Place, name: str, operation: str, expected: str) -> None:
    bucket = place.bucket("alice" if name == "team-alice" else "root")
    assert outcome(lambda: ASKING[operation](place.client(name), bucket)) == expected


def test_a_policy_lets_users_and_roles_in(place: Place) -> None:
    bucket = place.bucket("alice")
    named = [f"arn:aws:iam::{NUMBER}:user/none", f"arn:aws:iam::{NUMBER}:role/etl"]
    allowing = {"Principal": {"AWS": named}, "Action": "s3:*Object"}
    document = policy(allowing, bucket=bucket)
    place.client("alice").put_bucket_policy(Bucket=bucket, Policy=document)
    for name, expected in (("none", "+"), ("etl", "+"), ("yours", "-"), ("reader", "-")):
        assert trying(place.client(name), "put_object", Bucket=bucket, Key="new") == expected


def test_a_policy_that_denies_a_user_is_lifted_by_the_root_account_only(place: Place) -> None:
    bucket = place.bucket()
    no = {"Effect": "Deny", "Principal": {"AWS": NUMBER}, "Action": "s3:*"}
    place.client("keeper").put_bucket_policy(Bucket=bucket, Policy=policy(no, bucket=bucket))
    assert trying(place.client("keeper"), "delete_bucket_policy", Bucket=bucket) == "-"
    place.client("root").delete_bucket_policy(Bucket=bucket)
    assert outcome(lambda: ASKING["GetObject"](place.client("keeper"), bucket)) == "+"


# Buckets


def names_of(s3: Any) -> set[str]:
    return {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


@pytest.mark.parametrize("name", ["none", "reader", "writer", "yours", "etl"])
def test_listing_buckets_needs_a_right(place: Place, name: str) -> None:
    assert outcome(place.client(name).list_buckets) == "-"


def test_a_user_lists_the_buckets_it_may_look_at(place: Place) -> None:
    open_to_all, closed, denied = place.bucket("alice"), place.bucket(), place.bucket()
    place.close_to(closed, "PUT")
    no = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket"}
    place.client("root").put_bucket_policy(Bucket=denied, Policy=policy(no, bucket=denied))
    found = names_of(place.client("keeper"))
    assert {open_to_all, closed, denied} & found == {open_to_all}
    for name in ("root", "admin", "team-root"):
        assert {open_to_all, closed, denied} <= names_of(place.client(name))
    assert {open_to_all, closed, denied} & names_of(place.client("alice")) == {open_to_all}
    assert open_to_all in names_of(place.client("team-keeper"))


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("none", {}, "-"),
        ("reader", {}, "-"),
        ("writer", {}, "-"),
        ("yours", {}, "-"),
        ("keeper", {}, "+"),
        ("keeper", {"ACL": "public-read"}, "+"),
        ("keeper", {"ObjectLockEnabledForBucket": True}, "+"),
        ("admin", {}, "+"),
        ("alice", {"ACL": "public-read"}, "+"),
        ("team-root", {}, "-"),
        ("team-keeper", {}, "-"),
    ],
)
def test_making_a_bucket_needs_a_right(
    place: Place, name: str, options: dict[str, Any], expected: str
) -> None:
    bucket = f"made-{next(_names)}"
    assert trying(place.client(name), "create_bucket", Bucket=bucket, **options) == expected


def test_what_a_user_makes_is_the_root_accounts(place: Place) -> None:
    bucket = place.bucket("keeper")
    acl = place.client("root").get_bucket_acl(Bucket=bucket)
    assert acl["Owner"]["ID"] == ROOT_ACCOUNT
    assert trying(place.client("keeper"), "create_bucket", Bucket=bucket) == "+"


def test_the_owner_can_be_expected_by_the_number(place: Place) -> None:
    ours, alices = place.bucket(), place.bucket("alice")
    for bucket, expected in ((ours, "+"), (alices, "-")):
        asked = {"Bucket": bucket, "ExpectedBucketOwner": NUMBER}
        assert trying(place.client("root"), "head_bucket", **asked) == expected


# Objects


def test_what_a_user_writes_is_the_bucket_owners(place: Place) -> None:
    bucket = place.bucket("alice")
    place.client("writer").put_object(Bucket=bucket, Key="theirs", Body=b"x")
    acl = place.client("alice").get_object_acl(Bucket=bucket, Key="theirs")
    assert acl["Owner"]["ID"] == ALICE.account
    assert trying(place.client("alice"), "get_object", Bucket=bucket, Key="theirs") == "+"


def test_an_upload_tells_which_user_began_it(place: Place) -> None:
    bucket = place.bucket("alice")
    place.client("writer").create_multipart_upload(Bucket=bucket, Key="large")
    place.client("alice").create_multipart_upload(Bucket=bucket, Key="own")
    listed = place.client("alice").list_multipart_uploads(Bucket=bucket)["Uploads"]
    initiators = {each["Key"]: each["Initiator"] for each in listed}
    arn = f"arn:aws:iam::{NUMBER}:user/writer"
    assert initiators["large"] == {"ID": arn, "DisplayName": "writer"}
    assert initiators["own"]["ID"] == ALICE.account


def test_an_upload_of_one_user_is_not_anothers(place: Place) -> None:
    bucket = place.bucket()
    upload = place.client("root").create_multipart_upload(Bucket=bucket, Key="large")
    named = {"Bucket": bucket, "Key": "large", "UploadId": upload["UploadId"]}
    assert trying(place.client("reader"), "abort_multipart_upload", **named) == "-"
    assert trying(place.client("none"), "list_parts", **named) == "-"
    assert trying(place.client("writer"), "abort_multipart_upload", **named) == "+"


def test_deleting_many_is_decided_key_by_key(place: Place) -> None:
    bucket = place.bucket()
    wanted = {"Objects": [{"Key": "k"}, {"Key": "team/k"}]}
    answer = place.client("team-writer").delete_objects(Bucket=bucket, Delete=wanted)
    assert [each["Key"] for each in answer["Deleted"]] == ["team/k"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("k", "AccessDenied")]
    assert trying(place.client("reader"), "delete_objects", Bucket=bucket, Delete=wanted) == "-"


def test_a_copy_needs_both_buckets(place: Place) -> None:
    source, target = place.bucket(), place.bucket("alice")
    asked = {"Bucket": target, "Key": "copy", "CopySource": f"{source}/k"}
    assert trying(place.client("alice"), "copy_object", **asked) == "-"
    assert trying(place.client("writer"), "copy_object", **asked) == "+"
    place.close_to(source, "HEAD-OBJECT,LIST-OBJECTS")
    assert trying(place.client("writer"), "copy_object", **asked) == "-"


def test_governance_is_bypassed_by_who_may_change_the_bucket(place: Place) -> None:
    bucket = place.bucket(ObjectLockEnabledForBucket=True)
    held = {"Mode": "GOVERNANCE", "RetainUntilDate": "2099-01-01T00:00:00Z"}
    for name, expected in (("writer", "-"), ("keeper", "+")):
        version = place.client("root").put_object(Bucket=bucket, Key="held")["VersionId"]
        named = {"Bucket": bucket, "Key": "held", "VersionId": version}
        place.client("keeper").put_object_retention(**named, Retention=held)
        asked = {**named, "BypassGovernanceRetention": True}
        assert trying(place.client(name), "delete_object", **asked) == expected


def test_a_lock_on_a_new_object_needs_the_right_to_lock(place: Place) -> None:
    bucket = place.bucket(ObjectLockEnabledForBucket=True)
    for name, expected in (("writer", "-"), ("keeper", "+")):
        asked = {"Bucket": bucket, "Key": "new", "ObjectLockLegalHoldStatus": "ON"}
        assert trying(place.client(name), "put_object", **asked) == expected


def test_logs_go_only_where_who_asks_could_write(place: Place) -> None:
    source, target = place.bucket(), place.bucket()
    logging = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "logs/"}}
    asked = {"Bucket": source, "BucketLoggingStatus": logging}
    no = {"Effect": "Deny", "Principal": {"AWS": NUMBER}, "Action": "s3:PutObject"}
    place.client("root").put_bucket_policy(Bucket=target, Policy=policy(no, bucket=target))
    assert trying(place.client("keeper"), "put_bucket_logging", **asked) == "-"
    place.client("root").delete_bucket_policy(Bucket=target)
    assert trying(place.client("keeper"), "put_bucket_logging", **asked) == "+"


def test_a_presigned_url_is_as_good_as_its_signer(place: Place) -> None:
    bucket = place.bucket()
    for name, expected in (("reader", 200), ("none", 403), ("team-writer", 403)):
        url = place.client(name).generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": "k"}
        )
        target = url.removeprefix("http://127.0.0.1")
        assert place.gateway.send("GET", target, account=None).status == expected


def test_the_log_says_which_user_it_was(place: Place) -> None:
    ASKING["GetObject"](place.client("etl"), place.bucket())
    said = place.gateway.observer.exchanges[-1].account
    assert said == f"arn:aws:sts::{NUMBER}:assumed-role/etl/nightly"


TELLING = {"x-amz-tagging-count", "x-amz-object-lock-mode", "x-amz-object-lock-legal-hold"}


@pytest.mark.parametrize(
    ("name", "told"), [("root", True), ("reader", True), ("bob", False), ("none", False)]
)
def test_reading_tells_of_tags_and_locks_only_to_who_may_ask(
    place: Place, name: str, told: bool
) -> None:
    bucket = place.bucket(ObjectLockEnabledForBucket=True)
    held = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2099-01-01T00:00:00Z"}
    named = {"Bucket": bucket, "Key": "held"}
    place.client("root").put_object(**named, **held, Tagging="a=b", ObjectLockLegalHoldStatus="ON")
    everybody = policy({"Principal": "*", "Action": "s3:GetObject"}, bucket=bucket)
    place.client("root").put_bucket_policy(Bucket=bucket, Policy=everybody)
    for ask in (place.client(name).get_object, place.client(name).head_object):
        headers = ask(**named)["ResponseMetadata"]["HTTPHeaders"]
        assert headers.keys() & TELLING == (TELLING if told else set())
