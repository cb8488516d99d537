"""The gateway with a configuration that is kept in a coordination store, and a node to look at."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from cluster.coordination.embedded import EmbeddedCoordination, prepare
from s3gw.config.runtime import RuntimeConfig
from s3gw.config.stored import StoredSettings
from s3gw.native.services import NativeServices
from s3gw.objects.batch import Batches
from s3gw.telemetry.audit import Audit
from s3gw.telemetry.node_info import NodeInfo
from storage.backends.memory import MemoryBackend
from tests.asgi import Answer
from tests.native.authn_scene import Lines
from tests.native.scene import Scene, services


class ConfigScene(Scene):
    """`folder` is the one data folder, and has the log; another scene of the same folder is another
    process."""

    def __init__(self, folder: Path, *, base: RuntimeConfig | None = None) -> None:
        path = folder / "coordination.db"
        if not path.exists():
            prepare(path)
        self.lines = Lines()
        self.audit = Audit(self.lines)
        self.batches = Batches()
        self.coordination = EmbeddedCoordination(path)
        self.settings = StoredSettings(self.coordination, base or RuntimeConfig())
        facts = NodeInfo(
            folders=(folder,), log_folder=folder, host="127.0.0.1", port=8080, counters=self.counted
        )
        store = MemoryBackend()
        everything = services(store, settings=self.settings, batches=self.batches)
        native = self.joined(replace(everything.native, node=facts, audit=self.audit))
        super().__init__(store, dataclasses.replace(everything, native=native))
        self.server.run(self.settings.refresh())

    def joined(self, native: NativeServices) -> NativeServices:
        """The services as they are on this machine; one of a cluster knows the others."""
        return native

    def close(self) -> None:
        super().close()
        self.audit.close()
        self.coordination.close()

    def __enter__(self) -> ConfigScene:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def counted(self) -> Mapping[str, int]:
        return {"get.n": 7}

    def config(self) -> dict[str, Any]:
        return dict(self.json("GET", "cluster?what=cluster_config"))

    def set(self, query: str, **more: Any) -> Answer:
        return self.send("PUT", f"cluster/set-config?{query}", **more)

    def set_nested(self, value: object, target: str = "cluster", **more: Any) -> Answer:
        return self.act("PUT", target, "set-config", value, **more)
