"""A whole gateway in the test's process, with accounts, and ways to talk to it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit
from xml.etree import ElementTree

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from s3gw.auth import Authenticator, AuthOptions
from s3gw.auth.throttle import Throttle
from s3gw.config.auth import ThrottleOptions
from s3gw.config.limits import DEFAULT_LIMITS, Limits
from s3gw.events.notifier import Notifier
from s3gw.http.request import Addressing
from s3gw.identity.accounts import Account, Accounts
from s3gw.keys.provider import KeyProvider
from s3gw.s3.app import S3App
from s3gw.s3.routing import OperationTable
from s3gw.server.operations import all_operations
from s3gw.telemetry.audit import Audit
from s3gw.telemetry.bucket_log_recorder import Recorder
from s3gw.telemetry.exchange import Exchange
from storage.backend import Backend
from tests.asgi import Answer, AsgiServer, send_through
from tests.services import new_services

ENDPOINT = "http://127.0.0.1"
ROOT = Account("root-id", "root", "", {"ROOT-KEY": "root-secret"})
ALICE = Account("a" * 64, "Alice", "alice@example.com", {"ALICE-KEY": "alice-secret"})
BOB = Account("b" * 64, "Bob", "bob@example.com", {"BOB-KEY": "bob-secret"})

_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_names = itertools.count()


class Quiet:
    """An observer that only remembers, and tells the recorder of access logs and the audit log if
    there is one."""

    def __init__(self, recorder: Recorder | None = None, audit: Audit | None = None) -> None:
        self.audit = audit
        self.exchanges: list[Exchange] = []
        self._recorder = recorder

    def record(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        if self.audit is not None:
            self.audit.observe(exchange)
        if self._recorder is not None:
            self._recorder.record(exchange)


class Gateway:
    def __init__(
        self,
        store: Backend,
        addressing: Addressing | None = None,
        keys: KeyProvider | None = None,
        notifier: Notifier | None = None,
        recorder: Recorder | None = None,
        new_bucket_settings: Mapping[str, str] | None = None,
        accounts: Accounts | None = None,
        audit: Audit | None = None,
        throttle: Throttle | None = None,
        limits: Limits = DEFAULT_LIMITS,
        **services: Any,
    ) -> None:
        self.store = store
        accounts = accounts or Accounts(ROOT, [ALICE, BOB])
        self.observer = Quiet(recorder, audit)
        self._clients: dict[str, Any] = {}
        self.store = store
        self.server = AsgiServer(
            S3App(
                table=OperationTable(all_operations()),
                authenticator=Authenticator(accounts, AuthOptions()),
                throttle=throttle or Throttle(ThrottleOptions()),
                addressing=addressing or Addressing(),
                observer=self.observer,  # type: ignore[arg-type]
                services=new_services(
                    store,
                    accounts,
                    announcer=notifier,
                    keys=keys,
                    new_bucket_settings=new_bucket_settings,
                    **services,
                ),
                limits=limits,
            )
        )

    def close(self) -> None:
        self.server.close()

    def client(self, account: Account = ALICE) -> Any:
        """The account's boto3 client; making one takes longer than most tests."""
        if account.account not in self._clients:
            self._clients[account.account] = self._new_client(account)
        return self._clients[account.account]

    def _new_client(self, account: Account) -> Any:
        access_key, secret_key = next(iter(account.secrets.items()))
        client = boto3.client(
            "s3",
            endpoint_url=ENDPOINT,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )
        send_through(client, self.server)
        return client

    def send(
        self,
        method: str,
        target: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        *,
        account: Account | None = ALICE,
        trailer: bool = False,
    ) -> Answer:
        """One request as it is written here, signed for the account (None: not at all)."""
        sent = {"host": urlsplit(ENDPOINT).netloc, **(headers or {})}
        if method in ("PUT", "POST"):
            sent.setdefault("content-length", str(len(body)))
        if account is not None:
            sent = signed(method, target, sent, body, account, trailer=trailer)
        # As botocore signs them: in UTF-8.
        raw = [(name, value.encode().decode("latin-1")) for name, value in sent.items()]
        return self.server.request(method, target, raw, body)

    def new_bucket(self, account: Account = ALICE) -> str:
        name = f"bucket-{next(_names)}"
        self.client(account).create_bucket(Bucket=name)
        return name


def signed(
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    account: Account = ALICE,
    *,
    trailer: bool = False,
) -> dict[str, str]:
    """The headers with a signature over all of them."""
    # What is signed is the canonical query, however the query is written.
    path, mark, query = target.partition("?")
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    canonical = "&".join(f"{_canonical(name)}={_canonical(value)}" for name, _, value in pairs)
    url = ENDPOINT + path + mark + canonical
    request: Any = AWSRequest(method=method, url=url, headers=headers, data=body)
    if trailer:
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    credentials = Credentials(*next(iter(account.secrets.items())))
    S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}


def _canonical(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="-_.~")


def error_of(answer: Answer) -> dict[str, str]:
    """The error document's elements; it must be one."""
    root = ElementTree.fromstring(answer.body)
    assert root.tag == "Error"
    return {child.tag: child.text or "" for child in root}


def details(error: pytest.ExceptionInfo[ClientError]) -> dict[str, str]:
    """The elements of the error document that botocore read."""
    return {str(name): str(value) for name, value in error.value.response["Error"].items()}


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, error_of(answer)["Code"]


def xml_of(answer: Answer) -> ElementTree.Element:
    """The root of a document, all names without their namespace."""
    root = ElementTree.fromstring(answer.body)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_NAMESPACE)
    return root


def values(root: ElementTree.Element, name: str) -> list[str]:
    return [element.text or "" for element in root.iter(name)]


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(details(error)["Code"])
