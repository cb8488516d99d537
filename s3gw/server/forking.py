"""Processes made by forking one that has imported everything.

Imports cost more than all else that a process does at its start, and more memory than most of what
it keeps. A fork has both from its parent: the parent imports once, and memory that nobody writes to
is shared.

A fork copies the memory and one thread. So the process that forks has a single thread, since a lock
that another one holds would stay locked in the copy for ever. It has no open database either:
connections of SQLite must not cross a fork (https://www.sqlite.org/howtocorrupt.html, 2.6). What
else must not be shared is replaced here, before the new process begins to work:

* The parent's signal handlers write into a pipe that its event loop reads. Until they are replaced,
  signals are blocked: one for the child would be taken for one for the parent.
* While a sibling has the supervisor's end of a channel, the supervisor's death is not seen there
  (`channel`). A socket of the parent that is not in `keep` is replaced by `/dev/null`. It is not
  closed: the parent's objects exist here too, and would one day close what has its number by then.

The locks on the data folders and all other files are inherited. Random numbers that a module has
drawn are too: it registers a function that draws new ones (`os.register_at_fork`).
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import stat
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_FAILED = 1
_STANDARD = (0, 1, 2)


def fork(name: str, work: Callable[[], int], keep: Collection[int] = ()) -> int:
    """Do `work` in a new process that ends with the code that it returns; return the process' id.

    `name` is what lists of processes show (at most 15 letters). Of the parent's sockets the process
    has only those of `keep`; its standard input is empty.
    """
    _flush()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        if pid := os.fork():
            return pid
        _be_child(name, work, keep)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _be_child(name: str, work: Callable[[], int], keep: Collection[int]) -> NoReturn:
    """Work, and end without a return to the parent's code, whose frames are still on the stack."""
    code = _FAILED
    try:
        # What exists is the parent's, and is never collected here.
        gc.freeze()
        _name_process(name)
        _replace_sockets(keep)
        _replace_signals()
        code = _result(name, work)
        logging.shutdown()
        _flush()
    finally:
        # Threads that still wait for a client's disk or pipe must not keep the process alive.
        os._exit(code)


def _result(name: str, work: Callable[[], int]) -> int:
    try:
        return work()
    except Exception:
        log.exception("process failed", extra={"slot": name})
        return _FAILED


def _flush() -> None:
    """Write what is buffered, which a fork would have too. A stream that was closed is None."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()


def _name_process(name: str) -> None:
    # All have the same command line; `ps -o pid,comm,args` tells them apart.
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def _replace_sockets(keep: Collection[int]) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd not in keep and fd not in _STANDARD and _is_socket(fd):
            os.dup2(nothing, fd, inheritable=False)
    os.close(nothing)


def _is_socket(fd: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        # The listing's own descriptor.
        return False


def _replace_signals() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C reaches every process of the terminal; the supervisor alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
