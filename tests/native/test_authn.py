"""AuthN on the gateway's own port: users, roles, clusters, tokens."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.identity.places import CLUSTER
from tests.native.authn_scene import PASSWORD, AuthnScene
from tests.native.scene import told
from tests.tokens.scene import configured, signed, with_secret

READ = {"id": CLUSTER, "perm": "13059"}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def authn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthnScene]:
    with AuthnScene(tmp_path_factory.mktemp("authn")) as scene:
        yield scene


@pytest.fixture
def user(authn: AuthnScene) -> str:
    """A guest."""
    name = f"user-{next(_numbers)}"
    authn.add_user(name, "Guest")
    return name


@pytest.fixture
def role(authn: AuthnScene) -> str:
    name = f"role-{next(_numbers)}"
    document = {"name": name, "desc": "reads", "clusters": [READ], "buckets": None, "admin": False}
    authn.json("POST", "roles", document, token=authn.admin)
    return name


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


# Logging in


def test_who_logs_in_gets_a_token_that_is_good(authn: AuthnScene, user: str) -> None:
    token = authn.log_in(user)
    assert authn.json("GET", "buckets", {"action": "list"}, token=token) == []
    assert told(authn.act("POST", "buckets/abc", "create-bck", token=token)).status == 403


def test_wrong_credentials_are_alike(authn: AuthnScene, user: str) -> None:
    wrong = [(user, "wrong password"), ("nobody", PASSWORD), (user, ""), (user, "x" * 5000)]
    for name, password in wrong:
        error = told(authn.send("POST", f"users/{name}", {"password": password}, token=""))
        assert (error.status, error.message) == (401, "invalid credentials")


def test_a_bad_old_token_does_not_keep_from_logging_in(authn: AuthnScene, user: str) -> None:
    answer = authn.send("POST", f"users/{user}", {"password": PASSWORD}, token="rubbish")
    assert answer.status == 200


def test_a_token_lasts_as_long_as_asked(authn: AuthnScene, user: str) -> None:
    def lasts(**asked: Any) -> int:
        claims = claims_of(authn.log_in(user, **asked))
        return int(claims["exp"] - claims["iat"])

    assert lasts(expires_in=90 * 10**9) == 90
    assert lasts(expires_in=1) == 1
    assert lasts(expires_in=None) == 12 * 3600
    assert lasts(expires_in=0) > 10 * 365 * 86400
    for wrong in (-1, "soon", 1 << 62):
        message = {"password": PASSWORD, "expires_in": wrong}
        assert told(authn.send("POST", f"users/{user}", message, token="")).status == 400


def test_a_login_is_no_message_of_actions(authn: AuthnScene, user: str) -> None:
    for body in (b"", b"[]", b"{", b'{"password":7}'):
        answer = authn.send("POST", f"users/{user}", body=body, token="")
        assert told(answer).status in (400, 401)


# Users


def test_users_are_told_without_passwords(authn: AuthnScene, user: str) -> None:
    shown = authn.json("GET", f"users/{user}", token=authn.admin)
    assert shown["id"] == user
    assert [each["name"] for each in shown["roles"]] == ["Guest"]
    assert shown.keys() == {"id", "roles"}
    every = authn.json("GET", "users", token=authn.admin)
    assert every[user] == shown


def test_a_user_is_made_once(authn: AuthnScene, user: str) -> None:
    document = {"id": user, "pass": PASSWORD, "roles": []}
    error = told(authn.send("POST", "users", document, token=authn.admin))
    assert (error.status, "user " in error.message) == (409, True)


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"id": "x", "roles": []}, 400),
        ({"id": "x", "pass": "short", "roles": []}, 400),
        ({"id": "a/b", "pass": PASSWORD}, 400),
        ({"id": "", "pass": PASSWORD}, 400),
        ({"id": "root", "pass": PASSWORD}, 400),
        ({"id": "x", "pass": PASSWORD, "roles": [{"name": "none"}]}, 404),
        ([], 400),
    ],
)
def test_users_that_cannot_be_are_refused(authn: AuthnScene, document: object, status: int) -> None:
    assert told(authn.send("POST", "users", document, token=authn.admin)).status == status


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_user_that_is_not_there_is_named(authn: AuthnScene, method: str) -> None:
    document = {"id": "nobody", "roles": []}
    error = told(authn.send(method, "users/nobody", document, token=authn.admin))
    assert error.status == 404
    assert "user 'nobody'" in error.message


def test_new_roles_take_the_place_of_the_old(authn: AuthnScene, user: str, role: str) -> None:
    document = {"id": user, "password": None, "roles": [{"name": role}]}
    authn.json("PUT", f"users/{user}", document, token=authn.admin)
    shown = authn.json("GET", f"users/{user}", token=authn.admin)
    assert [each["name"] for each in shown["roles"]] == [role]
    authn.log_in(user)


def test_a_removed_users_token_is_refused(authn: AuthnScene, user: str) -> None:
    token = authn.log_in(user)
    authn.json("DELETE", f"users/{user}", token=authn.admin)
    assert told(authn.act("GET", "buckets", "list", token=token)).status == 401


# What users may do for themselves


def test_users_read_themselves_and_change_their_password(authn: AuthnScene, user: str) -> None:
    token = authn.log_in(user)
    assert authn.json("GET", f"users/{user}", token=token)["id"] == user
    document = {"id": user, "pass": "another one", "old_pass": PASSWORD}
    authn.json("PUT", f"users/{user}", document, token=token)
    assert told(authn.send("POST", f"users/{user}", {"password": PASSWORD}, token="")).status == 401
    authn.log_in(user, "another one")


@pytest.mark.parametrize("old", [{}, {"old_pass": ""}, {"old_pass": "not it at all"}])
@pytest.mark.parametrize("role", ["Guest", "Admin"])
def test_a_token_alone_changes_no_password(
    authn: AuthnScene, role: str, old: dict[str, str]
) -> None:
    name = f"user-{next(_numbers)}"
    authn.add_user(name, role)
    document = {"id": name, "pass": "another one", **old}
    refusal = told(authn.send("PUT", f"users/{name}", document, token=authn.log_in(name)))
    assert (refusal.status, "old_pass" in refusal.message) == (403, True)
    authn.log_in(name)


def test_guesses_at_the_old_password_are_slowed_down(tmp_path: Path) -> None:
    with AuthnScene(tmp_path) as scene:
        scene.add_user("ann", "Guest")
        token = scene.log_in("ann")
        document = {"id": "ann", "pass": "another one", "old_pass": "a guess"}
        answers = [
            told(scene.send("PUT", "users/ann", document, token=token)).status for _ in range(7)
        ]
        assert answers == [403] * 5 + [429] * 2


def test_an_administrator_sets_the_password_of_others(authn: AuthnScene, user: str) -> None:
    authn.json("PUT", f"users/{user}", {"id": user, "pass": "another one"}, token=authn.admin)
    authn.log_in(user, "another one")


@pytest.mark.parametrize(("expires_in", "lasts_s"), [(0, 7200), (7200 * 10**9, 7200), (None, 7200)])
def test_a_token_lasts_as_long_as_the_setting_allows(
    tmp_path: Path, expires_in: int | None, lasts_s: int
) -> None:
    with AuthnScene(tmp_path, configured(tmp_path, '[auth]\nlongest_token = "2h"\n')) as scene:
        scene.add_user("ann", "Guest")
        claims = claims_of(scene.log_in("ann", expires_in=expires_in))
        assert claims["exp"] - claims["iat"] == lasts_s
        asked = {"password": PASSWORD, "expires_in": 7201 * 10**9}
        refusal = told(scene.send("POST", "users/ann", asked, token=""))
        assert (refusal.status, "auth.longest_token" in refusal.message) == (400, True)


def test_users_give_themselves_no_roles(authn: AuthnScene, user: str) -> None:
    token = authn.log_in(user)
    document = {"id": user, "roles": [{"name": "Admin"}]}
    assert told(authn.send("PUT", f"users/{user}", document, token=token)).status == 403


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "users"),
        ("POST", "users"),
        ("GET", "users/another"),
        ("PUT", "users/another"),
        ("DELETE", "users/another"),
        ("GET", "roles"),
        ("POST", "roles"),
        ("GET", "roles/Guest"),
        ("PUT", "roles/Guest"),
        ("DELETE", "roles/Guest"),
        ("GET", "clusters"),
        ("POST", "clusters"),
        ("GET", "clusters/c"),
        ("PUT", "clusters/c"),
        ("DELETE", "clusters/c"),
    ],
)
def test_only_administrators_manage(authn: AuthnScene, method: str, target: str) -> None:
    name = f"user-{next(_numbers)}"
    # Every bit of the cluster, also the administrators', does not make an administrator.
    authn.add_user(name, "ClusterOwner")
    document = {"id": "x", "name": "x", "pass": PASSWORD}
    assert told(authn.send(method, target, document, token=authn.log_in(name))).status == 403


def test_an_administrator_may(authn: AuthnScene) -> None:
    name = f"user-{next(_numbers)}"
    authn.add_user(name, "Admin")
    assert name in authn.json("GET", "users", token=authn.log_in(name))


def test_another_signers_subject_is_another(tmp_path: Path) -> None:
    """A token of the same name that the server did not issue changes nobody's password."""
    with AuthnScene(tmp_path, configured(tmp_path, with_secret())) as scene:
        scene.add_user("ann", "Guest")
        stranger = signed({"sub": "ann", "exp": 2**33, "clusters": [{"id": "", "perm": "su"}]})
        assert scene.act("GET", "buckets", "list", token=stranger).status == 200
        document = {"id": "ann", "pass": "stolen account", "old_pass": PASSWORD}
        assert told(scene.send("PUT", "users/ann", document, token=stranger)).status == 403
        scene.json("PUT", "users/ann", document, token=scene.log_in("ann"))


