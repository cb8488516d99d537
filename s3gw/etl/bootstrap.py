"""Program that runs a class of the AIStore SDK's ETL servers as a transformer.

It is run by the Python of `etl.python`, and imports nothing of this server. The environment brings
the class, pickled by `init_class` (ETL_CLASS_PAYLOAD), or the text of a program that has one
(ETL_SCRIPT); and where it listens (HOST, PORT). A FastAPI server has NUM_WORKERS processes.
"""

from __future__ import annotations

import base64
import importlib.metadata
import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

CLASS = "ETL_CLASS_PAYLOAD"
SCRIPT = "ETL_SCRIPT"
# As many as AIStore's runtime has, where there are as many cores.
MOST_WORKERS = 4


def load() -> type[Any]:
    """Return the class. Exits with a sentence where it cannot be loaded."""
    try:
        base = import_module("aistore.sdk.etl.webserver.base_etl_server")
    except ImportError as error:
        sys.exit(f"{sys.executable} lacks {error.name}: pip install 'aistore[etl]' for etl.python")
    packages = re.findall(r"[^,\s]+", os.environ.get("PACKAGES", ""))
    if missing := [each for each in packages if not _is_installed(each)]:
        sys.exit(f"{sys.executable} lacks {', '.join(missing)}: pip install them for etl.python")
    if payload := os.environ.get(CLASS):
        return _unpickled(payload)
    program: dict[str, Any] = {"__name__": "etl_script"}
    exec(compile(base64.b64decode(os.environ[SCRIPT]), "etl_script.py", "exec"), program)
    found = [each for each in program.values() if isinstance(each, type)]
    servers = [each for each in found if each.__module__ == "etl_script"]
    servers = [each for each in servers if issubclass(each, base.ETLServer)]
    if len(servers) != 1:
        sys.exit(f"the program has {len(servers)} classes of ETL servers: one is needed")
    return servers[0]


def create() -> Any:
    """Return the ASGI application, in each process of a FastAPI server."""
    return load()().app


def main() -> None:
    host, port = os.environ["HOST"], int(os.environ["PORT"])
    kind = load()
    server = kind()
    if hasattr(server, "app") and hasattr(server, "active_connections"):
        import_module("uvicorn").run(
            "bootstrap:create",
            factory=True,
            app_dir=str(Path(__file__).parent),
            host=host,
            port=port,
            workers=_workers(),
            access_log=False,
        )
        return
    server.host, server.port = host, port
    server.start()


def _workers() -> int:
    asked_for = os.environ.get("NUM_WORKERS", "")
    if asked_for.isdecimal() and int(asked_for) > 0:
        return int(asked_for)
    return min(os.cpu_count() or 1, MOST_WORKERS)


def _unpickled(payload: str) -> type[Any]:
    try:
        kind: type[Any] = import_module("cloudpickle").loads(base64.b64decode(payload))
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        here = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"the class cannot be loaded by Python {here}: {type(error).__name__}: {error}. "
            "etl.python must be of the client's version, and have what the class imports"
        )
    return kind


def _is_installed(requirement: str) -> bool:
    name = re.split(r"[<>=!~;\[\s@]", requirement, maxsplit=1)[0]
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
