"""The section `[etl]`: programs that transform objects."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.config.declaration import setting
from s3gw.config.types import Size, Switch, Text, Texts, Whole


@dataclass(frozen=True, slots=True)
class Etl:
    """Transformers: programs that administrators start beside the server, see docs/etl.md."""

    enabled: bool = setting(
        False,
        "Whether administrators may start transformers. These are programs of this machine, with "
        "the rights of `etl.user`, that can read every object.",
        Switch(),
        flag="--etl",
        flag_value="true",
        flag_doc="Let administrators start transformers: programs of this machine.",
    )
    python: str = setting(
        "",
        "The Python that runs classes from the SDK's `init_class`. It needs the package "
        "`aistore[etl]` and what the classes import.",
        Text("a path, or nothing for the server's own Python", r".*"),
    )
    images: tuple[str, ...] = setting(
        (),
        "Folders that stand for container images: `IMAGE=FOLDER`, such as "
        "`aistorage/transformer_echo=/opt/etl/echo`. A transformer with that image, whatever its "
        "tag, is run in the folder. Images themselves are never run.",
        Texts("a list of IMAGE=FOLDER", Text("IMAGE=FOLDER", r"[^=\s]+=/.+")),
    )
    user: str = setting(
        "",
        "The user that transformers run as, where the server is started by root.",
        Text("the name of a user, or nothing for the server's own", r"[A-Za-z0-9_.-]{0,64}"),
    )
    memory: int = setting(
        0,
        "How much memory each process of a transformer may reserve; 0 for no limit.",
        Size(64 << 20, 1 << 50, zero_means=0),
    )
    at_once: int = setting(
        32,
        "How many objects each worker of the server has in one transformer at the same time. "
        "Requests beyond that wait, as many again; further ones are refused with 503.",
        Whole(1, 4096),
    )
    answer_limit: int = setting(
        64 << 30,
        "How much a transformer may make of one object.",
        Size(1 << 10, 1 << 50),
    )
    log_size: int = setting(
        4 << 20,
        "How much of a transformer's output is kept in its log, and in the one before it.",
        Size(4 << 10, 1 << 30),
    )
