"""No secret, signature or token is written anywhere, whatever is asked and however it goes wrong.

Every way to prove who one is goes to a real server that logs all it can; then its output, its files
of logs and the access logs that it put into a bucket are searched for what was sent.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import pytest

from s3gw.identity.accounts import Account
from tests.native.test_restart import token_of
from tests.s3 import forms
from tests.s3.sse import customer_headers
from tests.server_process import ACCESS_KEY, SECRET_KEY, ServerProcess, eventually

WRONG_SECRET = "wrong/secret/wrong/secret/wrong/secret"
BEARER = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWEtdG9rZW4"
SESSION_TOKEN = "FwoGZXIvYXdzEXAMPLEsessiontokenEXAMPLE"
PASSWORD = "correct-horse-battery-staple"
CUSTOMER_KEY = bytes(range(100, 132))
_SECRET_PARAMETERS = {"signature", "x-amz-signature", "x-amz-security-token"}


class Sent:
    """What must not be found, in the spellings in which it could be."""

    def __init__(self) -> None:
        customer_key = base64.b64encode(CUSTOMER_KEY).decode()
        self.secrets = {SECRET_KEY, WRONG_SECRET, BEARER, SESSION_TOKEN, PASSWORD, customer_key}

    def of_request(self, request: Any, **_: Any) -> None:
        text = request.headers.get("Authorization", "")
        authorization = text.decode() if isinstance(text, bytes) else text
        self.secrets.update(re.findall(r"Signature=(\S+)", authorization))
        self.of_url(request.url)

    def of_url(self, url: str) -> str:
        pairs = parse_qsl(urlsplit(url).query)
        self.secrets.update(v for name, v in pairs if name.lower() in _SECRET_PARAMETERS)
        return url

    def found_in(self, text: str) -> set[str]:
        seen = (text, unquote(text))
        spelt = {each: (each, quote(each, safe=""), quote(each)) for each in self.secrets}
        return {each for each, ways in spelt.items() if any(w in t for w in ways for t in seen)}


@pytest.fixture(params=["hypercorn", "uvicorn"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    flags = ["--log-level", "debug", "--http-server", request.param]
    environment = {
        "S3GW_BUCKET_LOGGING_INTERVAL_S": "0.05",
        "S3GW_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
    }
    with ServerProcess(tmp_path, flags=flags, environment=environment) as server:
        yield server


def raw(server: ServerProcess, method: str, target: str, headers: dict[str, str]) -> int:
    connection = server.connection()
    try:
        connection.request(method, target, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def by_clients(server: ServerProcess, sent: Sent) -> None:
    """Right and wrong signatures in headers and queries, and a customer's key."""
    for secret in (SECRET_KEY, WRONG_SECRET):
        client: Any = server.client(secret_key=secret)
        client.meta.events.register("before-send.s3", sent.of_request)
        calls: list[tuple[Any, dict[str, Any]]] = [
            (client.list_buckets, {}),
            (client.put_object, {"Bucket": "bucket", "Key": "key", "Body": b"body"}),
            (client.put_bucket_tagging,
             {"Bucket": "bucket", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}),
        ]  # fmt: skip
        for call, arguments in calls:
            try:
                call(**arguments)
            except client.exceptions.ClientError:
                assert secret == WRONG_SECRET
        url = client.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "key"})
        for target in (sent.of_url(url), url + "&x-amz-security-token=" + SESSION_TOKEN):
            parts = urlsplit(target)
            raw(server, "GET", f"{parts.path}?{parts.query}", {})
            raw(server, "GET", "/bucket/key", {"Referer": target})
            raw(server, "GET", f"{parts.path}//%zz?{parts.query}", {})


