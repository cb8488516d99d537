"""The native front door, once before the model store and once before the local one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from s3gw.keys.ring import new_ring
from tests.native.scene import Scene, services
from tests.s3.conftest import backend_of


@pytest.fixture(scope="session", params=["memory", "local"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    ring = new_ring(tmp_path_factory.mktemp("keys") / "keyring.json", os.urandom(32))
    with backend_of(request.param, tmp_path_factory.mktemp("store")) as backend:
        scene = Scene(backend, services(backend, ring))
        yield scene
        scene.close()


@pytest.fixture
def bucket(scene: Scene) -> str:
    return scene.new_bucket()