# What is written down, and who is slowed down


def test_changes_are_written_into_the_audit_log(tmp_path: Path) -> None:
    with AuthnScene(tmp_path) as scene:
        scene.add_user("ann", "Guest")
        token = scene.log_in("ann")
        scene.send("POST", "roles", {"name": "mine", "admin": True}, token=token)
        scene.act("POST", "buckets/abc", "create-bck", token=scene.admin)
        scene.json("DELETE", "tokens", {"token": token}, token=token)
        scene.json("GET", "users", token=scene.admin)
        written = scene.audited()
    lines = [json.loads(line) for line in b"".join(written).splitlines()]
    assert [(x["action"], x["resource"], x["user"], x["outcome"]) for x in lines] == [
        ("CreateUser", "users/ann", "root", "200"),
        ("LogIn", "users/ann", "", "200"),
        ("CreateRole", "roles", "ann", "403"),
        ("CreateBucket", "arn:aws:s3:::abc", "root", "200"),
        ("RevokeToken", "tokens", "ann", "200"),
    ]
    assert token.encode() not in b"".join(written)
    assert PASSWORD.encode() not in b"".join(written)


def test_who_guesses_passwords_has_to_wait(tmp_path: Path) -> None:
    with AuthnScene(tmp_path) as scene:
        scene.add_user("ann", "Guest")
        scene.add_user("bob", "Guest")

        def guess(name: str, password: str) -> int:
            return scene.send("POST", f"users/{name}", {"password": password}, token="").status

        assert [guess("ann", "wrong one") for _ in range(7)] == [401] * 5 + [429] * 2
        answer = scene.send("POST", "users/ann", {"password": PASSWORD}, token="")
        assert told(answer).tcode == "ErrTooManyRequests"
        assert int(answer.headers["retry-after"]) > 0
        # Another user at the same address need not.
        assert guess("bob", PASSWORD) == 200