def by_hand(server: ServerProcess, sent: Sent) -> None:
    v4 = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCESS_KEY}/20260101/us-east-1/s3"
        f"/aws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host"
        f"&X-Amz-Security-Token={SESSION_TOKEN}&X-Amz-Signature={'ab' * 32}"
    )
    sent.of_url(f"http://x/?{v4}")
    credential = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20260101/us-east-1/s3/aws4_request"
    basic = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    sent.secrets |= {basic, "cd" * 32}
    for headers in (
        {"Authorization": f"Bearer {BEARER}"},
        {"Authorization": f"bearer {BEARER}"},
        {"Authorization": BEARER},
        {"Authorization": f"Basic {basic}"},
        {"Authorization": f"AWS {ACCESS_KEY}:{BEARER}"},
        {"Authorization": f"{credential}, SignedHeaders=host, Signature={'cd' * 32}",
         "x-amz-security-token": SESSION_TOKEN, "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
         "x-amz-date": "20260101T000000Z"},
        {"x-amz-security-token": SESSION_TOKEN},
        customer_headers(CUSTOMER_KEY),
        {"Cookie": f"session={PASSWORD}"},
        {"Referer": f"https://pages.example.com/?token={BEARER}&x=y"},
    ):  # fmt: skip
        for method, target in [("GET", "/bucket/key"), ("PUT", "/bucket/key"), ("GET", "/")]:
            raw(server, method, target, headers)
    raw(server, "GET", f"/bucket/key?{v4}", {})
    raw(server, "GET", f"http://user:{PASSWORD}@127.0.0.1/bucket/key", {})
    raw(server, "POST", f"/?Action=AssumeRoleWithWebIdentity&WebIdentityToken={BEARER}", {})
    raw(server, "GET", f"/v1/buckets?token={BEARER}", {"Authorization": f"Bearer {BEARER}"})


def by_forms(server: ServerProcess, sent: Sent) -> None:
    fields = {"key": "key", "bucket": "bucket"}
    for secret in (SECRET_KEY, WRONG_SECRET):
        account = Account("root", secrets={ACCESS_KEY: secret})
        signed = fields | forms.signed([{"bucket": "bucket"}, {"key": "key"}], account)
        sent.secrets |= {signed["signature"], signed["policy"]}
        for body in (forms.form(signed), forms.form(signed)[:-9], forms.form(signed, file=None)):
            connection = server.connection()
            kind = f"multipart/form-data; boundary={forms.BOUNDARY}"
            connection.request("POST", "/bucket", body, {"Content-Type": kind})
            connection.getresponse().read()
            connection.close()


def by_administrator(server: ServerProcess, sent: Sent) -> str:
    """What the native API shows of the log and of the configuration."""
    token = token_of(server)
    sent.secrets.add(token)
    shown = []
    for what in ("log", "config", "node_status"):
        connection = server.connection()
        headers = {"Authorization": f"Bearer {token}"}
        connection.request("GET", f"/v1/daemon?what={what}", headers=headers)
        shown.append(connection.getresponse().read().decode())
        connection.close()
    assert "process began" in shown[0]
    return "".join(shown)


def test_no_log_has_a_secret(server: ServerProcess) -> None:
    sent, client = Sent(), server.client()
    for bucket in ("bucket", "logs"):
        client.create_bucket(Bucket=bucket)
    target = {"TargetBucket": "logs", "TargetPrefix": ""}
    client.put_bucket_logging(Bucket="bucket", BucketLoggingStatus={"LoggingEnabled": target})  # type: ignore[typeddict-item]
    by_clients(server, sent)
    by_hand(server, sent)
    by_forms(server, sent)
    client.head_object(Bucket="bucket", Key="key")

    def logged() -> str:
        objects = client.list_objects_v2(Bucket="logs").get("Contents", [])
        keys = [each["Key"] for each in objects]
        bodies = [client.get_object(Bucket="logs", Key=key)["Body"].read() for key in keys]
        text = b"".join(bodies).decode()
        return text if "REST.HEAD.OBJECT" in text else ""

    in_bucket = eventually(logged, "access logs in the bucket")
    shown = by_administrator(server, sent)
    server.stop()
    audit = (server.data[0] / "audit.log").read_text()
    assert "CreateBucket" in audit
    assert '"status":403' in server.output
    texts = {
        "stderr": server.errors, "stdout": server.output, "audit": audit, "bucket": in_bucket,
        "shown": shown,
    }  # fmt: skip
    assert {name: sent.found_in(text) for name, text in texts.items() if sent.found_in(text)} == {}
