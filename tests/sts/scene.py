"""S3 and STS on one endpoint, with users, roles and tokens, and a clock that can be moved."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from cluster.coordination.embedded import EmbeddedCoordination
from s3gw.auth import Authenticator, AuthOptions
from s3gw.auth.credentials import CredentialStore
from s3gw.auth.keys import Keys
from s3gw.auth.session import SESSION_TOKENS, Sealer
from s3gw.auth.throttle import Throttle
from s3gw.config.auth import ThrottleOptions
from s3gw.http.request import Addressing
from s3gw.identity import keys as user_keys
from s3gw.identity import roles, users
from s3gw.identity.accounts import ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER, Account, Accounts
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.permissions import ALL, READ_ONLY, READ_WRITE, Permissions
from s3gw.identity.protocol import Role, Trust, UserKey
from s3gw.identity.rights import Access
from s3gw.identity.tokens.protocol import TokenError, Verified
from s3gw.identity.vault import Vault
from s3gw.s3.app import S3App
from s3gw.s3.routing import OperationTable
from s3gw.server.app import App
from s3gw.server.operations import all_operations
from s3gw.sts.actions import StsService
from s3gw.sts.app import StsApp
from s3gw.sts.authentication import StsAuthenticator
from s3gw.sts.issuing import Issuer
from storage.backends.memory import MemoryBackend
from tests.asgi import Answer, AsgiServer, send_through
from tests.identity.places import CLUSTER, MASTER, new_store
from tests.s3.gateway import BOB, ENDPOINT, Quiet
from tests.services import new_services

T = TypeVar("T")
NUMBER = ROOT_ACCOUNT_NUMBER
ROOT = Account(ROOT_ACCOUNT, "root", "", {"ROOT-KEY": "root-secret"})
ISSUER = "https://issuer.example.com"
READER = Permissions(clusters={"": (READ_ONLY | Access.LIST_BUCKETS).value})
WRITER = Permissions(clusters={"": (READ_WRITE | Access.LIST_BUCKETS | Access.CREATE_BUCKET).value})
EVERYTHING = Permissions(clusters={"": ALL})

_numbers = count()


class ShiftedClock:
    """The time of now and then some: clients sign with the real one."""

    def __init__(self) -> None:
        self.shift_s = 0

    def now_ns(self) -> int:
        return time.time_ns() + self.shift_s * 1_000_000_000

    def now_s(self) -> int:
        return self.now_ns() // 1_000_000_000


@dataclass
class Verifier:
    """Knows some tokens by heart, as if their issuers had signed them."""

    good: dict[str, Verified] = field(default_factory=dict)
    bad: dict[str, TokenError] = field(default_factory=dict)
    directory: StoredDirectory | None = None

    async def verify(self, token: str) -> Verified:
        assert self.directory is not None
        if self.directory.is_revoked(token):
            raise TokenError("the token was revoked")
        if token in self.good:
            return self.good[token]
        raise self.bad.get(token) or TokenError("the token's signature is not good")


@dataclass(frozen=True)
class TemporaryKeys:
    access_key: str
    secret: str
    token: str

    @classmethod
    def of(cls, answer: Any) -> TemporaryKeys:
        told = answer["Credentials"]
        return cls(told["AccessKeyId"], told["SecretAccessKey"], told["SessionToken"])


class Scene:
    def __init__(self, directory: StoredDirectory, clock: ShiftedClock, **options: Any) -> None:
        self.directory, self.clock = directory, clock
        self.observer = Quiet()
        self.verifier = Verifier(directory=directory)
        self.accounts = Accounts(ROOT, [BOB])
        self.sealer = Sealer(directory.vault.derive(SESSION_TOKENS))
        self.keys = Keys(CredentialStore(self.accounts, directory), self.sealer, clock)
        self.store = MemoryBackend()
        addressing = Addressing(options.pop("domains", ()))
        self.throttle = options.pop("throttle", None)
        self.server = AsgiServer(self._app(AuthOptions(clock=clock, **options), addressing))

    def _app(self, options: AuthOptions, addressing: Addressing) -> App:
        observer: Any = self.observer
        s3 = S3App(
            table=OperationTable(all_operations()),
            authenticator=Authenticator(self.accounts, options, self.keys, self.verifier),
            throttle=self.throttle or Throttle(ThrottleOptions()),
            addressing=addressing,
            observer=observer,
            services=new_services(self.store, self.accounts, cluster_id=CLUSTER),
        )
        sts = StsApp(
            service=StsService(self.keys, Issuer(self.keys, self.sealer), self.verifier),
            authenticator=StsAuthenticator(self.keys, options, self.verifier),
            addressing=addressing,
            observer=observer,
            throttle=self.throttle,
        )
        return App(s3=s3, native=s3, sts=sts, health=s3, metrics=s3)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.server.run(coroutine)  # type: ignore[no-any-return]

    def close(self) -> None:
        self.server.close()

    # Who there is

    def new_role(self, permissions: Permissions = READER, **more: Any) -> Role:
        role = Role(f"role-{next(_numbers)}", permissions=permissions, **more)
        self.run(roles.add(self.directory, role))
        return role

    def new_user(self, *names: str) -> UserKey:
        """With those roles; its key."""
        name = f"user-{next(_numbers)}"
        self.run(users.add(self.directory, name, roles=names))
        return self.run(user_keys.add(self.directory, name))

    def web_token(
        self,
        subject: str = "system:serviceaccount:ml:train",
        issuer: str = ISSUER,
        permissions: Permissions = Permissions(),  # noqa: B008
        lasts_s: int = 7200,
        claims: dict[str, Any] | None = None,
    ) -> str:
        """A good one, in the form of a JWT."""
        token = f"eyJhbGciOiJSUzI1NiJ9.eyJ{next(_numbers)}.c2lnbmF0dXJl"
        expires_s = self.clock.now_s() + lasts_s
        self.verifier.good[token] = Verified(
            subject, issuer, ("s3gw", "other"), expires_s, permissions, claims or {}
        )
        return token

    # Ways to ask

    def sts(
        self, keys: Account | UserKey | TemporaryKeys | None = ROOT, url: str = ENDPOINT
    ) -> Any:
        return self._client("sts", keys, url)

    def s3(self, keys: Account | UserKey | TemporaryKeys | None = ROOT, **config: Any) -> Any:
        return self._client("s3", keys, ENDPOINT, **config)

    def _client(
        self, service: str, keys: Account | UserKey | TemporaryKeys | None, url: str, **config: Any
    ) -> Any:
        if keys is None:
            config["signature_version"] = UNSIGNED
        chosen: Any = Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            parameter_validation=False,
            **config,
        )
        access_key, secret, token = parts_of(keys)
        client: Any = boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=chosen,
        )
        send_through(client, self.server)
        return client

    def send(
        self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """One request as it is written here, not signed."""
        sent = {"host": "127.0.0.1", "content-length": str(len(body)), **(headers or {})}
        return self.server.request(method, target, list(sent.items()), body)

    def new_bucket(self) -> str:
        name = f"bucket-{next(_numbers)}"
        self.s3().create_bucket(Bucket=name)
        return name

    def assumed(self, keys: Any, role: Role | str, **more: Any) -> TemporaryKeys:
        name = role if isinstance(role, str) else role.name
        answer = self.sts(keys).assume_role(RoleArn=arn(name), RoleSessionName="job-1", **more)
        return TemporaryKeys.of(answer)

    def by_web_identity(self, role: str, token: str, **more: Any) -> TemporaryKeys:
        answer = self.sts(None).assume_role_with_web_identity(
            RoleArn=arn(role), RoleSessionName="job-1", WebIdentityToken=token, **more
        )
        return TemporaryKeys.of(answer)


def parts_of(keys: Account | UserKey | TemporaryKeys | None) -> tuple[str, str, str | None]:
    match keys:
        case Account():
            return (*next(iter(keys.secrets.items())), None)
        case UserKey():
            return keys.access_key, keys.secret, None
        case TemporaryKeys():
            return keys.access_key, keys.secret, keys.token
        case None:
            return "unused", "unused", None


@contextmanager
def opened(folder: Path, **options: Any) -> Iterator[Scene]:
    clock = ShiftedClock()
    with closing(EmbeddedCoordination(new_store(folder))) as coordination:
        scene = Scene(StoredDirectory(coordination, Vault(MASTER), clock=clock), clock, **options)
        try:
            scene.run(scene.directory.load())
            yield scene
        finally:
            scene.close()


def arn(role: str) -> str:
    return f"arn:aws:iam::{NUMBER}:role/{role}"


def trusting(audience: str = "", subject: str = "*") -> tuple[Trust, ...]:
    return (Trust(ISSUER, audience, subject),)


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    told = error.value.response
    return told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]
