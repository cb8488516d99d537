"""A server in front of a cloud of the test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from s3gw.keys.ring import new_ring
from s3gw.server.backends import REFUSED, policy_of
from storage.backend import Store
from storage.tier import Tier, TieredStore
from storage.values import BucketOptions, Versioning
from tests.native.jobs.scene import JobScene
from tests.storage.bodies import body_of, content_of
from tests.storage.cloud import Cloud
from tests.storage.fake_clock import FakeClock
from tests.storage.sync_bucket import put_options

AWS = "provider=aws"


class CloudScene(JobScene):
    """A server in front of a cloud with the buckets `train` and `other`."""

    cloud: Cloud

    def upload(self, name: str, content: bytes = b"x", bucket: str = "train") -> None:
        """Somebody else writes to the cloud."""
        body = body_of(content)
        self.server.run(self.cloud.put_object(bucket, name, body, put_options()))

    def in_cloud(self, name: str) -> bytes:
        async def read() -> bytes:
            return await content_of(await self.cloud.get_object("train", name))

        return self.server.run(read())  # type: ignore[no-any-return]

    def listed(self, flags: int = 0, bucket: str = "train", query: str = AWS) -> dict[str, int]:
        asked = {"props": "name,cached,size", "flags": str(flags)}
        page = self.json("GET", f"buckets/{bucket}?{query}", {"action": "list", "value": asked})
        return {each["name"]: each.get("flags", 0) for each in page["entries"] or []}

    def here(self) -> set[str]:
        """The names that are here; the cloud is not looked at."""
        return set(self.listed(flags=1))

    def custom(self, name: str) -> dict[str, str]:
        """The custom metadata of HEAD."""
        pairs = self.head(name).pairs
        return dict(text.split("=", 1) for key, text in pairs if key == "ais-custom-md")

    def head(self, name: str, **query: object) -> Any:
        more = "".join(f"&{key}={value}" for key, value in query.items())
        return self.send("HEAD", f"objects/train/{name}?{AWS}{more}")


def cloud_scene(local: Store, folder: Path) -> Iterator[CloudScene]:
    """The scene over a local store; `folder` is for its keys and jobs."""
    ring = new_ring(folder / "keyring.json", os.urandom(32))
    cloud = Cloud(FakeClock())
    store = TieredStore(Tier(local, {"aws": cloud}, policy_of, refused=REFUSED))
    scene = CloudScene(store, ring, folder)
    scene.cloud = cloud
    for name, versioning in (("train", Versioning.NEVER), ("other", Versioning.ENABLED)):
        options = BucketOptions("0", versioning=versioning)
        scene.server.run(cloud.create_bucket(name, options))
    yield scene
    scene.server.run(store.tier.aclose())
    scene.close()
