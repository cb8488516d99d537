"""How requests are read and refused: paths, methods, actions, messages; and the cluster's map."""

from __future__ import annotations

from typing import Any

import pytest
import xxhash

from s3gw.access import Access
from s3gw.native.actmsg import ACTIONS
from s3gw.native.operation import NativeTable, operation
from tests.native.scene import CLUSTER, HOST, Scene, told

SERVED = {"create-bck", "destroy-bck", "set-bprops", "reset-bprops", "list"}
# Those of jobs have tests of their own.
SERVED |= {"archive", "delete-listrange", "copy-listrange", "copy-bck", "summary-bck"}
SERVED |= {"evict-listrange", "evict-remote-bck", "prefetch-listrange", "rechunk", "index-shard"}
SERVED |= {"move-bck", "make-n-copies", "etl-bck", "etl-listrange"}
SERVED |= {"create-inventory", "destroy-inventory", "show-inventory"}


DEEP = b'{"action":"list","value":' + b"[" * 5000


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "nonsense", 404),
        ("GET", "", 404),
        ("GET", "objects", 400),
        ("GET", "users/a/b", 400),
        ("POST", "daemon?what=smap", 501),
        ("GET", "daemon?what=weather", 400),
        ("GET", "daemon?what=ic_bundle", 501),
        ("GET", "reverse/daemon?what=node_status", 400),
        ("PUT", "reverse/daemon/mountpaths", 400),
        ("PUT", "cluster", 400),
        ("GET", "etl", 501),
    ],
)
def test_what_is_not_there_is_refused(scene: Scene, method: str, target: str, status: int) -> None:
    error = told(scene.send(method, target))
    assert error.status == status
    assert error.tcode == ("ErrUnsupp" if status == 501 else "")


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("PATCH", "buckets", "GET"),
        ("PUT", "users", "GET, POST"),
        ("POST", "roles/r", "DELETE, GET, PUT"),
        ("OPTIONS", "objects/b/o", "DELETE, GET, HEAD, PATCH, POST, PUT"),
    ],
)
def test_a_wrong_method_is_told_as_go_tells_it(
    scene: Scene, method: str, target: str, allowed: str
) -> None:
    answer = scene.send(method, target)
    assert (answer.status, answer.body) == (405, b"Method Not Allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("action", sorted(ACTIONS - SERVED))
def test_actions_of_aistore_are_refused_by_name(scene: Scene, bucket: str, action: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        error = told(scene.act(method, f"buckets/{bucket}", action))
        assert (error.status, error.tcode) == (501, "ErrUnsupp")
        assert f'"{action}"' in error.message


@pytest.mark.parametrize("action", ["copy-bck", "rebalance"])
def test_actions_on_objects_are_refused_by_name(scene: Scene, bucket: str, action: str) -> None:
    error = told(scene.act("POST", f"objects/{bucket}", action))
    assert (error.status, f'"{action}"' in error.message) == (501, True)


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "etl", "ETL"),
        ("GET", "etl/n?uuid=x", "ETL"),
        ("POST", "etl/n/start", "ETL"),
        ("POST", "etl/n/stop", "ETL"),
        ("DELETE", "etl/n", "ETL"),
        ("GET", "etl/n/logs", "ETL"),
        ("GET", "etl/n/logs/t1", "ETL"),
        ("GET", "etl/n/health", "ETL"),
        ("GET", "etl/n/metrics", "ETL"),
    ],
)
@pytest.mark.parametrize("body", [b"", b'{"name": "x", "action": 7}', b"input_bck: no json"])
def test_what_comes_later_is_refused_by_name(
    scene: Scene, method: str, target: str, name: str, body: bytes
) -> None:
    error = told(scene.send(method, target, body=body))
    assert (error.status, error.tcode, name in error.message) == (501, "ErrUnsupp", True)
    assert told(scene.send(method, target, body=body, token="")).status == 401


