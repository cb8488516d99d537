"""Message that starts a transformer, as AIStore's clients send it.

    {"name": "resize", "communication": "hpush://", "init_timeout": "5m", "obj_timeout": "45s",
     "support_direct_put": false,
     "runtime": {"image": "label", "command": ["python", "resize.py"],
                 "env": [{"name": "SIZE", "value": "224"}]}}

`runtime.url` is of this server: the address of a transformer that others run.

https://github.com/NVIDIA/aistore/blob/main/docs/etl.md
"""

from __future__ import annotations

import re
from enum import Enum
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from s3gw.config.types import Duration
from s3gw.etl.errors import BadMessage

DEFAULT_INIT_S = 45.0
DEFAULT_OBJ_S = 10.0
_SHORTEST, _LONGEST = 6, 32
_NAME = re.compile(r"[a-z0-9-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TIME = Duration(0.001, 86_400.0, or_zero=True)
_NS = 1_000_000_000


class Communication(Enum):
    """How an object reaches the transformer: with `PUSH` in the body of a PUT, with `PULL` the
    transformer answers a GET and reads the object itself, with `WEBSOCKET` in a message."""

    PUSH = "hpush://"
    PULL = "hpull://"
    WEBSOCKET = "ws://"


class Variable(Struct, frozen=True):
    name: str
    value: str = ""


class Runtime(Struct, frozen=True, omit_defaults=True):
    """What runs: a command of this machine, or a `url`. `image` is a label."""

    image: str = ""
    command: tuple[str, ...] | None = None
    env: tuple[Variable, ...] | None = None
    url: str = ""


class InitMessage(Struct, frozen=True, omit_defaults=True):
    """Times are as they were sent: texts like `45s`, or numbers of nanoseconds."""

    name: str
    communication: str = ""
    init_timeout: str | int = 0
    obj_timeout: str | int = 0
    direct_put: bool = field(default=False, name="support_direct_put")
    env: tuple[Variable, ...] | None = None
    runtime: Runtime = field(default_factory=Runtime)
    spec: str = ""
    code: str = ""

    @property
    def init_s(self) -> float:
        """How long it may take until it answers."""
        return _seconds(self.init_timeout) or DEFAULT_INIT_S

    @property
    def obj_s(self) -> float:
        """How long one object may take."""
        return _seconds(self.obj_timeout) or DEFAULT_OBJ_S

    @property
    def how(self) -> Communication:
        return Communication(self.communication)

    @property
    def variables(self) -> dict[str, str]:
        """The variables of its environment, the runtime's last."""
        every = (*(self.env or ()), *(self.runtime.env or ()))
        return {each.name: each.value for each in every}


def check_name(name: str) -> None:
    """Raise `BadMessage` for a name that AIStore would refuse."""
    about = f'ETL name "{name[:64]}"'
    if not name:
        raise BadMessage(f"{about} is empty")
    if len(name) < _SHORTEST:
        raise BadMessage(f"{about} is too short: {_SHORTEST} characters are the least")
    if len(name) > _LONGEST:
        raise BadMessage(f"{about} is too long: {_LONGEST} characters are the most")
    if not _NAME.fullmatch(name):
        raise BadMessage(f"{about} is invalid: can only contain [a-z0-9-]")


def read_init(text: bytes) -> InitMessage:
    """Parse and check a message; defaults are filled in. Raise `BadMessage`."""
    try:
        message = msgspec.json.decode(text, type=InitMessage)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadMessage(f"invalid ETL message: {error}") from None
    check_name(message.name)
    how = message.communication or Communication.PUSH.value
    if not how.endswith("://"):
        how += "://"
    try:
        Communication(how)
    except ValueError:
        known = ", ".join(each.value for each in Communication)
        raise BadMessage(f"unknown comm-type {how[:32]!r}: {known} are known") from None
    message = msgspec.structs.replace(
        message,
        communication=how,
        init_timeout=message.init_timeout or "45s",
        obj_timeout=message.obj_timeout or "10s",
    )
    _ = message.init_s, message.obj_s
    _check_runtime(message)
    return message


def _check_runtime(message: InitMessage) -> None:
    runtime = message.runtime
    if message.spec or message.code:
        what = "a pod's spec" if message.spec else "code"
        raise BadMessage(
            f"{message.name}: {what} needs Kubernetes. Name runtime.command, a program of the "
            "server's machine, or use the SDK's init_class"
        )
    if not runtime.url and not runtime.image and not runtime.command:
        raise BadMessage(f"{message.name}: runtime.image must be specified, or runtime.command")
    for name in message.variables:
        if not _VARIABLE.fullmatch(name):
            raise BadMessage(f"{message.name}: {name[:64]!r} is not the name of a variable")
    for word in (*(runtime.command or ()), *message.variables.values()):
        if "\0" in word:
            raise BadMessage(f"{message.name}: a NUL character in the command or the environment")
    if runtime.url:
        _check_url(message)


def _check_url(message: InitMessage) -> None:
    about = f"{message.name}: runtime.url"
    try:
        parts = urlsplit(message.runtime.url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username or parts.password:
        raise BadMessage(f"{about} must be http or https, without user, query and fragment")
    if message.runtime.command:
        raise BadMessage(f"{about} beside runtime.command: choose one")


def _seconds(sent: str | int) -> float:
    if isinstance(sent, int):
        sent = f"{sent / _NS:f}s"
    try:
        return _TIME.from_wire(sent)
    except ValueError:
        raise BadMessage(f"invalid timeout {str(sent)[:32]!r}: {_TIME.allowed}") from None
