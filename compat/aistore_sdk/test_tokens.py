"""Tokens and the AuthN client of the aistore SDK."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest

AuthNClient: Any = import_module("aistore.sdk.authn").AuthNClient
Attr: Any = import_module("aistore.sdk.authn.access_attr").AccessAttr
authn_errors: Any = import_module("aistore.sdk.authn.errors")
errors: Any = import_module("aistore.sdk.errors")

PASSWORD = "correct horse"
READING = [Attr.GET, Attr.OBJ_HEAD, Attr.BCK_HEAD, Attr.OBJ_LIST]
READING += [Attr.LIST_BUCKETS, Attr.SHOW_CLUSTER]


@pytest.fixture(name="admin", scope="module")
def _admin(endpoint: str, client: Any) -> Any:
    made = AuthNClient(endpoint, token=client._request_client.token)
    with suppress(authn_errors.ErrClusterAlreadyRegistered):
        made.cluster_manager().register("here", [endpoint])
    return made


@pytest.fixture(name="role")
def _role(admin: Any) -> Iterator[str]:
    name = f"role-{uuid.uuid4().hex[:8]}"
    admin.role_manager().create(name, "reads", "here", READING)
    yield name
    admin.role_manager().delete(name, missing_ok=True)


@pytest.fixture(name="user")
def _user(admin: Any, role: str) -> Iterator[str]:
    name = f"user-{uuid.uuid4().hex[:8]}"
    admin.user_manager().create(name, [role], PASSWORD)
    yield name
    admin.user_manager().delete(name, missing_ok=True)


def test_nothing_is_answered_without_a_token(
    connect: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIS_AUTHN_TOKEN")
    for token in (None, "rubbish"):
        with pytest.raises(errors.AISError) as caught:
            connect(token=token).cluster().list_buckets()
        assert caught.value.status_code == 401


def test_who_logs_in_may_what_the_role_allows(
    endpoint: str, connect: Callable[..., Any], bucket: Any, user: str
) -> None:
    bucket.object("k").get_writer().put_content(b"abc")
    token = AuthNClient(endpoint).login(user, PASSWORD, expires_in=600)
    theirs = connect(token=token).bucket(bucket.name)
    assert theirs.object("k").get_reader().read_all() == b"abc"
    for forbidden in (
        lambda: theirs.object("k").get_writer().put_content(b"def"),
        theirs.object("k").delete,
        theirs.delete,
        connect(token=token).bucket("new-bucket").create,
    ):
        with pytest.raises(errors.AISError) as caught:
            forbidden()
        assert caught.value.status_code == 403


def test_a_role_for_one_bucket(
    endpoint: str, admin: Any, connect: Callable[..., Any], bucket: Any, user: str, role: str
) -> None:
    name = f"{role}-writes"
    admin.role_manager().create(name, "writes", "here", [Attr.ACCESS_RW], bucket_name=bucket.name)
    admin.user_manager().update(user, roles=[role, name])
    token = AuthNClient(endpoint).login(user, PASSWORD)
    connect(token=token).bucket(bucket.name).object("k").get_writer().put_content(b"def")
    assert bucket.object("k").get_reader().read_all() == b"def"
    admin.user_manager().update(user, roles=[role])
    admin.role_manager().delete(name)


@pytest.mark.parametrize("who", ["user", "nobody"])
def test_wrong_credentials(endpoint: str, user: str, who: str) -> None:
    with pytest.raises(authn_errors.ErrUserInvalidCredentials):
        AuthNClient(endpoint).login(user if who == "user" else who, "wrong password")


def test_a_revoked_token_is_refused(endpoint: str, connect: Callable[..., Any], user: str) -> None:
    theirs = AuthNClient(endpoint)
    token = theirs.login(user, PASSWORD)
    theirs.logout()
    with pytest.raises(errors.AISError, match="revoked"):
        connect(token=token).cluster().list_buckets()


def test_a_token_is_revoked_by_who_has_it(
    endpoint: str, connect: Callable[..., Any], user: str
) -> None:
    theirs = AuthNClient(endpoint)
    token = theirs.login(user, PASSWORD)
    theirs.token_manager().revoke(token)
    with pytest.raises(errors.AISError, match="revoked"):
        connect(token=token).cluster().list_buckets()


def test_users_are_told(admin: Any, user: str, role: str) -> None:
    manager = admin.user_manager()
    assert user in list(manager.list())
    assert [each.name for each in manager.get(user).roles] == [role]
    with pytest.raises(authn_errors.ErrUserAlreadyExists):
        manager.create(user, [role], PASSWORD)
    manager.delete(user)
    with pytest.raises(authn_errors.ErrUserNotFound):
        manager.get(user)
    with pytest.raises(authn_errors.ErrUserNotFound):
        manager.delete(user)


def test_a_token_alone_changes_no_password(endpoint: str, user: str) -> None:
    """The SDK has no means to send the old one."""
    theirs = AuthNClient(endpoint)
    theirs.login(user, PASSWORD)
    with pytest.raises(authn_errors.AuthNError, match="old_pass"):
        theirs.user_manager().update(user, password="another one")
    assert AuthNClient(endpoint).login(user, PASSWORD)


def test_a_password_is_changed_by_an_administrator(endpoint: str, admin: Any, user: str) -> None:
    admin.user_manager().update(user, password="another one")
    with pytest.raises(authn_errors.ErrUserInvalidCredentials):
        AuthNClient(endpoint).login(user, PASSWORD)
    assert AuthNClient(endpoint).login(user, "another one")


def test_users_manage_nobody(endpoint: str, user: str) -> None:
    theirs = AuthNClient(endpoint)
    theirs.login(user, PASSWORD)
    for forbidden in (theirs.user_manager().list, theirs.role_manager().list):
        with pytest.raises(authn_errors.AuthNError) as caught:
            forbidden()
        assert caught.value.status_code == 403


def test_roles_are_told(admin: Any, role: str) -> None:
    manager = admin.role_manager()
    assert {"Admin", "Guest", role} <= {each.name for each in manager.list()}
    assert manager.get(role).clusters[0].perm == str(sum(READING))
    manager.update(role, desc="reads only")
    assert manager.get(role).desc == "reads only"
    with pytest.raises(authn_errors.ErrRoleAlreadyExists):
        manager.create(role, "", "here", READING)
    with pytest.raises(authn_errors.ErrRoleNotFound):
        manager.get("no-such-role")


def test_clusters_are_told(admin: Any, client: Any, endpoint: str) -> None:
    manager = admin.cluster_manager()
    found = manager.get(cluster_alias="here")
    assert (found.id, found.urls) == (client.cluster().get_uuid(), [endpoint])
    assert manager.get(cluster_id=found.id) == found
    with pytest.raises(authn_errors.ErrClusterAlreadyRegistered):
        manager.register("elsewhere", [endpoint])
    with pytest.raises(authn_errors.ErrClusterNotFound):
        manager.get(cluster_alias="nowhere")


def test_a_cluster_is_called_otherwise(admin: Any, endpoint: str) -> None:
    manager = admin.cluster_manager()
    here = manager.get(cluster_alias="here").id
    manager.update(here, cluster_alias="there", urls=[endpoint])
    assert manager.get(cluster_alias="there").id == here
    assert [each.alias for each in manager.list().clusters.values()] == ["there"]
    manager.update(here, cluster_alias="here", urls=[endpoint])


def test_a_cluster_is_forgotten_and_registered_again(admin: Any, endpoint: str) -> None:
    manager = admin.cluster_manager()
    manager.delete(manager.get(cluster_alias="here").id)
    with pytest.raises(authn_errors.ErrClusterNotFound):
        manager.get(cluster_alias="here")
    assert manager.register("here", [endpoint]).alias == "here"