def test_what_is_no_action_is_an_error(scene: Scene, bucket: str) -> None:
    assert told(scene.act("POST", f"buckets/{bucket}", "dance")).status == 400
    assert told(scene.act("POST", f"buckets/{bucket}", "")).status == 400
    assert told(scene.send("POST", f"buckets/{bucket}")).status == 400


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"7", b'"x"', b'{"action":7}', b"\xff", b"[" * 5000, DEEP]
)
def test_a_broken_message_is_an_error(scene: Scene, bucket: str, body: bytes) -> None:
    assert told(scene.send("POST", f"buckets/{bucket}", body=body)).status == 400


def test_keys_of_a_message_may_be_missing_or_unknown(scene: Scene, bucket: str) -> None:
    message = {"action": "create-bck", "colour": "blue"}
    assert scene.send("POST", f"buckets/{bucket}-more", message).status == 200


@pytest.mark.parametrize("target", ["objects/%ff/k", "buckets/b?x=%ff", "%ff"])
def test_what_is_no_utf8_is_an_error(scene: Scene, target: str) -> None:
    assert told(scene.send("GET", target)).status == 400


def test_an_error_says_where_and_what(scene: Scene) -> None:
    error = scene.send("GET", "objects/nowhere/a%20b?provider=ais")
    document: Any = error.body
    assert b'"method":"GET"' in document
    assert b'"url_path":"/v1/objects/nowhere/a%20b"' in document
    assert b'"remote_addr":"127.0.0.1"' in document
    assert error.headers["x-content-type-options"] == "nosniff"


def test_requests_are_observed(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"abc", token="writer")
    exchange = scene.observer.exchanges[-1]
    assert (exchange.operation, exchange.bucket) == ("native.PutObject", bucket)
    assert (exchange.status, exchange.bytes_in) == (200, 3)
    scene.send("GET", "objects/nowhere/k")
    assert scene.observer.exchanges[-1].error_code == "ErrBckNotFound"


def test_two_operations_cannot_take_the_same_requests() -> None:
    @operation("GET", "daemon", what="smap", access=Access.SHOW_CLUSTER)
    class One: ...

    @operation("GET", "daemon", what="smap", access=Access.SHOW_CLUSTER)
    class Two: ...

    with pytest.raises(ValueError, match="same"):
        NativeTable([One, Two])  # type: ignore[list-item]


# The cluster


def digest_of(node_id: str) -> int:
    return int(xxhash.xxh64_intdigest(node_id.encode(), 1103515245))


def test_the_map_shows_one_gateway_and_one_target(scene: Scene) -> None:
    smap = scene.json("GET", "daemon?what=smap")
    assert (smap["uuid"], smap["version"]) == (CLUSTER, "1")
    (gateway,), (target,) = smap["pmap"].values(), smap["tmap"].values()
    assert smap["proxy_si"] == gateway
    assert (gateway["daemon_type"], target["daemon_type"]) == ("proxy", "target")
    for node in (gateway, target):
        assert node["public_net"]["direct_url"] == f"http://{HOST}"
        assert node["id_digest"] == digest_of(node["daemon_id"])
    assert scene.json("GET", "daemon?what=smap") == smap


def test_the_map_leads_back_the_way_that_was_come(scene: Scene) -> None:
    headers = {"host": "store.example.com", "x-forwarded-proto": "https"}
    net = scene.json("GET", "daemon?what=smap", headers=headers)["proxy_si"]["public_net"]
    assert net["direct_url"] == "https://store.example.com"
    assert net["daemon_port"] == "443"
    odd = scene.json("GET", "daemon?what=smap", headers={"host": "a/b<script>"})
    assert "script" not in odd["proxy_si"]["public_net"]["direct_url"]


def test_the_map_of_buckets_has_those_that_may_be_seen(scene: Scene, bucket: str) -> None:
    bmd = scene.json("GET", "daemon?what=bmd")
    assert bmd["providers"]["ais"]["@#"][bucket]["provider"] == "ais"
    assert told(scene.send("GET", "daemon?what=bmd", token="nobody")).status == 403


def test_health_needs_no_token(scene: Scene) -> None:
    assert scene.send("GET", "health?prr=true", token="").status == 200


def test_an_action_that_is_not_there_yet_is_refused_by_its_name(scene: Scene, bucket: str) -> None:
    error = told(scene.act("POST", f"buckets/{bucket}", "invallistobjcache"))
    assert (error.status, "invallistobjcache" in error.message) == (501, True)
