"""Folder of what transformers leave on a machine: their logs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from s3gw.config.places import own_folder
from s3gw.config.schema import Config


def etl_folder(config: Config) -> Path:
    return own_folder(config) / "etl"


def log_file(folder: Path, name: str) -> Path:
    """The log of a transformer's output; what does not fit is in the one with the suffix `.old`."""
    return folder / f"{name}.log"


def read_logs(folder: Path, name: str) -> bytes:
    """Return what is kept of a transformer's output on this machine."""
    kept = b""
    for file in (log_file(folder, name).with_suffix(".old"), log_file(folder, name)):
        try:
            kept += file.read_bytes()
        except FileNotFoundError:
            continue
    return kept


def keep_logs(folder: Path, names: Collection[str]) -> None:
    """Remove the logs of all others."""
    for file in folder.iterdir():
        if file.stem not in names:
            file.unlink(missing_ok=True)
