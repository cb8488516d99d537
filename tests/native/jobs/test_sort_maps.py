"""Shards made by external key maps: which records go where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from s3gw.outbound.addresses import Allowed
from tests.native.jobs.asking import attach_policy, keeping_out
from tests.native.jobs.scene import JobScene
from tests.native.jobs.sort_scene import outputs, put, sort, spec, why
from tests.native.scene import HOST, told
from tests.storage.http.site import Site

FILES = [
    (f"{kind}_{number}.txt", f"{kind}{number}".encode()) for number in range(4) for kind in "ab"
]
KEYS = {"as-%d": [f"a_{number}.txt" for number in range(4)], "bs-@009": ["b_[0-9]+\\.txt"]}
# A shard ends when the content and the headers of its members are so many bytes.
TWO = "600"
EXPECTED = {
    "as-0.tar": [("a_0.txt", b"a0"), ("a_1.txt", b"a1")],
    "as-1.tar": [("a_2.txt", b"a2"), ("a_3.txt", b"a3")],
    "bs-000.tar": [("b_0.txt", b"b0"), ("b_1.txt", b"b1")],
    "bs-001.tar": [("b_2.txt", b"b2"), ("b_3.txt", b"b3")],
}
LINES = "a_\\d.txt;as-%d\n\nb_\\d.txt;bs-@009\n"


@pytest.fixture
def filled(scene: JobScene, bucket: str) -> str:
    put(scene, bucket, {"in-0.tar": FILES[:5], "in-1.tar": FILES[5:]})
    return bucket


@pytest.fixture
def site(scene: JobScene) -> Iterator[Site]:
    site = Site()
    scene.server.run(site.__aenter__())
    scene.allowed = Allowed.parse(["127.0.0.1"])
    yield site
    scene.allowed = Allowed()
    scene.server.run(site.__aexit__(None, None, None))


def mapped(bucket: str, target: str, **more: Any) -> dict[str, Any]:
    return spec(bucket, target, output_format="", output_shard_size=TWO, **more)


@pytest.mark.parametrize("sent", [KEYS, json.dumps(KEYS), LINES], ids=["json", "text", "lines"])
def test_a_map_comes_with_the_request(scene: JobScene, filled: str, sent: Any) -> None:
    target = scene.new_bucket()
    found = sort(scene, mapped(filled, target, ekm=sent, ekm_file_sep=";"))
    assert not found["aborted"], found
    assert outputs(scene, target, prefix="") == EXPECTED


def test_a_map_and_a_list_of_shards_are_kept_apart(scene: JobScene, filled: str) -> None:
    target = scene.new_bucket()
    names = {"objnames": ["in-1.tar", "in-0.tar"]}
    sort(scene, mapped(filled, target, ekm=KEYS, input_format=names))
    assert outputs(scene, target, prefix="") == EXPECTED


@pytest.mark.parametrize(
    "where",
    ["http://{host}/v1/objects/{bucket}/m%20ap.json?provider=ais", "ais://{bucket}/m ap.json"],
)
def test_a_map_is_an_object_of_this_server(scene: JobScene, filled: str, where: str) -> None:
    scene.put(filled, quote("m ap.json"), json.dumps(KEYS).encode())
    target = scene.new_bucket()
    url = where.format(host=HOST, bucket=filled)
    found = sort(scene, mapped(filled, target, ekm_file=url))
    assert not found["aborted"], found
    assert outputs(scene, target, prefix="") == EXPECTED


def test_a_map_that_the_caller_may_not_read_is_refused(scene: JobScene, filled: str) -> None:
    secret = scene.new_bucket()
    scene.put(secret, "map.json", json.dumps(KEYS).encode())
    attach_policy(scene, secret, keeping_out(secret, "s3:GetObject", "*"))
    asked = mapped(filled, filled, ekm_file=f"ais://{secret}/map.json")
    assert told(scene.send("POST", "sort", asked, token="writer")).status == 403


def test_a_map_is_fetched_where_that_is_allowed(scene: JobScene, filled: str, site: Site) -> None:
    site.write("/map.json", json.dumps(KEYS).encode())
    target = scene.new_bucket()
    found = sort(scene, mapped(filled, target, ekm_file=f"{site.url}/map.json"))
    assert not found["aborted"], found
    assert outputs(scene, target, prefix="") == EXPECTED


def test_private_addresses_are_not_read(scene: JobScene, filled: str, site: Site) -> None:
    scene.allowed = Allowed()
    site.write("/map.json", json.dumps(KEYS).encode())
    found = sort(scene, mapped(filled, filled, ekm_file=f"{site.url}/map.json"))
    assert "see outbound.allow" in why(found)
    assert site.asked == []


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a;b", "is not JSON, as its name says"),
        (b'{"as-%d": ["a", "a"]}', "has the key 'a' twice"),
        (b'{"as": ["a"]}', "'as' without a range, like %d"),
        (b'{"as-{3..1}": ["a"]}', "a range must go up"),
        (b'{"as-%d": ["a("]}', "is not a regular expression of RE2"),
    ],
)
def test_a_bad_map_ends_the_job(scene: JobScene, filled: str, content: bytes, text: str) -> None:
    scene.put(filled, "bad.json", content)
    found = sort(scene, mapped(filled, filled, ekm_file=f"ais://{filled}/bad.json"))
    assert text in why(found)


def test_a_map_that_is_missing_ends_the_job(scene: JobScene, filled: str, site: Site) -> None:
    found = sort(scene, mapped(filled, filled, ekm_file=f"ais://{filled}/no-map"))
    assert "the external key map no-map does not exist" in why(found)
    found = sort(scene, mapped(filled, filled, ekm_file=f"{site.url}/no-map"))
    assert "cannot be read: status 404" in why(found)


@pytest.mark.parametrize("reaction", ["ignore", "warn", "abort"])
def test_a_malformed_line_is_as_the_reaction_says(
    scene: JobScene, filled: str, reaction: str
) -> None:
    target, sent = scene.new_bucket(), f"one;two;three\n{LINES}"
    asked = mapped(filled, target, ekm=sent, ekm_file_sep=";", ekm_malformed_line=reaction)
    found = sort(scene, asked)
    if reaction == "abort":
        assert "malformed line (0) in external key map: one;two;three" in why(found)
        return
    assert outputs(scene, target, prefix="") == EXPECTED
    assert len(found["Metrics"].get("warnings", ())) == (reaction == "warn")


@pytest.mark.parametrize(
    ("keys", "text"), [({"as-%d": ["^a_"]}, "no match"), ({**KEYS, "all-%d": ["b"]}, "multiple")]
)
@pytest.mark.parametrize("reaction", ["ignore", "warn", "abort"])
def test_a_record_without_a_shard_is_as_the_reaction_says(
    scene: JobScene, filled: str, reaction: str, keys: Any, text: str
) -> None:
    target = scene.new_bucket()
    found = sort(scene, mapped(filled, target, ekm=keys, ekm_missing_key=reaction))
    if reaction == "abort":
        assert f"external key map: {text}" in why(found)
        return
    chosen = {name: files for name, files in EXPECTED.items() if name.startswith("as-")}
    assert outputs(scene, target, prefix="") == chosen
    assert len(found["Metrics"].get("warnings", ())) == 4 * (reaction == "warn")


def test_the_content_of_a_key_member_is_looked_up(scene: JobScene, bucket: str) -> None:
    files = [(f"{n}.cls", str(n % 2).encode()) for n in range(4)]
    put(scene, bucket, {"in-0.tar": files})
    target = scene.new_bucket()
    for kind in ("int", "float", "string"):
        algorithm = {"kind": "content", "extension": ".cls", "content_key_type": kind}
        keys = {f"{kind}-odd-%d": ["^1$"], f"{kind}-even-%d": ["^0$"]}
        found = sort(
            scene,
            {**mapped(bucket, target, ekm=keys, algorithm=algorithm), "output_shard_size": "1GB"},
        )
        assert not found["aborted"], found
        made = outputs(scene, target, prefix=kind)
        assert made == {
            f"{kind}-even-0.tar": [("0.cls", b"0"), ("2.cls", b"0")],
            f"{kind}-odd-0.tar": [("1.cls", b"1"), ("3.cls", b"1")],
        }
