from __future__ import annotations

from pathlib import Path

import pytest

import cluster
import s3gw
import storage
from s3gw.server.installation import BrokenInstallation, require_own_packages


def test_the_three_packages_come_from_the_same_folder() -> None:
    """Two old projects on the package index install a top-level `cluster` or `storage` too."""
    assert len({Path(p.__file__ or "").parent.parent for p in (s3gw, storage, cluster)}) == 1
    require_own_packages()


def test_a_package_of_somebody_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "__file__", "/elsewhere/storage/__init__.py")
    with pytest.raises(BrokenInstallation, match=r"'storage' comes from /elsewhere"):
        require_own_packages()
