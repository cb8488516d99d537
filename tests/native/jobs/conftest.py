"""The native front door with jobs, once before each store."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from s3gw.keys.ring import new_ring
from tests.native.jobs.scene import JobScene
from tests.s3.conftest import backend_of


@pytest.fixture(scope="module", params=["memory", "local"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JobScene]:
    ring = new_ring(tmp_path_factory.mktemp("keys") / "keyring.json", os.urandom(32))
    with backend_of(request.param, tmp_path_factory.mktemp("store")) as backend:
        scene = JobScene(backend, ring, tmp_path_factory.mktemp("jobs"))
        yield scene
        scene.close()


@pytest.fixture
def bucket(scene: JobScene) -> str:
    return scene.new_bucket()
