"""Plan of a transformer: command, environment, folder.

An image is a label. Two labels mean something here: that of the SDK's `init_class` runs the class
that the environment brings, by a small program of ours, and one of `etl.images` is run in its
folder. In containers of AIStore, port 8000 is the transformer's. Here each gets
a port of its own, in the variable PORT; and where a word of the command is 8000, or ends with that
after a colon or an equals sign, it becomes the port. In the same way 0.0.0.0 becomes 127.0.0.1.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from s3gw.config.etl import Etl
from s3gw.etl.errors import BadMessage
from s3gw.etl.message import InitMessage

HOST = "127.0.0.1"
CLASS = "ETL_CLASS_PAYLOAD"
SCRIPT = "ETL_SCRIPT"
_CLASS_IMAGE = "aistorage/runtime_python"
_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_CONTAINER_PORT = re.compile(r"(.*[:=])?8000")
_PATH = "/usr/local/bin:/usr/bin:/bin"


class Here(Struct, frozen=True):
    """What a transformer is given by this machine: its `port`, an empty `folder`, and the `url`
    below which it reads objects; `authority` is the certificate of that, empty for plain http."""

    port: int
    folder: str
    url: str
    authority: str = ""


class Plan(Struct, frozen=True):
    command: tuple[str, ...]
    env: Mapping[str, str]
    folder: str


def plan_of(message: InitMessage, settings: Etl, here: Here) -> Plan:
    """Raise `BadMessage` for an image that says nothing of what to run."""
    python = settings.python or sys.executable
    env = {
        "PATH": f"{Path(python).parent}:{_PATH}",
        "HOME": here.folder,
        "TMPDIR": here.folder,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **message.variables,
        "HOST": HOST,
        "PORT": str(here.port),
        "AIS_TARGET_URL": here.url,
        "DIRECT_PUT": "true" if message.direct_put else "false",
    }
    if here.authority:
        env.setdefault("AIS_CLIENT_CA", here.authority)
    folder = _folder_of(message, settings) or here.folder
    if _is_class(message):
        return Plan((python, str(_BOOTSTRAP)), env, folder)
    if not message.runtime.command:
        label = message.runtime.image[:128]
        raise BadMessage(
            f"{message.name}: nothing is known of the image {label!r}, and images are not run: "
            "name runtime.command, a program of the server's machine"
        )
    return Plan(tuple(_placed(word, here.port) for word in message.runtime.command), env, folder)


def check_runnable(message: InitMessage, settings: Etl) -> None:
    """Raise `BadMessage` for what could not be run here."""
    if message.runtime.url:
        return
    plan = plan_of(message, settings, Here(1, "/", ""))
    if _is_class(message) and not os.access(plan.command[0], os.X_OK):
        raise BadMessage(
            f"{plan.command[0]} cannot be run: etl.python must be a Python with aistore[etl]"
        )


def _is_class(message: InitMessage) -> bool:
    """Whether the environment brings what to run: a class, or the text of a program."""
    named = _without_tag(message.runtime.image) == _CLASS_IMAGE
    variables = message.variables
    return named and not message.runtime.command and (CLASS in variables or SCRIPT in variables)


def _folder_of(message: InitMessage, settings: Etl) -> str:
    named = _without_tag(message.runtime.image)
    for each in settings.images:
        image, _, folder = each.partition("=")
        if named == _without_tag(image):
            return folder
    return ""


def _without_tag(image: str) -> str:
    head, slash, last = image.partition("@")[0].rpartition("/")
    return head + slash + last.partition(":")[0]


def _placed(word: str, port: int) -> str:
    if word == "0.0.0.0" or word.startswith("0.0.0.0:"):
        word = HOST + word.removeprefix("0.0.0.0")
    match = _CONTAINER_PORT.fullmatch(word)
    return word if match is None else f"{match[1] or ''}{port}"
