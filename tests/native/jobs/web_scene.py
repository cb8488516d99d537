"""A server in front of the web, where the web is one site of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from s3gw.jobs.downloading import Downloader
from s3gw.keys.provider import KeyProvider
from s3gw.server.backends import REFUSED
from storage.backend import Store
from storage.tier import Tier, TieredStore
from storage.values import BucketOptions
from tests.native.jobs.scene import JobScene
from tests.storage.cloud import Cloud
from tests.storage.fake_clock import FakeClock
from tests.storage.http.site import Site, web_backend


class WebScene(JobScene):
    """`site` has the files; `url` is of its directory `/d/`. There is a cloud besides, with the
    bucket `train`."""

    def __init__(self, local: Store, keys: KeyProvider, folder: Path) -> None:
        self.web = web_backend(folder)
        self.cloud = Cloud(FakeClock())
        store = TieredStore(Tier(local, {"ht": self.web, "aws": self.cloud}, refused=REFUSED))
        super().__init__(store, keys, folder)
        self.tier = store.tier
        self.download = Downloader(self.objects, self.web.reader, self.vault).download
        self.site = Site()
        self.server.run(self.site.__aenter__())
        self.server.run(self.cloud.create_bucket("train", BucketOptions("0")))

    @property
    def url(self) -> str:
        return f"{self.site.url}/d/"

    def close(self) -> None:
        self.server.run(self.tier.aclose())
        self.server.run(self.web.aclose())
        self.server.run(self.site.__aexit__(None, None, None))
        super().close()

    def start(self, message: dict[str, Any], **more: Any) -> str:
        """The id of a download that was begun."""
        xid: str = self.json("POST", "download", message, **more)["id"]
        return xid

    def downloaded(self, message: dict[str, Any]) -> dict[str, Any]:
        """The status of a download, run to its end."""
        xid = self.start(message)
        self.run_jobs()
        return self.status(xid)

    def status(self, xid: str, *, only_active: bool = False, **more: Any) -> dict[str, Any]:
        asked = {"id": xid, "only_active_tasks": only_active}
        found: dict[str, Any] = self.json("GET", "download", asked, **more)
        return found

    def content(self, bucket: str, name: str) -> bytes:
        answer = self.send("GET", f"objects/{bucket}/{name}")
        assert answer.status == 200, answer.body
        body: bytes = answer.body
        return body