def test_a_good_token_never_waits_for_bad_ones(tmp_path: Path) -> None:
    with AuthnScene(tmp_path) as scene:
        statuses = {scene.act("GET", "buckets", "list", token="rubbish").status for _ in range(60)}
        assert statuses == {401, 429}
        assert scene.act("GET", "buckets", "list", token=scene.admin).status == 200


# Roles


def test_a_role_is_told_as_it_was_made(authn: AuthnScene) -> None:
    bck = {"name": "b", "provider": "ais", "namespace": {"uuid": CLUSTER, "name": ""}}
    document = {
        "name": f"role-{next(_numbers)}",
        "desc": "two",
        "clusters": [READ],
        "buckets": [{"bck": bck, "perm": "831"}],
        "admin": False,
    }
    authn.json("POST", "roles", document, token=authn.admin)
    assert authn.json("GET", f"roles/{document['name']}", token=authn.admin) == document
    assert document in authn.json("GET", "roles", token=authn.admin)


def test_built_in_roles_are_there_and_stay(authn: AuthnScene) -> None:
    names = [each["name"] for each in authn.json("GET", "roles", token=authn.admin)]
    assert {"Admin", "ClusterOwner", "BucketOwner", "Guest"} <= set(names)
    for method, document in (("PUT", {"name": "Guest", "admin": True}), ("DELETE", None)):
        assert told(authn.send(method, "roles/Guest", document, token=authn.admin)).status == 400


