"""Temporary folders of this server's transformers, for their user alone.

All are in one folder below the system's for temporary files, which the keeper empties when it
begins: so a server that was killed leaves nothing there for long.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

import xxhash

from s3gw.etl.errors import NotStarted

# Others may pass through it, to what is theirs.
_MODE = 0o711


class Scratch:
    """`server` is the first data folder, `user` that of `etl.user`."""

    def __init__(self, server: Path, user: str) -> None:
        name = xxhash.xxh3_64_hexdigest(str(server.resolve()).encode())
        self._folder = Path(tempfile.gettempdir()) / f"s3gw-etl-{name}"
        self._user = user

    @property
    def owner(self) -> pwd.struct_passwd | None:
        """The user that transformers run as, None for the server's own. Raise `NotStarted` for one
        that does not exist, or that this server cannot become."""
        if not self._user:
            return None
        try:
            owner = pwd.getpwnam(self._user)
        except KeyError:
            raise NotStarted(f"etl.user: this machine has no user {self._user!r}") from None
        if owner.pw_uid == os.geteuid():
            return None
        if os.geteuid() != 0:
            reason = "only a server that root has started can run programs as another user"
            raise NotStarted(f"etl.user: {reason}")
        return owner

    def clear(self) -> None:
        """Remove what an earlier server has left."""
        self._prepare()
        for each in self._folder.iterdir():
            shutil.rmtree(each, ignore_errors=True)

    def new(self, prefix: str) -> Path:
        """Create an empty folder for the transformers' user. Raise `NotStarted`."""
        owner = self.owner
        self._prepare()
        made = Path(tempfile.mkdtemp(prefix=prefix, dir=self._folder))
        if owner is not None:
            os.chown(made, owner.pw_uid, owner.pw_gid)
        return made

    def _prepare(self) -> None:
        """Raise `NotStarted` for a folder that another user has put there."""
        self._folder.mkdir(mode=_MODE, exist_ok=True)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise NotStarted(f"{self._folder} belongs to another user: remove it")
        self._folder.chmod(_MODE)
