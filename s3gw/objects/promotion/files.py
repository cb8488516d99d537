"""Files below the configured folders, and nowhere else.

A path is split and opened one folder after the other, each in the one before, and a symbolic link
in it is an error; so it cannot lead out, even if the folders are changed meanwhile. The configured
folder itself may be reached by links: the administrator chose it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from msgspec import Struct

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Do not wait: opening a pipe without a writer would never return.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotPromoted(Exception):
    """A file or folder cannot be promoted; the text says why. `is_missing`: it does not exist."""

    def __init__(self, text: str, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.is_missing = is_missing


class Promotable(Struct, frozen=True):
    """The configured folders. Files may be removed after promotion only if written objects survive
    a loss of power."""

    roots: tuple[str, ...] = ()
    may_remove: bool = True


NOTHING_PROMOTABLE = Promotable()


class Source(Struct, frozen=True):
    """A file or folder: the configured folder above it, and the names that lead to it."""

    root: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join((self.root.rstrip("/"), *self.names))

    def below(self, path: str) -> Source:
        """Return what has that relative path in this folder; the folder itself if it is empty."""
        return Source(self.root, (*self.names, *path.split("/"))) if path else self


class OpenFile(Struct, frozen=True):
    """A regular file, and the folder that it was found in. `facts` are those at its opening."""

    fd: int
    folder: int
    name: str
    facts: os.stat_result

    def is_changed(self) -> bool:
        return _version(os.fstat(self.fd)) != _version(self.facts)

    def remove(self) -> None:
        """Remove the file. Raise `NotPromoted` unless the name still belongs to that file,
        unchanged."""
        try:
            there = os.stat(self.name, dir_fd=self.folder, follow_symlinks=False)
            if _version(there) != _version(self.facts):
                raise NotPromoted("was changed meanwhile, so it is not removed")
            os.unlink(self.name, dir_fd=self.folder)
        except OSError as error:
            raise NotPromoted(f"cannot be removed: {error.strerror}") from None


def find_source(promotable: Promotable, path: str) -> Source:
    """Return the source. Raise `NotPromoted` for a path that is not below one of the roots, or is
    not plain."""
    if not promotable.roots:
        raise NotPromoted("no folder is open to it: promote.roots is empty in the configuration")
    if not path.startswith("/") or "\0" in path:
        raise NotPromoted("the source must be an absolute path")
    names = path.rstrip("/").split("/")
    if any(name in ("", ".", "..") for name in names[1:]):
        raise NotPromoted("the source must be a path without '.', '..' and empty names")
    for root in promotable.roots:
        above = root.rstrip("/").split("/")
        if names[: len(above)] == above:
            return Source(root, tuple(names[len(above) :]))
    raise NotPromoted("the source is not below one of the folders of promote.roots")


@contextmanager
def open_file(source: Source) -> Iterator[OpenFile]:
    """Open a file. Raise `NotPromoted`; also for a folder, a link, a pipe or a device."""
    with ExitStack() as opened:
        with _refusing():
            folder = opened.enter_context(_folder(source.root, source.names[:-1]))
            name = source.names[-1] if source.names else "."
            fd = os.open(name, _FILE, dir_fd=folder)
            opened.callback(os.close, fd)
            facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            raise NotPromoted("is not a regular file")
        yield OpenFile(fd, folder, name, facts)


def is_folder(source: Source) -> bool:
    """Whether it is a folder. Raise `NotPromoted` for a missing one, and for links."""
    with _refusing(), _folder(source.root, source.names[:-1]) as folder:
        name = source.names[-1] if source.names else "."
        if _is_link(name, folder):
            raise NotPromoted("symbolic links are not followed")
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def files_in(source: Source, *, recursive: bool) -> Iterator[str]:
    """Yield the relative paths of everything in the folder that is not a folder itself, in a stable
    order. Raise `NotPromoted`."""
    with _refusing(), _folder(source.root, source.names) as folder:
        for at, folders, files, fd in os.fwalk(".", dir_fd=folder, onerror=_raise):
            above = at.removeprefix(".").removeprefix("/")
            links = [name for name in folders if _is_link(name, fd)]
            names = sorted((*files, *links))
            yield from (f"{above}/{name}" if above else name for name in names)
            if not recursive:
                return
            folders.sort()


def _is_link(name: str, folder: int) -> bool:
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    return stat.S_ISLNK(mode)


@contextmanager
def _folder(root: str, names: tuple[str, ...]) -> Iterator[int]:
    fd = os.open(root, _FOLDER)
    try:
        for name in names:
            inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=fd)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotPromoted("does not exist", is_missing=True) from None
    except NotADirectoryError:
        message = "a name in its path is not a folder, and symbolic links are not followed"
        raise NotPromoted(message) from None
    except OSError as error:
        raise NotPromoted(f"cannot be read: {error.strerror}") from None


def _raise(error: OSError) -> None:
    raise error


def _version(facts: os.stat_result) -> tuple[int, ...]:
    return (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