def test_a_role_is_made_once(authn: AuthnScene, role: str) -> None:
    error = told(authn.send("POST", "roles", {"name": role}, token=authn.admin))
    assert (error.status, "role " in error.message) == (409, True)


def test_a_changed_role_counts_for_the_next_token(authn: AuthnScene, role: str) -> None:
    name = f"user-{next(_numbers)}"
    authn.add_user(name, role)
    document = {"name": role, "desc": "", "clusters": [{"id": CLUSTER, "perm": "su"}]}
    authn.json("PUT", f"roles/{role}", document, token=authn.admin)
    token = authn.log_in(name)
    assert authn.act("POST", f"buckets/of-{name}", "create-bck", token=token).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"clusters": [{"id": "c", "perm": "everything"}]},
        {"clusters": [{"id": "c", "perm": str(1 << 64)}]},
        {"clusters": {}},
        {"buckets": [{"perm": "1"}]},
        {"buckets": [{"bck": {"name": 7}, "perm": "1"}]},
        {"admin": "yes"},
        {"desc": "x" * 1001},
        {"name": "a/b"},
        {"name": "token"},
    ],
)
def test_roles_that_cannot_be_are_refused(authn: AuthnScene, wrong: dict[str, Any]) -> None:
    document = {"name": "wrong", "desc": "", **wrong}
    assert told(authn.send("POST", "roles", document, token=authn.admin)).status == 400


def test_a_role_that_is_deleted_is_taken_from_its_users(authn: AuthnScene, role: str) -> None:
    name = f"user-{next(_numbers)}"
    authn.add_user(name, role)
    authn.json("DELETE", f"roles/{role}", token=authn.admin)
    assert authn.json("GET", f"users/{name}", token=authn.admin)["roles"] == []
    authn.json("DELETE", f"users/{name}", token=authn.admin)
    error = told(authn.send("GET", f"roles/{role}", token=authn.admin))
    assert (error.status, f"role '{role}'" in error.message) == (404, True)


# Clusters


def test_clusters_are_known_by_id_and_alias(authn: AuthnScene) -> None:
    document = {"id": "abcdefghi", "alias": "prod", "urls": ["http://prod:8080"]}
    authn.json("POST", "clusters", document, token=authn.admin)
    for name in ("abcdefghi", "prod"):
        found = authn.json("GET", f"clusters/{name}", token=authn.admin)
        assert found == {"clusters": {"abcdefghi": document}}
    error = told(authn.send("POST", "clusters", document, token=authn.admin))
    assert (error.status, "cluster " in error.message) == (409, True)
    change = {"id": "abcdefghi", "alias": "test", "urls": []}
    authn.json("PUT", "clusters/abcdefghi", change, token=authn.admin)
    listed = authn.json("GET", "clusters", token=authn.admin)["clusters"]["abcdefghi"]
    assert (listed["alias"], listed["urls"]) == ("test", document["urls"])
    authn.json("DELETE", "clusters/test", token=authn.admin)
    error = told(authn.send("GET", "clusters/test", token=authn.admin))
    assert (error.status, "cluster " in error.message) == (404, True)


# Taking tokens back


def test_a_revoked_token_is_refused(authn: AuthnScene, user: str) -> None:
    token, other = authn.log_in(user), authn.log_in(user)
    authn.json("DELETE", "tokens", {"token": token}, token=token)
    assert told(authn.act("GET", "buckets", "list", token=token)).status == 401
    assert authn.act("GET", "buckets", "list", token=other).status == 200


def test_only_tokens_can_be_revoked(authn: AuthnScene) -> None:
    for wrong in ("", "rubbish", "a.b.c"):
        answer = authn.send("DELETE", "tokens", {"token": wrong}, token=authn.admin)
        assert told(answer).status == 400


def test_no_token_without_a_token(authn: AuthnScene, user: str) -> None:
    token = authn.log_in(user)
    assert told(authn.send("DELETE", "tokens", {"token": token}, token="")).status == 401
    assert authn.act("GET", "buckets", "list", token=token).status == 200
