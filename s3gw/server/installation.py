"""A check that the installed `s3gw`, `storage` and `cluster` belong together.

Two old projects on the Python package index also install a top-level `cluster` or `storage`; one of
them in the same environment overwrites ours, and everything fails in odd places.
"""

from __future__ import annotations

from pathlib import Path

import cluster
import s3gw
import storage


class BrokenInstallation(Exception):
    """Another distribution has put its files over, or before, ours."""


def package_root() -> Path:
    """Return the folder that holds the three packages."""
    return Path(s3gw.__file__).resolve().parent.parent


def require_own_packages() -> None:
    for package in (cluster, storage):
        file = getattr(package, "__file__", None)
        if file is None or Path(file).resolve().parent.parent != package_root():
            raise BrokenInstallation(
                f"The package {package.__name__!r} comes from {file}, not from s3gw: another "
                f"distribution installs that name. Install s3gw in an environment of its own."
            )
