"""Queries and dsorts of two gateways: either continues what the other has begun."""

from __future__ import annotations

import http.client
import json
from typing import Any

from storage.archives import ArchiveFormat
from tests.archives.made import made, read_back
from tests.cluster.gateways.conftest import Pair
from tests.native.jobs.sort_scene import model, shards, spec
from tests.server_process import ServerProcess, eventually


def ask(
    server: ServerProcess, token: str, method: str, target: str, message: Any
) -> tuple[int, bytes]:
    connection: http.client.HTTPConnection = server.connection()
    try:
        headers = {"Authorization": f"Bearer {token}"}
        connection.request(method, f"/v1/{target}", json.dumps(message), headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def token_of(pair: Pair) -> str:
    token: str = pair.cluster.auth("one", "token")["token"]
    return token


def test_a_query_goes_on_at_the_other_gateway(pair: Pair) -> None:
    client, token = pair.one.client(), token_of(pair)
    client.create_bucket(Bucket="queried")
    for number in range(30):
        client.put_object(Bucket="queried", Key=f"{number:02}", Body=b"x" * number)
    condition = {"type": "F", "filter_name": "size_ge", "args": ["10"]}
    query = {"from": {"bucket": {"name": "queried"}}, "where": {"filter": condition}}
    _, handle = ask(pair.one, token, "POST", "query/init", {"query": query})
    asked = {"handle": handle.decode(), "size": 6}
    found: list[str] = []
    for server in (pair.other, pair.one, pair.other, pair.one):
        status, body = ask(server, token, "GET", "query/next", asked)
        assert status == 200, body
        found += [each["name"] for each in json.loads(body)]
    assert found == [f"{number:02}" for number in range(10, 30)]
    assert ask(pair.other, token, "GET", "query/next", asked)[0] == 410


def test_a_sort_is_begun_at_either_gateway(pair: Pair) -> None:
    client, token, given = pair.one.client(), token_of(pair), shards(3, 10)
    for bucket in ("shards", "sorted"):
        client.create_bucket(Bucket=bucket)
    for name, files in given.items():
        client.put_object(Bucket="shards", Key=name, Body=made(ArchiveFormat.TAR, files))
    status, body = ask(pair.other, token, "POST", "sort", spec("shards", "sorted"))
    assert status == 200, body
    where = f"sort?uuid={body.decode()}"

    def is_over() -> bool:
        status, shown = ask(pair.one, token, "GET", where, None)
        return status == 200 and all(each["archived"] for each in json.loads(shown).values())

    eventually(is_over, "the job ended")
    names = [each["Key"] for each in client.list_objects_v2(Bucket="sorted")["Contents"]]
    bodies = (client.get_object(Bucket="sorted", Key=name)["Body"].read() for name in names)
    assert [read_back(ArchiveFormat.TAR, each) for each in bodies] == model(given, {}, 1024)
